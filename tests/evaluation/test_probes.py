"""The linear probe sees what is linear, chooses on validation, and takes its share by patient."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from crossbeat.errors import DataError
from crossbeat.metrics import auroc
from crossbeat.evaluation.probe import Embedded, LinearProbe


def embedded(seed: int, size: int = 300, dim: int = 5) -> Embedded:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(size, dim)) * np.array([1, 10, 0.1, 1, 1]) + 3
    logits = np.stack([features[:, 0] - 3, 5 * (features[:, 2] - 3)], axis=1)
    targets = (rng.random((size, 2)) < 1 / (1 + np.exp(-2 * logits))).astype(np.float64)
    return Embedded(features, targets, np.array([f"{seed}-{row // 3}" for row in range(size)]))


TRAIN, VAL, TEST = embedded(0), embedded(1), embedded(2)


def test_a_probe_finds_a_linear_direction_in_any_unit() -> None:
    scores = LinearProbe().fit(TRAIN, VAL).scores(TEST.features)
    for column in range(2):
        reached = auroc(TEST.targets[:, column], scores[:, column], np.ones((1, len(scores))))
        assert reached[0] > 0.7


def test_a_probe_is_logistic_regression_on_standardised_features() -> None:
    probe = LinearProbe(strengths=(0.1,)).fit(TRAIN, VAL)  # oracle: scikit-learn 1.9
    scaler = StandardScaler().fit(TRAIN.features)
    oracle = LogisticRegression(C=0.1).fit(scaler.transform(TRAIN.features), TRAIN.targets[:, 0])
    expected = oracle.decision_function(scaler.transform(TEST.features))
    np.testing.assert_allclose(probe.scores(TEST.features)[:, 0], expected, atol=1e-9)


def test_validation_chooses_the_strength() -> None:
    rng = np.random.default_rng(5)
    noisy = Embedded(
        np.concatenate([TRAIN.features, rng.normal(size=(300, 200))], axis=1),
        TRAIN.targets,
        TRAIN.patients,
    )
    val = Embedded(
        np.concatenate([VAL.features, rng.normal(size=(300, 200))], axis=1),
        VAL.targets,
        VAL.patients,
    )
    assert max(LinearProbe(strengths=(1e-3, 1e4)).fit(noisy, val).strengths) == 1e-3


def test_a_share_takes_whole_patients_and_grows() -> None:
    kept = [set(LinearProbe(share=share)._rows(TRAIN.patients)) for share in (0.1, 0.5, 1.0)]
    assert [len(rows) for rows in kept] == [30, 150, 300]
    assert kept[0] < kept[1] < kept[2]
    assert len({TRAIN.patients[row] for row in kept[0]}) == 10


def test_labels_outside_the_share_are_not_used() -> None:
    half = LinearProbe(share=0.5)
    outside = np.setdiff1d(np.arange(300), half._rows(TRAIN.patients))
    changed = TRAIN.targets.copy()
    changed[outside] = 1 - changed[outside]
    one = half.fit(TRAIN, VAL)
    other = half.fit(Embedded(TRAIN.features, changed, TRAIN.patients), VAL)
    np.testing.assert_array_equal(one.weights, other.weights)


def test_samples_without_a_label_are_left_out() -> None:
    hidden = TRAIN.targets.copy()
    hidden[::2, 0] = np.nan
    probe = LinearProbe().fit(Embedded(TRAIN.features, hidden, TRAIN.patients), VAL)
    assert np.isfinite(probe.weights).all()


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_a_share_must_be_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="share must be above 0 and at most 1"):
        LinearProbe(share=share).fit(TRAIN, VAL)


def test_a_class_that_is_absent_is_named() -> None:
    none = Embedded(VAL.features, VAL.targets * 0, VAL.patients)
    with pytest.raises(DataError, match="among its validation labels"):
        LinearProbe().fit(TRAIN, none)
    with pytest.raises(DataError, match="among its training labels"):
        LinearProbe().fit(none, VAL)
