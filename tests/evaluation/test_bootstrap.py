"""The bootstrap draws patients, pairs models, and says nothing where nothing is defined."""

import numpy as np
import pytest

from crossbeat.evaluation.bootstrap import (
    Interval,
    difference,
    distribution,
    interval,
    mean,
    resamples,
    summarise,
    two_level,
)
from crossbeat.evaluation.metrics import auroc

PATIENTS = np.array(["b", "a", "a", "c"])


def scored(seed: int, size: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = (rng.random(size) < 0.4).astype(np.float64)
    return targets, targets + rng.normal(size=size), np.arange(size).astype(str)


def width(found: Interval) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_a_patient_brings_all_rows_or_none() -> None:
    weights = resamples(PATIENTS, seed=0, replicates=200)
    assert weights[0].tolist() == [1, 1, 1, 1]
    np.testing.assert_array_equal(weights[:, 1], weights[:, 2])
    patients_drawn = weights[:, [0, 1, 3]].sum(axis=1)
    assert (patients_drawn == 3).all()
    assert len(np.unique(weights, axis=0)) == 10  # all ways to draw 3 of 3 with replacement


def test_resamples_depend_on_patients_and_seed_not_on_the_order_of_rows() -> None:
    order = np.array([3, 1, 0, 2])
    weights = resamples(PATIENTS, seed=1, replicates=50)
    np.testing.assert_array_equal(
        resamples(PATIENTS[order], seed=1, replicates=50), weights[:, order]
    )
    assert (resamples(PATIENTS, seed=2, replicates=50) != weights).any()


def test_the_interval_is_the_middle_95_percent_of_the_resamples() -> None:
    values = np.concatenate([[0.5], np.linspace(0, 1, 1001)])
    found = summarise(values)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.025, 0.975))


def test_the_interval_has_the_width_of_the_analytic_one() -> None:
    # Hanley and McNeil's standard error of the AUROC, of which the interval spans 2 * 1.96
    targets, scores, patients = scored(0, 1000)
    found = interval(auroc, targets, scores, patients, seed=0)
    area, positives = found.value, targets.sum()
    assert area is not None
    negatives = len(targets) - positives
    both = (positives - 1) * (area / (2 - area) - area**2)
    both += (negatives - 1) * (2 * area**2 / (1 + area) - area**2)
    error = np.sqrt((area * (1 - area) + both) / (positives * negatives))
    assert width(found) == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_repeated_rows_of_a_patient_do_not_narrow_the_interval() -> None:
    targets, scores, patients = (column.repeat(4) for column in scored(1))
    by_patient = interval(auroc, targets, scores, patients, seed=0, replicates=400)
    by_row = interval(auroc, targets, scores, np.arange(len(targets)), seed=0, replicates=400)
    assert width(by_patient) > 1.6 * width(by_row)  # twice, if 400 resamples were enough


def test_a_paired_difference_is_narrower_than_the_models_apart() -> None:
    targets, scores, patients = scored(2)
    close = scores + 0.1 * np.random.default_rng(9).normal(size=len(scores))
    paired = difference(auroc, targets, (scores, close), patients, seed=0, replicates=400)
    alone = interval(auroc, targets, scores, patients, seed=0, replicates=400)
    assert width(paired) < 0.4 * width(alone)


def test_a_model_does_not_differ_from_itself() -> None:
    targets, scores, patients = scored(3)
    found = difference(auroc, targets, (scores, 2 * scores), patients, seed=0, replicates=50)
    assert found == Interval(0.0, 0.0, 0.0)


def test_the_difference_changes_sign_with_the_order_of_the_models() -> None:
    targets, scores, patients = scored(4)
    other = np.random.default_rng(8).normal(size=len(scores))
    there = difference(auroc, targets, (scores, other), patients, seed=0, replicates=50)
    back = difference(auroc, targets, (other, scores), patients, seed=0, replicates=50)
    assert there.value is not None
    assert there.low is not None
    assert there.value > 0
    assert (back.value, back.high) == (-there.value, pytest.approx(-there.low))


def test_the_mean_over_findings_shares_the_resamples() -> None:
    targets, scores, patients = scored(5)
    twice = (np.stack([targets] * 2, axis=1), np.stack([scores] * 2, axis=1))
    found = mean([auroc, auroc], *twice, patients, seed=0, replicates=50)
    alone = interval(auroc, targets, scores, patients, seed=0, replicates=50)
    assert (found.value, found.low, found.high) == pytest.approx(
        (alone.value, alone.low, alone.high)
    )


def test_an_absent_class_gives_no_value() -> None:
    targets, scores, patients = scored(6)
    found = interval(auroc, np.zeros_like(targets), scores, patients, seed=0, replicates=20)
    assert found == Interval(None, None, None)


def test_a_class_absent_from_many_resamples_gives_a_value_without_an_interval() -> None:
    targets, scores, patients = scored(7)
    single = np.zeros_like(targets)
    single[0] = 1
    found = interval(auroc, single, scores, patients, seed=0, replicates=200)
    assert found.value is not None
    assert (found.low, found.high) == (None, None)


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="needs samples and replicates"):
        resamples(PATIENTS[:0], seed=0, replicates=10)
    with pytest.raises(ValueError, match="needs samples and replicates"):
        resamples(PATIENTS, seed=0, replicates=0)


def groups_of(*sizes: int, replicates: int = 60) -> tuple[list, np.ndarray]:
    """Samples of groups, their resamples, and the AUROC on these."""
    samples = [scored(seed, size) for seed, size in enumerate(sizes)]
    weights = [
        resamples(patients, seed=at, replicates=replicates)
        for at, (_, _, patients) in enumerate(samples)
    ]
    found = [distribution(auroc, *each[:2], w) for each, w in zip(samples, weights, strict=True)]
    return list(zip(samples, weights, strict=True)), np.stack(found)[:, :, None]


def test_two_levels_are_the_loop_over_drawn_groups_and_their_drawn_patients() -> None:
    given, drawn = groups_of(50, 80, 70)
    found = two_level(drawn, seed=5)
    choice = np.random.default_rng(5)
    values = [np.mean([auroc(t, s, np.ones((1, len(t))))[0] for (t, s, _), _ in given])]
    for replicate in range(60):
        total = 0.0
        for slot, group in enumerate(choice.integers(3, size=3).tolist()):
            (targets, scores, _), weights = given[group]
            patients = np.repeat(np.arange(len(targets)), weights[1 + (replicate + slot) % 60])
            positive, negative = (scores[patients][targets[patients] == k] for k in (1, 0))
            wins = (positive[:, None] > negative).sum() + (positive[:, None] == negative).sum() / 2
            total += wins / (len(positive) * len(negative))
        values.append(total / 3)
    np.testing.assert_allclose(found[:, 0], values)


def test_a_group_that_is_drawn_twice_brings_different_patients() -> None:
    values = np.arange(1.0, 41.0)
    groups = np.stack([np.concatenate([[0.0], k * 100 + values]) for k in range(2)])[:, :, None]
    found = two_level(groups, seed=0)[1:, 0]
    same_group = found[(found < 100) | (found > 200)] % 100
    assert len(same_group) > 5
    assert (same_group % 1 == 0.5).all()  # the mean of neighbours, never of one and itself


def test_two_levels_of_one_group_are_one_level() -> None:
    _, drawn = groups_of(90)
    np.testing.assert_array_equal(two_level(drawn, seed=3), drawn[0])


def test_groups_that_differ_widen_the_interval_and_groups_alike_narrow_it() -> None:
    draw = np.random.default_rng(0)
    alike = 0.7 + 0.02 * draw.normal(size=(4, 2001, 1))
    apart = alike + np.array([-0.1, -0.05, 0.05, 0.1])[:, None, None]
    one, same, other = (
        width(summarise(each[:, 0]))
        for each in (alike[0], two_level(alike, seed=0), two_level(apart, seed=0))
    )
    assert same == pytest.approx(one / 2, rel=0.15)
    assert other > 2 * one


def test_an_undefined_group_makes_the_resamples_it_is_drawn_in_undefined() -> None:
    _, drawn = groups_of(50, 60)
    drawn[1] = np.nan
    found = two_level(drawn, seed=0)[:, 0]
    assert np.isnan(found[0])
    assert 0.1 < np.mean(~np.isnan(found)) < 0.4  # a quarter draws the first group only
