"""Estimates say what they are about, and come back from a file as they were."""

from pathlib import Path

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation.estimates import Estimated, Estimates, read_estimates, write_estimates

NAMES = ("LVEDV", "LVEF")


def split(name: str, *, rows: int = 3) -> Estimated:
    rng = np.random.default_rng(rows)
    truth, estimate = rng.normal(size=(2, rows, 2))
    truth[0, 1] = np.nan
    return Estimated(truth, estimate, np.array([f"{name}{row}" for row in range(rows)]))


RUN = Estimates(NAMES, split("v"), split("t", rows=4))


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    write_estimates(tmp_path / "deep" / "run.npz", RUN)
    found = read_estimates(tmp_path / "deep" / "run.npz")
    assert found.measurements == NAMES
    for name in ("val", "test"):
        one, other = getattr(found, name), getattr(RUN, name)
        np.testing.assert_array_equal(one.truth, other.truth)
        np.testing.assert_array_equal(one.estimate, other.estimate)
        assert one.patients.tolist() == other.patients.tolist()


def test_patients_of_a_table_are_kept_without_pickle(tmp_path: Path) -> None:
    names = np.array(["a", "bcd", "e"], dtype=object)
    other = split("v")
    run = Estimates(NAMES, Estimated(other.truth, other.estimate, names), RUN.test)
    write_estimates(tmp_path / "run.npz", run)
    assert read_estimates(tmp_path / "run.npz").val.patients.tolist() == ["a", "bcd", "e"]


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    with pytest.raises(DataError, match=r"run\.npz must hold estimates as they were written"):
        read_estimates(path)
    write_estimates(path, RUN)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataError, match=r"run\.npz must hold estimates as they were written"):
        read_estimates(path)
    np.savez(path, allow_pickle=False, measurements=np.array(NAMES))
    with pytest.raises(DataError, match=r"run\.npz must hold estimates as they were written, got"):
        read_estimates(path)
    np.save(tmp_path / "other.npy", np.ones(3))
    with pytest.raises(DataError, match="must hold estimates"):
        read_estimates(tmp_path / "other.npy")


def test_a_file_with_pickled_objects_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    arrays = {
        f"{name}_{part}": getattr(getattr(RUN, name), part)
        for name in ("val", "test")
        for part in ("truth", "estimate", "patients")
    }
    arrays["test_patients"] = arrays["test_patients"].astype(object)
    np.savez(path, allow_pickle=True, measurements=np.array(NAMES), **arrays)
    with pytest.raises(DataError, match=r"must hold .* as they were written, got: other contents"):
        read_estimates(path)


def test_what_does_not_describe_the_same_rows_is_refused() -> None:
    good = split("t")
    with pytest.raises(ValueError, match=r"same rows and measurements, got \(3, 2\), \(2, 2\)"):
        Estimated(good.truth, good.estimate[:2], good.patients)
    with pytest.raises(ValueError, match=r"and \(2,\)"):
        Estimated(good.truth, good.estimate, good.patients[:2])


def test_estimates_must_be_finite_and_truth_finite_or_unknown() -> None:
    good = split("t")
    with pytest.raises(DataError, match="estimates must be finite"):
        Estimated(good.truth, good.truth, good.patients)
    with pytest.raises(DataError, match="measurements must be finite or NaN"):
        Estimated(np.full_like(good.truth, np.inf), good.estimate, good.patients)


def test_a_patient_is_in_one_split() -> None:
    with pytest.raises(DataError, match=r"got 3 in both val and test \(first: 't0'\)"):
        Estimates(NAMES, split("t"), RUN.test)


@pytest.mark.parametrize("names", [("LVEDV",), ("LVEF", "LVEF")])
def test_every_column_has_a_name_of_its_own(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="every column must have a name of its own"):
        Estimates(names, split("v"), RUN.test)
