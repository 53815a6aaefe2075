"""Linear probes: how well a linear model on frozen embeddings predicts findings or measurements."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from crossbeat.errors import DataError
from crossbeat.metrics import auroc
from crossbeat.targets import FINDING, MEASUREMENT

LOGISTIC_STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Inverse regularisations (scikit-learn's C) that validation chooses from."""

RIDGE_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Weights of the penalty that validation chooses from."""


@dataclass(frozen=True)
class Embedded:
    """Embeddings of one split.

    Args:
        features: from a frozen encoder.
        targets: of findings 1 positive and 0 negative, of measurements in their units; NaN ignored.
        patients: the patient of each row.
    """

    features: Float[np.ndarray, "row dim"]
    targets: Float[np.ndarray, "row target"]
    patients: Shaped[np.ndarray, " row"]


@dataclass(frozen=True)
class Probe:
    """A fitted linear probe: output = features @ weights + bias.

    Args:
        weights: in the unit of the features and of each target.
        bias: the output at features 0.
        strengths: what validation chose for each target.
    """

    weights: Float[np.ndarray, "dim target"]
    bias: Float[np.ndarray, " target"]
    strengths: tuple[float, ...]

    def outputs(self, features: Float[np.ndarray, "row dim"]) -> Float[np.ndarray, "row target"]:
        """The log-odds of each finding, or each measurement in its unit."""
        return features @ self.weights + self.bias


def fit_logistic(
    train: Embedded,
    val: Embedded,
    *,
    share: float = 1.0,
    seed: int = 0,
    strengths: tuple[float, ...] = LOGISTIC_STRENGTHS,
) -> Probe:
    """Logistic regression of each finding; the strength with the best AUROC on ``val`` wins.

    Args:
        train: the training split.
        val: the validation split.
        share: of the training patients whose labels are used, above 0 and at most 1.
        seed: picks those patients; a smaller share is part of a larger one.
        strengths: that validation chooses from.

    Raises:
        ValueError: ``share`` is not in (0, 1].
        DataError: a class of a finding is absent from the share or from ``val``.
    """
    rows = _rows(train.patients, share, seed)
    for name, targets in (("training", train.targets[rows]), ("validation", val.targets)):
        if not all({0.0, 1.0} <= set(column[~np.isnan(column)].tolist()) for column in targets.T):
            raise DataError(
                f"a probe needs positives and negatives among its {name} labels, got one class at "
                f"a share of {share:g}; use a larger share or more patients"
            )
    scaler = StandardScaler().fit(train.features[rows])
    x, x_val = scaler.transform(train.features[rows]), scaler.transform(val.features)
    once = np.ones((1, len(x_val)))

    def fit(column: int, strength: float) -> tuple[float, np.ndarray, float]:
        targets = train.targets[rows, column]
        known = ~np.isnan(targets)
        fitted = LogisticRegression(C=strength, max_iter=2000).fit(x[known], targets[known])
        reached = auroc(val.targets[:, column], x_val @ fitted.coef_[0], once)[0]
        return -float(reached), fitted.coef_[0], float(fitted.intercept_[0])

    return _best(fit, strengths, train.targets.shape[1], scaler.mean_, scaler.scale_)


def fit_ridge(
    train: Embedded,
    val: Embedded,
    *,
    share: float = 1.0,
    seed: int = 0,
    strengths: tuple[float, ...] = RIDGE_STRENGTHS,
) -> Probe:
    """Ridge regression of each measurement; the strength with the least error on ``val`` wins.

    Args:
        train: the training split.
        val: the validation split.
        share: of the training patients whose measurements are used, above 0 and at most 1.
        seed: picks those patients; a smaller share is part of a larger one.
        strengths: that validation chooses from.

    Raises:
        ValueError: ``share`` is not in (0, 1].
        DataError: a measurement was measured in fewer than two training rows, or in no validation
            row.
    """
    rows = _rows(train.patients, share, seed)
    targets = train.targets[rows].astype(np.float64)
    known, known_val = ~np.isnan(targets), ~np.isnan(val.targets)
    for column, (num, num_val) in enumerate(
        zip(known.sum(axis=0), known_val.sum(axis=0), strict=True)
    ):
        if num < 2 or not num_val:
            raise DataError(
                f"measurement {column} must be measured in two training rows and a validation row, "
                f"got {num} and {num_val}; leave it out, or use more patients"
            )
    features = train.features[rows].astype(np.float64)
    center, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    x, x_val = (features - center) / spread, (val.features - center) / spread

    def fit(column: int, strength: float) -> tuple[float, np.ndarray, float]:
        mine, wanted = x[known[:, column]], targets[known[:, column], column]
        middle = mine.mean(axis=0)
        square = (mine - middle).T @ (mine - middle) + strength * np.eye(mine.shape[1])
        weight = np.linalg.solve(square, (mine - middle).T @ (wanted - wanted.mean()))
        bias = float(wanted.mean() - middle @ weight)
        held = known_val[:, column]
        errors = x_val[held] @ weight + bias - val.targets[held, column]
        return float(np.mean(errors**2)), weight, bias

    return _best(fit, strengths, targets.shape[1], center, spread)


PROBES: Mapping[str, Callable[..., Probe]] = {
    FINDING.name: fit_logistic,
    MEASUREMENT.name: fit_ridge,
}
"""By the kind of the targets."""


def _rows(patients: np.ndarray, share: float, seed: int) -> np.ndarray:
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    names = np.unique(patients)
    order = np.random.default_rng(seed).permutation(len(names))
    kept = names[order[: max(1, round(share * len(names)))]]
    return np.flatnonzero(np.isin(patients, kept))


def _best(
    fit: Callable[[int, float], tuple[float, np.ndarray, float]],
    strengths: tuple[float, ...],
    columns: int,
    center: np.ndarray,
    spread: np.ndarray,
) -> Probe:
    """The fit of the least loss of each column, in the unit of the features."""
    fitted = [{each: fit(column, each) for each in strengths} for column in range(columns)]
    chosen = [min(each, key=lambda strength: each[strength][0]) for each in fitted]
    found = [each[strength] for each, strength in zip(fitted, chosen, strict=True)]
    weights = np.stack([weight for _, weight, _ in found], axis=1) / spread[:, None]
    bias = np.array([bias for _, _, bias in found]) - center @ weights
    return Probe(weights, bias, tuple(chosen))
