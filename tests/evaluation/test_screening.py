"""Screening: low estimates call a low measurement, whatever their scale."""

import numpy as np
import pytest

from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.evaluation.screening import screening


def run(*, scale: float = 1.0, offset: float = 0.0, rows: int = 200) -> Estimates:
    rng = np.random.default_rng(0)
    splits = []
    for name in ("val", "test"):
        truth = np.column_stack([rng.normal(150, 30, rows), rng.normal(55, 12, rows)])
        estimate = truth + rng.normal(size=truth.shape) * 8
        patients = np.array([f"{name}{row}" for row in range(rows)])
        splits.append(Estimated(truth, scale * estimate + offset, patients))
    return Estimates(("LVEDV", "LVEF"), *splits)


def test_the_finding_is_a_truth_below_the_threshold_and_the_score_how_low_the_estimate_is() -> None:
    truth = np.array([[39.9], [40.0], [np.nan], [55.0]])
    estimate = np.array([[50.0], [45.0], [30.0], [60.0]])
    splits = (
        Estimated(truth, estimate, np.array([f"{name}{n}" for n in range(4)])) for name in "vt"
    )
    found = screening(Estimates(("LVEF",), *splits))
    assert found.findings == ("LVEF below 40 %",)
    np.testing.assert_array_equal(found.test.targets[:, 0], [1, 0, np.nan, 0])
    assert found.test.scores[:, 0].tolist() == [-50, -45, -30, -60]
    assert found.val.patients.tolist() == ["v0", "v1", "v2", "v3"]


def test_a_constant_error_of_the_estimates_costs_nothing() -> None:
    runs = {"direct": run(), "ptacl": run(scale=0.5, offset=20)}
    screened = {name: {0: screening(each)} for name, each in runs.items()}
    found = compare(screened, method="ptacl", baseline="direct", seed=0, replicates=50)
    difference = found["differences"]["ptacl - direct"]["LVEF below 40 %"]
    assert difference["auroc"]["value"] == difference["f1"]["value"] == 0
    assert found["models"]["ptacl"]["mean"]["auroc"]["value"] > 0.85


def test_other_thresholds_may_be_asked_for_and_unknown_measurements_are_refused() -> None:
    found = screening(run(), {"LVEDV": 120.0, "LVEF": 50.0})
    assert found.findings == ("LVEDV below 120 ml", "LVEF below 50 %")
    assert found.test.targets.mean(axis=0) == pytest.approx([0.16, 0.34], abs=0.06)
    with pytest.raises(ValueError, match="needs estimates of RVEF, got those of LVEDV, LVEF"):
        screening(run(), {"RVEF": 40.0})
    with pytest.raises(ValueError, match="needs estimates of a measurement"):
        screening(run(), {})
