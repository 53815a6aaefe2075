"""Models of scikit-learn for each kind of target: linear probes of embeddings, and trees.

A probe shows how well a linear model on frozen embeddings predicts findings or measurements.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from crossbeat.errors import DataError
from crossbeat.metrics import auroc
from crossbeat.targets import FINDING, MEASUREMENT, Kind

Told = Callable[[Float[np.ndarray, "row input"]], Float[np.ndarray, " row"]]
"""A fitted model of one target."""


@dataclass(frozen=True)
class Embedded:
    """Embeddings and targets of one split; of findings 1 and 0, NaN ignored."""

    features: Float[np.ndarray, "row dim"]
    targets: Float[np.ndarray, "row target"]
    patients: Shaped[np.ndarray, " row"]


@dataclass(frozen=True)
class Probe:
    """A fitted linear probe: output = features @ weights + bias."""

    weights: Float[np.ndarray, "dim target"]
    bias: Float[np.ndarray, " target"]
    strengths: tuple[float, ...]

    def outputs(self, features: Float[np.ndarray, "row dim"]) -> Float[np.ndarray, "row target"]:
        """The log-odds of each finding, or each measurement in its unit."""
        return features @ self.weights + self.bias


def fit_probe(
    kind: Kind,
    train: Embedded,
    val: Embedded,
    *,
    share: float = 1.0,
    seed: int = 0,
    strengths: tuple[float, ...] = (),
) -> Probe:
    """Logistic regression of each finding, or ridge regression of each measurement.

    Features are standardised. Of several strengths the one with the best AUROC or the least squared
    error on ``val`` wins, for each target by itself.

    Args:
        share: of the training patients whose targets are used, above 0 and at most 1.
        seed: picks those patients; a smaller share is part of a larger one.
        strengths: that validation chooses from: of findings inverse regularisations (scikit-learn's
            C), of measurements weights of the penalty; empty for those of the kind.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    names = np.unique(train.patients)
    order = np.random.default_rng(seed).permutation(len(names))
    kept = np.isin(train.patients, names[order[: max(1, round(share * len(names)))]])
    targets = train.targets[kept].astype(np.float64)
    way = FITS[kind.name]
    way.require(targets, val.targets, share)
    scaler = StandardScaler().fit(train.features[kept])
    x, x_val = (scaler.transform(each) for each in (train.features[kept], val.features))
    chosen, weights, biases = [], [], []
    for learned, wanted in zip(targets.T, val.targets.T, strict=True):
        known = ~np.isnan(learned)
        fits = {
            each: way.fit(x[known], learned[known], each) for each in strengths or way.strengths
        }
        losses = {
            each: way.loss(wanted, x_val @ weight + bias) for each, (weight, bias) in fits.items()
        }
        chosen.append(min(losses, key=losses.__getitem__))
        weights.append(fits[chosen[-1]][0] / scaler.scale_)
        biases.append(fits[chosen[-1]][1] - scaler.mean_ @ weights[-1])
    return Probe(np.stack(weights, axis=1), np.array(biases), tuple(chosen))


def fit_trees(
    kind: Kind, x: Float[np.ndarray, "row input"], y: Float[np.ndarray, " row"], *, seed: int
) -> Told:
    """Boosted trees of one target; returns what they tell, as log-odds or in the target's unit.

    Args:
        y: NaN is ignored.
    """
    known = ~np.isnan(y)
    with threadpool_limits(1):  # threads that wait for each other cost more than they save
        return FITS[kind.name].trees(x[known], y[known], seed)


@dataclass(frozen=True)
class Fit:
    """How a kind of target is fitted.

    Args:
        strengths: of regularisation, that validation chooses from.
        require: raises an error if targets of training and validation at a share do not suffice.
        fit: weights and bias of a linear model, from inputs, targets and a strength.
        loss: of targets and outputs; the least chooses.
        trees: boosted trees, from inputs, targets and a seed.
    """

    strengths: tuple[float, ...]
    require: Callable[[np.ndarray, np.ndarray, float], None]
    fit: Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, float]]
    loss: Callable[[np.ndarray, np.ndarray], float]
    trees: Callable[[np.ndarray, np.ndarray, int], Told]


def _require_classes(train: np.ndarray, val: np.ndarray, share: float) -> None:
    for name, targets in (("training", train), ("validation", val)):
        if not all({0.0, 1.0} <= set(column[~np.isnan(column)].tolist()) for column in targets.T):
            raise DataError(
                f"a probe needs positives and negatives among its {name} labels, got one class at "
                f"a share of {share:g}; use a larger share or more patients"
            )


def _logistic(x: np.ndarray, y: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    fitted = LogisticRegression(C=strength, max_iter=2000).fit(x, y)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _missed_auroc(targets: np.ndarray, outputs: np.ndarray) -> float:
    return 1 - float(auroc(targets, outputs, np.ones((1, len(targets))))[0])


def _require_measured(train: np.ndarray, val: np.ndarray, _: float) -> None:
    numbers = ((~np.isnan(each)).sum(axis=0).tolist() for each in (train, val))
    for column, (num, num_val) in enumerate(zip(*numbers, strict=True)):
        if num < 2 or not num_val:
            raise DataError(
                f"measurement {column} must be measured in two training rows and a validation row, "
                f"got {num} and {num_val}; leave it out, or use more patients"
            )


def _ridge(x: np.ndarray, y: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    middle = x.mean(axis=0)
    square = (x - middle).T @ (x - middle) + strength * np.eye(x.shape[1])
    weights = np.linalg.solve(square, (x - middle).T @ (y - y.mean()))
    return weights, float(y.mean() - middle @ weights)


def _squared_error(targets: np.ndarray, outputs: np.ndarray) -> float:
    return float(np.nanmean((outputs - targets) ** 2))


_RATE = 0.05


def _classifier(x: np.ndarray, y: np.ndarray, seed: int) -> Told:
    trees = HistGradientBoostingClassifier(learning_rate=_RATE, random_state=seed)
    return trees.fit(x, y).decision_function


def _regressor(x: np.ndarray, y: np.ndarray, seed: int) -> Told:
    trees = HistGradientBoostingRegressor(learning_rate=_RATE, random_state=seed)
    return trees.fit(x, y).predict


FITS: Mapping[str, Fit] = {
    FINDING.name: Fit(
        strengths=(0.001, 0.01, 0.1, 1.0, 10.0),
        require=_require_classes,
        fit=_logistic,
        loss=_missed_auroc,
        trees=_classifier,
    ),
    MEASUREMENT.name: Fit(
        strengths=(0.1, 1.0, 10.0, 100.0, 1000.0),
        require=_require_measured,
        fit=_ridge,
        loss=_squared_error,
        trees=_regressor,
    ),
}
"""By the name of the kind. It is not a part of ``Kind``, because scikit-learn is slow to import and
most commands do not need it."""
