"""The pictures of a cardiac MRI report say whose they are and what is left out."""

import numpy as np
import pytest
from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.evaluation.measurement_compare import compare_measurements

from crossbeat.evaluation.measurement_pictures import (
    answers_picture,
    estimate_pictures,
    moments_picture,
    result_pictures,
)
from crossbeat.evaluation.measurement_report import PLACES
from crossbeat.signal import Ecg


def run(seed: int) -> Estimates:
    rng = np.random.default_rng(seed)
    splits = []
    for name in ("val", "test"):
        truth = np.random.default_rng(0).normal(60, 8, (30, 2))
        patients = np.array([f"{name}{row}" for row in range(30)])
        splits.append(Estimated(truth, truth + rng.normal(size=truth.shape), patients))
    return Estimates(("LVM", "LVEF"), *splits)


def test_results_have_a_place_each() -> None:
    runs = {"direct": {0: run(1)}, "ptacl": {0: run(2)}}
    results = compare_measurements(runs, method="ptacl", baseline="direct", seed=0, replicates=9)
    shown = result_pictures(results)
    assert set(shown) <= set(PLACES)
    assert shown["differences"][0].title == "What PTACL gains in R²"


def test_only_measurements_that_were_estimated_are_drawn() -> None:
    shown = estimate_pictures(run(1), model="ptacl")
    assert [each.title for each in shown] == ["LVEF, estimated by PTACL", "LVEF, errors"]
    assert "LV ejection fraction" in shown[0].caption


def test_patients_without_a_beat_are_not_in_the_mean() -> None:
    found = np.zeros((3, 4, 4))
    found[1, 2] = np.nan
    assert "over 2 test patients" in moments_picture(found, title="PTACL").caption
    with pytest.raises(ValueError, match="a beat must be found in one of 3 patients"):
        moments_picture(found * np.nan, title="PTACL")


def test_answers_are_of_the_frames_that_are_named() -> None:
    ecg = Ecg(np.zeros((1, 1000), dtype=np.float32), ("II",), 100.0)
    cine = np.zeros((10, 8, 8), dtype=np.uint8)
    shown = answers_picture(ecg, cine, {0: np.zeros(20), 5: np.ones(20)}, title="Patient 3")
    assert shown.wide
    assert shown.alt.startswith("2 frames of a cine")
