"""The points of ROC and calibration curves."""

import numpy as np
from jaxtyping import Float

from crossbeat.metrics import Samples

Points = Float[np.ndarray, " point"]

_NORMAL_95 = 1.959963984540054


def roc_points(targets: Samples, scores: Samples, *, most: int = 200) -> tuple[Points, Points]:
    """False and true positive rate at falling thresholds, from (0, 0) to (1, 1).

    Args:
        targets: 1 positive, 0 negative, NaN ignored; both classes must be there.
        scores: any real number; higher means more likely.
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
        targets: 1 positive, 0 negative, NaN ignored.
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
    mean = np.array([probabilities[group].mean() for group in groups], dtype=np.float64)
    frequency = np.array([targets[group].mean() for group in groups], dtype=np.float64)
    spread = _NORMAL_95**2 / size
    middle = (frequency + spread / 2) / (1 + spread)
    variance = frequency * (1 - frequency) / size + spread / (4 * size)
    half = _NORMAL_95 * np.sqrt(variance) / (1 + spread)
    return mean, frequency, middle - half, middle + half
