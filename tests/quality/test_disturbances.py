"""Noise, mains, wander and pacing: measured, told, and refused only where nothing can be read."""

import numpy as np
import pytest
from made_ecgs import VIRTUAL, at_rate, changed, of, put, told_of, with_values

from crossbeat import quality
from crossbeat.leads import INDEPENDENT, STANDARD, complete
from crossbeat.signal import Ecg

TIME = np.arange(5000) / 500


def with_spikes(ecg: Ecg, height: float, samples: int = 1, num: int = 12) -> Ecg:
    """The ECG with pacing spikes every 0.8 s, in each lead of a height and sign of its own."""
    values = ecg.values.copy()
    share = complete(np.linspace(-1, 1, 8)[:, None], INDEPENDENT, STANDARD).astype(np.float32)
    for beat in range(num):
        start = 120 + 400 * beat
        values[:, start : start + samples] += height * share
    return with_values(values, ecg)


@pytest.mark.parametrize(("fs", "part"), [(100.0, 0.24), (500.0, 0.53)])
def test_a_lead_of_noise_alone_is_refused(fs, part):
    noise = np.random.default_rng(0).normal(0, 0.3, round(10 * fs))
    found = of(changed(at_rate(fs), "V1", lambda _: noise))["noise"]
    assert (found.lead, found.action) == ("V1", "reject")
    assert found.value == pytest.approx(part, abs=0.05)


def test_a_noisy_lead_that_can_be_read_is_not():
    noise = np.random.default_rng(0).normal(0, 0.04, 5000)
    ecg = changed(VIRTUAL, "V5", lambda row: row + noise)
    assert told_of(ecg) == []
    assert of(ecg)["noise"].value > 1.5 * of(VIRTUAL)["noise"].value


@pytest.mark.parametrize(("hertz", "is_told"), [(50, True), (60, True), (40, False)])
def test_mains_hum_is_told_by_its_amplitude(hertz, is_told):
    hum = 0.1 * np.sin(2 * np.pi * hertz * TIME + 1)
    found = of(changed(VIRTUAL, "V2", lambda row: row + hum))["mains"]
    assert found.action == "ok"
    assert found.message.startswith("mains hum of") == is_told
    assert found.value == pytest.approx(0.1 if is_told else 0.0, abs=0.01)


@pytest.mark.parametrize(
    ("size", "action", "is_told"), [(1.0, "ok", False), (5.0, "ok", True), (15.0, "reject", True)]
)
def test_wander_is_told_and_refused_by_how_far_it_goes(size, action, is_told):
    wander = size / 2 * np.cos(np.pi * TIME / 10)
    found = of(changed(VIRTUAL, "V6", lambda row: row + wander))["wander"]
    assert (found.action, bool(found.message)) == (action, is_told)
    assert found.value == pytest.approx(size, abs=0.4)
    assert found.lead == ("V6" if is_told else "")


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("height", [0.5, 3.0])
def test_pacing_spikes_are_counted_and_left_alone(height, samples):
    paced = with_spikes(VIRTUAL, height, samples)
    assert told_of(paced) == [("pacing", "", "ok")]
    assert of(paced)["pacing"].value == 12
    np.testing.assert_array_equal(quality.require(paced, "a", 10.0).values, paced.values)


NARROW = 2 * np.exp(-(((TIME % 0.8) - 0.4) ** 2) / (2 * 0.008**2))


@pytest.mark.parametrize(
    ("ecg", "num"),
    [
        (with_spikes(VIRTUAL, 1.0, num=3), 3),
        (with_spikes(VIRTUAL, 1.0, num=2), 2),  # an accident
        (put(VIRTUAL, "V3", slice(120, None, 400), 1.0), 0),  # of one lead alone
        (with_values(VIRTUAL.values + np.linspace(-1, 1, 12)[:, None] * NARROW), 0),  # QRS
        (with_spikes(at_rate(100.0), 3.0, num=2), 0),  # not looked for at this rate
    ],
)
def test_few_spikes_or_none_are_no_pacing(ecg, num):
    found = of(ecg)["pacing"]
    assert (found.value, bool(found.message)) == (num, num > 2)
