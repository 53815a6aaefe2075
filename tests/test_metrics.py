"""Metrics: by hand, against scikit-learn 1.9 (difference below 1e-12), and their laws."""

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from crossbeat.metrics import auprc, auroc, brier, calibration_error, f1

ONCE = np.ones((1, 4))
TARGETS = np.array([0.0, 0.0, 1.0, 1.0])
SCORES = np.array([0.1, 0.4, 0.35, 0.8])
f1_at_half = partial(f1, threshold=0.5)
ALL = [auroc, auprc, f1_at_half, brier, calibration_error]


def sample(seed: int, size: int = 400, levels: int = 21) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = (rng.random(size) < 0.3).astype(np.float64)
    scores = np.clip(0.3 * targets + rng.random(size) * 0.7, 0, 1)
    return targets, np.round(scores * (levels - 1)) / (levels - 1)  # many ties


def test_auroc_counts_the_pairs_in_order() -> None:
    assert auroc(TARGETS, SCORES, ONCE).tolist() == [0.75]  # 3 of the 4 pairs


def test_a_tie_counts_one_half() -> None:
    assert auroc(TARGETS, np.array([0.1, 0.4, 0.4, 0.8]), ONCE).tolist() == [3.5 / 4]


def test_auprc_averages_the_precision_at_each_positive() -> None:
    assert auprc(TARGETS, SCORES, ONCE)[0] == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_f1_calls_a_score_at_the_threshold_positive() -> None:
    # called: 0.35, 0.4, 0.8; precision 2/3, recall 1
    assert f1(TARGETS, SCORES, ONCE, threshold=0.35)[0] == pytest.approx(0.8)


def test_brier_is_the_mean_squared_distance() -> None:
    assert brier(TARGETS, SCORES, ONCE)[0] == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)


def test_calibration_error_compares_frequency_and_probability_in_each_bin() -> None:
    # lower half: 0.1, 0.4, 0.35 against one positive in three; upper half: 0.8 against one in one
    expected = (abs(1 - 0.85) + abs(1 - 0.8)) / 4
    assert calibration_error(TARGETS, SCORES, ONCE, bins=2)[0] == pytest.approx(expected)


def test_certainty_that_is_right_has_no_calibration_error() -> None:
    assert calibration_error(TARGETS, TARGETS, ONCE).tolist() == [0.0]


def test_certainty_that_is_wrong_counts_in_full() -> None:
    assert calibration_error(1 - TARGETS, TARGETS, ONCE).tolist() == [1.0]


@pytest.mark.parametrize(
    ("ours", "oracle"),
    [
        (auroc, roc_auc_score),
        (auprc, average_precision_score),
        (brier, brier_score_loss),
        (
            f1_at_half,
            lambda t, s, sample_weight: f1_score(t, s >= 0.5, sample_weight=sample_weight),
        ),
    ],
)
def test_every_row_of_weights_agrees_with_scikit_learn(ours, oracle) -> None:
    targets, scores = sample(0)
    weights = np.random.default_rng(1).integers(0, 4, (5, len(targets))).astype(np.float64)
    expected = [oracle(targets, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(ours(targets, scores, weights), expected, atol=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_a_weight_of_two_is_the_sample_twice(metric) -> None:
    targets, scores = sample(2)
    counts = np.random.default_rng(3).integers(0, 3, len(targets))
    repeated = metric(
        targets.repeat(counts), scores.repeat(counts), np.ones((1, int(counts.sum())))
    )
    weighted = metric(targets, scores, counts[None].astype(np.float64))
    np.testing.assert_allclose(weighted, repeated, atol=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_samples_without_a_label_do_not_count(metric) -> None:
    targets, scores = sample(4)
    hidden = targets.copy()
    hidden[::3] = np.nan
    known = ~np.isnan(hidden)
    once = np.ones((1, len(targets)))
    np.testing.assert_allclose(
        metric(hidden, scores, once), metric(targets[known], scores[known], once[:, known])
    )


@pytest.mark.parametrize("metric", [auroc, auprc, f1_at_half])
@pytest.mark.parametrize("present", [0.0, 1.0])
def test_without_one_class_there_is_no_value(metric, present: float) -> None:
    assert np.isnan(metric(np.full(4, present), SCORES, ONCE)).all()


@pytest.mark.parametrize("metric", [auroc, auprc, f1_at_half])
def test_only_the_resamples_that_lack_a_class_have_no_value(metric) -> None:
    weights = np.array([[1.0, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]])
    assert np.isnan(metric(TARGETS, SCORES, weights)).tolist() == [False, True, True]


@pytest.mark.parametrize("metric", ALL)
def test_without_samples_there_is_no_value(metric) -> None:
    assert np.isnan(metric(np.full(4, np.nan), SCORES, ONCE)).all()
    assert np.isnan(metric(np.zeros(0), np.zeros(0), np.ones((2, 0)))).all()


def test_an_undefined_threshold_has_no_f1() -> None:
    assert np.isnan(f1(TARGETS, SCORES, ONCE, threshold=float("nan"))).all()


@pytest.mark.parametrize("metric", ALL)
def test_targets_other_than_0_and_1_are_refused(metric) -> None:
    with pytest.raises(ValueError, match="targets must be 0, 1 or NaN"):
        metric(np.array([0.0, -1.0, 1.0, 1.0]), SCORES, ONCE)


@pytest.mark.parametrize("metric", ALL)
def test_scores_that_are_not_finite_are_refused(metric) -> None:
    with pytest.raises(ValueError, match="scores must be finite"):
        metric(TARGETS, np.array([0.1, np.nan, 0.2, 0.3]), ONCE)


@pytest.mark.parametrize("metric", [brier, calibration_error])
def test_what_needs_probabilities_refuses_logits(metric) -> None:
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\]"):
        metric(TARGETS, np.array([-1.0, 0.2, 0.3, 2.0]), ONCE)
