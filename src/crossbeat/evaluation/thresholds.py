"""The threshold of a finding, chosen on validation data."""

import numpy as np

from crossbeat.metrics import Samples


def best_f1(targets: Samples, scores: Samples) -> float:
    """The threshold with the highest F1, midway between two neighbouring scores.

    Args:
        targets: of validation samples; 1 positive, 0 negative, NaN ignored.
        scores: any real number; higher means more likely.

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
    f1 = 2 * hits / (called + targets.sum())
    best = len(f1) - 1 - int(f1[::-1].argmax())
    return float(levels[best] if best == 0 else (levels[best - 1] + levels[best]) / 2)
