"""What the latent heart does to the parameters of the ECG, all else equal, and to its waves."""

import numpy as np
import pytest
from virtual import but, more

from crossbeat.simulate import DETERMINANTS, draw_patients, ecg_determinants
from crossbeat.simulate.electrical import MAIN_AXIS, electrical, loops, turn

_PATIENTS = draw_patients(40, seed=4)
_SEEN = electrical(_PATIENTS)


@pytest.mark.parametrize(
    ("cause", "by", "sign", "shown"),
    [
        ("effusion_right", 800, -1, "voltage"),
        ("effusion_left", 800, -1, "voltage"),
        ("effusion_left", 800, -1, "left_lateral"),
        ("pericardial_fluid", 300, -1, "voltage"),
        ("lung_water", 8, -1, "voltage"),
        ("lung_water", 8, 1, "rate"),
        ("wedge_pressure", 15, 1, "rate"),
        ("bmi", 12, -1, "voltage"),
        ("bmi", 12, -1, "axis"),
        ("hypertrophy", 3, 1, "voltage"),
        ("hypertrophy", 3, 1, "t_angle"),
        ("hypertrophy", 3, -1, "axis"),
        ("ejection_fraction", -25, 1, "qrs"),
        ("ejection_fraction", -25, 1, "qtc"),
        ("dilatation", 3, 1, "rotation"),
        ("left_atrium", 2, 1, "p_duration"),
        ("left_atrium", 2, 1, "p_left"),
        ("age", 30, 1, "pr"),
        ("potassium", 2.5, 1, "t_voltage"),
        ("potassium", 2.5, 1, "qrs"),
        ("potassium", 2.5, -1, "p_right"),
        ("potassium", -1.5, 1, "u_voltage"),
    ],
)
def test_an_effect_goes_its_way(cause, by, sign, shown):
    before = getattr(_SEEN, shown)
    after = getattr(electrical(more(_PATIENTS, **{cause: by})), shown)
    assert np.all(sign * (after - before) >= 0)
    assert np.mean(sign * (after - before) > 0) > 0.7


@pytest.mark.parametrize(
    ("flag", "shown"),
    [
        ("left_block", "qrs"),
        ("right_block", "qrs"),
        ("paced", "qrs"),
        ("qt_drug", "qtc"),
        ("fibrillation", "irregularity"),
        ("lung_disease", "axis"),
        ("beta_blocker", "pr"),
    ],
)
def test_a_condition_raises_its_parameter(flag, shown):
    alone = but(_PATIENTS, left_block=False, right_block=False, paced=False)
    before, after = (
        getattr(electrical(but(alone, **{flag: there})), shown) for there in (False, True)
    )
    assert np.all(after >= before)
    assert np.mean(after > before) > 0.9


def test_determinants_are_one_finite_column_per_name():
    columns = ecg_determinants(_PATIENTS)
    assert columns.shape == (40, len(DETERMINANTS))
    assert np.isfinite(columns).all()
    np.testing.assert_array_equal(
        columns[:, DETERMINANTS.index("rate")], electrical(_PATIENTS).rate
    )


def test_a_turn_keeps_length_and_follows_axis_and_rotation():
    ahead = np.tile(np.array([[1, 0, 0]], dtype=np.float32), (40, 1))
    down = turn(ahead, but(_SEEN, axis=MAIN_AXIS + 90, rotation=0))
    back = turn(ahead, but(_SEEN, axis=MAIN_AXIS, rotation=90))
    np.testing.assert_allclose(down, np.tile([0, 1, 0], (40, 1)), atol=1e-6)
    np.testing.assert_allclose(back, np.tile([0, 0, 1], (40, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(turn(ahead, _SEEN), axis=1), 1, rtol=1e-5)


def test_left_bundle_branch_block_replaces_the_normal_sequence():
    blocked = loops(but(_SEEN, left_block=1, right_block=0)).ventricular
    normal = loops(but(_SEEN, left_block=0, right_block=0)).ventricular
    for before, after in zip(normal[:4], blocked[:4], strict=True):
        assert np.any(before.vector != 0)
        assert np.all(after.vector == 0)
    for before, after in zip(normal[4:6], blocked[4:6], strict=True):
        assert np.all(before.vector == 0)
        assert np.any(after.vector != 0)


def test_the_waves_follow_one_another():
    made = loops(_SEEN)
    order = [made.atrial[0], made.atrial[1], made.ventricular[0], made.recovery[1]]
    centres = np.stack([wave.centre for wave in order])
    assert np.all(np.diff(centres, axis=0) > 0)


def test_t_ends_when_the_qt_interval_does():
    t = loops(_SEEN).recovery[1]
    np.testing.assert_allclose(
        t.centre + 2 * t.width, (_SEEN.qt - 0.5 * _SEEN.qrs) / 1000, rtol=1e-4
    )
