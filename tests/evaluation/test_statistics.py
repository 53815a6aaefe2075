"""Resamples of patients with all their rows, and runs and seeds brought together."""

import numpy as np
import pytest

from crossbeat.evaluation.intervals import (
    AMOUNT,
    EXPLAINED,
    Interval,
    difference,
    of_differences,
    over_patients,
    over_seeds,
)
from crossbeat.evaluation.statistics import Table, agreement, distribution, draws, resamples
from crossbeat.metrics import auroc

PATIENTS = np.array(["b", "a", "a", "c"])


def test_a_patient_brings_all_rows_or_none():
    weights = resamples(PATIENTS, seed=0, replicates=200)
    assert weights[0].tolist() == [1, 1, 1, 1]
    np.testing.assert_array_equal(weights[:, 1], weights[:, 2])
    patients_drawn = weights[:, [0, 1, 3]].sum(axis=1)
    assert (patients_drawn == 3).all()
    assert len(np.unique(weights, axis=0)) == 10  # all ways to draw 3 of 3 with replacement


def test_resamples_depend_on_patients_and_seed_not_on_the_order_of_rows():
    order = np.array([3, 1, 0, 2])
    weights = resamples(PATIENTS, seed=1, replicates=50)
    np.testing.assert_array_equal(
        resamples(PATIENTS[order], seed=1, replicates=50), weights[:, order]
    )
    assert (resamples(PATIENTS, seed=2, replicates=50) != weights).any()


def test_a_metric_on_resamples_is_that_of_the_drawn_patients():
    rng = np.random.default_rng(0)
    targets = (rng.random(60) < 0.4).astype(np.float64)
    scores, patients = targets + rng.normal(size=60), np.arange(60).astype(str)
    weights = resamples(patients, seed=0, replicates=20)
    found = distribution(auroc, targets, scores, weights)
    for value, times in zip(found, weights, strict=True):
        rows = np.repeat(np.arange(60), times)
        drawn = auroc(targets[rows], scores[rows], np.ones((1, 60)))
        assert value == pytest.approx(drawn[0])


def test_a_class_that_is_not_drawn_leaves_the_metric_undefined():
    targets = np.array([1.0, 0, 0, 0])
    weights = resamples(PATIENTS, seed=0, replicates=100)
    found = distribution(auroc, targets, np.arange(4.0), weights)
    np.testing.assert_array_equal(
        np.isnan(found), (weights @ targets == 0) | (weights @ (1 - targets) == 0)
    )


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="needs samples and replicates"):
        resamples(PATIENTS[:0], seed=0, replicates=10)
    with pytest.raises(ValueError, match="needs samples and replicates"):
        resamples(PATIENTS, seed=0, replicates=0)


def test_bias_and_limits_by_hand():
    truth = np.array([50.0, 60.0, np.nan, 70.0])
    estimate = np.array([53.0, 61.0, 99.0, 72.0])  # errors 3, 1, 2: standard deviation 1

    def values(estimate, truth):
        found = agreement(truth, estimate, np.arange(len(truth)), seed=0, replicates=20)
        return [end.value for end in found]

    assert values(estimate, truth) == pytest.approx([2 - 1.96, 2, 2 + 1.96])
    assert values(estimate, estimate) == [0, 0, 0]
    assert values(estimate[1:3], truth[1:3]) == [None, None, None]  # one row has no spread


def test_intervals_are_as_wide_as_theory_says_and_of_patients():
    errors = np.repeat(np.random.default_rng(0).normal(3, 10, 400), 2)
    truth = np.zeros(800)
    lower, bias, upper = agreement(truth, errors, np.arange(800) // 2, seed=0, replicates=500)
    # Bland and Altman 1986: standard errors sqrt(s^2 / n) of the bias, sqrt(3 s^2 / n) of a limit
    for told, factor in ((bias, 1), (upper, 3), (lower, 3)):
        half = 1.96 * np.sqrt(factor / 400) * 10
        assert (told.high - told.low) / 2 == pytest.approx(half, rel=0.2)


def run(mean: float, seed: int) -> dict[str, np.ndarray]:
    values = np.random.default_rng(seed).normal(mean, 0.1, (201, 2))
    return {"r2": values - 3, "mae": 10 + values}


RUNS = {seed: run(seed, seed) for seed in range(3)}  # seeds that differ far more than resamples


def table(*, shared: bool) -> Table:
    return Table(("LVEF", "mean"), ("r2", "mae"), dict.fromkeys(range(6), (50, 50)), shared)


def told(runs, *, shared: bool):
    return table(shared=shared).of_model(runs)


def interval(found):
    return Interval(found["value"], found["low"], found["high"])


def test_intervals_are_over_patients_and_runs_or_over_seeds_with_patients_of_their_own():
    shared = told(RUNS, shared=True)
    drawn = np.stack([each["mae"][:, 1] for each in RUNS.values()])
    assert interval(shared["mean"]["mae"]) == over_patients(drawn, AMOUNT, patients=50)
    own = told(RUNS, shared=False)["LVEF"]["r2"]
    assert interval(own) == over_seeds(own["by_run"], EXPLAINED, patients=150)
    assert own["by_run"] == shared["LVEF"]["r2"]["by_run"]
    assert own["by_run"] == [each["r2"][0, 0] for each in RUNS.values()]
    alone = told({0: RUNS[0]}, shared=False)["LVEF"]["r2"]
    drawn = RUNS[0]["r2"][:, 0][None]
    assert alone == vars(over_patients(drawn, EXPLAINED, patients=50))  # without "by_run"
    undefined = {seed: each | {"r2": each["r2"] * np.nan} for seed, each in RUNS.items()}
    assert told(undefined, shared=True)["LVEF"]["r2"]["by_run"] == [None] * 3


def test_patients_of_several_seeds_count_together_and_shared_ones_once():
    runs = {seed: {"auroc": np.ones((11, 1))} for seed in range(3)}
    for shared, patients in ((True, 50), (False, 150)):
        one = Table(("edema",), ("auroc",), dict.fromkeys(range(3), (50,)), shared)
        low = one.of_model(runs)["edema"]["auroc"]["low"]
        assert low == pytest.approx(0.025 ** (1 / patients))


def test_without_a_run_everything_is_undefined():
    nothing = {"value": None, "low": None, "high": None}
    expected = {column: {"r2": nothing, "mae": nothing} for column in ("LVEF", "mean")}
    assert told({}, shared=True) == expected
    assert table(shared=False).of_difference(RUNS, {7: RUNS[0]}) == expected


def test_resamples_are_the_same_for_seeds_that_share_patients_and_else_their_own():
    patients = dict.fromkeys((4, 7), np.arange(20))
    for shared in (True, False):
        models = {"direct": {4: 0, 7: 0}, "clip": {7: 0}}
        drawn = dict(draws(patients, models, shared=shared, seed=3, replicates=5))
        assert list(drawn) == [4, 7]
        assert np.array_equal(drawn[4], drawn[7]) == shared
        assert len(drawn[4]) == 6


def test_nothing_is_resampled_in_vain():
    patients = dict.fromkeys((4, 7, 8), np.arange(20))
    for models, rows in (
        ({"direct": (4, 7, 8), "clip": (4, 7)}, 2),
        ({"direct": (4, 7), "clip": (7, 8)}, 6),
        ({"direct": (4, 7), "clip": (8,)}, 6),
    ):
        drawn = dict(draws(patients, models, shared=False, seed=3, replicates=5))
        assert len(drawn[4]) == rows


def test_differences_are_seed_by_seed_or_of_the_means_of_runs_without_seeds_in_common():
    other = {seed: run(0.5, 9 - seed) for seed in (1, 2, 5)}
    found = table(shared=False).of_difference(RUNS, other)["mean"]["mae"]
    values = [RUNS[seed]["mae"][0, 1] - other[seed]["mae"][0, 1] for seed in (1, 2)]
    assert found["by_run"] == values
    assert interval(found) == over_seeds(values, of_differences(AMOUNT), patients=100)
    others = {4: run(0.5, 9), 5: run(0.7, 8)}
    found = table(shared=True).of_difference(RUNS, others, paired=False)["mean"]["mae"]
    ones, rest = (np.stack([r["mae"][:, 1] for r in each.values()]) for each in (RUNS, others))
    assert found == vars(difference(ones, rest, AMOUNT, paired=False, patients=50))
