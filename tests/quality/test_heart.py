"""Signals without heartbeats and ECGs that are upside down are refused."""

from collections.abc import Callable

import numpy as np
import pytest
from made_ecgs import VIRTUAL, of, only, with_values

from crossbeat import quality, simulate
from crossbeat.errors import DataError
from crossbeat.leads import INDEPENDENT, STANDARD, complete
from crossbeat.quality import Allow
from crossbeat.signal import Ecg

RATES = [100.0, 250.0, 500.0]
Wave = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def made(wave: Wave, fs: float, seed: int = 0) -> Ecg:
    """Twelve leads that obey the limb-lead equations."""
    draw = np.random.default_rng(seed)
    eight = wave(np.arange(round(10 * fs)) / fs, draw)
    return Ecg(complete(eight, INDEPENDENT, STANDARD).astype(np.float32), STANDARD, fs)


def sizes(draw: np.random.Generator) -> np.ndarray:
    """The signed size of the wave in each of eight leads."""
    return draw.uniform(0.3, 2, (8, 1)) * draw.choice([-1, 1], (8, 1))


def sine(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return sizes(draw) * np.sin(2 * np.pi * draw.uniform(0.5, 12) * time)


def square(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    wave = np.sign(np.sin(2 * np.pi * draw.uniform(0.5, 4) * time))
    return sizes(draw) * wave + 0.01 * draw.normal(size=(8, len(time)))


def walk(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return draw.normal(size=(8, len(time))).cumsum(axis=1) / np.sqrt(len(time))


def walk_of_one_source(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return sizes(draw) * draw.normal(size=len(time)).cumsum() / np.sqrt(len(time))


def noise(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return 0.3 * draw.normal(size=(8, len(time)))


def flat(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return noise(time, draw) / 15


@pytest.mark.parametrize("fs", RATES)
@pytest.mark.parametrize("wave", [sine, square, walk, walk_of_one_source, noise, flat])
def test_what_has_no_heartbeat_is_refused(wave, fs):
    for seed in range(20):
        with pytest.raises(DataError, match="no heartbeat found, the leads show") as caught:
            quality.require(made(wave, fs, seed), "a", 10.0)
        assert "recording, or, where that is offered, say --allow.no_heartbeat (Allow(" in str(
            caught.value
        )


@pytest.mark.parametrize("wave", [sine, walk])
def test_what_has_no_heartbeat_is_used_on_request(wave):
    ecg = made(wave, 500.0)
    allow = Allow(no_heartbeat=True)
    np.testing.assert_array_equal(quality.require(ecg, "a", 10.0, allow=allow).values, ecg.values)
    found = {each.name: each for each in quality.check(ecg, 10.0, allow=allow)}
    assert found["heartbeat"].action == "ok"
    assert "it is used as it is" in found["heartbeat"].message
    assert "inverted" not in found


def test_an_ecg_upside_down_is_refused_but_used_on_request():
    """Of a virtual patient with an ordinary heart."""
    ecg = with_values(-simulate.ecgs(simulate.draw_patients(1, 0), 0)[0])
    with pytest.raises(DataError, match=r"upside down.* by -1, .* say --allow\.inverted \(Allow\("):
        quality.require(ecg, "a", 10.0)
    kept = quality.require(ecg, "a", 10.0, allow=Allow(inverted=True))
    np.testing.assert_array_equal(kept.values, ecg.values)


def test_few_virtual_patients_are_refused_and_most_of_them_upside_down():
    refused = {False: 0, True: 0}
    for values in simulate.ecgs(simulate.draw_patients(60, 5), 5):
        for turned in refused:
            found = of(with_values(-values if turned else values))
            assert found["heartbeat"].action == "ok"
            refused[turned] += found["inverted"].action == "reject"
    assert refused[False] == 0
    assert refused[True] >= 50


@pytest.mark.parametrize("per_minute", [150, 180, 220, 250])
def test_a_ventricular_tachycardia_has_heartbeats(per_minute):
    """Waves so wide that they leave no level in between, with a second harmonic."""

    def wave(time: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        angle = 2 * np.pi * per_minute / 60 * time
        return sizes(draw) * (np.sin(angle) + 0.35 * np.sin(2 * angle + 1))

    assert of(made(wave, 500.0))["heartbeat"].action == "ok"


def test_heartbeats_are_found_below_noise_and_wander():
    draw = np.random.default_rng(0)
    eight = only(*INDEPENDENT).values
    time = np.arange(eight.shape[1]) / VIRTUAL.fs
    wander = 3 * np.sin(2 * np.pi * 0.3 * time + draw.uniform(0, 6, (8, 1)))
    for extra in (wander, 0.1 * draw.normal(size=eight.shape)):
        values = complete((eight + extra).astype(np.float32), INDEPENDENT, STANDARD)
        assert of(with_values(values))["heartbeat"].action == "ok"


def test_neither_looks_at_a_record_below_2_s():
    short = with_values(made(noise, 100.0).values[:, :150], made(noise, 100.0))
    assert {"heartbeat", "inverted"}.isdisjoint(of(short, 1.5))
