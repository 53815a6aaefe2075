"""Beat times."""

from dataclasses import replace

import numpy as np
import pytest

from crossbeat.simulate import draw_patients
from crossbeat.simulate.ecg import beats, current_beat
from crossbeat.simulate.electrical import Electrical, electrical
from crossbeat.simulate.streams import Draws


@pytest.fixture(name="seen")
def _seen() -> Electrical:
    return electrical(draw_patients(64, seed=5))


def _all(seen: Electrical, value: float) -> np.ndarray:
    return np.full_like(seen.rate, value)


def test_the_mean_interval_is_the_latent_rate(seen: Electrical) -> None:
    when = beats(seen, Draws(1, 0, 64, "ecg"))
    np.testing.assert_allclose(60 / when.interval.mean(axis=1), seen.rate, rtol=1e-4)


def test_beats_fill_the_record(seen: Electrical) -> None:
    when = beats(replace(seen, rate=_all(seen, 165)), Draws(1, 0, 64, "ecg"))
    assert when.peak[:, 0].max() < -1
    assert when.peak[:, -1].min() > 10.5


def test_fibrillation_is_more_irregular_than_sinus_rhythm(seen: Electrical) -> None:
    sinus = replace(
        seen, fibrillation=_all(seen, 0), irregularity=_all(seen, 0.04), ectopy=_all(seen, 0)
    )
    fibrillating = replace(sinus, fibrillation=_all(seen, 1), irregularity=_all(seen, 0.21))
    spreads = [
        np.mean(w.interval.std(axis=1) / w.interval.mean(axis=1))
        for w in (beats(one, Draws(1, 0, 64, "ecg")) for one in (sinus, fibrillating))
    ]
    assert spreads[0] < 0.08
    assert spreads[1] > 0.15


def test_neighbouring_intervals_are_unrelated_in_fibrillation(seen: Electrical) -> None:
    fibrillating = replace(
        seen, fibrillation=_all(seen, 1), irregularity=_all(seen, 0.2), ectopy=_all(seen, 0)
    )
    interval = beats(fibrillating, Draws(1, 0, 64, "ecg")).interval
    score = (interval - interval.mean(axis=1, keepdims=True)) / interval.std(axis=1, keepdims=True)
    assert abs(np.mean(score[:, 1:] * score[:, :-1])) < 0.1


def test_an_ectopic_beat_comes_early_and_a_pause_follows(seen: Electrical) -> None:
    often = replace(
        seen, fibrillation=_all(seen, 0), irregularity=_all(seen, 0.01), ectopy=_all(seen, 0.1)
    )
    when = beats(often, Draws(1, 0, 64, "ecg"))
    mean = when.interval.mean(axis=1, keepdims=True)
    assert when.ectopic.any()
    assert (when.interval < 0.8 * mean)[when.ectopic].all()
    assert (when.interval > 1.2 * mean)[:, 1:][when.ectopic[:, :-1]].all()


def test_each_sample_belongs_to_the_last_beat_that_took_over() -> None:
    switch = np.array([[-0.5, 0.105, 0.355, 2.0], [-1.0, -0.2, 0.305, 0.405]], dtype=np.float32)
    time = np.arange(60, dtype=np.float32) / 100
    slow = [[max(b for b in range(4) if row[b] <= t + 1e-6) for t in time] for row in switch]
    np.testing.assert_array_equal(current_beat(switch, time), slow)
