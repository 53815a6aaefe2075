"""Slices that were moved in their plane: what lies at one place of the patient has one pixel."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset
from xray_files import rectangle, setting

from cine_dicoms import Change, frames, refuse, slice_files, write_folder
from crossbeat.errors import DataError
from crossbeat.readers import read_cine

SPACING = np.array([1.5, 2.0])
"""Between rows and between columns, as ``cine_dicoms`` writes them."""


def moved(down: float, right: float) -> Change:
    """A field of view that begins so many mm further down and right."""

    def change(image: Dataset) -> None:
        x, y, z = (float(value) for value in image.ImagePositionPatient)
        image.ImagePositionPatient = [f"{x + right:g}", f"{y + down:g}", f"{z:g}"]

    return change


def seen(shape: tuple[int, int], corner: np.ndarray) -> np.ndarray:
    """Three frames of a plane of the patient that rises evenly along both axes, in 16 bits."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    y, x = rows * SPACING[0] + corner[0], columns * SPACING[1] + corner[1]
    return np.stack([500 + 10 * y + 40 * x + 1000 * frame for frame in range(3)]).astype(np.uint16)


@pytest.mark.parametrize(("down", "right"), [(3.0, -4.0), (-1.5, 6.0), (2.25, 3.0), (-0.3, 1.0)])
def test_slices_that_were_moved_lie_on_the_first(tmp_path, down, right):
    shape = (16, 20)
    files = slice_files("a", 0.0, values=seen(shape, np.zeros(2)))
    values = seen(shape, np.array([down, right]))
    files |= slice_files("b", 8.0, values=values, change=moved(down, right))
    cine = read_cine(write_folder(tmp_path, files))
    assert cine.values.dtype == np.uint16
    assert cine.slice_mm == pytest.approx(8.0)
    inner = np.s_[:, 5:-5, 5:-5]
    np.testing.assert_allclose(
        cine.values[1][inner].astype(int), cine.values[0][inner].astype(int), atol=1
    )


def second(folder: Path, down: float, right: float) -> np.ndarray:
    """The second of two slices with the same values, of which it was moved."""
    values = seen((6, 8), np.zeros(2))
    files = slice_files("a", 0.0, values=values)
    files |= slice_files("b", 8.0, values=values, change=moved(down, right))
    return read_cine(write_folder(folder, files)).values[1]


def test_a_slice_moved_by_whole_pixels_keeps_its_values_or_is_refused(tmp_path):
    values = seen((6, 8), np.zeros(2))
    shifted = second(tmp_path / "a", 0.0, 4.0)
    np.testing.assert_array_equal(shifted[..., 2:], values[..., :-2])
    assert (shifted[0, :, :2] == values[0].min()).all()  # where it has no pixels
    np.testing.assert_array_equal(second(tmp_path / "b", 0.14, -0.19), values)
    with pytest.raises(DataError, match="lie on each other, got some that lie 0 rows and 4 col"):
        second(tmp_path / "c", 0.0, -9.0)


def test_the_heart_of_the_shifted_case_is_at_one_place(run_case, tmp_path):
    run_case("cine_slice_shifted_in_plane.py", tmp_path / "cine")
    cine = read_cine(tmp_path / "cine")
    for slice_ in cine.values:
        bright = np.flatnonzero(slice_[2, 32] == 1000)  # end systole: all of it is in view
        assert bright.mean() == pytest.approx(32, abs=0.1)


HIDDEN: dict[str, dict[str, object]] = {
    "padding": {"PixelPaddingValue": 9000},
    "a range": {"PixelPaddingValue": 8000, "PixelPaddingRangeLimit": 9500},
    "a shutter": {"ShutterShape": "RECTANGULAR", **rectangle(3, 8, 1, 6)},
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_pixels_that_do_not_count_have_the_least_value(tmp_path, kind):
    values = frames(3)
    stored = values.copy()
    stored[:, :, :2] = 9000
    files = slice_files("a", 0.0, values=stored, change=setting(**HIDDEN[kind]))
    cine = read_cine(write_folder(tmp_path, files))
    np.testing.assert_array_equal(cine.values[0][:, :, 2:], values[:, :, 2:])
    least = values[:, :, 2:].min(axis=(1, 2), keepdims=True)
    assert (cine.values[0][:, :, :2] == least).all()


def nifti(path: Path, values: np.ndarray, affine: np.ndarray) -> Path:
    image = nibabel.Nifti1Image(values, affine)
    nibabel.save(image, path)
    return path


def test_a_sheared_stack_of_nifti_is_put_upright(tmp_path):
    columns, rows, slices = np.mgrid[:16, :12, :4]
    affine = np.diag([1.5, 2.0, 8.0, 1.0])
    affine[0, 2] = 3.0  # each slice begins two columns further on
    affine[1, 2] = -1.0  # and half a row further up
    place = affine[:2, :3] @ np.stack([columns, rows, slices]).reshape(3, -1)
    values = (500 + 40 * place[0] + 10 * place[1]).reshape(columns.shape).astype(np.int16)
    cine = read_cine(nifti(tmp_path / "a.nii", values[..., None], affine))
    inner = np.s_[0, 3:-3, 7:-7]
    for slice_ in cine.values:
        np.testing.assert_allclose(slice_[inner], cine.values[0][inner], atol=1)
    assert cine.slice_mm == pytest.approx(8.0)
    assert cine.spacing_mm == pytest.approx((2.0, 1.5))


def test_sizes_that_contradict_and_axes_not_at_right_angles_are_refused(tmp_path):
    affine = np.diag([1.5, 2.0, 8.0, 1.0])
    path = nifti(tmp_path / "a.nii", np.ones((4, 5, 3, 2), np.int16), affine)
    data = bytearray(path.read_bytes())
    data[84:88] = np.float32(1.0).tobytes()  # pixdim[2]
    path.write_bytes(data)
    refuse(path, r"one size of pixels, got 1\.5 x 1 x 8 and 1\.5 x 2 x 8")
    affine[:2, 1] = [1.2, 1.6]
    path = nifti(tmp_path / "a.nii", np.ones((4, 5, 3, 2), np.int16), affine)
    refuse(path, r"at right angles, got a cosine of 0\.600; resample")
