"""Threshold and calibration are chosen on validation alone."""

import inspect

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from crossbeat.evaluation.bootstrap import resamples
from crossbeat.evaluation.calibration import Calibration, platt
from crossbeat.evaluation.choices import Choice, choose, measure
from crossbeat.evaluation.predictions import Scored
from crossbeat.evaluation.thresholds import best_f1

TARGETS = np.array([0.0, 0.0, 1.0, 1.0])


def logits(size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=size) * 3 - 2
    return (rng.random(size) < expit(0.7 * scores + 0.5)).astype(np.float64), scores


def split(targets: np.ndarray, scores: np.ndarray) -> Scored:
    return Scored(targets[:, None], scores[:, None], np.arange(len(targets)).astype(str))


def test_the_threshold_lies_midway_between_the_scores_it_separates() -> None:
    assert best_f1(TARGETS, np.array([0.1, 0.2, 0.6, 0.9])) == pytest.approx(0.4)


def test_the_threshold_is_the_best_of_all() -> None:
    targets, scores = logits(200)
    chosen = best_f1(targets, scores)

    def f1_of(threshold: float) -> float:
        called = scores >= threshold
        return 2 * (called * targets).sum() / (called.sum() + targets.sum())

    assert f1_of(chosen) == max(f1_of(threshold) for threshold in scores)


def test_calling_everyone_can_be_best() -> None:
    assert best_f1(TARGETS, np.array([0.9, 0.8, 0.2, 0.1])) == 0.1


@pytest.mark.parametrize("targets", [np.zeros(4), np.ones(4), np.full(4, np.nan)])
def test_with_one_class_nothing_can_be_chosen(targets: np.ndarray) -> None:
    assert np.isnan(best_f1(targets, TARGETS))
    assert np.isnan(platt(targets, TARGETS).slope)


def test_platt_scaling_finds_the_slope_that_made_the_labels() -> None:
    found = platt(*logits(20_000))
    assert (found.slope, found.intercept) == (
        pytest.approx(0.7, abs=0.03),
        pytest.approx(0.5, abs=0.06),
    )


def test_platt_scaling_agrees_with_weighted_logistic_regression() -> None:
    # scikit-learn 1.9: each sample once as positive, once as negative, weighted by the goal
    targets, scores = logits(300)
    positives, negatives = targets.sum(), (1 - targets).sum()
    goals = np.where(targets == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(
        np.tile(scores, 2)[:, None],
        np.repeat([1, 0], len(scores)),
        sample_weight=np.concatenate([goals, 1 - goals]),
    )
    found = platt(targets, scores)
    assert found.slope == pytest.approx(oracle.coef_[0, 0], abs=1e-4)
    assert found.intercept == pytest.approx(oracle.intercept_[0], abs=1e-4)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_the_unit_of_the_scores_does_not_change_probabilities(scale: float) -> None:
    targets, scores = logits(300)
    expected = platt(targets, scores).probability(scores)
    rescaled = platt(targets, scores * scale).probability(scores * scale)
    np.testing.assert_allclose(rescaled, expected, atol=1e-5)


def test_separated_scores_stay_finite() -> None:
    found = platt(TARGETS, np.array([-100.0, -90.0, 90.0, 100.0]))
    # Platt's goals: 3/4 for two positives, 1/4 for two negatives
    assert found.probability(np.array([95.0]))[0] == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("scores", [1 - TARGETS, np.zeros(4)])
def test_scores_that_mislead_or_say_nothing_give_the_prevalence(scores: np.ndarray) -> None:
    found = platt(TARGETS, scores)
    assert found.slope == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(found.probability(scores), 0.5, atol=1e-6)


def test_choosing_has_no_argument_for_the_test_split() -> None:
    assert list(inspect.signature(choose).parameters) == ["val"]


def test_measuring_uses_the_choices_it_is_given() -> None:
    targets, scores = logits(100)
    test = split(targets, scores)
    weights = resamples(test.patients, seed=0, replicates=1)
    never = Choice(1e9, Calibration(0.0, 0.0))
    values = measure((never,), test, weights)
    assert values["f1"][0, 0] == 0  # nobody is called positive
    assert values["brier"][0, 0] == 0.25  # one half for everyone
    assert values["auroc"][0, 0] == measure(choose(test), test, weights)["auroc"][0, 0]


def test_without_a_choice_there_is_no_f1_and_no_calibration() -> None:
    targets, scores = logits(100)
    test = split(targets, scores)
    values = measure(
        choose(split(targets * 0, scores)), test, resamples(test.patients, seed=0, replicates=1)
    )
    assert {name: bool(np.isnan(found).all()) for name, found in values.items()} == {
        "auroc": False,
        "auprc": False,
        "f1": True,
        "calibration_error": True,
        "brier": True,
    }
