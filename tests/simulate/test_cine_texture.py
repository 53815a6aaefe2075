"""Real surroundings of virtual hearts."""

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.simulate import Textures, cine_block, draw_patients, masks_block, read_textures
from crossbeat.simulate.cine_shape import hearts
from crossbeat.simulate.cine_texture import VESSEL, Around, blended
from crossbeat.simulate.cine_view import FIELD, pose, short_axis
from crossbeat.simulate.streams import Draws

_CELLS = 64
_SMALL = {"frames": 2, "size": 32}


def _disc(right, down, radius):
    """The cells within some mm of a place so many mm from the middle."""
    at = (np.arange(_CELLS) - (_CELLS - 1) / 2) * FIELD / _CELLS
    x, y = np.meshgrid(at - right, at - down)
    return np.hypot(x, y) < radius


def _stack(*, toward=(-1, 0), mark=(0, 50), around=50):
    """Four slices: blood of 200, a right ventricle towards one side, a bright mark."""
    left = _disc(0, 0, 20)
    image = np.full((_CELLS, _CELLS), around)
    image[_disc(40 * toward[0], 40 * toward[1], 10) | left] = 200
    image[_disc(*mark, 5)] = 300
    return np.stack([image] * 4), np.stack([left] * 4)


def _shown(textures, drawn=0.0):
    """The first stack about a heart that lies in the middle, over something drawn."""
    beating, lies = hearts(draw_patients(1, 2), 0, 5, 2), pose(Draws(5, 0, 1, "cine image"))
    lies.right[:], lies.up[:] = 0, 0
    (section,) = short_axis(beating.one(0), lies, 0, _CELLS, 1)
    none = np.zeros(1, dtype=np.float32)
    lying = Around(
        textures=textures, stack=none.astype(np.int64), zoom=none + 1, right=none, up=none
    )
    plane = np.full((_CELLS, _CELLS), drawn, dtype=np.float32)
    return blended(plane, lying, 0, section.place), section.place


def _middle(picture, place):
    """Where the brightest part lies, mm to the right and above."""
    bright = picture > 0.9 * picture.max()
    return place.right[bright].mean(), place.up[bright].mean()


def test_surroundings_have_their_signal_in_parts_of_that_of_blood():
    made, place = _shown(Textures.of([_stack()]), drawn=0.1)
    corner = made[(place.right > 20) & (place.up > 50) & (place.right < 45) & (place.up < 55)]
    np.testing.assert_allclose(corner, 50 / 200 * VESSEL, rtol=1e-4)
    np.testing.assert_allclose(made[np.hypot(place.right - 10, place.up) < 25], 0.1)


@pytest.mark.parametrize(
    ("toward", "mark", "expected"),
    [
        ((-1, 0), (0, 50), (10, -50)),
        ((0, 1), (0, -50), (60, 0)),
        ((0, 1), (50, 0), (10, -50)),
        ((0, -1), (50, 0), (10, 50)),
    ],
)
def test_a_stack_is_turned_until_its_right_ventricle_lies_to_the_left(toward, mark, expected):
    made, place = _shown(Textures.of([_stack(toward=toward, mark=mark)]))
    np.testing.assert_allclose(_middle(made, place), expected, atol=3)


def test_only_what_lies_around_the_heart_changes_and_it_does_not_move():
    patients, textures = draw_patients(5, seed=2), Textures.of([_stack(around=150)])
    drawn = cine_block(patients, 0, 5, frames=8, size=64)
    real = cine_block(patients, 0, 5, frames=8, size=64, textures=textures)
    inside = masks_block(patients, 0, 5, frames=8, size=64)[:, 0] > 0
    changed = (drawn != real)[:, 0]
    assert changed[inside].mean() < 0.02
    lung = np.s_[:, :, 6:12, 34:58]
    assert changed[lung].mean() > 0.95
    assert real[:, 0][lung].mean() > 2 * drawn[:, 0][lung].mean()
    moved = np.ptp(real[:, 0][lung].astype(float), axis=1)
    assert np.median(moved) < 0.3 * np.median(real[:, 0][lung])


def test_a_patient_depends_on_seed_and_textures_alone(monkeypatch):
    monkeypatch.setattr("crossbeat.simulate.streams.BLOCK", 8)
    patients = draw_patients(8, seed=2)
    textures = Textures.of([_stack(around=20), _stack(around=150)])
    many = cine_block(patients, 0, 5, textures=textures, **_SMALL)
    few = cine_block(patients.rows(slice(0, 3)), 0, 5, textures=textures, **_SMALL)
    assert few.tobytes() == many[:3].tobytes()
    single = [
        cine_block(patients, 0, 5, textures=Textures.of([_stack(around=around)]), **_SMALL)
        for around in (20, 150)
    ]
    same = [{row for row in range(8) if (many[row] == each[row]).all()} for each in single]
    assert same[0] | same[1] == set(range(8))
    assert min(map(len, same)) > 0


def test_a_file_of_stacks_is_read_and_what_has_no_mask_left_out(tmp_path):
    images, masks = (np.moveaxis(each, 0, 2) for each in _stack())
    np.savez(tmp_path / "stacks.npz", a=images, a_lv=masks, t=np.zeros((3, 3)))
    textures, known = read_textures(tmp_path / "stacks.npz"), Textures.of([_stack()])
    assert len(textures.signal) == 1
    np.testing.assert_array_equal(textures.signal[0], known.signal[0])
    np.testing.assert_array_equal(textures.share[0], known.share[0])


def test_real_stacks_lie_as_virtual_hearts_do(shared):
    textures = read_textures(shared / "data/sunnybrook/sax_roi.npz")
    assert [each.shape for each in textures.signal] == [(9, 100, 100)] * 2
    for signal in textures.signal:
        beside, septum, lung = signal[2, 46:55, 12:20], signal[2, 50, 20:40], signal[2, 20:40, 90:]
        assert np.median(beside) > 0.75 * VESSEL
        assert septum.min() < 0.4 * VESSEL
        assert np.median(lung) < 0.2 * VESSEL


def test_textures_are_for_the_short_axis():
    with pytest.raises(ValueError, match="must go with view 'short', got 'long'"):
        cine_block(
            draw_patients(1, 2), 0, 5, view="long", textures=Textures.of([_stack()]), **_SMALL
        )


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        (np.ones((2, 8, 9)), np.ones((2, 8, 9)), r"as high as wide, got \[2, 8, 9\]"),
        (np.ones((2, 8, 8)), np.ones((3, 8, 8)), r"got \[2, 8, 8\] and \[3, 8, 8\]"),
        (np.ones((2, 8, 8)), np.eye(8) * [[[1]], [[0]]], r"got no mask in \[1\] of 2 slices"),
        (np.ones((0, 8, 8)), np.ones((0, 8, 8)), "got no mask in .* of 0 slices"),
        (np.zeros((1, 8, 8)), np.ones((1, 8, 8)), r"must have a signal .* got \[0.0\]"),
        (np.full((1, 8, 8), np.nan), np.ones((1, 8, 8)), "must have a signal"),
    ],
)
def test_stacks_that_give_no_texture_are_refused(images, masks, message):
    with pytest.raises(ValueError, match=message):
        Textures.of([(images, masks)])


def test_a_file_without_stacks_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "stacks.npz"
    with pytest.raises(DataError, match=r"stacks\.npz must be an \.npz file .* No such file"):
        read_textures(path)
    np.savez(path, a=np.ones((8, 8, 2)))
    with pytest.raises(DataError, match="must come from a stack or more, got none"):
        read_textures(path)
    np.savez(path, a=np.ones(8), a_lv=np.ones(8))
    with pytest.raises(DataError, match=r"stacks\.npz must be an \.npz file"):
        read_textures(path)
    np.savez(path, allow_pickle=True, a=np.array([None] * 8), a_lv=np.ones((8, 8, 8)))
    with pytest.raises(DataError, match="Object arrays cannot be loaded"):
        read_textures(path)
    np.save(tmp_path / "other.npy", np.ones(3))
    with pytest.raises(DataError, match=r"other\.npy must be an \.npz file"):
        read_textures(tmp_path / "other.npy")
