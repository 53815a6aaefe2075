"""Predictions say what they are about, and come back from a file as they were; screening."""

import inspect

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.predictions import (
    Measured,
    Predictions,
    Scored,
    choose,
    read_measured,
    read_predictions,
    screening,
    write_measured,
    write_predictions,
)
from crossbeat.metrics import best_f1, platt
from crossbeat.targets import FINDING, MEASUREMENT, Kind

NAMES = ("LVEDV", "LVEF")


def split(name: str, *, rows: int = 3, kind: Kind = MEASUREMENT) -> Scored:
    targets, outputs = np.random.default_rng(rows).normal(size=(2, rows, 2))
    if kind is FINDING:
        targets, outputs = (targets > 0).astype(np.float32), outputs.astype(np.float32)
    targets[0, 1] = np.nan
    patients = np.array([f"{name}{row}" for row in range(rows)], dtype=object)  # as of a table
    return Scored(targets, outputs, patients)


RUN = Predictions(MEASUREMENT, NAMES, split("v"), split("t", rows=4))
FOUND = Measured(np.array(["a", "bc"], dtype=object), {"recall@1": np.array([1.0, np.nan])})


@pytest.mark.parametrize("kind", [FINDING, MEASUREMENT], ids=lambda kind: kind.name)
def test_a_run_comes_back_as_it_was(kind, tmp_path):
    run = Predictions(kind, NAMES, split("v", kind=kind), split("t", rows=4, kind=kind))
    write_predictions(tmp_path / "deep" / "run.npz", run)
    found = read_predictions(tmp_path / "deep" / "run.npz")
    assert (found.kind, found.names) == (kind, NAMES)
    for one, other in ((found.val, run.val), (found.test, run.test)):
        np.testing.assert_array_equal(one.targets, other.targets)
        np.testing.assert_array_equal(one.outputs, other.outputs)
        assert one.outputs.dtype == other.outputs.dtype
        assert one.patients.tolist() == other.patients.tolist()
    write_measured(tmp_path / "measures.npz", FOUND)
    measured = read_measured(tmp_path / "measures.npz")
    assert (measured.patients.tolist(), list(measured.measures)) == (["a", "bc"], ["recall@1"])
    np.testing.assert_array_equal(measured.measures["recall@1"], FOUND.measures["recall@1"])


FORMS = [
    (write_predictions, read_predictions, RUN, "predictions"),
    (write_measured, read_measured, FOUND, "measures"),
]


@pytest.mark.parametrize(("write", "read", "content", "what"), FORMS)
def test_a_damaged_or_foreign_file_is_an_error_that_names_it(write, read, content, what, tmp_path):
    path = tmp_path / "run.npz"
    refused = rf"run\.npz must hold {what} as this version writes them, got: .*; score the model"
    with pytest.raises(DataError, match=refused):
        read(path)
    write(path, content)
    with np.load(path) as arrays:
        good = dict(arrays)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=refused):
        read(path)
    np.savez(path, allow_pickle=False, measurements=np.array(NAMES))  # of the last version
    with pytest.raises(DataError, match=refused):
        read(path)
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(DataError, match=refused):
        read(path)
    of_patients = {name: each.astype(object) for name, each in good.items() if "patients" in name}
    np.savez(path, allow_pickle=True, **(good | of_patients))
    with pytest.raises(DataError, match="got: other contents"):
        read(path)


def test_splits_and_runs_that_are_not_sound_are_refused():
    targets, outputs, patients = vars(split("t")).values()
    with pytest.raises(ValueError, match=r"same rows and targets, got \(3, 2\), \(2, 2\)"):
        Scored(targets, outputs[:2], patients)
    with pytest.raises(ValueError, match=r"and \(2,\)"):
        Scored(targets, outputs, patients[:2])
    with pytest.raises(ValueError, match=r"every measure must have 3 rows, got \{'a': 2\}"):
        Measured(np.arange(3), {"a": np.zeros(2)})
    with pytest.raises(DataError, match=r"outputs must be finite, .* did training diverge"):
        Scored(targets, targets, patients)
    with pytest.raises(DataError, match="targets must be finite or NaN"):
        Scored(np.full_like(targets, np.inf), outputs, patients)
    with pytest.raises(DataError, match=r"got 3 in both val and test \(first: 't0'\)"):
        Predictions(MEASUREMENT, NAMES, split("t"), RUN.test)
    for names in (("LVEDV",), ("LVEF", "LVEF")):
        with pytest.raises(ValueError, match="every column must have a name of its own"):
            Predictions(MEASUREMENT, names, split("v"), RUN.test)


def test_choosing_is_by_finding_and_has_no_argument_for_the_test_split():
    assert list(inspect.signature(choose).parameters) == ["val"]
    val = split("v", rows=60, kind=FINDING)
    for choice, targets, outputs in zip(choose(val), val.targets.T, val.outputs.T, strict=True):
        assert choice.threshold == best_f1(targets, outputs)
        assert choice.calibration == platt(targets, outputs)


def estimated(*, scale: float = 1.0, offset: float = 0.0, rows: int = 200) -> Predictions:
    rng = np.random.default_rng(0)
    splits = []
    for name in ("val", "test"):
        truth = np.column_stack([rng.normal(150, 30, rows), rng.normal(55, 12, rows)])
        outputs = scale * (truth + rng.normal(size=truth.shape) * 8) + offset
        splits.append(Scored(truth, outputs, np.array([f"{name}{row}" for row in range(rows)])))
    return Predictions(MEASUREMENT, NAMES, *splits)


def test_the_finding_is_a_truth_below_the_threshold_and_the_score_how_low_the_estimate_is():
    truth = np.array([[39.9], [40.0], [np.nan], [55.0]])
    outputs = np.array([[50.0], [45.0], [30.0], [60.0]])
    splits = (Scored(truth, outputs, np.array([f"{name}{n}" for n in range(4)])) for name in "vt")
    found = screening(Predictions(MEASUREMENT, ("LVEF",), *splits))
    assert (found.kind, found.names) == (FINDING, ("LVEF below 40 %",))
    np.testing.assert_array_equal(found.test.targets[:, 0], [1, 0, np.nan, 0])
    assert found.test.outputs[:, 0].tolist() == [-50, -45, -30, -60]
    assert found.val.patients.tolist() == ["v0", "v1", "v2", "v3"]


def test_a_constant_error_of_the_estimates_costs_nothing():
    runs = {"direct": estimated(), "ptacl": estimated(scale=0.5, offset=20)}
    screened = {name: {0: screening(each)} for name, each in runs.items()}
    found = compare(screened, method="ptacl", baseline="direct", seed=0, replicates=50)
    difference = found["differences"]["ptacl - direct"]["LVEF below 40 %"]
    assert difference["auroc"]["value"] == difference["f1"]["value"] == 0
    assert found["models"]["ptacl"]["mean"]["auroc"]["value"] > 0.85


def test_other_thresholds_may_be_asked_for_and_unknown_measurements_are_refused():
    found = screening(estimated(), {"LVEDV": 120.0, "LVEF": 50.0})
    assert found.names == ("LVEDV below 120 ml", "LVEF below 50 %")
    assert found.test.targets.mean(axis=0) == pytest.approx([0.16, 0.34], abs=0.06)
    with pytest.raises(ValueError, match="needs estimates of RVEF, got those of LVEDV, LVEF"):
        screening(estimated(), {"RVEF": 40.0})
    with pytest.raises(ValueError, match="needs estimates of a measurement"):
        screening(estimated(), {})
