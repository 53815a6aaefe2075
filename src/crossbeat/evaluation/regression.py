"""Metrics of an estimated measurement, each for many weightings of the same rows at once.

They have the form of ``crossbeat.metrics``: a row of ``weights`` says how often each
row counts, rows whose truth is NaN are ignored, and an undefined metric is NaN.
"""

import numpy as np
from jaxtyping import Float

from crossbeat.evaluation.bootstrap import Resamples, distribution
from crossbeat.evaluation.choices import Distributions
from crossbeat.evaluation.estimates import Estimated
from crossbeat.metrics import Metric, Samples, Values, Weights


def r2(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Share of the variance that is explained: 1 - sum (t - e)^2 / sum (t - mean t)^2.

    1 is perfect, 0 as good as telling everyone the mean of these rows; it has no lower bound.

    Args:
        targets: the truth, NaN ignored.
        scores: the estimates, in the same unit.
        weights: at or above 0.

    Source: Draper and Smith 1998, section 1.3.
    """
    targets, scores, weights = _known(targets, scores, weights)
    left = weights @ (targets - scores) ** 2
    return 1 - _ratio(left, _spread(targets, weights))


def pearson(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Pearson's correlation; undefined where the truth or the estimates are all the same.

    Args:
        targets: the truth, NaN ignored.
        scores: the estimates.
        weights: at or above 0.

    Source: Pearson 1895.
    """
    targets, scores, weights = _known(targets, scores, weights)
    total = weights.sum(axis=1)
    both = weights @ (targets * scores) - _ratio((weights @ targets) * (weights @ scores), total)
    spreads = _spread(targets, weights) * _spread(scores, weights)
    return np.clip(_ratio(both, np.sqrt(spreads)), -1, 1)


def mae(targets: Samples, scores: Samples, weights: Weights) -> Values:
    """Mean absolute error, in the unit of the measurement.

    Args:
        targets: the truth, NaN ignored.
        scores: the estimates, in the same unit.
        weights: at or above 0.
    """
    targets, scores, weights = _known(targets, scores, weights)
    return _ratio(weights @ np.abs(targets - scores), weights.sum(axis=1))


REGRESSION: dict[str, Metric] = {"r2": r2, "pearson": pearson, "mae": mae}
"""The metrics of a measurement, in the order of the report."""


def measure_measurements(test: Estimated, weights: Resamples) -> Distributions:
    """Every metric of every measurement on every resample, then the mean over measurements.

    The last column is the mean. That of the mean absolute error is in standard deviations of the
    truth of ``test``, as measurements have different units.

    Args:
        test: the test split.
        weights: resamples of its patients.
    """
    columns = list(zip(test.truth.T, test.estimate.T, strict=True))
    found = {
        name: np.stack([distribution(metric, *column, weights) for column in columns], axis=1)
        for name, metric in REGRESSION.items()
    }
    scaled = found | {"mae": found["mae"] / deviations(test)}
    return {
        name: np.concatenate([values, scaled[name].mean(axis=1, keepdims=True)], axis=1)
        for name, values in found.items()
    }


def deviations(test: Estimated) -> Float[np.ndarray, " measurement"]:
    """The standard deviation of each measurement; NaN where it does not vary."""
    known = [truth[~np.isnan(truth)] for truth in test.truth.T]
    return np.array([each.std() if len(np.unique(each)) > 1 else np.nan for each in known])


def _known(
    targets: Samples, scores: Samples, weights: Weights
) -> tuple[
    Float[np.ndarray, " known"], Float[np.ndarray, " known"], Float[np.ndarray, "replicate known"]
]:
    """The rows whose truth is known, both sides about the mean of the truth."""
    known = ~np.isnan(targets)
    targets, scores = targets[known], scores[known]
    middle = targets.mean() if len(targets) else 0.0
    return targets - middle, scores - middle, weights if known.all() else weights[:, known]


def _spread(values: Samples, weights: Weights) -> Values:
    """Sum of squares about the weighted mean; 0 where rounding is all there is."""
    squares = weights @ values**2
    spread = squares - _ratio((weights @ values) ** 2, weights.sum(axis=1))
    return np.where(spread > 1e-12 * squares, spread, 0.0)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
