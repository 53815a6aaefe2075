"""Report labels of virtual patients."""

from dataclasses import replace

import numpy as np
import pytest

from crossbeat.simulate import FINDINGS, draw_patients, flipped_truth, report_labels, truth
from crossbeat.simulate.findings import (
    NEGATIVE,
    NOT_MENTIONED,
    POSITIVE,
    UNCERTAIN,
    Report,
    code,
)
from crossbeat.simulate.streams import Draws

_SILENT = Report(error=0.0, hedge=0.0, doubt=0.0, omit=0.0, negate=0.0, miscode=0.0)


def _labels(severity: float, report: Report, num: int = 256) -> np.ndarray:
    seen = np.full(num, severity, dtype=np.float32)
    blocks = [code(seen, report, Draws(1, block, num, "film"), "edema") for block in range(40)]
    return np.concatenate(blocks)


def test_labels_are_the_four_codes_as_int8() -> None:
    labels = report_labels(draw_patients(600, seed=1), seed=1)
    assert tuple(labels) == FINDINGS
    for column in labels.values():
        assert column.dtype == np.int8
        codes = {POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED}
        assert set(np.unique(column).tolist()) == codes


def test_a_label_does_not_depend_on_how_many_are_drawn() -> None:
    few = report_labels(draw_patients(50, seed=1), seed=2)
    many = report_labels(draw_patients(300, seed=1), seed=2)
    for name in FINDINGS:
        np.testing.assert_array_equal(few[name], many[name][:50])


@pytest.mark.parametrize(
    ("severity", "report", "wanted", "rate"),
    [
        (2.0, _SILENT, POSITIVE, 1.0),
        (-2.0, _SILENT, NOT_MENTIONED, 1.0),
        (-2.0, replace(_SILENT, negate=0.15), NEGATIVE, 0.15),
        (0.5, replace(_SILENT, omit=0.2), NOT_MENTIONED, 0.2),
        (2.0, replace(_SILENT, omit=0.2), POSITIVE, 1.0),
        (0.1, replace(_SILENT, hedge=0.3, doubt=0.4), UNCERTAIN, 0.4),
        (0.5, replace(_SILENT, hedge=0.3, doubt=0.4), UNCERTAIN, 0.0),
        (2.0, replace(_SILENT, miscode=0.03), NEGATIVE, 0.03),
    ],
)
def test_each_error_has_the_rate_that_is_set(
    severity: float, report: Report, wanted: int, rate: float
) -> None:
    assert np.mean(_labels(severity, report) == wanted) == pytest.approx(rate, abs=0.012)


def test_a_reader_errs_by_the_error_that_is_set() -> None:
    one_sigma = _labels(0.5, replace(_SILENT, error=0.5))
    assert np.mean(one_sigma == POSITIVE) == pytest.approx(0.841, abs=0.012)


def test_labels_miss_findings_more_often_than_they_invent_them() -> None:
    patients = draw_patients(4000, seed=1)
    labels, known = report_labels(patients, seed=1), truth(patients)
    for name in FINDINGS:
        stated = labels[name] == POSITIVE
        assert 0.6 < stated[known[name]].mean() < 0.85
        assert stated[~known[name]].mean() < 0.1
        assert np.mean(labels[name][~known[name]] == NOT_MENTIONED) > 0.6


def test_a_mild_finding_is_missed_more_often_than_a_severe_one() -> None:
    patients = draw_patients(4000, seed=1)
    labels = report_labels(patients, seed=1)["edema"] == POSITIVE
    mild = (patients.lung_water > 10) & (patients.lung_water < 12)
    assert labels[mild].mean() < labels[patients.lung_water > 15].mean() - 0.2


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5])
def test_the_truth_is_flipped_as_often_as_is_set(share: float) -> None:
    patients = draw_patients(4000, seed=1)
    labels, known = flipped_truth(patients, 1, share), truth(patients)
    assert tuple(labels) == FINDINGS
    for name in FINDINGS:
        wrong = labels[name] != known[name]
        assert wrong.mean() == pytest.approx(share, abs=0.025)
        assert wrong[known[name]].mean() == pytest.approx(share, abs=0.06)


def test_labels_that_are_wrong_stay_wrong_when_more_are() -> None:
    patients = draw_patients(600, seed=1)
    known = truth(patients)
    few, more = (flipped_truth(patients, 2, share) for share in (0.1, 0.2))
    for name in FINDINGS:
        assert (few[name] != known[name]).any()
        assert (more[name] != known[name])[few[name] != known[name]].all()


def test_which_labels_are_wrong_depends_on_the_seed_and_the_patient_alone() -> None:
    many, few = draw_patients(300, seed=1), draw_patients(20, seed=1)
    first = flipped_truth(many, 2, 0.4)["edema"]
    np.testing.assert_array_equal(flipped_truth(few, 2, 0.4)["edema"], first[:20])
    assert (flipped_truth(many, 3, 0.4)["edema"] != first).any()


def test_a_share_of_wrong_labels_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share must be 0 to 0\.5, got 0\.6"):
        flipped_truth(draw_patients(2, seed=1), 0, 0.6)
