"""Cine MR of virtual patients."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from crossbeat.simulate import (
    SEGMENTS,
    Patients,
    cardiac_cycle,
    cine_block,
    cine_blocks,
    draw_patients,
    masks_block,
    phenotype_block,
    pixel_mm,
    slice_mm_block,
    strain_block,
    volume_block,
)

_SMALL = {"frames": 2, "size": 16}


def _few(num: int = 6) -> Patients:
    return draw_patients(num, seed=2)


def test_a_cine_does_not_depend_on_how_many_are_drawn_nor_on_the_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crossbeat.simulate.streams.BLOCK", 4)
    few, many = cine_block(_few(3), 0, 5, **_SMALL), _few(6)
    with ThreadPoolExecutor(2) as pool:
        shared = np.concatenate(list(cine_blocks(many, 5, pool, **_SMALL)))
    assert len(shared) == 6
    assert few.tobytes() == shared[:3].tobytes()
    assert cine_block(many.rows(slice(4, 6)), 1, 5, **_SMALL).tobytes() == shared[4:].tobytes()


def test_another_seed_is_another_recording() -> None:
    assert np.mean(cine_block(_few(), 0, 5, **_SMALL) != cine_block(_few(), 0, 6, **_SMALL)) > 0.5


@pytest.mark.parametrize(("view", "slices"), [("short", 3), ("long", 1)])
def test_cines_and_masks_have_the_shape_asked_for(view: str, slices: int) -> None:
    for make in (cine_block, masks_block):
        made = make(_few(), 0, 5, frames=4, size=24, view=view, slices=slices)
        assert made.shape == (6, slices, 4, 24, 24)
        assert made.dtype == np.uint8


@pytest.mark.parametrize("view", ["short", "long"])
def test_blood_is_bright_and_muscle_dark_where_the_masks_say(view: str) -> None:
    cines = cine_block(_few(), 0, 5, frames=3, size=64, view=view)
    masks = masks_block(_few(), 0, 5, frames=3, size=64, view=view)
    for cine, mask in zip(cines, masks, strict=True):
        left, muscle, right = (np.median(cine[mask == label]) for label in (1, 2, 3))
        assert 1.5 * muscle < left < 230
        assert 1.5 * muscle < right < 230
        assert cine[mask == 1].std() > 2


def test_the_sum_of_discs_gives_the_phenotypes_back() -> None:
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


def test_volume_curves_reach_the_phenotypes() -> None:
    patients = _few(40)
    curves, values = volume_block(patients, 0, 5, frames=50), phenotype_block(patients, 0, 5)
    np.testing.assert_allclose(curves["LV"][:, 0], values["LVEDV"], rtol=1e-5)
    np.testing.assert_allclose(curves["RV"][:, 0], values["RVEDV"], rtol=1e-5)
    np.testing.assert_allclose(curves["LV"].min(axis=1), values["LVESV"], rtol=1e-5)
    np.testing.assert_allclose(curves["RV"].min(axis=1), values["RVESV"], rtol=1e-5)
    np.testing.assert_allclose(curves["LA"].max(axis=1), values["LAV"], rtol=1e-5)


def test_the_cavity_is_smallest_at_the_end_of_systole_of_this_rate() -> None:
    patients, frames = _few(40), 40
    patients = replace(
        patients, left_block=patients.left_block & False, paced=patients.paced & False
    )
    areas = (masks_block(patients, 0, 5, frames=frames, size=48) == 1).sum(axis=(1, 3, 4))
    cycle = cardiac_cycle(patients)
    smallest = areas.argmin(axis=1) / frames * cycle.length
    assert np.all(smallest > cycle.end_systole - 0.09)
    assert np.all(smallest < cycle.filling + 0.03)
    assert np.corrcoef(areas.argmin(axis=1), 1 / cycle.length)[0, 1] > 0.8


def test_healthy_walls_shorten_by_a_fifth_and_scars_do_not() -> None:
    patients = _few(40)
    none = np.zeros(40, dtype=np.float32)
    flags = dict.fromkeys(("left_block", "paced"), none > 1)
    well = {"infarct_anterior": none, "infarct_inferior": none, "ejection_fraction": none + 61}
    healthy = replace(patients, **flags, **well)
    scarred = replace(healthy, infarct_anterior=none + 1, ejection_fraction=none + 40)
    strain = strain_block(healthy, 0, 5, frames=25)
    assert strain.shape == (40, 6, 25)
    assert not strain[:, :, 0].any()
    np.testing.assert_allclose(strain.min(axis=2).mean(axis=0), -20, atol=2)
    peak = dict(zip(SEGMENTS, strain_block(scarred, 0, 5, frames=25).min(axis=2).T, strict=True))
    assert peak["anterior"].min() > -5
    assert peak["inferolateral"].max() < -10


def test_in_left_block_walls_shorten_one_after_the_other_from_the_septum_on() -> None:
    patients, yes = _few(), np.ones(6, dtype=bool)
    none = np.zeros(6, dtype=np.float32)
    scars = {"infarct_anterior": none, "infarct_inferior": none}
    strain = strain_block(replace(patients, left_block=yes, **scars), 0, 5, frames=50)
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
def test_impossible_cines_are_refused(wrong: dict, message: str) -> None:
    for make in (cine_block, masks_block):
        with pytest.raises(ValueError, match=message):
            make(_few(1), 0, 5, **(_SMALL | wrong))
