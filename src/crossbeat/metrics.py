"""Metrics of a finding and of a measurement, and what is chosen on validation for them.

A metric takes many weightings of the same samples at once: a row of ``weights`` (at or above 0)
says how often each sample counts, and a bootstrap passes one row per resample. Of a finding the
``targets`` are 1 for positive and 0 for negative and ``scores`` any real numbers, higher for more
likely; of a measurement both are in its unit. Samples whose target is NaN are ignored. Where a
metric has no value (a class is absent, nothing varies, nothing is left) the answer is NaN, which
results write as null: never a silent 0.5.

Metrics of a finding raise a ``ValueError`` if a target is not 0, 1 or NaN or a score is not finite.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float
from scipy.optimize import Bounds, minimize
from scipy.special import expit

Samples = Float[np.ndarray, " sample"]
Weights = Float[np.ndarray, "replicate sample"]
Values = Float[np.ndarray, " replicate"]
Points = Float[np.ndarray, " point"]

Metric = Callable[[Samples, Samples, Weights], Values]
"""What a bootstrap resamples: targets, scores and weights to one value per row of weights."""

_Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Targets, scores and weights."""

MEAN = "mean"
"""The name under which the mean over the targets stands beside them."""

_NORMAL_95 = 1.959963984540054


def auroc(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Probability that a positive outscores a negative; a tie counts one half.

    Source: Hanley and McNeil 1982.
    """
    positive, negative = _by_score(*_labelled(targets, scores, weights))
    below = np.cumsum(negative, axis=1) - negative
    wins = (positive * (below + negative / 2)).sum(axis=1)
    return _ratio(wins, positive.sum(axis=1) * negative.sum(axis=1))


def auprc(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Average precision: the mean over positives of the precision at their score.

    Chance level is the prevalence. There is no interpolation between scores.

    Source: Davis and Goadrich 2006, on why not to interpolate.
    """
    positive, negative = _by_score(*_labelled(targets, scores, weights))
    hits = np.cumsum(positive[:, ::-1], axis=1)
    called = hits + np.cumsum(negative[:, ::-1], axis=1)
    precision = np.nan_to_num(_ratio(hits, called))
    total = positive.sum(axis=1)
    area = _ratio((precision * positive[:, ::-1]).sum(axis=1), total)
    return np.where(negative.sum(axis=1) > 0, area, np.nan)


def f1(targets: Samples, scores: Samples, weights: Weights, *, threshold: float) -> Values:
    """Harmonic mean of precision and recall, a score at or above the threshold called positive.

    Args:
        threshold: in the unit of ``scores``, chosen on other data; NaN gives NaN.
    """
    targets, scores, weights = _labelled(targets, scores, weights)
    called = (scores >= threshold).astype(np.float64)
    hits, positive, negative = (weights @ row for row in (targets * called, targets, 1 - targets))
    value = _ratio(2 * hits, positive + weights @ called)
    defined = (positive > 0) & (negative > 0) & ~np.isnan(threshold)
    return np.where(defined, value, np.nan)


def brier(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Mean squared distance of the probability from the outcome; 0 is perfect.

    Raises:
        ValueError: also if a score is not a probability.

    Source: Brier 1950.
    """
    targets, scores, weights = _labelled(targets, scores, weights, probabilities=True)
    return _ratio(weights @ (scores - targets) ** 2, weights.sum(axis=1))


def calibration_error(
    targets: Samples, scores: Samples, weights: Weights, *, bins: int = 10
) -> Values:
    """Expected calibration error: the mean gap between probability and frequency over bins.

    sum over bins b of |sum_{i in b} w_i (y_i - p_i)| / sum_i w_i, bins of equal width. It is
    biased upwards on small samples, and more so on their resamples: an interval of it may lie
    above the value itself.

    Args:
        bins: at least 1.

    Raises:
        ValueError: also if a score is not a probability.

    Source: Naeini 2015; Guo 2017 (arXiv:1706.04599) eq. 3.
    """
    targets, scores, weights = _labelled(targets, scores, weights, probabilities=True)
    member = np.minimum((scores * bins).astype(np.int64), bins - 1)[:, None] == np.arange(bins)
    gaps = weights @ (member * (targets - scores)[:, None])
    return _ratio(np.abs(gaps).sum(axis=1), weights.sum(axis=1))


def r2(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Share of the variance that is explained: 1 - sum (t - e)^2 / sum (t - mean t)^2.

    1 is perfect, 0 as good as telling everyone the mean of these rows; it has no lower bound.

    Source: Draper and Smith 1998, section 1.3.
    """
    targets, scores, weights = _centred(targets, scores, weights)
    return 1 - _ratio(weights @ (targets - scores) ** 2, _spread(targets, weights))


def pearson(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Pearson's correlation; undefined where the truth or the estimates are all the same.

    Source: Pearson 1895.
    """
    targets, scores, weights = _centred(targets, scores, weights)
    total = weights.sum(axis=1)
    both = weights @ (targets * scores) - _ratio((weights @ targets) * (weights @ scores), total)
    spreads = _spread(targets, weights) * _spread(scores, weights)
    return np.clip(_ratio(both, np.sqrt(spreads)), -1, 1)


def mae(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Mean absolute error, in the unit of the measurement."""
    targets, scores, weights = _centred(targets, scores, weights)
    return _ratio(weights @ np.abs(targets - scores), weights.sum(axis=1))


def limit_of_agreement(
    targets: Samples, scores: Samples, weights: Weights, *, deviations: float
) -> Values:
    """The mean error (score minus target) and so many of its standard deviations.

    Args:
        deviations: 0 for the bias, ±1.96 for the limits of agreement.

    Source: Bland and Altman 1986 (Lancet 327:307).
    """
    known = ~np.isnan(targets)
    errors, weights = (scores - targets)[known], weights[:, known]
    total = weights.sum(axis=1)
    count = np.where(total > 1, total, 2.0)
    mean = weights @ errors / count
    squares = weights @ errors**2 - count * mean**2
    deviation = np.sqrt(np.clip(squares, 0, None) / (count - 1))
    return np.where(total > 1, mean + deviations * deviation, np.nan)


def best_f1(targets: Samples, scores: Samples) -> float:
    """The threshold with the highest F1 on validation, midway between two neighbouring scores.

    Returns:
        In the unit of ``scores``; the highest of equally good thresholds; NaN where a class is
        absent.
    """
    known = ~np.isnan(targets)
    targets, scores = targets[known].astype(np.float64), scores[known].astype(np.float64)
    if len(np.unique(targets)) < 2:
        return float("nan")
    levels, level = np.unique(scores, return_inverse=True)
    called = np.bincount(level)[::-1].cumsum()[::-1]
    hits = np.bincount(level, weights=targets)[::-1].cumsum()[::-1]
    values = 2 * hits / (called + targets.sum())
    best = len(values) - 1 - int(values[::-1].argmax())
    return float(levels[best] if best == 0 else (levels[best - 1] + levels[best]) / 2)


@dataclass(frozen=True)
class Calibration:
    """probability = sigmoid(slope * score + intercept).

    Args:
        slope: at or above 0, so that the order of scores is kept; NaN if it could not be fitted.
        intercept: log-odds at score 0; NaN if it could not be fitted.
    """

    slope: float
    intercept: float

    def probability(self, scores: Float[np.ndarray, "*sample"]) -> Float[np.ndarray, "*sample"]:
        """The calibrated probability of each score, in [0, 1]."""
        return expit(self.slope * scores.astype(np.float64) + self.intercept)


def platt(targets: Samples, scores: Samples) -> Calibration:
    """Maximum-likelihood Platt scaling on validation: smoothed targets, a slope of at least 0.

    With P positives and N negatives, positives aim at (P + 1) / (P + 2) and negatives at
    1 / (N + 2), which keeps perfectly separated scores finite. A score that points the wrong way
    gets slope 0 (the prevalence for everyone) instead of being turned round.

    Returns:
        NaN for both values where a class is absent.

    Source: Platt 1999, the sigmoid and its targets.
    """
    known = ~np.isnan(targets)
    targets, scores = targets[known].astype(np.float64), scores[known].astype(np.float64)
    positives, negatives = targets.sum(), (1 - targets).sum()
    if positives == 0 or negatives == 0:
        return Calibration(float("nan"), float("nan"))
    goals = np.where(targets == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, spread = scores.mean(), scores.std() or 1.0
    unit = (scores - centre) / spread

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits = values[0] * unit + values[1]
        gap = expit(logits) - goals
        surprise = np.logaddexp(0, logits) - goals * logits
        return float(surprise.mean()), np.array([(gap * unit).mean(), gap.mean()])

    found = minimize(
        loss,
        np.array([0.0, np.log(positives / negatives)]),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(np.array([0, -np.inf]), np.array([np.inf, np.inf])),
        options={"ftol": 1e-14, "gtol": 1e-10},
    )
    slope = float(found.x[0] / spread)
    return Calibration(slope, float(found.x[1] - slope * centre))


@dataclass(frozen=True)
class Choice:
    """The threshold and the calibration of one finding.

    Args:
        threshold: in the unit of the scores; a score at or above it is called positive.
        calibration: from score to probability.
    """

    threshold: float
    calibration: Calibration

    @classmethod
    def of(cls, targets: Samples, scores: Samples) -> "Choice":
        """The threshold with the best F1 and the Platt scaling, from validation."""
        return cls(best_f1(targets, scores), platt(targets, scores))


FINDING_METRICS: Mapping[str, Callable[[Choice], Metric]] = {
    "auroc": lambda _: auroc,
    "auprc": lambda _: auprc,
    "f1": lambda choice: partial(f1, threshold=choice.threshold),
    "calibration_error": lambda choice: partial(_on_probabilities, calibration_error, choice),
    "brier": lambda choice: partial(_on_probabilities, brier, choice),
}
"""The metrics of a finding, in the order of the report; each uses what was chosen on validation."""

MEASUREMENT_METRICS: Mapping[str, Metric] = {"r2": r2, "pearson": pearson, "mae": mae}
"""The metrics of a measurement, in the order of the report."""


def _on_probabilities(
    metric: Metric, choice: Choice, targets: Samples, scores: Samples, weights: Weights
) -> Values:
    probabilities = choice.calibration.probability(scores)
    if np.isnan(probabilities).any():
        return np.full(len(weights), np.nan)
    return metric(targets, probabilities, weights)


def roc_points(targets: Samples, scores: Samples, *, most: int = 200) -> tuple[Points, Points]:
    """False and true positive rate at falling thresholds, from (0, 0) to (1, 1).

    Args:
        most: points kept, evenly spread along the curve.

    Raises:
        ValueError: a class is absent.
    """
    known = ~np.isnan(targets)
    targets, scores = targets[known], scores[known]
    if len(np.unique(targets)) < 2:
        raise ValueError("a ROC curve needs positives and negatives, got one class")
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits, false = (np.cumsum(column[order])[ends] for column in (targets, 1 - targets))
    rates = [np.append(0.0, count / count[-1]) for count in (false, hits)]
    kept = np.unique(np.linspace(0, len(ends), min(most, len(ends) + 1)).round().astype(int))
    return rates[0][kept], rates[1][kept]


def calibration_points(
    targets: Samples, probabilities: Samples, *, bins: int = 10
) -> tuple[Points, Points, Points, Points]:
    """Mean probability, frequency, and the frequency's 95 % interval in bins of equal size.

    Args:
        probabilities: in [0, 1].
        bins: groups of neighbouring probabilities, fewer if there are fewer samples.

    Raises:
        ValueError: there is no sample with a label.

    Source: Wilson 1927 (the interval).
    """
    known = np.flatnonzero(~np.isnan(targets))
    if len(known) == 0:
        raise ValueError("a calibration curve needs labels, got none")
    order = known[np.argsort(probabilities[known], kind="stable")]
    groups = np.array_split(order, min(bins, len(order)))
    size = np.array([len(group) for group in groups], dtype=np.float64)
    mean, frequency = (
        np.array([values[group].mean() for group in groups], dtype=np.float64)
        for values in (probabilities, targets)
    )
    spread = _NORMAL_95**2 / size
    middle = (frequency + spread / 2) / (1 + spread)
    variance = frequency * (1 - frequency) / size + spread / (4 * size)
    half = _NORMAL_95 * np.sqrt(variance) / (1 + spread)
    return mean, frequency, middle - half, middle + half


def _known(targets: Samples, scores: Samples, weights: Weights) -> _Rows:
    known = ~np.isnan(targets)
    targets, scores = targets[known].astype(np.float64), scores[known].astype(np.float64)
    return targets, scores, weights if known.all() else weights[:, known]


def _labelled(
    targets: Samples, scores: Samples, weights: Weights, *, probabilities: bool = False
) -> _Rows:
    targets, scores, weights = _known(targets, scores, weights)
    if not np.isin(targets, (0.0, 1.0)).all():
        raise ValueError("targets must be 0, 1 or NaN")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite where the target is known")
    if probabilities and ((scores < 0) | (scores > 1)).any():
        raise ValueError(f"scores must be probabilities in [0, 1], got {scores.tolist()[:3]} ...")
    return targets, scores, weights


def _centred(targets: Samples, scores: Samples, weights: Weights) -> _Rows:
    """The rows whose truth is known, both sides about the mean of the truth."""
    targets, scores, weights = _known(targets, scores, weights)
    middle = targets.mean() if len(targets) else 0.0
    return targets - middle, scores - middle, weights


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


def _spread(values: Samples, weights: Weights) -> Values:
    """Sum of squares about the weighted mean; 0 where rounding is all there is."""
    squares = weights @ values**2
    spread = squares - _ratio((weights @ values) ** 2, weights.sum(axis=1))
    return np.where(spread > 1e-12 * squares, spread, 0.0)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
