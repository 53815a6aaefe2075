"""Linear probes see what is linear, choose on validation, and take their share by patient."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from crossbeat.errors import DataError
from crossbeat.evaluation.probes import Embedded, fit_probe
from crossbeat.metrics import auroc
from crossbeat.targets import FINDING, MEASUREMENT


def embedded(seed: int, *, kind: Any = FINDING, size: int = 300, noise: int = 0) -> Embedded:
    """Two targets of five features in different units; the second measurement is noise."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(size, 5)) * np.array([1, 10, 0.1, 1, 1]) + 3
    logits = np.stack([features[:, 0] - 3, 5 * (features[:, 2] - 3)], axis=1)
    targets = (rng.random((size, 2)) < 1 / (1 + np.exp(-2 * logits))).astype(np.float64)
    if kind is MEASUREMENT:
        linear = 2 * features[:, 0] - features[:, 1]
        targets = np.stack([linear, np.full(size, 100.0)], axis=1) + rng.normal(size=(size, 2))
    patients = np.array([f"{seed}-{row // 3}" for row in range(size)])
    return Embedded(np.hstack([features, rng.normal(size=(size, noise))]), targets, patients)


TRAIN, VAL, TEST = (embedded(seed) for seed in range(3))
FEW = embedded(3, size=60)
IN_ML, IN_ML_VAL = (embedded(seed, kind=MEASUREMENT, size=60) for seed in range(2))
fit_logistic, fit_ridge = (partial(fit_probe, kind) for kind in (FINDING, MEASUREMENT))
RIDGE_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
FITS = [(fit_logistic, FEW, VAL), (fit_ridge, IN_ML, IN_ML_VAL)]
BOTH = pytest.mark.parametrize(("fit", "train", "val"), FITS)


def with_targets(split: Embedded, targets: np.ndarray) -> Embedded:
    return Embedded(split.features, targets, split.patients)


def test_a_probe_finds_a_linear_direction_in_any_unit():
    scores = fit_logistic(TRAIN, VAL).outputs(TEST.features)
    for column in range(2):
        reached = auroc(TEST.targets[:, column], scores[:, column], np.ones((1, len(scores))))
        assert reached[0] > 0.7


def test_a_probe_of_findings_is_logistic_regression_on_standardised_features():
    probe = fit_logistic(TRAIN, VAL, strengths=(0.1,))  # oracle: scikit-learn 1.9
    scaler = StandardScaler().fit(TRAIN.features)
    oracle = LogisticRegression(C=0.1).fit(scaler.transform(TRAIN.features), TRAIN.targets[:, 0])
    expected = oracle.decision_function(scaler.transform(TEST.features))
    np.testing.assert_allclose(probe.outputs(TEST.features)[:, 0], expected, atol=1e-9)


def test_a_probe_of_measurements_is_ridge_regression_with_the_strength_of_least_error():
    probe = fit_ridge(IN_ML, IN_ML_VAL)  # oracle: scikit-learn 1.9
    scaler = StandardScaler().fit(IN_ML.features)
    x, x_val = (scaler.transform(each.features) for each in (IN_ML, IN_ML_VAL))
    for column, strength in enumerate(probe.strengths):
        told = {
            each: Ridge(alpha=each).fit(x, IN_ML.targets[:, column]).predict(x_val)
            for each in RIDGE_STRENGTHS
        }
        errors = {s: np.mean((told[s] - IN_ML_VAL.targets[:, column]) ** 2) for s in told}
        assert strength == min(errors, key=errors.__getitem__)
        outputs = probe.outputs(IN_ML_VAL.features)[:, column]
        np.testing.assert_allclose(outputs, told[strength], rtol=1e-9)
    assert probe.strengths[0] < probe.strengths[1]  # the second measurement is noise


def test_validation_chooses_the_strength_of_each_finding():
    noisy, val = (embedded(seed, size=150, noise=100) for seed in range(2))
    strengths = (1e-3, 0.1, 1e4)
    reached = []
    for strength in strengths:
        outputs = fit_logistic(noisy, val, strengths=(strength,)).outputs(val.features)
        pairs = zip(val.targets.T, outputs.T, strict=True)
        reached.append([auroc(*pair, np.ones((1, 150)))[0] for pair in pairs])
    best = np.argmax(reached, axis=0)
    assert fit_logistic(noisy, val, strengths=strengths).strengths == tuple(
        strengths[each] for each in best
    )
    assert np.ptp(reached, axis=0).min() > 0


@BOTH
def test_targets_outside_the_share_are_not_used(fit, train, val):
    def used(share):
        """The patients whose targets change the probe."""
        once = {"share": share, "strengths": (1.0,)}
        whole = fit(train, val, **once).weights
        found = set()
        for patient in np.unique(train.patients)[:8]:
            changed = train.targets.copy()
            changed[train.patients == patient] = 1 - changed[train.patients == patient]
            other = fit(with_targets(train, changed), val, **once).weights
            found |= set() if np.array_equal(whole, other) else {patient}
        return found

    small, large = used(0.3), used(0.7)
    assert 0 < len(small) < len(large) < 8
    assert small < large


@BOTH
def test_rows_without_a_target_are_left_out(fit, train, val):
    hidden = train.targets.copy()
    hidden[::2, 0] = np.nan
    some, whole = fit(with_targets(train, hidden), val), fit(train, val)
    np.testing.assert_array_equal(some.weights[:, 1], whole.weights[:, 1])
    assert np.isfinite(some.weights).all()
    assert not np.array_equal(some.weights[:, 0], whole.weights[:, 0])


@BOTH
@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_must_be_a_share(fit, train, val, share):
    with pytest.raises(ValueError, match="share must be above 0 and at most 1"):
        fit(train, val, share=share)


def test_a_class_or_a_measurement_that_is_absent_is_named():
    none = with_targets(VAL, VAL.targets * 0)
    with pytest.raises(DataError, match="among its validation labels"):
        fit_logistic(TRAIN, none)
    with pytest.raises(DataError, match="among its training labels"):
        fit_logistic(none, VAL)
    empty = IN_ML.targets.copy()
    empty[:, 1] = np.nan
    for train, val in ((empty, IN_ML_VAL.targets), (IN_ML.targets, empty)):
        with pytest.raises(DataError, match="measurement 1 must be measured in two training rows"):
            fit_ridge(with_targets(IN_ML, train), with_targets(IN_ML_VAL, val))
