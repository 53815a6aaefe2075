"""Metrics of a binary finding, each computed for many weightings of the same samples at once.

A row of ``weights`` says how often each sample counts; a bootstrap passes one row per resample.
Samples whose target is NaN are ignored. Where a metric has no value (a class is absent, nothing
is left) the answer is NaN, which results write as null: never a silent 0.5.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Samples = Float[np.ndarray, " sample"]
Weights = Float[np.ndarray, "replicate sample"]
Values = Float[np.ndarray, " replicate"]

Metric = Callable[[Samples, Samples, Weights], Values]
"""What a bootstrap resamples: targets, scores and weights to one value per row of weights."""


def auroc(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Probability that a positive outscores a negative; a tie counts one half.

    Args:
        targets: 1 positive, 0 negative, NaN ignored.
        scores: any real number; higher means more likely.
        weights: at or above 0.

    Raises:
        ValueError: a target is not 0, 1 or NaN, or a score is not finite.

    Source: Hanley and McNeil 1982.
    """
    positive, negative = _by_score(*_known(targets, scores, weights))
    below = np.cumsum(negative, axis=1) - negative
    wins = (positive * (below + negative / 2)).sum(axis=1)
    return _ratio(wins, positive.sum(axis=1) * negative.sum(axis=1))


def auprc(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Average precision: the mean over positives of the precision at their score.

    Chance level is the prevalence. There is no interpolation between scores.

    Args:
        targets: 1 positive, 0 negative, NaN ignored.
        scores: any real number; higher means more likely.
        weights: at or above 0.

    Raises:
        ValueError: a target is not 0, 1 or NaN, or a score is not finite.

    Source: Davis and Goadrich 2006, on why not to interpolate.
    """
    positive, negative = _by_score(*_known(targets, scores, weights))
    hits = np.cumsum(positive[:, ::-1], axis=1)
    called = hits + np.cumsum(negative[:, ::-1], axis=1)
    precision = np.nan_to_num(_ratio(hits, called))
    total = positive.sum(axis=1)
    area = _ratio((precision * positive[:, ::-1]).sum(axis=1), total)
    return np.where(negative.sum(axis=1) > 0, area, np.nan)


def f1(targets: Samples, scores: Samples, weights: Weights, *, threshold: float) -> Values:
    """Harmonic mean of precision and recall, a score at or above the threshold called positive.

    Args:
        targets: 1 positive, 0 negative, NaN ignored.
        scores: any real number; higher means more likely.
        weights: at or above 0.
        threshold: in the unit of ``scores``, chosen on other data; NaN gives NaN.

    Raises:
        ValueError: a target is not 0, 1 or NaN, or a score is not finite.
    """
    targets, scores, weights = _known(targets, scores, weights)
    called = (scores >= threshold).astype(np.float64)
    hits, positive, negative = (weights @ row for row in (targets * called, targets, 1 - targets))
    value = _ratio(2 * hits, positive + weights @ called)
    defined = (positive > 0) & (negative > 0) & ~np.isnan(threshold)
    return np.where(defined, value, np.nan)


def brier(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Mean squared distance of the probability from the outcome; 0 is perfect.

    Args:
        targets: 1 positive, 0 negative, NaN ignored.
        scores: probabilities, in [0, 1].
        weights: at or above 0.

    Raises:
        ValueError: a target is not 0, 1 or NaN, or a score is not a probability.

    Source: Brier 1950.
    """
    targets, scores, weights = _known(targets, scores, weights)
    _require_probabilities(scores)
    return _ratio(weights @ (scores - targets) ** 2, weights.sum(axis=1))


def calibration_error(
    targets: Samples, scores: Samples, weights: Weights, *, bins: int = 10
) -> Values:
    """Expected calibration error: the mean gap between probability and frequency over bins.

    sum over bins b of |sum_{i in b} w_i (y_i - p_i)| / sum_i w_i, bins of equal width. It is
    biased upwards on small samples, and more so on their resamples: an interval of it may lie
    above the value itself.

    Args:
        targets: 1 positive, 0 negative, NaN ignored.
        scores: probabilities, in [0, 1].
        weights: at or above 0.
        bins: at least 1.

    Raises:
        ValueError: a target is not 0, 1 or NaN, or a score is not a probability.

    Source: Naeini 2015; Guo 2017 (arXiv:1706.04599) eq. 3.
    """
    targets, scores, weights = _known(targets, scores, weights)
    _require_probabilities(scores)
    member = probability_bins(scores, bins)[:, None] == np.arange(bins)
    gaps = weights @ (member * (targets - scores)[:, None])
    return _ratio(np.abs(gaps).sum(axis=1), weights.sum(axis=1))


def probability_bins(probabilities: Samples, bins: int) -> np.ndarray:
    """The bin of each probability, of equal width, the last one closed at 1."""
    return np.minimum((probabilities * bins).astype(np.int64), bins - 1)


def _known(
    targets: Samples, scores: Samples, weights: Weights
) -> tuple[
    Float[np.ndarray, " known"], Float[np.ndarray, " known"], Float[np.ndarray, "replicate known"]
]:
    known = ~np.isnan(targets)
    targets, scores = targets[known].astype(np.float64), scores[known].astype(np.float64)
    if not np.isin(targets, (0.0, 1.0)).all():
        raise ValueError("targets must be 0, 1 or NaN")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite where the target is known")
    return targets, scores, weights if known.all() else weights[:, known]


def _require_probabilities(scores: Samples) -> None:
    if ((scores < 0) | (scores > 1)).any():
        raise ValueError(f"scores must be probabilities in [0, 1], got {scores.tolist()[:3]} ...")


def _by_score(targets: Samples, scores: Samples, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Weight of the positives and of the negatives at each distinct score, ascending."""
    order = np.argsort(scores, kind="stable")
    weights, targets = weights[:, order], targets[order]
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf) > 0)
    positive, negative = weights * targets, weights * (1 - targets)
    if len(starts) < len(scores):
        positive = np.add.reduceat(positive, starts, axis=1)
        negative = np.add.reduceat(negative, starts, axis=1)
    return positive, negative


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
