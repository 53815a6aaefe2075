"""Noise, mains, wander and pacing: measured, told, and refused only where nothing can be read."""

import numpy as np
import pytest
from made_ecgs import VIRTUAL, changed, of, told_of

from crossbeat import quality
from crossbeat.leads import INDEPENDENT, STANDARD, complete
from crossbeat.signal import Ecg, resample

TIME = np.arange(VIRTUAL.values.shape[1]) / VIRTUAL.fs


def with_spikes(ecg: Ecg, height: float, samples: int = 1, num: int = 12) -> Ecg:
    """The ECG with pacing spikes every 0.8 s, in each lead of a height and sign of its own."""
    values = ecg.values.copy()
    share = complete(np.linspace(-1, 1, 8)[:, None], INDEPENDENT, STANDARD).astype(np.float32)
    for beat in range(num):
        start = 120 + 400 * beat
        values[:, start : start + samples] += height * share
    return Ecg(values, ecg.leads, ecg.fs)


@pytest.mark.parametrize("fs", [100.0, 500.0])
def test_a_lead_of_noise_alone_is_refused(fs: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, round(10 * fs))
    ecg = Ecg(resample(VIRTUAL.values, 500.0, fs), VIRTUAL.leads, fs)
    found = of(changed(ecg, "V1", lambda _: noise))["noise"]
    assert (found.lead, found.action) == ("V1", "reject")
    assert found.value == pytest.approx({100.0: 0.24, 500.0: 0.53}[fs], abs=0.05)


def test_a_noisy_lead_that_can_be_read_is_not() -> None:
    noise = np.random.default_rng(0).normal(0, 0.04, 5000)
    ecg = changed(VIRTUAL, "V5", lambda row: row + noise)
    assert told_of(ecg) == []
    assert of(ecg)["noise"].value > 1.5 * of(VIRTUAL)["noise"].value


@pytest.mark.parametrize("hertz", [50, 60])
def test_mains_hum_is_told_by_its_amplitude(hertz: float) -> None:
    hum = 0.1 * np.sin(2 * np.pi * hertz * TIME + 1)
    found = of(changed(VIRTUAL, "V2", lambda row: row + hum))["mains"]
    assert found.action == "ok"
    assert found.message.startswith("mains hum of")
    assert found.value == pytest.approx(0.1, abs=0.01)


def test_a_wave_of_another_frequency_is_no_mains_hum() -> None:
    hum = 0.1 * np.sin(2 * np.pi * 40 * TIME)
    assert of(changed(VIRTUAL, "V2", lambda row: row + hum))["mains"].message == ""


@pytest.mark.parametrize(
    ("size", "action", "is_told"), [(1.0, "ok", False), (5.0, "ok", True), (15.0, "reject", True)]
)
def test_wander_is_told_and_refused_by_how_far_it_goes(
    size: float, action: str, is_told: bool
) -> None:
    wander = size / 2 * np.cos(np.pi * TIME / 10)
    found = of(changed(VIRTUAL, "V6", lambda row: row + wander))["wander"]
    assert (found.action, bool(found.message)) == (action, is_told)
    assert found.value == pytest.approx(size, abs=0.4)
    assert found.lead == ("V6" if is_told else "")


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("height", [0.5, 3.0])
def test_pacing_spikes_are_counted_and_left_alone(height: float, samples: int) -> None:
    paced = with_spikes(VIRTUAL, height, samples)
    assert told_of(paced) == [("pacing", "", "ok")]
    assert of(paced)["pacing"].value == 12
    np.testing.assert_array_equal(quality.require(paced, "a", 10.0).values, paced.values)


def test_two_spikes_are_an_accident() -> None:
    assert of(with_spikes(VIRTUAL, 1.0, num=2))["pacing"].message == ""
    assert of(with_spikes(VIRTUAL, 1.0, num=3))["pacing"].message != ""


def test_spikes_of_one_lead_alone_are_none() -> None:
    def spike(row: np.ndarray) -> None:
        row[120::400] += 1

    assert of(changed(VIRTUAL, "V3", spike))["pacing"].value == 0


def test_narrow_qrs_complexes_are_no_spikes() -> None:
    beat = 2 * np.exp(-(((TIME % 0.8) - 0.4) ** 2) / (2 * 0.008**2))
    values = VIRTUAL.values + np.linspace(-1, 1, 12)[:, None] * beat
    ecg = Ecg(values.astype(np.float32), VIRTUAL.leads, VIRTUAL.fs)
    assert of(ecg)["pacing"].value == 0


def test_at_100_hertz_spikes_are_not_looked_for() -> None:
    slow = Ecg(resample(VIRTUAL.values, 500.0, 100.0), VIRTUAL.leads, 100.0)
    assert of(with_spikes(slow, 3.0, num=2))["pacing"].value == 0
