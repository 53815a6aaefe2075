"""Bias and limits of agreement: by hand, and their intervals against theory."""

import numpy as np
import pytest

from crossbeat.evaluation.agreement import agreement


def test_bias_and_limits_by_hand() -> None:
    truth = np.array([50.0, 60.0, np.nan, 70.0])
    estimate = np.array([53.0, 61.0, 99.0, 72.0])  # errors 3, 1, 2: standard deviation 1
    found = agreement(truth, estimate, np.arange(4), seed=0, replicates=20)
    assert found.bias.value == 2
    assert found.lower.value == pytest.approx(2 - 1.96)
    assert found.upper.value == pytest.approx(2 + 1.96)


def test_intervals_are_as_wide_as_theory_says_and_of_patients() -> None:
    errors = np.repeat(np.random.default_rng(0).normal(3, 10, 400), 2)
    truth = np.zeros(800)
    found = agreement(truth, errors, np.arange(800) // 2, seed=0, replicates=500)
    # Bland and Altman 1986: standard errors sqrt(s^2 / n) of the bias, sqrt(3 s^2 / n) of a limit
    for told, factor in ((found.bias, 1), (found.upper, 3), (found.lower, 3)):
        half = 1.96 * np.sqrt(factor / 400) * 10
        assert (told.high - told.low) / 2 == pytest.approx(half, rel=0.2)
    inside = np.mean((errors > found.lower.value) & (errors < found.upper.value))
    assert inside == pytest.approx(0.95, abs=0.02)


def test_estimates_that_are_right_agree_without_width() -> None:
    truth = np.array([49.9, 61.3, 70.2])
    found = agreement(truth, truth, np.arange(3), seed=0, replicates=20)
    assert (found.lower.value, found.bias.value, found.upper.value) == (0, 0, 0)


def test_one_row_has_no_agreement() -> None:
    found = agreement(np.array([1.0, np.nan]), np.ones(2), np.arange(2), seed=0, replicates=9)
    assert found.upper.value is None
