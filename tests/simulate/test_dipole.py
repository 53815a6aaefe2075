"""The waves of a beat."""

from dataclasses import replace

import numpy as np

from crossbeat.simulate import draw_patients
from crossbeat.simulate.electrical import MAIN_AXIS, electrical, loops, turn

_SEEN = electrical(draw_patients(30, seed=11))
_NONE = np.zeros(30, dtype=np.float32)


def test_a_turn_keeps_length_and_follows_axis_and_rotation() -> None:
    ahead = np.tile(np.array([[1, 0, 0]], dtype=np.float32), (30, 1))
    down = turn(ahead, replace(_SEEN, axis=_NONE + MAIN_AXIS + 90, rotation=_NONE))
    back = turn(ahead, replace(_SEEN, axis=_NONE + MAIN_AXIS, rotation=_NONE + 90))
    np.testing.assert_allclose(down, np.tile([0, 1, 0], (30, 1)), atol=1e-6)
    np.testing.assert_allclose(back, np.tile([0, 0, 1], (30, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(turn(ahead, _SEEN), axis=1), 1, rtol=1e-5)


def test_left_bundle_branch_block_replaces_the_normal_sequence() -> None:
    blocked = loops(replace(_SEEN, left_block=_NONE + 1, right_block=_NONE)).ventricular
    normal = loops(replace(_SEEN, left_block=_NONE, right_block=_NONE)).ventricular
    for before, after in zip(normal[:4], blocked[:4], strict=True):
        assert np.any(before.vector != 0)
        assert np.all(after.vector == 0)
    for before, after in zip(normal[4:6], blocked[4:6], strict=True):
        assert np.all(before.vector == 0)
        assert np.any(after.vector != 0)


def test_the_waves_follow_one_another() -> None:
    made = loops(_SEEN)
    order = [made.atrial[0], made.atrial[1], made.ventricular[0], made.recovery[1]]
    centres = np.stack([wave.centre for wave in order])
    assert np.all(np.diff(centres, axis=0) > 0)


def test_t_ends_when_the_qt_interval_does() -> None:
    t = loops(_SEEN).recovery[1]
    np.testing.assert_allclose(
        t.centre + 2 * t.width, (_SEEN.qt - 0.5 * _SEEN.qrs) / 1000, rtol=1e-4
    )
