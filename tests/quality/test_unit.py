"""Amplitudes that no heart has: the wrong unit, or a header with the wrong gain."""

import numpy as np
import pytest
from made_ecgs import VIRTUAL, of, scaled
from scipy.ndimage import uniform_filter1d

from crossbeat import quality
from crossbeat.errors import DataError
from crossbeat.signal import Ecg


@pytest.mark.parametrize(
    ("factor", "reason"),
    [
        (1000, "is the signal in microvolt"),
        (200, "is the signal in microvolt"),
        (0.001, "is the signal in volt, or normalised"),
        (10, "times the usual, and all leads are large; is the gain in the header right"),
        (0.1, "no lead spans more than 0.1.* mV; is the gain in the header right"),
    ],
)
def test_a_wrong_factor_is_refused_with_what_it_may_be(factor: float, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        quality.require(scaled(VIRTUAL, factor), "a", 10.0)


@pytest.mark.parametrize("factor", [0.5, 1, 2])
def test_low_and_high_voltage_are_not(factor: float) -> None:
    assert of(scaled(VIRTUAL, factor))["unit"].action == "ok"


def test_large_leads_are_refused_if_their_noise_is_large_too() -> None:
    def noisy(size: float) -> Ecg:
        noise = size * np.random.default_rng(0).normal(size=VIRTUAL.values.shape)
        smooth = uniform_filter1d(4 * VIRTUAL.values, 11, axis=1)
        return Ecg((smooth + noise).astype(np.float32), VIRTUAL.leads, VIRTUAL.fs)

    assert of(noisy(0.0))["unit"].action == "ok"
    found = of(noisy(0.05))["unit"]
    assert found.action == "reject"
    assert found.value > 2.5


def test_a_pacing_spike_of_millivolts_is_no_wrong_unit() -> None:
    values = VIRTUAL.values.copy()
    values[:, 200::400] += 20
    assert of(Ecg(values, VIRTUAL.leads, VIRTUAL.fs))["unit"].action == "ok"


@pytest.mark.parametrize("odd", [-32.768, 30.0])
def test_a_sample_that_no_ecg_reaches_is_refused(odd: float) -> None:
    values = VIRTUAL.values.copy()
    values[7, 1234] = odd
    rule = r"lead V2 has samples 3\d(\.\d)? mV from its median.*missing values\? Set them to NaN"
    with pytest.raises(DataError, match=rule):
        quality.require(Ecg(values, VIRTUAL.leads, VIRTUAL.fs), "a", 10.0)


def test_the_offset_of_an_electrode_is_no_peak() -> None:
    ecg = Ecg(VIRTUAL.values + np.float32(300), VIRTUAL.leads, VIRTUAL.fs)
    assert of(ecg)["unit"].action == "ok"


@pytest.mark.parametrize("size", [1e20, 1e37, 3.4e38])
def test_numbers_at_the_end_of_their_range_are_refused_without_a_warning(size: float) -> None:
    draw = np.random.default_rng(0)
    for values in (draw.uniform(-1, 1, (12, 5000)), np.sign(draw.normal(size=(12, 5000)))):
        ecg = Ecg((size * values).astype(np.float32), VIRTUAL.leads, VIRTUAL.fs)
        assert of(ecg)["unit"].action == "reject"
