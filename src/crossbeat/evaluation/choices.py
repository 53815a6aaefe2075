"""What is chosen on validation, and what is measured on test with it.

``choose`` has no argument for the test split, and ``measure`` chooses nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from crossbeat import metrics
from crossbeat.evaluation.bootstrap import Resamples, distribution
from crossbeat.evaluation.calibration import Calibration, platt
from crossbeat.metrics import Metric, Samples, Values, Weights
from crossbeat.evaluation.predictions import Scored
from crossbeat.evaluation.thresholds import best_f1

Distributions = dict[str, Float[np.ndarray, "replicate finding"]]


@dataclass(frozen=True)
class Choice:
    """The threshold and the calibration of one finding.

    Args:
        threshold: in the unit of the scores; a score at or above it is called positive.
        calibration: from score to probability.
    """

    threshold: float
    calibration: Calibration


def choose(val: Scored) -> tuple[Choice, ...]:
    """The threshold with the best F1 and the Platt scaling of each finding.

    Args:
        val: the validation split.
    """
    return tuple(
        Choice(best_f1(targets, scores), platt(targets, scores))
        for targets, scores in zip(val.targets.T, val.scores.T, strict=True)
    )


def measure(choices: tuple[Choice, ...], test: Scored, weights: Resamples) -> Distributions:
    """Every metric of every finding on every resample.

    Args:
        choices: one per finding, made on validation.
        test: the test split, seen once.
        weights: resamples of the patients of ``test``.
    """
    columns = list(zip(choices, test.targets.T, test.scores.T, strict=True))
    return {
        name: np.stack(
            [
                distribution(metric(choice), targets, scores, weights)
                for choice, targets, scores in columns
            ],
            axis=1,
        )
        for name, metric in METRICS.items()
    }


def _calibrated(metric: Metric) -> Callable[[Choice], Metric]:
    def given(choice: Choice) -> Metric:
        def on_probabilities(targets: Samples, scores: Samples, weights: Weights) -> Values:
            probabilities = choice.calibration.probability(scores)
            if np.isnan(probabilities).any():
                return np.full(len(weights), np.nan)
            return metric(targets, probabilities, weights)

        return on_probabilities

    return given


METRICS: dict[str, Callable[[Choice], Metric]] = {
    "auroc": lambda _: metrics.auroc,
    "auprc": lambda _: metrics.auprc,
    "f1": lambda choice: partial(metrics.f1, threshold=choice.threshold),
    "calibration_error": _calibrated(metrics.calibration_error),
    "brier": _calibrated(metrics.brier),
}
"""The metrics of the results, in the order of the report."""
