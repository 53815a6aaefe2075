"""The cardiac cycle of virtual patients."""

from dataclasses import replace

import numpy as np
import pytest
from virtual import but

from crossbeat.simulate import cardiac_cycle, draw_patients
from crossbeat.simulate.electrical import electrical
from crossbeat.simulate.function import emptied, frame_times, right_cycle
from crossbeat.simulate.patient import OWN

_NUM = 64
_PATIENTS = draw_patients(_NUM, seed=4)
_ABSENT = dict.fromkeys(("fibrillation", "left_block", "right_block", "paced"), False)
_PLAIN = but(_PATIENTS, wedge_pressure=9, hypertrophy=0, **_ABSENT)
"""In sinus rhythm without block, with a calm, not a stiff heart."""


def _fine(cycle):
    return emptied(cycle, frame_times(cycle, 1000))


@pytest.mark.parametrize("side", [lambda cycle: cycle, right_cycle], ids=["left", "right"])
def test_a_ventricle_is_full_at_the_r_peak_and_empty_from_end_systole_on(side):
    cycle = side(cardiac_cycle(_PATIENTS))
    out = _fine(cycle)
    np.testing.assert_allclose(out[:, 0], 0, atol=1e-6)
    time = frame_times(cycle, 1000)
    still = (time > cycle.end_systole[:, None]) & (time < cycle.filling[:, None])
    assert still.any(axis=1).all()
    np.testing.assert_allclose(out[still], 1, atol=1e-5)
    assert out.min() > -1e-5
    assert out.max() < 1 + 1e-5


def test_volumes_fall_to_end_systole_and_rise_from_then_on():
    cycle = cardiac_cycle(_PATIENTS)
    change, time = np.diff(_fine(cycle), axis=1), frame_times(cycle, 1000)[:, 1:]
    falls = time < cycle.end_systole[:, None]
    assert change[falls].min() > -1e-5
    assert change[~falls].max() < 1e-5


def test_systole_is_as_long_as_the_regression_on_the_rate_says():
    seen = electrical(_PLAIN)
    slow = seen.rate < 100
    systole = 1000 * cardiac_cycle(_PLAIN).end_systole + 0.45 * seen.qrs
    expected = np.where(_PLAIN.male, 546 - 2.1 * seen.rate, 549 - 2.0 * seen.rate)
    np.testing.assert_allclose(systole[slow], expected[slow], rtol=1e-4)


def test_a_weak_ventricle_ejects_later_and_shorter():
    strong, weak = (cardiac_cycle(but(_PLAIN, ejection_fraction=ef)) for ef in (60, 30))
    share = [(c.end_systole - c.ejection) / c.end_systole for c in (strong, weak)]
    assert np.all(share[1] < share[0])
    assert np.median(weak.ejection - strong.ejection) > 0.02


def test_the_atrium_adds_nothing_in_fibrillation():
    last = []
    for some in (_PLAIN, but(_PLAIN, fibrillation=True)):
        cycle = cardiac_cycle(some)
        before = (cycle.length - cycle.atrial)[:, None]
        last.append(emptied(cycle, before)[:, 0])
    assert last[0].min() > 0.06
    assert last[1].max() < 0.06
    assert np.mean(last[0] - last[1]) > 0.15


def test_the_old_depend_on_the_atrium_and_the_congested_do_not():
    kick = cardiac_cycle(but(_PLAIN, age=30)).kick
    assert np.all(cardiac_cycle(but(_PLAIN, age=80)).kick > kick)
    assert np.all(cardiac_cycle(but(_PLAIN, wedge_pressure=30)).kick < kick)


def test_a_quick_heart_has_no_pause_between_its_fillings():
    pauses = []
    for drive in (-9, 9):
        own = np.zeros_like(_PATIENTS.own)
        own[:, OWN.index("rate")] = drive
        cycle = cardiac_cycle(replace(_PLAIN, own=own))
        pauses.append(cycle.length - cycle.filling - cycle.early - cycle.atrial)
    assert pauses[0].min() > 0.2
    np.testing.assert_allclose(pauses[1], 0, atol=1e-5)


def test_block_and_pacing_spread_the_contraction_or_delay_the_right_ventricle():
    assert not cardiac_cycle(_PLAIN).spread.any()
    for name in ("left_block", "paced"):
        cycle = cardiac_cycle(but(_PLAIN, **{name: True}))
        assert cycle.spread.min() > 0.05
        assert np.all(cycle.ejection > cardiac_cycle(_PLAIN).ejection)
    assert cardiac_cycle(but(_PLAIN, right_block=True)).right_delay.min() > 0


def test_one_beat_is_like_the_next():
    cycle = cardiac_cycle(_PATIENTS)
    time = frame_times(cycle, 20) + np.float32(0.003)
    later = emptied(cycle, time + 2 * cycle.length[:, None])
    np.testing.assert_allclose(later, emptied(cycle, time), atol=1e-3)
