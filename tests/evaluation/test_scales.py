"""Scales have no end where their metrics have one, and go back to where they came from."""

import math

import pytest

from crossbeat.evaluation.scales import (
    AMOUNT,
    CORRELATION,
    EXPLAINED,
    PLAIN,
    SHARE,
    Scale,
    of_differences,
    scale_of,
)

INSIDE = [(SHARE, 0.9), (CORRELATION, -0.4), (EXPLAINED, -1.5), (AMOUNT, 7.0), (PLAIN, 3.0)]


@pytest.mark.parametrize(("scale", "value"), INSIDE)
def test_back_undoes_forward_and_the_slope_is_the_derivative(scale: Scale, value: float) -> None:
    assert scale.back(scale.forward(value)) == pytest.approx(value)
    step = 1e-6
    rise = (scale.forward(value + step) - scale.forward(value - step)) / (2 * step)
    assert abs(scale.slope(value)) == pytest.approx(abs(rise), rel=1e-5)


@pytest.mark.parametrize(("scale", "value"), INSIDE)
def test_intervals_stay_inside_and_small_ones_are_symmetric(scale: Scale, value: float) -> None:
    low, high = scale.around(value, 1e-4)
    assert (value - low, high - value) == pytest.approx((1e-4, 1e-4), rel=0.01)
    low, high = scale.around(value, 1e4)
    assert scale.span[0] <= low < value < high <= scale.span[1]


def test_the_ends_of_a_share_are_those_worked_out_by_hand() -> None:
    # logit 0.9 = log 9; 0.09 wide there is 0.09 / (0.9 * 0.1) = 1 on the scale
    low, high = SHARE.around(0.9, 0.09)
    assert low == pytest.approx(9 / math.e / (1 + 9 / math.e))
    assert high == pytest.approx(9 * math.e / (1 + 9 * math.e))


def test_explained_variance_turns_the_scale_round_and_the_interval_does_not() -> None:
    # 1 - R2 = 0.5; 0.05 / 0.5 = 0.1 on the scale of the logarithm
    low, high = EXPLAINED.around(0.5, 0.05)
    assert (low, high) == pytest.approx((1 - 0.5 * math.exp(0.1), 1 - 0.5 * math.exp(-0.1)))


def test_metrics_have_the_scale_of_their_range() -> None:
    assert scale_of("auroc") is scale_of("recall@10") is scale_of("answered@1") is SHARE
    assert scale_of("pearson") is CORRELATION
    assert scale_of("r2") is EXPLAINED
    assert scale_of("mae") is scale_of("LVEF_difference@10") is AMOUNT


def test_differences_reach_from_one_end_to_the_other() -> None:
    assert of_differences(SHARE).span == (-1.0, 1.0)
    assert of_differences(CORRELATION).span == (-2.0, 2.0)
    assert of_differences(SHARE).around(0.5, 0.8) == pytest.approx((-0.3, 1.0))


def test_the_ends_themselves_are_told_apart() -> None:
    assert SHARE.ends_at(0.0)
    assert SHARE.ends_at(1.0)
    assert not SHARE.ends_at(0.999)
    assert not EXPLAINED.ends_at(-50.0)
