"""The linear probe for measurements, beside scikit-learn's ridge regression."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Reference
from sklearn.preprocessing import StandardScaler

from crossbeat.errors import DataError
from crossbeat.evaluation.ridge import STRENGTHS, Described, fit_ridge

DRAW = np.random.default_rng(0)
FEATURES = DRAW.normal(size=(60, 5)) * [1, 5, 0.1, 1, 0] + 3
MEASURES = np.stack(
    [2 * FEATURES[:, 0] - FEATURES[:, 1] + DRAW.normal(size=60), DRAW.normal(size=60) + 100], axis=1
)
TRAIN = Described(FEATURES[:40], MEASURES[:40])
VAL = Described(FEATURES[40:], MEASURES[40:])


def test_it_is_scikit_learns_ridge_with_the_strength_that_validation_prefers() -> None:
    probe = fit_ridge(TRAIN, VAL)
    scale = StandardScaler().fit(TRAIN.features)
    for column, strength in enumerate(probe.strengths):
        told = {}
        for each in STRENGTHS:
            reference = Reference(alpha=each).fit(
                scale.transform(TRAIN.features), TRAIN.measures[:, column]
            )
            told[each] = reference.predict(scale.transform(VAL.features))
        errors = {each: np.mean((told[each] - VAL.measures[:, column]) ** 2) for each in told}
        assert strength == min(errors, key=errors.__getitem__)
        np.testing.assert_allclose(
            probe.estimate(VAL.features)[:, column], told[strength], rtol=1e-9
        )
    assert probe.strengths[0] < probe.strengths[1]  # the second measurement is noise


def test_rows_without_a_measure_do_not_count() -> None:
    holes = MEASURES.copy()
    holes[5:25, 0] = np.nan
    without = np.r_[0:5, 25:40]
    some = fit_ridge(Described(TRAIN.features, holes[:40]), VAL)
    np.testing.assert_array_equal(some.weights[:, 1], fit_ridge(TRAIN, VAL).weights[:, 1])
    alone = fit_ridge(Described(TRAIN.features[without], MEASURES[without]), VAL)
    near = np.corrcoef(some.estimate(VAL.features)[:, 0], alone.estimate(VAL.features)[:, 0])[0, 1]
    assert near > 0.9999


def test_a_measurement_that_nobody_has_is_refused() -> None:
    empty = MEASURES[:40].copy()
    empty[:, 1] = np.nan
    with pytest.raises(DataError, match="measurement 1 must be measured in two training rows and"):
        fit_ridge(Described(TRAIN.features, empty), VAL)
