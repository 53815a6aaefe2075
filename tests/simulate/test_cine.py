"""Cine MR of virtual patients."""

import numpy as np
import pytest
from virtual import but

from crossbeat.simulate import (
    SEGMENTS,
    cardiac_cycle,
    cine_block,
    draw_patients,
    masks_block,
    phenotype_block,
    pixel_mm,
    slice_mm_block,
    strain_block,
    volume_block,
)

_SMALL = {"frames": 2, "size": 16}


def _few(num=6):
    return draw_patients(num, seed=2)


@pytest.mark.parametrize(("view", "slices"), [("short", 3), ("long", 1)])
def test_cines_and_masks_have_the_shape_asked_for(view, slices):
    for make in (cine_block, masks_block):
        made = make(_few(), 0, 5, frames=4, size=24, view=view, slices=slices)
        assert made.shape == (6, slices, 4, 24, 24)
        assert made.dtype == np.uint8


@pytest.mark.parametrize("view", ["short", "long"])
def test_blood_is_bright_and_muscle_dark_where_the_masks_say(view):
    cines = cine_block(_few(), 0, 5, frames=3, size=64, view=view)
    masks = masks_block(_few(), 0, 5, frames=3, size=64, view=view)
    for cine, mask in zip(cines, masks, strict=True):
        left, muscle, right = (np.median(cine[mask == label]) for label in (1, 2, 3))
        assert 1.5 * muscle < left < 230
        assert 1.5 * muscle < right < 230
        assert cine[mask == 1].std() > 2


def test_the_sum_of_discs_gives_the_phenotypes_back():
    patients, slices, size = _few(), 14, 80
    masks = masks_block(patients, 0, 5, frames=50, size=size, slices=slices)
    values = phenotype_block(patients, 0, 5)
    disc = pixel_mm(size) ** 2 * slice_mm_block(patients, 0, 5, slices=slices)[:, None] / 1000
    left, muscle, right = ((masks == label).sum(axis=(1, 3, 4)) * disc for label in (1, 2, 3))
    np.testing.assert_allclose(left[:, 0], values["LVEDV"], rtol=0.02)
    np.testing.assert_allclose(left.min(axis=1), values["LVESV"], rtol=0.05)
    np.testing.assert_allclose(right.max(axis=1), values["RVEDV"], rtol=0.02)
    np.testing.assert_allclose(right.min(axis=1), values["RVESV"], rtol=0.05)
    np.testing.assert_allclose(muscle * 1.05, values["LVM"][:, None] + 0 * muscle, rtol=0.05)


def test_volume_curves_reach_the_phenotypes():
    patients = _few(40)
    curves, values = volume_block(patients, 0, 5, frames=50), phenotype_block(patients, 0, 5)
    for side in ("LV", "RV"):
        np.testing.assert_allclose(curves[side][:, 0], values[f"{side}EDV"], rtol=1e-5)
        np.testing.assert_allclose(curves[side].min(axis=1), values[f"{side}ESV"], rtol=1e-5)
    np.testing.assert_allclose(curves["LA"].max(axis=1), values["LAV"], rtol=1e-5)


def test_the_cavity_is_smallest_at_the_end_of_systole_of_this_rate():
    patients, frames = but(_few(40), left_block=False, paced=False), 40
    areas = (masks_block(patients, 0, 5, frames=frames, size=48) == 1).sum(axis=(1, 3, 4))
    cycle = cardiac_cycle(patients)
    smallest = areas.argmin(axis=1) / frames * cycle.length
    assert np.all(smallest > cycle.end_systole - 0.09)
    assert np.all(smallest < cycle.filling + 0.03)
    assert np.corrcoef(areas.argmin(axis=1), 1 / cycle.length)[0, 1] > 0.8


def test_healthy_walls_shorten_by_a_fifth_and_scars_do_not():
    absent = ("left_block", "paced", "infarct_anterior", "infarct_inferior")
    healthy = but(_few(40), ejection_fraction=61, **dict.fromkeys(absent, 0))
    scarred = but(healthy, infarct_anterior=1, ejection_fraction=40)
    strain = strain_block(healthy, 0, 5, frames=25)
    assert strain.shape == (40, 6, 25)
    assert not strain[:, :, 0].any()
    np.testing.assert_allclose(strain.min(axis=2).mean(axis=0), -20, atol=2)
    peak = dict(zip(SEGMENTS, strain_block(scarred, 0, 5, frames=25).min(axis=2).T, strict=True))
    assert peak["anterior"].min() > -5
    assert peak["inferolateral"].max() < -10


def test_in_left_block_walls_shorten_one_after_the_other_from_the_septum_on():
    blocked = but(_few(), left_block=True, infarct_anterior=0, infarct_inferior=0)
    strain = strain_block(blocked, 0, 5, frames=50)
    last = dict(zip(SEGMENTS, strain.argmin(axis=2).mean(axis=0), strict=True))
    assert last["anteroseptal"] < last["anterior"] < last["anterolateral"]
    assert last["inferoseptal"] < last["inferior"] < last["inferolateral"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 8}, "16 pixels or more, got 8"),
        ({"frames": 0}, "1 or more, got 0 and 1"),
        ({"slices": 0}, "1 or more, got 2 and 0"),
        ({"view": "sagittal"}, "one of .'short', 'long'., got 'sagittal'"),
        ({"view": "long", "slices": 2}, "must be 1 in the long axis, got 2"),
    ],
)
def test_impossible_cines_are_refused(wrong, message):
    for make in (cine_block, masks_block):
        with pytest.raises(ValueError, match=message):
            make(_few(1), 0, 5, **(_SMALL | wrong))
