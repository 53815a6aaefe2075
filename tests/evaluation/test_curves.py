"""The points of ROC and calibration curves."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from crossbeat.evaluation.curves import calibration_points, roc_points
from crossbeat.metrics import auroc

TARGETS = np.array([0.0, 0.0, 1.0, 1.0])
SCORES = np.array([0.1, 0.4, 0.35, 0.8])


def test_the_roc_curve_steps_at_each_score() -> None:
    false, true = roc_points(TARGETS, SCORES)
    assert false.tolist() == [0, 0, 0.5, 0.5, 1]
    assert true.tolist() == [0, 0.5, 0.5, 1, 1]


def test_the_roc_curve_agrees_with_scikit_learn_and_encloses_the_auroc() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random(150) < 0.3).astype(np.float64)
    scores = np.round(targets + rng.normal(size=150), 1)  # ties
    false, true = roc_points(targets, scores)
    expected = roc_curve(targets, scores, drop_intermediate=False)  # scikit-learn 1.9
    np.testing.assert_allclose(false, expected[0])
    np.testing.assert_allclose(true, expected[1])
    area = np.trapezoid(true, false)
    assert area == pytest.approx(auroc(targets, scores, np.ones((1, 150)))[0])


def test_a_thinned_curve_keeps_its_ends() -> None:
    rng = np.random.default_rng(1)
    false, true = roc_points((rng.random(500) < 0.5).astype(float), rng.random(500), most=20)
    assert len(false) == 20
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_calibration_points_are_means_of_equal_groups() -> None:
    mean, share, low, high = calibration_points(TARGETS, SCORES, bins=2)
    assert mean.tolist() == pytest.approx([0.225, 0.6])  # 0.1, 0.35 and 0.4, 0.8
    assert share.tolist() == [0.5, 0.5]
    assert (low < share).all()
    assert (share < high).all()


def test_the_interval_of_a_share_is_wilsons() -> None:
    # 0 of 10: from 0 to z^2 / (10 + z^2)
    mean, share, low, high = calibration_points(np.zeros(10), np.full(10, 0.2), bins=1)
    assert (mean[0], share[0]) == (pytest.approx(0.2), 0)
    assert (low[0], high[0]) == (pytest.approx(0, abs=1e-12), pytest.approx(0.27753, abs=1e-5))


def test_a_curve_without_both_classes_or_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="positives and negatives"):
        roc_points(np.zeros(4), SCORES)
    with pytest.raises(ValueError, match="needs labels, got none"):
        calibration_points(np.full(4, np.nan), SCORES)
