"""Runs of several seeds brought together: over patients that they share, or over both."""

import numpy as np
import pytest

from crossbeat.evaluation.bootstrap import summarise, two_level
from crossbeat.evaluation.over_seeds import draws, minus, pairs_of, tell


def run(mean: float, seed: int) -> dict[str, np.ndarray]:
    values = np.random.default_rng(seed).normal(mean, 0.1, (201, 2))
    return {"r2": values, "mae": 10 * values}


RUNS = {seed: run(seed, seed) for seed in range(3)}  # seeds that differ far more than resamples


def told(runs, *, shared: bool, by_run: bool = True):
    return tell(runs, ("LVEF", "mean"), ("r2", "mae"), shared=shared, seed=0, by_run=by_run)


def test_on_the_same_patients_runs_are_averaged_resample_by_resample() -> None:
    found = told(RUNS, shared=True)["mean"]["mae"]
    expected = summarise(np.mean([each["mae"][:, 1] for each in RUNS.values()], axis=0))
    assert (found["value"], found["low"], found["high"]) == (
        expected.value,
        expected.low,
        expected.high,
    )


def test_on_patients_of_their_own_seeds_are_drawn_as_well() -> None:
    found = told(RUNS, shared=False)["LVEF"]["r2"]
    values = two_level(np.stack([each["r2"] for each in RUNS.values()]), seed=0)
    assert found["low"] == summarise(values[:, 0]).low
    narrow = told(RUNS, shared=True)["LVEF"]["r2"]
    assert found["value"] == pytest.approx(narrow["value"])
    assert found["high"] - found["low"] > 3 * (narrow["high"] - narrow["low"])


def test_every_run_is_told_where_there_are_several_and_it_is_asked_for() -> None:
    assert told(RUNS, shared=True)["LVEF"]["r2"]["by_run"] == [
        each["r2"][0, 0] for each in RUNS.values()
    ]
    assert "by_run" not in told({0: RUNS[0]}, shared=True)["LVEF"]["r2"]
    assert "by_run" not in told(RUNS, shared=True, by_run=False)["LVEF"]["r2"]
    undefined = {
        seed: {"r2": each["r2"] * np.nan, "mae": each["mae"]} for seed, each in RUNS.items()
    }
    assert told(undefined, shared=True)["LVEF"]["r2"]["by_run"] == [None] * 3


def test_without_a_run_everything_is_undefined() -> None:
    nothing = {"value": None, "low": None, "high": None}
    assert told({}, shared=True) == {
        column: {"r2": nothing, "mae": nothing} for column in ("LVEF", "mean")
    }


def test_resamples_are_the_same_for_seeds_that_share_patients_and_else_their_own() -> None:
    patients = dict.fromkeys((4, 7), np.arange(20))
    for shared in (True, False):
        drawn = dict(draws(patients, shared=shared, seed=3, replicates=5))
        assert list(drawn) == [4, 7]
        assert np.array_equal(drawn[4], drawn[7]) == shared


def test_differences_are_seed_by_seed() -> None:
    other = {1: run(0.5, 9), 5: run(0.5, 8)}
    found = minus(RUNS, other)
    assert list(found) == [1]
    np.testing.assert_array_equal(found[1]["mae"], RUNS[1]["mae"] - other[1]["mae"])


def test_pairs_stand_once_and_only_where_both_are_there() -> None:
    models = ["direct", "global", "ptacl"]
    roles = {"method": "ptacl", "baseline": "direct"}
    usual = [("global", "direct"), ("ptacl", "direct"), ("ptacl", "global")]
    assert pairs_of(models, **roles) == usual
    extra = [("ptacl", "global"), ("global", "clip"), ("direct", "global")]
    assert pairs_of(models, **roles, extra=extra) == [*usual, ("direct", "global")]
    assert pairs_of(["global", "ptacl"], **roles) == [("ptacl", "global")]
