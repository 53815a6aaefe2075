"""Metrics of measurements: by hand, against scikit-learn and SciPy, and their laws."""

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, r2_score

from crossbeat.evaluation.bootstrap import resamples
from crossbeat.evaluation.estimates import Estimated
from crossbeat.evaluation.regression import (
    REGRESSION,
    deviations,
    mae,
    measure_measurements,
    pearson,
    r2,
)

ONCE = np.ones((1, 4))
TRUTH = np.array([1.0, 2.0, 3.0, 6.0])
ESTIMATE = np.array([2.0, 2.0, 4.0, 4.0])


def sample(seed: int, rows: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = 150 + 30 * rng.normal(size=rows)
    return truth, 100 + 0.4 * truth + 20 * rng.normal(size=rows)


def test_metrics_by_hand() -> None:
    # mean 3: squares about it 4 + 1 + 0 + 9; errors 1, 0, 1, 2
    assert r2(TRUTH, ESTIMATE, ONCE).tolist() == [pytest.approx(1 - 6 / 14)]
    assert mae(TRUTH, ESTIMATE, ONCE).tolist() == [1.0]
    # products about the means: (-2)(-1) + (-1)(-1) + 0 + 3 * 1 = 6; sqrt(14 * 4)
    assert pearson(TRUTH, ESTIMATE, ONCE).tolist() == [pytest.approx(6 / np.sqrt(56))]


REFERENCES = [(r2, r2_score), (mae, mean_absolute_error), (pearson, lambda t, e: pearsonr(t, e)[0])]


@pytest.mark.parametrize(("ours", "reference"), REFERENCES, ids=list(REGRESSION))
def test_metrics_agree_with_a_reference_on_resampled_rows(ours, reference) -> None:
    truth, estimate = sample(0)
    weights = resamples(np.arange(len(truth)) // 2, seed=1, replicates=5).astype(np.float64)
    rows = [np.repeat(np.arange(len(truth)), weight.astype(int)) for weight in weights]
    expected = [reference(truth[each], estimate[each]) for each in rows]
    np.testing.assert_allclose(ours(truth, estimate, weights), expected, rtol=1e-10)


@pytest.mark.parametrize("metric", REGRESSION.values(), ids=REGRESSION)
def test_a_row_without_truth_is_ignored(metric) -> None:
    more = np.append(TRUTH, np.nan), np.append(ESTIMATE, 1e6)
    assert metric(*more, np.ones((1, 5))) == pytest.approx(metric(TRUTH, ESTIMATE, ONCE))


def test_what_is_undefined_is_nan_and_never_zero() -> None:
    flat = np.full(4, 3.3)
    assert np.isnan(r2(flat, ESTIMATE, ONCE)).all()
    assert np.isnan(pearson(flat, ESTIMATE, ONCE)).all()
    assert np.isnan(pearson(TRUTH, flat, ONCE)).all()
    for metric in REGRESSION.values():
        assert np.isnan(metric(np.full(4, np.nan), ESTIMATE, ONCE)).all()
        assert np.isnan(metric(TRUTH, ESTIMATE, np.zeros((1, 4)))).all()


@pytest.mark.parametrize("constant", [0.1, 61.7, 1e5 / 3])
def test_what_is_all_the_same_has_no_correlation_whatever_rounding_leaves(constant: float) -> None:
    truth, _ = sample(3)
    weights = resamples(np.arange(len(truth)), seed=0, replicates=20).astype(np.float64)
    assert np.isnan(pearson(truth, np.full(len(truth), constant), weights)).all()


def test_a_wrong_scale_costs_r2_and_not_the_correlation() -> None:
    truth, estimate = sample(1)
    once = np.ones((1, len(truth)))
    assert pearson(truth, 3 * estimate + 7, once) == pytest.approx(pearson(truth, estimate, once))
    assert r2(truth, 3 * estimate + 7, once)[0] < r2(truth, estimate, once)[0] < 1


def test_telling_everyone_the_mean_explains_nothing() -> None:
    truth, _ = sample(2)
    mean = np.full(len(truth), truth.mean())
    assert r2(truth, mean, np.ones((1, len(truth))))[0] == pytest.approx(0, abs=1e-12)


def test_the_mean_over_measurements_is_of_errors_in_standard_deviations() -> None:
    truth = np.array([[0.0, 1.0], [2.0, 201.0], [np.nan, 101.0]])
    estimate = np.array([[1.0, 1.0], [2.0, 201.0], [9.0, 1.0]])
    test = Estimated(truth, estimate, np.array(["a", "b", "c"]))
    found = measure_measurements(test, np.ones((1, 3), dtype=np.uint16))
    deviation = np.sqrt(20000 / 3)
    assert deviations(test).tolist() == [1.0, pytest.approx(deviation)]
    assert found["mae"][0].tolist() == [
        0.5,
        pytest.approx(100 / 3),
        pytest.approx((0.5 + 100 / 3 / deviation) / 2),
    ]
    assert found["r2"][0, 2] == pytest.approx(found["r2"][0, :2].mean())


def test_a_measurement_that_nobody_has_makes_the_mean_undefined() -> None:
    truth = np.column_stack([TRUTH, np.full(4, np.nan)])
    test = Estimated(truth, np.column_stack([ESTIMATE, ESTIMATE]), np.arange(4))
    for values in measure_measurements(test, np.ones((1, 4), dtype=np.uint16)).values():
        assert np.isnan(values[0]).tolist() == [False, True, True]
