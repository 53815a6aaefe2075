"""From a score to a probability: Platt scaling, fitted on validation data."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import Bounds, minimize
from scipy.special import expit

from crossbeat.metrics import Samples


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
    """Maximum-likelihood Platt scaling with Platt's smoothed targets and a slope of at least 0.

    With P positives and N negatives, positives aim at (P + 1) / (P + 2) and negatives at
    1 / (N + 2), which keeps perfectly separated scores finite. A score that points the wrong way
    gets slope 0 (the prevalence for everyone) instead of being turned round.

    Args:
        targets: of validation samples; 1 positive, 0 negative, NaN ignored.
        scores: any real number; higher means more likely.

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

    start = np.array([0.0, np.log(positives / negatives)])
    rising = Bounds(np.array([0, -np.inf]), np.array([np.inf, np.inf]))
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=rising,
        options={"ftol": 1e-14, "gtol": 1e-10},
    )
    slope = float(found.x[0] / spread)
    return Calibration(slope, float(found.x[1] - slope * centre))
