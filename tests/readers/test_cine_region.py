"""The region of interest: found where a heart beats, cut out with its true size; and volumes."""

import numpy as np
import pytest

from crossbeat.errors import DataError
from crossbeat.readers import Cine, Region, cropped, disc_volume, roi_by_mask, roi_by_motion

SPACING = (1.5, 2.0)
SHAPE = (180, 150)


def disc(row: float, column: float, radius_mm: float) -> np.ndarray:
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot((rows - row) * SPACING[0], (columns - column) * SPACING[1]) <= radius_mm


def chest(row: float, column: float, *, num_frames: int = 12, flicker: float = 900.0) -> Cine:
    """A heart that beats beside bright fat, noise, and a vessel in which blood flickers."""
    draw = np.random.default_rng(0)
    frames = []
    for frame in range(num_frames):
        phase = np.cos(2 * np.pi * frame / num_frames)
        image = 50.0 + 600 * disc(20, 30, 25) + draw.normal(0, 20, SHAPE)
        image[disc(row, column, 40)] = 200
        image[disc(row, column, 25 + 6 * phase)] = 500
        image[disc(150, 130, 4)] = 200 + flicker * (frame % 2)
        frames.append(image)
    stack = np.array([frames, frames]).clip(0).astype(np.uint16)
    return Cine(values=stack, spacing_mm=SPACING)


@pytest.mark.parametrize(("row", "column"), [(90.0, 75.0), (60.5, 50.0), (120.0, 95.25)])
def test_the_heart_is_found_by_its_motion(row, column):
    region = roi_by_motion(chest(row, column), side_mm=120.0)
    assert abs(region.row - row) * SPACING[0] < 3
    assert abs(region.column - column) * SPACING[1] < 3
    assert region.side_mm == 120.0


def test_the_part_that_moves_most_in_all_is_the_heart():
    """Not the brightest point, which a vessel is."""
    cine = chest(80.0, 60.0, flicker=4000.0)
    motion = cine.values[0].std(axis=0)
    assert motion[150, 130] > 10 * motion[:120].max()
    region = roi_by_motion(cine)
    assert np.hypot(region.row - 80, region.column - 60) < 4


def test_a_still_image_has_no_region():
    still = Cine(values=np.full((1, 5, 20, 20), 7, np.uint8), spacing_mm=SPACING)
    with pytest.raises(DataError, match="must show something that moves, got 5 frames of the same"):
        roi_by_motion(still)


def test_a_mask_gives_its_middle():
    mask = np.zeros((2, 3, 20, 30), np.uint8)
    mask[0, 1, 4:9, 6] = 3
    mask[1, 2, 11, 10:13] = 1
    assert roi_by_mask(mask, side_mm=90.0) == Region(row=7.5, column=9.0, side_mm=90.0)
    with pytest.raises(ValueError, match="mask must mark something"):
        roi_by_mask(np.zeros((4, 4)))


def test_a_region_keeps_its_size_in_millimetres():
    cine = chest(90.0, 75.0)
    square = cropped(cine, Region(row=90.0, column=75.0, side_mm=120.0), 80)
    assert square.shape == (2, 12, 80, 80)
    blood = square[0, 0] > 170  # of radius 31 mm at frame 0, in pixels of 1.5 mm
    assert blood.sum() * 1.5**2 == pytest.approx(np.pi * 31**2, rel=0.03)
    rows, columns = np.nonzero(blood)
    assert (rows.mean(), columns.mean()) == pytest.approx((39.5, 39.5), abs=0.3)


def test_pixels_that_lie_on_the_grid_come_back():
    values = np.random.default_rng(0).integers(0, 250, (1, 2, 12, 12)).astype(np.uint8)
    cine = Cine(values=values, spacing_mm=(2.0, 2.0))
    square = cropped(cine, Region(row=5.5, column=4.5, side_mm=16.0), 8)
    part = values[..., 2:10, 1:9].astype(np.float64)
    low, high = np.percentile(part, [0.5, 99.5])
    np.testing.assert_array_equal(square, np.rint(((part - low) * 255 / (high - low)).clip(0, 255)))


def test_what_lies_outside_of_the_image_is_dark():
    values = np.full((1, 1, 10, 10), 100, np.int16)
    values[..., 5:, :] = 200
    values[..., 0, 0] = -50
    cine = Cine(values=values, spacing_mm=(1.0, 1.0))
    square = cropped(cine, Region(row=9.5, column=4.5, side_mm=10.0), 10)[0, 0]
    assert (square[:5] == 255).all()
    assert (square[5:] == 0).all()


def test_small_waves_are_averaged_not_sampled():
    values = np.zeros((1, 1, 64, 64), np.uint8)
    values[..., ::2] = 200
    values[..., 30:34] = np.array([0, 255, 0, 255], np.uint8)  # so that there is a range
    values[..., :8, :] = 255
    cine = Cine(values=values, spacing_mm=(1.0, 1.0))
    square = cropped(cine, Region(row=31.5, column=31.5, side_mm=64.0), 16)[0, 0]
    assert np.ptp(square[6:, 2:6].astype(int)) <= 2


def test_what_cannot_be_cut_out_is_refused():
    flat = Cine(values=np.full((1, 1, 9, 9), 3, np.uint8), spacing_mm=(1.0, 1.0))
    with pytest.raises(DataError, match="must show something, but every pixel is 3"):
        cropped(flat, Region(row=4.0, column=4.0, side_mm=5.0), 4)
    for size, side in ((0, 5.0), (4, 0.0)):
        with pytest.raises(ValueError, match="size and side_mm must be above 0, got"):
            cropped(flat, Region(row=4.0, column=4.0, side_mm=side), size)


# volumes by the sum of discs


def test_an_ellipsoid_has_its_volume():
    half = (45.0, 28.0, 24.0)
    z, y, x = np.ogrid[-50:51, -31.9:32:1.1, -28.8:29:0.9]
    mask = (z / half[0]) ** 2 + (y / half[1]) ** 2 + (x / half[2]) ** 2 <= 1
    volume = disc_volume(mask, (1.1, 0.9), 1.0)
    assert float(volume) == pytest.approx(4 / 3 * np.pi * np.prod(half) / 1000, rel=0.01)


def test_every_frame_has_its_own_volume():
    mask = np.zeros((2, 3, 4, 5), dtype=bool)
    mask[0, 1, :2, :3] = mask[1, 1, 0, 0] = mask[1, 2] = True
    volumes = disc_volume(mask, (2.0, 1.5), 10.0)
    np.testing.assert_allclose(volumes, [0.0, 7 * 0.03, 20 * 0.03])


@pytest.mark.parametrize(
    ("spacing", "apart"), [((0.0, 1.0), 8.0), ((1.0, 1.0), -8.0), ((1.0, 1.0), None)]
)
def test_distances_that_are_none_are_refused(spacing, apart):
    with pytest.raises(ValueError, match="must be equally far apart, by more than 0 mm, got"):
        disc_volume(np.ones((2, 3, 3), dtype=bool), spacing, apart)
