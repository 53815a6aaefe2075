"""Linear probe for measurements: how much of them a plane through frozen embeddings can tell."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from crossbeat.errors import DataError

STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Weights of the penalty that validation chooses from."""


@dataclass(frozen=True)
class Described:
    """Embeddings of one split, with the measurements of the same patients.

    Args:
        features: from a frozen encoder.
        measures: measurements; NaN where one was not measured.
    """

    features: Float[np.ndarray, "row dim"]
    measures: Float[np.ndarray, "row measurement"]


@dataclass(frozen=True)
class Ridge:
    """A fitted probe: estimate = (features - center) / spread @ weights + mean.

    Args:
        center: mean of each feature.
        spread: standard deviation of each feature, 1 where it does not vary.
        weights: in the unit of each measurement.
        mean: of each measurement where all features are at their center.
        strengths: the penalty that validation chose for each measurement.
    """

    center: Float64[np.ndarray, " dim"]
    spread: Float64[np.ndarray, " dim"]
    weights: Float64[np.ndarray, "dim measurement"]
    mean: Float64[np.ndarray, " measurement"]
    strengths: tuple[float, ...]

    def estimate(
        self, features: Float[np.ndarray, "row dim"]
    ) -> Float64[np.ndarray, "row measurement"]:
        """The measurements in their units."""
        return (features - self.center) / self.spread @ self.weights + self.mean


def fit_ridge(train: Described, val: Described) -> Ridge:
    """Ridge regression of each measurement; validation chooses how strongly weights are held back.

    Args:
        train: what it learns from.
        val: what chooses; other patients.

    Raises:
        DataError: a measurement was measured in fewer than two training rows, or in no validation
            row.
    """
    features, measures = train.features.astype(np.float64), train.measures
    center, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    x, x_val = (features - center) / spread, (val.features - center) / spread
    weights, means, strengths = [], [], []
    for column in range(measures.shape[1]):
        known, known_val = (~np.isnan(each[:, column]) for each in (measures, val.measures))
        if known.sum() < 2 or not known_val.any():
            raise DataError(
                f"measurement {column} must be measured in two training rows and a validation row, "
                f"got {known.sum()} and {known_val.sum()}; leave it out, or use more patients"
            )
        fitted = {each: _fit(x[known], measures[known, column], each) for each in STRENGTHS}
        wanted = val.measures[known_val, column]
        errors = {
            strength: np.mean((x_val[known_val] @ weight + bias - wanted) ** 2)
            for strength, (weight, bias) in fitted.items()
        }
        best = min(errors, key=lambda strength: errors[strength])
        weights.append(fitted[best][0])
        means.append(fitted[best][1])
        strengths.append(best)
    return Ridge(center, spread, np.stack(weights, axis=1), np.array(means), tuple(strengths))


def _fit(x: np.ndarray, y: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Weights, and the estimate at the mean of all training rows."""
    middle = x.mean(axis=0)
    square = (x - middle).T @ (x - middle) + strength * np.eye(x.shape[1])
    weights = np.linalg.solve(square, (x - middle).T @ (y - y.mean()))
    return weights, float(y.mean() - middle @ weights)
