"""Runs of several seeds brought together: over patients that they share, or each on its own."""

import numpy as np
import pytest

from crossbeat.evaluation.intervals import difference, over_patients, over_seeds
from crossbeat.evaluation.over_seeds import Table, draws, pairs_of, smaller_class
from crossbeat.evaluation.scales import AMOUNT, EXPLAINED, of_differences


def run(mean: float, seed: int) -> dict[str, np.ndarray]:
    values = np.random.default_rng(seed).normal(mean, 0.1, (201, 2))
    return {"r2": values - 3, "mae": 10 + values}


RUNS = {seed: run(seed, seed) for seed in range(3)}  # seeds that differ far more than resamples


def table(*, shared: bool) -> Table:
    return Table(("LVEF", "mean"), ("r2", "mae"), dict.fromkeys(range(6), (50, 50)), shared)


def told(runs, *, shared: bool):
    return table(shared=shared).of_model(runs)


def test_on_the_same_patients_intervals_are_over_patients_and_runs() -> None:
    found = told(RUNS, shared=True)["mean"]["mae"]
    drawn = np.stack([each["mae"][:, 1] for each in RUNS.values()])
    expected = over_patients(drawn, AMOUNT, patients=50)
    assert (found["value"], found["low"], found["high"]) == (
        expected.value,
        expected.low,
        expected.high,
    )


def test_on_patients_of_their_own_every_seed_is_one_value() -> None:
    found = told(RUNS, shared=False)["LVEF"]["r2"]
    expected = over_seeds(found["by_run"], EXPLAINED, patients=150)
    assert (found["low"], found["high"]) == (expected.low, expected.high)
    alone = told({0: RUNS[0]}, shared=False)["LVEF"]["r2"]
    one = over_patients(RUNS[0]["r2"][:, 0][None], EXPLAINED, patients=50)
    assert (alone["low"], alone["high"]) == (one.low, one.high)


def test_patients_of_several_seeds_count_together_and_shared_ones_once() -> None:
    runs = {seed: {"auroc": np.ones((11, 1))} for seed in range(3)}
    for shared, patients in ((True, 50), (False, 150)):
        one = Table(("edema",), ("auroc",), dict.fromkeys(range(3), (50,)), shared)
        low = one.of_model(runs)["edema"]["auroc"]["low"]
        assert low == pytest.approx(0.025 ** (1 / patients))


def test_every_run_is_told_where_there_are_several() -> None:
    assert told(RUNS, shared=True)["LVEF"]["r2"]["by_run"] == [
        each["r2"][0, 0] for each in RUNS.values()
    ]
    assert "by_run" not in told({0: RUNS[0]}, shared=True)["LVEF"]["r2"]
    undefined = {
        seed: {"r2": each["r2"] * np.nan, "mae": each["mae"]} for seed, each in RUNS.items()
    }
    assert told(undefined, shared=True)["LVEF"]["r2"]["by_run"] == [None] * 3


def test_without_a_run_everything_is_undefined() -> None:
    nothing = {"value": None, "low": None, "high": None}
    expected = {column: {"r2": nothing, "mae": nothing} for column in ("LVEF", "mean")}
    assert told({}, shared=True) == expected
    assert table(shared=False).of_difference(RUNS, {7: RUNS[0]}) == expected


def test_resamples_are_the_same_for_seeds_that_share_patients_and_else_their_own() -> None:
    patients = dict.fromkeys((4, 7), np.arange(20))
    for shared in (True, False):
        models = {"direct": {4: 0, 7: 0}, "clip": {7: 0}}
        drawn = dict(draws(patients, models, shared=shared, seed=3, replicates=5))
        assert list(drawn) == [4, 7]
        assert np.array_equal(drawn[4], drawn[7]) == shared
        assert len(drawn[4]) == 6


def test_nothing_is_resampled_in_vain() -> None:
    patients = dict.fromkeys((4, 7, 8), np.arange(20))
    for models, rows in (
        ({"direct": (4, 7, 8), "clip": (4, 7)}, 2),
        ({"direct": (4, 7), "clip": (7, 8)}, 6),
        ({"direct": (4, 7), "clip": (8,)}, 6),
    ):
        drawn = dict(draws(patients, models, shared=False, seed=3, replicates=5))
        assert len(drawn[4]) == rows


def test_differences_are_seed_by_seed() -> None:
    other = {seed: run(0.5, 9 - seed) for seed in (1, 2, 5)}
    found = table(shared=False).of_difference(RUNS, other)["mean"]["mae"]
    values = [RUNS[seed]["mae"][0, 1] - other[seed]["mae"][0, 1] for seed in (1, 2)]
    assert found["by_run"] == values
    expected = over_seeds(values, of_differences(AMOUNT), patients=100)
    assert (found["value"], found["low"]) == (expected.value, expected.low)


def test_runs_without_seeds_in_common_are_compared_by_their_means() -> None:
    others = {4: run(0.5, 9), 5: run(0.7, 8)}
    found = table(shared=True).of_difference(RUNS, others, paired=False)["mean"]["mae"]
    ones, rest = (np.stack([r["mae"][:, 1] for r in each.values()]) for each in (RUNS, others))
    expected = difference(ones, rest, AMOUNT, paired=False, patients=50)
    assert found == {"value": expected.value, "low": expected.low, "high": expected.high}


def test_the_smaller_class_is_counted_in_patients() -> None:
    targets = np.array([1.0, 1, 0, 0, np.nan, 0])
    assert smaller_class(targets, np.array(["a", "a", "b", "c", "d", "a"])) == 1
    assert smaller_class(np.zeros(3), np.array(["a", "b", "c"])) == 0


def test_pairs_stand_once_and_only_where_both_are_there() -> None:
    models = ["direct", "global", "ptacl"]
    roles = {"method": "ptacl", "baseline": "direct"}
    usual = [("global", "direct"), ("ptacl", "direct"), ("ptacl", "global")]
    assert pairs_of(models, **roles) == usual
    extra = [("ptacl", "global"), ("global", "clip"), ("direct", "global")]
    assert pairs_of(models, **roles, extra=extra) == [*usual, ("direct", "global")]
    assert pairs_of(["global", "ptacl"], **roles) == [("ptacl", "global")]
