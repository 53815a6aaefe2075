"""The beating ventricles as shapes."""

import numpy as np
import pytest
from virtual import but

from crossbeat.simulate import draw_patients
from crossbeat.simulate.cine_shape import DENSITY, hearts, outlines, with_atria
from crossbeat.simulate.function import phenotype_block

_NUM = 12
_HEARTS = draw_patients(_NUM, seed=6)
_ANTERIOR, _INFERIOR, _SEPTAL, _LATERAL = 115, 262, 180, 0


def _healthy(**traits):
    """Hearts alike in function, but for the traits given."""
    same = {"infarct_anterior": 0, "infarct_inferior": 0, "ejection_fraction": 45, "paced": False}
    same |= {"left_block": False, "right_heart": 0}
    return hearts(but(_HEARTS, **(same | traits)), 0, 3, 50)


def _middle(heart, angles=360):
    """Inner and outer radius half way up, by frame and degree."""
    shape = outlines(heart, 0.5 * heart.base[0, :1], angles)
    return shape.cavity[:, 0], shape.outer[:, 0]


def _area(outline):
    return 0.5 * (outline**2).sum(axis=-1) * 2 * np.pi / outline.shape[-1]


@pytest.mark.parametrize("row", range(_NUM))
def test_cross_sections_add_up_to_the_volumes_of_every_frame(row):
    heart = hearts(_HEARTS, 0, 3, 20).one(row)
    step = 0.5
    shape = outlines(heart, np.arange(0.25, 140, step, dtype=np.float32), 72)
    cavity, outer, right = (_area(one) for one in (shape.cavity, shape.outer, shape.right))
    np.testing.assert_allclose(cavity.sum(axis=1) * step / 1000, heart.left[0], rtol=0.01)
    np.testing.assert_allclose((right - outer).sum(axis=1) * step / 1000, heart.right[0], rtol=0.01)
    mass = phenotype_block(_HEARTS, 0, 3)["LVM"][row]
    np.testing.assert_allclose(
        (outer - cavity).sum(axis=1) * step * DENSITY / 1000, mass, rtol=0.02
    )


@pytest.mark.parametrize(
    ("infarct", "at", "away"),
    [("infarct_anterior", _ANTERIOR, _INFERIOR + 60), ("infarct_inferior", _INFERIOR, 80)],
)
def test_a_scar_neither_moves_nor_thickens_and_the_other_walls_do(infarct, at, away):
    beating = _healthy(**{infarct: 0.9})
    for row in range(_NUM):
        inner, outer = _middle(beating.one(row))
        motion = 1 - inner.min(axis=0) / inner[0]
        thick = outer - inner
        assert motion[at] < 0.25 * motion[away]
        assert thick[0, at] < thick[0, away]
        assert thick.max(axis=0)[at] / thick[0, at] < thick.max(axis=0)[away] / thick[0, away]


def test_in_left_bundle_branch_block_the_septum_moves_before_the_lateral_wall():
    delays = []
    for block in (False, True):
        beating = _healthy(left_block=block)
        at = [_middle(beating.one(row))[0].argmin(axis=0) for row in range(_NUM)]
        delays.append([one[_LATERAL] - one[_SEPTAL] for one in at])
    assert np.abs(delays[0]).max() <= 1
    assert np.min(delays[1]) >= 3


def test_a_large_right_ventricle_flattens_the_septum():
    flatness = []
    for size in (0, 4):
        beating = hearts(but(_HEARTS, right_heart=size), 0, 3, 1)
        inner = [_middle(beating.one(row))[0][0] for row in range(_NUM)]
        flatness.append([one[_SEPTAL] / one[_LATERAL] for one in inner])
    assert np.all(np.array(flatness[1]) < np.array(flatness[0]) - 0.05)


def test_a_phase_looks_the_same_however_many_frames_there_are():
    few, many = hearts(_HEARTS, 0, 3, 5), hearts(_HEARTS, 0, 3, 20)
    for row in range(_NUM):
        some, all_ = _middle(few.one(row)), _middle(many.one(row))
        for one, other in zip(some, all_, strict=True):
            np.testing.assert_allclose(one, other[::4], rtol=1e-5)


def test_the_base_comes_down_and_the_atrium_follows():
    beating = _healthy(ejection_fraction=60.0)
    for row in range(_NUM):
        heart = beating.one(row)
        assert 0.78 < heart.base[0].min() / heart.base[0, 0] < 0.92
        height = np.array([0.5, 0.93, 1.2], dtype=np.float32) * heart.base[0, 0]
        shape = outlines(heart, height, 36)
        seen = with_atria(heart, height, shape)
        last = heart.base[0].argmin()
        np.testing.assert_array_equal(seen.cavity[:, 0], shape.cavity[:, 0])
        assert not shape.cavity[last, 1].any()
        assert seen.cavity[last, 1].min() > 2
        assert np.all(seen.right[last, 1] >= seen.outer[last, 1])
