"""Linear probe: how well a linear model on frozen embeddings predicts a finding."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from crossbeat.errors import DataError
from crossbeat.metrics import auroc


@dataclass(frozen=True)
class Embedded:
    """Embeddings of one split.

    Args:
        features: from a frozen encoder.
        targets: 1 positive, 0 negative, NaN ignored.
        patients: the patient of each sample.
    """

    features: Float[np.ndarray, "sample dim"]
    targets: Float[np.ndarray, "sample finding"]
    patients: Shaped[np.ndarray, " sample"]


@dataclass(frozen=True)
class Probe:
    """A fitted linear probe: score = features @ weights + bias.

    Args:
        weights: in the unit of the features.
        bias: log-odds at features 0.
        strengths: the inverse regularisation that validation chose for each finding.
    """

    weights: Float[np.ndarray, "dim finding"]
    bias: Float[np.ndarray, " finding"]
    strengths: tuple[float, ...]

    def scores(
        self, features: Float[np.ndarray, "sample dim"]
    ) -> Float[np.ndarray, "sample finding"]:
        """The log-odds of each finding."""
        return features @ self.weights + self.bias


@dataclass(frozen=True, kw_only=True)
class LinearProbe:
    """Logistic regression per finding on standardised embeddings.

    Args:
        share: of the training patients whose labels are used, above 0 and at most 1.
        seed: picks those patients; a smaller share is part of a larger one.
        strengths: inverse regularisations (scikit-learn's C) that validation chooses from.
    """

    share: float = 1.0
    seed: int = 0
    strengths: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0, 10.0)

    def fit(self, train: Embedded, val: Embedded) -> Probe:
        """Fits on a share of ``train``; the strength with the best AUROC on ``val`` wins.

        Args:
            train: the training split.
            val: the validation split.

        Raises:
            ValueError: ``share`` is not in (0, 1].
            DataError: a class of a finding is absent from the share or from ``val``.
        """
        rows = self._rows(train.patients)
        scaler = StandardScaler().fit(train.features[rows])
        columns = [
            self._fit_one(
                (scaler.transform(train.features[rows]), targets[rows]),
                (scaler.transform(val.features), val_targets),
            )
            for targets, val_targets in zip(train.targets.T, val.targets.T, strict=True)
        ]
        weights = np.stack([weight for _, weight, _ in columns], axis=1) / scaler.scale_[:, None]
        bias = np.array([bias for _, _, bias in columns]) - scaler.mean_ @ weights
        return Probe(weights, bias, tuple(strength for strength, _, _ in columns))

    def _rows(self, patients: np.ndarray) -> np.ndarray:
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, got {self.share}")
        names = np.unique(patients)
        order = np.random.default_rng(self.seed).permutation(len(names))
        kept = names[order[: max(1, round(self.share * len(names)))]]
        return np.flatnonzero(np.isin(patients, kept))

    def _fit_one(
        self, train: tuple[np.ndarray, np.ndarray], val: tuple[np.ndarray, np.ndarray]
    ) -> tuple[float, np.ndarray, float]:
        for name, (_, targets) in (("training", train), ("validation", val)):
            if not {0.0, 1.0} <= set(targets[~np.isnan(targets)].tolist()):
                raise DataError(
                    f"a probe needs positives and negatives among its {name} labels, got one "
                    f"class at a share of {self.share:g}; use a larger share or more patients"
                )
        known = ~np.isnan(train[1])
        once = np.ones((1, len(val[1])))
        best: tuple[float, float, np.ndarray, float] | None = None
        for strength in self.strengths:
            fitted = LogisticRegression(C=strength, max_iter=2000)
            fitted.fit(train[0][known], train[1][known])
            weight, bias = fitted.coef_[0], float(fitted.intercept_[0])
            reached = float(auroc(val[1], val[0] @ weight, once)[0])
            if best is None or reached > best[0]:
                best = (reached, strength, weight, bias)
        assert best is not None
        return best[1:]
