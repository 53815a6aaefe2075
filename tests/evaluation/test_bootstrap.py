"""The bootstrap draws patients with all their rows, the same for every model."""

import numpy as np
import pytest

from crossbeat.evaluation.bootstrap import distribution, resamples
from crossbeat.metrics import auroc

PATIENTS = np.array(["b", "a", "a", "c"])


def scored(seed: int, size: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = (rng.random(size) < 0.4).astype(np.float64)
    return targets, targets + rng.normal(size=size), np.arange(size).astype(str)


def test_a_patient_brings_all_rows_or_none() -> None:
    weights = resamples(PATIENTS, seed=0, replicates=200)
    assert weights[0].tolist() == [1, 1, 1, 1]
    np.testing.assert_array_equal(weights[:, 1], weights[:, 2])
    patients_drawn = weights[:, [0, 1, 3]].sum(axis=1)
    assert (patients_drawn == 3).all()
    assert len(np.unique(weights, axis=0)) == 10  # all ways to draw 3 of 3 with replacement


def test_resamples_depend_on_patients_and_seed_not_on_the_order_of_rows() -> None:
    order = np.array([3, 1, 0, 2])
    weights = resamples(PATIENTS, seed=1, replicates=50)
    np.testing.assert_array_equal(
        resamples(PATIENTS[order], seed=1, replicates=50), weights[:, order]
    )
    assert (resamples(PATIENTS, seed=2, replicates=50) != weights).any()


def test_a_metric_on_resamples_is_that_of_the_drawn_patients() -> None:
    targets, scores, patients = scored(0, 60)
    weights = resamples(patients, seed=0, replicates=20)
    found = distribution(auroc, targets, scores, weights)
    for value, times in zip(found, weights, strict=True):
        rows = np.repeat(np.arange(60), times)
        drawn = auroc(targets[rows], scores[rows], np.ones((1, 60)))
        assert value == pytest.approx(drawn[0])


def test_a_class_that_is_not_drawn_leaves_the_metric_undefined() -> None:
    targets = np.array([1.0, 0, 0, 0])
    weights = resamples(PATIENTS, seed=0, replicates=100)
    found = distribution(auroc, targets, np.arange(4.0), weights)
    np.testing.assert_array_equal(
        np.isnan(found), (weights @ targets == 0) | (weights @ (1 - targets) == 0)
    )


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="needs samples and replicates"):
        resamples(PATIENTS[:0], seed=0, replicates=10)
    with pytest.raises(ValueError, match="needs samples and replicates"):
        resamples(PATIENTS, seed=0, replicates=0)
