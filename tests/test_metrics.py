"""Metrics: by hand, against scikit-learn 1.9 and SciPy, and their laws; choices on validation."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import pearsonr
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from crossbeat.metrics import (
    FINDING_METRICS,
    MEASUREMENT_METRICS,
    Calibration,
    Choice,
    auprc,
    auroc,
    best_f1,
    brier,
    calibration_error,
    calibration_points,
    f1,
    limit_of_agreement,
    mae,
    pearson,
    platt,
    r2,
    roc_points,
)

ONCE = np.ones((1, 4))
TARGETS = np.array([0.0, 0.0, 1.0, 1.0])
SCORES = np.array([0.1, 0.4, 0.35, 0.8])
TRUTH = np.array([1.0, 2.0, 3.0, 6.0])
ESTIMATE = np.array([2.0, 2.0, 4.0, 4.0])
f1_at_half = partial(f1, threshold=0.5)
OF_CLASSES = [auroc, auprc, f1_at_half]
OF_FINDINGS = [*OF_CLASSES, brier, calibration_error]
OF_MEASUREMENTS = [r2, pearson, mae]
ALL = [*OF_FINDINGS, *OF_MEASUREMENTS]


def sample(seed: int, metric: Any, size: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Targets and scores such as a metric takes; those of findings have many ties."""
    rng = np.random.default_rng(seed)
    if metric in OF_MEASUREMENTS:
        truth = 150 + 30 * rng.normal(size=size)
        return truth, 100 + 0.4 * truth + 20 * rng.normal(size=size)
    targets = (rng.random(size) < 0.3).astype(np.float64)
    return targets, np.round(np.clip(0.3 * targets + rng.random(size) * 0.7, 0, 1) * 20) / 20


@pytest.mark.parametrize(
    ("metric", "scores", "expected"),
    [
        (auroc, SCORES, 0.75),  # 3 of the 4 pairs
        (auroc, [0.1, 0.4, 0.4, 0.8], 3.5 / 4),  # a tie counts one half
        (auprc, SCORES, (1 / 1 + 2 / 3) / 2),
        # called: 0.35 (at the threshold), 0.4, 0.8; precision 2/3, recall 1
        (partial(f1, threshold=0.35), SCORES, 0.8),
        (partial(f1, threshold=float("nan")), SCORES, np.nan),
        (brier, SCORES, (0.01 + 0.16 + 0.4225 + 0.04) / 4),
        # lower half: 0.1, 0.4, 0.35 against one positive in three; upper half: 0.8 against one
        (partial(calibration_error, bins=2), SCORES, (abs(1 - 0.85) + abs(1 - 0.8)) / 4),
        (calibration_error, TARGETS, 0.0),
        (calibration_error, 1 - TARGETS, 1.0),
    ],
)
def test_metrics_of_findings_by_hand(metric: Any, scores: Any, expected: float) -> None:
    assert metric(TARGETS, np.array(scores), ONCE)[0] == pytest.approx(expected, nan_ok=True)


def test_metrics_of_measurements_by_hand() -> None:
    # mean 3: squares about it 4 + 1 + 0 + 9; errors 1, 0, 1, 2
    assert r2(TRUTH, ESTIMATE, ONCE).tolist() == [pytest.approx(1 - 6 / 14)]
    assert mae(TRUTH, ESTIMATE, ONCE).tolist() == [1.0]
    # products about the means: (-2)(-1) + (-1)(-1) + 0 + 3 * 1 = 6; sqrt(14 * 4)
    assert pearson(TRUTH, ESTIMATE, ONCE).tolist() == [pytest.approx(6 / np.sqrt(56))]
    # errors 1, 0, 1, -2: mean 0, variance 6 / 3; one row has no deviation
    limit = partial(limit_of_agreement, deviations=2.0)
    assert limit(TRUTH, ESTIMATE, ONCE)[0] == pytest.approx(2 * np.sqrt(2))
    assert np.isnan(limit(TRUTH, ESTIMATE, np.eye(1, 4))[0])


REFERENCES = [
    (auroc, sk.roc_auc_score),
    (auprc, sk.average_precision_score),
    (brier, sk.brier_score_loss),
    (f1_at_half, lambda t, s: sk.f1_score(t, s >= 0.5)),
    (r2, sk.r2_score),
    (mae, sk.mean_absolute_error),
    (pearson, lambda t, s: pearsonr(t, s)[0]),
]


@pytest.mark.parametrize(("ours", "reference"), REFERENCES)
def test_every_row_of_weights_agrees_with_a_reference(ours: Any, reference: Any) -> None:
    targets, scores = sample(0, ours)
    weights = np.random.default_rng(1).integers(0, 4, (5, len(targets)))
    rows = [np.repeat(np.arange(len(targets)), times) for times in weights]
    expected = [reference(targets[each], scores[each]) for each in rows]
    np.testing.assert_allclose(ours(targets, scores, weights.astype(float)), expected, rtol=1e-10)


@pytest.mark.parametrize("metric", ALL)
def test_a_weight_of_two_is_the_sample_twice(metric: Any) -> None:
    targets, scores = sample(2, metric)
    counts = np.random.default_rng(3).integers(0, 3, len(targets))
    repeated = metric(targets.repeat(counts), scores.repeat(counts), np.ones((1, counts.sum())))
    weighted = metric(targets, scores, counts[None].astype(np.float64))
    np.testing.assert_allclose(weighted, repeated, atol=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_samples_without_a_target_do_not_count(metric: Any) -> None:
    targets, scores = sample(4, metric)
    hidden = targets.copy()
    hidden[::3] = np.nan
    known = ~np.isnan(hidden)
    once = np.ones((1, len(targets)))
    np.testing.assert_allclose(
        metric(hidden, scores, once), metric(targets[known], scores[known], once[:, known])
    )


@pytest.mark.parametrize("metric", OF_CLASSES)
def test_only_the_resamples_that_lack_a_class_have_no_value(metric: Any) -> None:
    weights = np.array([[1.0, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]])
    assert np.isnan(metric(TARGETS, SCORES, weights)).tolist() == [False, True, True]


@pytest.mark.parametrize("metric", ALL)
def test_without_samples_there_is_no_value(metric: Any) -> None:
    assert np.isnan(metric(np.full(4, np.nan), SCORES, ONCE)).all()
    assert np.isnan(metric(np.zeros(0), np.zeros(0), np.ones((2, 0)))).all()
    assert np.isnan(metric(TARGETS, SCORES, np.zeros((1, 4)))).all()


@pytest.mark.parametrize("constant", [3.3, 61.7, 1e5 / 3])
def test_what_is_all_the_same_is_not_explained_whatever_rounding_leaves(constant: float) -> None:
    truth, estimate = sample(3, r2)
    flat = np.full(len(truth), constant)
    weights = np.random.default_rng(0).integers(0, 4, (20, len(truth))).astype(np.float64)
    for metric, targets, scores in ((r2, flat, estimate), (pearson, flat, estimate)):
        assert np.isnan(metric(targets, scores, weights)).all()
    assert np.isnan(pearson(truth, flat, weights)).all()
    mean = np.full(len(truth), truth.mean())
    assert r2(truth, mean, np.ones((1, len(truth))))[0] == pytest.approx(0, abs=1e-12)


def test_a_wrong_scale_costs_r2_and_not_the_correlation() -> None:
    truth, estimate = sample(1, r2)
    once = np.ones((1, len(truth)))
    assert pearson(truth, 3 * estimate + 7, once) == pytest.approx(pearson(truth, estimate, once))
    assert r2(truth, 3 * estimate + 7, once)[0] < r2(truth, estimate, once)[0] < 1


@pytest.mark.parametrize("metric", OF_FINDINGS)
def test_targets_that_are_no_labels_and_scores_that_are_not_finite_are_refused(metric: Any) -> None:
    with pytest.raises(ValueError, match="targets must be 0, 1 or NaN"):
        metric(np.array([0.0, -1.0, 1.0, 1.0]), SCORES, ONCE)
    with pytest.raises(ValueError, match="scores must be finite"):
        metric(TARGETS, np.array([0.1, np.nan, 0.2, 0.3]), ONCE)


@pytest.mark.parametrize("metric", [brier, calibration_error])
def test_what_needs_probabilities_refuses_logits(metric: Any) -> None:
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\]"):
        metric(TARGETS, np.array([-1.0, 0.2, 0.3, 2.0]), ONCE)


def logits(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=size) * 3 - 2
    return (rng.random(size) < expit(0.7 * scores + 0.5)).astype(np.float64), scores


def test_the_threshold_is_the_best_of_all_midway_between_the_scores_it_separates() -> None:
    assert best_f1(TARGETS, np.array([0.1, 0.2, 0.6, 0.9])) == pytest.approx(0.4)
    assert best_f1(TARGETS, np.array([0.9, 0.8, 0.2, 0.1])) == 0.1  # calling everyone is best
    targets, scores = logits(200)

    def f1_of(threshold: float) -> float:
        called = scores >= threshold
        return 2 * (called * targets).sum() / (called.sum() + targets.sum())

    assert f1_of(best_f1(targets, scores)) == max(f1_of(threshold) for threshold in scores)


@pytest.mark.parametrize("targets", [np.zeros(4), np.ones(4), np.full(4, np.nan)])
def test_with_one_class_nothing_can_be_chosen(targets: np.ndarray) -> None:
    assert np.isnan(best_f1(targets, TARGETS))
    assert np.isnan(platt(targets, TARGETS).slope)


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


def test_the_metrics_of_results_use_the_choice_that_they_are_given() -> None:
    targets, scores = logits(100)
    once = np.ones((1, 100))

    def found(choice: Choice) -> dict[str, float]:
        metrics = {name: made(choice) for name, made in FINDING_METRICS.items()}
        return {name: metric(targets, scores, once)[0] for name, metric in metrics.items()}

    never = found(Choice(1e9, Calibration(0.0, 0.0)))
    assert never["f1"] == 0  # nobody is called positive
    assert never["brier"] == 0.25  # one half for everyone
    assert never["auroc"] == auroc(targets, scores, once)[0]
    nothing = found(Choice(np.nan, Calibration(np.nan, np.nan)))
    assert [name for name, value in nothing.items() if np.isnan(value)] == [
        *("f1", "calibration_error", "brier")
    ]
    assert {"r2": r2, "pearson": pearson, "mae": mae} == MEASUREMENT_METRICS


def test_the_roc_curve_steps_at_each_score() -> None:
    false, true = roc_points(TARGETS, SCORES)
    assert false.tolist() == [0, 0, 0.5, 0.5, 1]
    assert true.tolist() == [0, 0.5, 0.5, 1, 1]


def test_the_roc_curve_agrees_with_scikit_learn_and_encloses_the_auroc() -> None:
    targets, scores = sample(0, auroc, 150)
    false, true = roc_points(targets, scores)
    expected = sk.roc_curve(targets, scores, drop_intermediate=False)
    np.testing.assert_allclose(false, expected[0])
    np.testing.assert_allclose(true, expected[1])
    area = np.trapezoid(true, false)
    assert area == pytest.approx(auroc(targets, scores, np.ones((1, 150)))[0])


def test_a_thinned_curve_keeps_its_ends() -> None:
    rng = np.random.default_rng(1)
    false, true = roc_points((rng.random(500) < 0.5).astype(float), rng.random(500), most=20)
    assert len(false) == 20
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_calibration_points_are_means_of_equal_groups_with_wilsons_interval() -> None:
    mean, share, low, high = calibration_points(TARGETS, SCORES, bins=2)
    assert mean.tolist() == pytest.approx([0.225, 0.6])  # 0.1, 0.35 and 0.4, 0.8
    assert share.tolist() == [0.5, 0.5]
    assert (low < share).all()
    assert (share < high).all()
    # 0 of 10: from 0 to z^2 / (10 + z^2)
    mean, share, low, high = calibration_points(np.zeros(10), np.full(10, 0.2), bins=1)
    assert (mean[0], share[0]) == (pytest.approx(0.2), 0)
    assert (low[0], high[0]) == (pytest.approx(0, abs=1e-12), pytest.approx(0.27753, abs=1e-5))


def test_a_curve_without_both_classes_or_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="positives and negatives"):
        roc_points(np.zeros(4), SCORES)
    with pytest.raises(ValueError, match="needs labels, got none"):
        calibration_points(np.full(4, np.nan), SCORES)
