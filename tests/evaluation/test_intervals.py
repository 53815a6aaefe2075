"""Intervals are those of small samples, count runs and patients once each, and have exact ends."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, t

from crossbeat.evaluation.intervals import (
    AMOUNT,
    CORRELATION,
    EXPLAINED,
    PLAIN,
    SHARE,
    UNDEFINED,
    Interval,
    difference,
    half_width,
    of_differences,
    over_patients,
    over_seeds,
    scale_of,
)
from crossbeat.evaluation.statistics import distribution, resamples
from crossbeat.metrics import auroc


def ends(found: Interval) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def width(found: Interval) -> float:
    low, high = ends(found)
    return high - low


def scored(seed: int, size: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = (rng.random(size) < 0.4).astype(np.float64)
    return targets, targets + rng.normal(size=size), np.arange(size).astype(str)


def measured(num: int, *, runs: float = 0.0, both: float = 1.0, seed: int = 0) -> np.ndarray:
    """Means over 200 patients of so many runs, on the patients and on resamples of them."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=200) + both * rng.normal(size=(num, 200))
    weights = resamples(np.arange(200), seed=0, replicates=500) / 200
    return (rows + runs * rng.normal(size=(num, 1))) @ weights.T


def test_over_seeds_is_students_interval_and_undefined_where_a_seed_is():
    values = [0.1, 0.3, 0.2, 0.6]
    expected = t.interval(0.95, 3, loc=0.3, scale=np.std(values, ddof=1) / 2)
    found = over_seeds(values, PLAIN, patients=10)
    assert found.value == pytest.approx(0.3)
    assert ends(found) == pytest.approx(expected)
    # the error of the mean of two values is half of what they differ by; t has one degree
    two = over_seeds([0.02, 0.04], of_differences(SHARE), patients=10)
    assert ends(two) == pytest.approx((0.03 - 12.7062 * 0.01, 0.03 + 12.7062 * 0.01))
    for lacking in (None, np.nan):
        assert over_seeds([0.1, lacking, 0.2], PLAIN, patients=10) == UNDEFINED


def test_one_run_is_as_wide_as_hanley_and_mcneil_say():
    targets, scores, patients = scored(0, 1000)
    weights = resamples(patients, seed=0, replicates=1000)
    drawn = distribution(auroc, targets, scores, weights)[None]
    found = over_patients(drawn, SHARE, patients=int(targets.sum()))
    area, positives = found.value, targets.sum()
    assert area is not None
    negatives = len(targets) - positives
    both = (positives - 1) * (area / (2 - area) - area**2)
    both += (negatives - 1) * (2 * area**2 / (1 + area) - area**2)
    error = np.sqrt((area * (1 - area) + both) / (positives * negatives))
    assert width(found) == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_fewer_patients_make_the_interval_wider():
    drawn = measured(1)
    few, many = (over_patients(drawn, PLAIN, patients=num) for num in (5, 500))
    expected = t.ppf(0.975, 4) / t.ppf(0.975, 499) * np.sqrt((5 / 4) / (500 / 499))
    assert width(few) / width(many) == pytest.approx(expected)


def test_a_perfect_value_has_the_exact_bound_of_its_patients():
    found = over_patients(np.ones((1, 101)), SHARE, patients=20)
    exact = binomtest(20, 20).proportion_ci(0.95, method="exact")
    assert found.value == 1
    assert ends(found) == pytest.approx((exact.low, 1.0))
    none = over_seeds([0.0, 0.0], SHARE, patients=20)
    assert ends(none) == pytest.approx((0.0, 1 - exact.low))
    assert over_seeds([0.0, 0.0], AMOUNT, patients=20) == Interval(0.0, 0.0, 0.0)  # no such bound


def test_two_perfect_models_are_not_shown_to_be_alike():
    perfect, half = np.ones((1, 101)), np.full((1, 101), 0.5)
    found = difference(perfect, perfect, SHARE, paired=True, patients=20)
    assert ends(found) == pytest.approx((0.025 ** (1 / 20) - 1, 1 - 0.025 ** (1 / 20)))
    alike = difference(half, half, SHARE, paired=True, patients=20)
    assert alike == Interval(0.0, 0.0, 0.0)


def test_what_is_of_run_and_patient_counts_once():
    # two runs whose patients have nothing in common: all spread is between the runs
    rng = np.random.default_rng(0)
    weights = resamples(np.arange(200), seed=0, replicates=2000) / 200
    drawn = rng.normal(size=(40, 200)) @ weights.T
    error = drawn[:, 0].std(ddof=1) / np.sqrt(40)
    found = over_patients(drawn, PLAIN, patients=200)
    assert width(found) / 2 == pytest.approx(t.ppf(0.975, 39) * error, rel=0.1)


def test_unpaired_runs_have_the_degrees_of_both_models():
    ones, others = (np.repeat(np.array([[a], [b]]), 101, axis=1) for a, b in ((1, 3), (4, 8)))
    found = difference(ones * 1.0, others * 1.0, PLAIN, paired=False, patients=50)
    # variances of the two means: 2 / 2 and 8 / 2; no resample differs, so patients add nothing
    half = t.ppf(0.975, 2) * np.sqrt(1 + 4)
    assert ends(found) == pytest.approx((-4 - half, -4 + half))


def test_paired_runs_are_their_differences():
    ones, others = measured(4, runs=1.0), measured(4, runs=1.0, seed=1)
    paired = difference(ones, others, PLAIN, paired=True, patients=200)
    assert paired == over_patients(ones - others, of_differences(PLAIN), patients=200)
    shifted = difference(ones, ones - 0.1, PLAIN, paired=True, patients=200)
    assert ends(shifted) == pytest.approx((0.1, 0.1))


def test_the_difference_changes_sign_with_the_order_of_the_models():
    ones, others = measured(2), measured(3, seed=1)
    there = difference(ones, others, PLAIN, paired=False, patients=200)
    back = difference(others, ones, PLAIN, paired=False, patients=200)
    assert there.value == pytest.approx(-(back.value or 0))
    assert ends(there) == pytest.approx(tuple(-end for end in ends(back)[::-1]))


def test_the_half_width_adds_squares_each_with_its_quantile():
    found = half_width(0.04, 0.09, patients=11, degrees=2)
    assert found == pytest.approx(np.hypot(t.ppf(0.975, 10) * 0.2, t.ppf(0.975, 2) * 0.3))
    assert half_width(0.04, 0.0, patients=11, degrees=0) == pytest.approx(t.ppf(0.975, 10) * 0.2)


def test_one_patient_and_a_metric_that_many_resamples_leave_undefined_have_a_value_alone():
    drawn = measured(1)
    alone = Interval(float(drawn[0, 0]), None, None)
    assert over_patients(drawn, PLAIN, patients=1) == alone
    drawn[0, 1:100] = np.nan
    assert over_patients(drawn, PLAIN, patients=9) == alone
    drawn[0, 0] = np.nan
    assert over_patients(drawn, PLAIN, patients=9) == UNDEFINED


@pytest.mark.parametrize("num", [2, 5])
def test_nineteen_of_twenty_intervals_of_shared_patients_hold(num):
    weights = resamples(np.arange(50), seed=0, replicates=200) / 50
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        ones, others = (
            (rng.normal(size=(num, 50)) + 0.5 * rng.normal(size=(num, 1))) @ weights.T
            for _ in range(2)
        )
        low, high = ends(difference(ones, others, PLAIN, paired=False, patients=50))
        held += low <= 0 <= high
    assert 0.92 < held / 300 < 0.99


INSIDE = [(SHARE, 0.9), (CORRELATION, -0.4), (EXPLAINED, -1.5), (AMOUNT, 7.0), (PLAIN, 3.0)]


@pytest.mark.parametrize(("scale", "value"), INSIDE)
def test_a_scale_has_an_inverse_and_a_slope_and_keeps_intervals_inside(scale, value):
    assert scale.back(scale.forward(value)) == pytest.approx(value)
    step = 1e-6
    rise = (scale.forward(value + step) - scale.forward(value - step)) / (2 * step)
    assert abs(scale.slope(value)) == pytest.approx(abs(rise), rel=1e-5)
    low, high = scale.around(value, 1e-4)  # small ones are symmetric
    assert (value - low, high - value) == pytest.approx((1e-4, 1e-4), rel=0.01)
    low, high = scale.around(value, 1e4)
    assert scale.span[0] <= low < value < high <= scale.span[1]


def test_ends_are_those_worked_out_by_hand():
    # logit 0.9 = log 9; 0.09 wide there is 0.09 / (0.9 * 0.1) = 1 on the scale
    odds = 9 / math.e, 9 * math.e
    assert SHARE.around(0.9, 0.09) == pytest.approx([each / (1 + each) for each in odds])
    # 1 - R2 = 0.5; 0.05 / 0.5 = 0.1 on the scale of the logarithm, which is turned round
    expected = [1 - 0.5 * math.exp(0.1), 1 - 0.5 * math.exp(-0.1)]
    assert EXPLAINED.around(0.5, 0.05) == pytest.approx(expected)
    assert of_differences(SHARE).around(0.5, 0.8) == pytest.approx((-0.3, 1.0))
    assert of_differences(SHARE).span == (-1.0, 1.0)
    assert of_differences(CORRELATION).span == (-2.0, 2.0)
    assert [SHARE.ends_at(value) for value in (0.0, 1.0, 0.999)] == [True, True, False]
    assert not EXPLAINED.ends_at(-50.0)


def test_metrics_have_the_scale_of_their_range():
    assert scale_of("auroc") is scale_of("recall@10") is scale_of("answered@1") is SHARE
    assert (scale_of("pearson"), scale_of("r2")) == (CORRELATION, EXPLAINED)
    assert scale_of("mae") is scale_of("LVEF_difference@10") is AMOUNT
