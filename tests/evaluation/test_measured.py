"""Means of what was measured row by row: over patients, seeds, and what is defined."""

from pathlib import Path

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.evaluation.measured import (
    Measured,
    compare_measured,
    read_measured,
    write_measured,
)


def run(mean: float, *, seed: int = 0, patients: int = 0, rows: int = 80) -> Measured:
    rng = np.random.default_rng(seed)
    values = mean + rng.normal(size=rows)
    names = np.array([f"{patients}-{row // 2}" for row in range(rows)])
    return Measured(names, {"recall@1": values, "frame_error": 2 * values})


def compared(runs, **more):
    return compare_measured(runs, method="ptacl", baseline="global", seed=0, replicates=200, **more)


def test_means_are_of_rows_and_intervals_of_patients() -> None:
    twice = np.repeat(5 + np.random.default_rng(0).normal(size=300), 2)
    patients = np.arange(600) // 2
    found = compared({"global": {0: Measured(patients, {"rank": twice})}})
    told = found["models"]["global"]["rank"]
    assert told["value"] == pytest.approx(twice.mean())
    half = 1.96 * twice.std() / np.sqrt(300)  # 300 patients, whatever the number of rows
    assert (told["high"] - told["low"]) / 2 == pytest.approx(half, rel=0.2)


def test_what_is_undefined_is_left_out() -> None:
    values = np.array([1.0, np.nan, 3.0])
    found = compared({"global": {0: Measured(np.arange(3), {"a": values, "b": values * np.nan})}})
    assert found["models"]["global"]["a"]["value"] == 2
    assert found["models"]["global"]["b"] == {"value": None, "low": None, "high": None}


def test_models_are_paired_by_seed() -> None:
    better, worse = ({s: run(m, seed=s, patients=s) for s in range(3)} for m in (1.2, 1.0))
    told = compared({"global": worse, "ptacl": better})["differences"]["ptacl - global"]
    for end in ("value", "low", "high"):
        assert told["recall@1"][end] == pytest.approx(0.2)
    alone = compared({"global": worse, "ptacl": {2: better[2]}})["differences"]["ptacl - global"]
    assert alone["frame_error"]["value"] == pytest.approx(0.4)


def test_pairs_are_those_of_models_that_are_there() -> None:
    runs = {name: {0: run(1)} for name in ("ptacl", "teacher")}
    assert list(compared(runs)["differences"]) == ["ptacl - teacher"]
    assert list(compared({"random": {0: run(1)}})["differences"]) == []


def test_runs_with_other_rows_or_measures_are_refused() -> None:
    other = Measured(run(1).patients, {"recall@1": np.zeros(80)})
    for each in (run(1, patients=1), other):
        with pytest.raises(
            ValueError, match="ptacl must have the same rows and measures as global"
        ):
            compared({"global": {0: run(1)}, "ptacl": {0: each}})
    with pytest.raises(ValueError, match="every model must have a run, got none of any"):
        compared({})
    with pytest.raises(ValueError, match="got none of ptacl"):
        compared({"global": {0: run(1)}, "ptacl": {}})
    with pytest.raises(ValueError, match=r"every measure must have 3 rows, got \{'a': 2\}"):
        Measured(np.arange(3), {"a": np.zeros(2)})


def test_measures_come_back_from_a_file_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "measures.npz"
    values = np.array([1.0, np.nan])
    write_measured(path, Measured(np.array(["a", "bc"], dtype=object), {"recall@1": values}))
    found = read_measured(path)
    assert found.patients.tolist() == ["a", "bc"]
    assert list(found.measures) == ["recall@1"]
    np.testing.assert_array_equal(found.measures["recall@1"], values)
    path.write_bytes(path.read_bytes()[:200])
    for damaged in (path, tmp_path / "absent.npz"):
        with pytest.raises(DataError, match=r"\.npz must hold measures as they were written"):
            read_measured(damaged)


def test_a_file_with_pickled_objects_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "measures.npz"
    names = np.array(["a"], dtype=object)
    np.savez(path, allow_pickle=True, patients=names, **{"measure:rank": np.zeros(1)})
    with pytest.raises(DataError, match=r"must hold .* as they were written, got: other contents"):
        read_measured(path)
