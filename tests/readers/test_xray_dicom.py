"""X-rays in DICOM, made by pydicom in the test."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)
from xray_files import Change, assert_shows, slope, written

from crossbeat.errors import DataError
from crossbeat.readers import read_xray


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_stored_values_are_scaled_by_their_range(tmp_path: Path, syntax: UID) -> None:
    assert_shows(written(tmp_path, slope(), syntax=syntax), slope())


def test_dark_bones_become_bright(tmp_path: Path) -> None:
    def change(image: Dataset) -> None:
        image.PhotometricInterpretation = "MONOCHROME1"

    assert_shows(written(tmp_path, slope(), change), -slope().astype(int))


def test_the_first_window_is_what_is_seen(tmp_path: Path) -> None:
    def change(image: Dataset) -> None:
        image.WindowCenter, image.WindowWidth = [1400, 300], [800, 50]

    expected = np.clip(slope().astype(float), 1400 - 0.5 - 399.5, 1400 - 0.5 + 399.5)
    assert_shows(written(tmp_path, slope(), change), expected)


def test_a_window_is_of_rescaled_values(tmp_path: Path) -> None:
    def change(image: Dataset) -> None:
        image.RescaleSlope, image.RescaleIntercept = 2, -1000
        image.WindowCenter, image.WindowWidth = 1800, 1600

    expected = np.clip(2.0 * slope() - 1000, 1800 - 0.5 - 799.5, 1800 - 0.5 + 799.5)
    assert_shows(written(tmp_path, slope(), change), expected)


@pytest.mark.parametrize(
    ("syntax", "kind", "tolerance"),
    [(JPEGBaseline8Bit, "JPEG", 4.0), (JPEG2000Lossless, "JPEG2000", 1.0)],
)
def test_compressed_pixels_are_read(
    tmp_path: Path, syntax: UID, kind: str, tolerance: float
) -> None:
    pixels = (slope() // 16).astype(np.uint8)
    packed = BytesIO()
    options = {"quality": 98} if kind == "JPEG" else {"irreversible": False}
    Image.fromarray(pixels).save(packed, kind, **options)
    path = written(tmp_path, pixels, syntax=syntax, data=packed.getvalue())
    assert_shows(path, pixels, tolerance)


def test_a_file_is_known_by_its_contents(tmp_path: Path) -> None:
    path = written(tmp_path, slope())
    assert_shows(path.rename(tmp_path / "x.jpg"), slope())


def colour(image: Dataset) -> None:
    image.PhotometricInterpretation = "RGB"


def several(image: Dataset) -> None:
    image.NumberOfFrames = "3"


def huge(image: Dataset) -> None:
    image.Rows = image.Columns = 60_000


def no_pixels(image: Dataset) -> None:
    del image.PixelData


def too_few(image: Dataset) -> None:
    image.PixelData = image.PixelData[:700]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (colour, "must be one image of grey values, got 1 of RGB; export one image"),
        (several, "must be one image of grey values, got 3 of MONOCHROME2"),
        (huge, "must have 1 to 64,000,000 pixels, got 60000 x 60000; scale"),
        (no_pixels, "must be a DICOM image, but has no pixels; is it an ECG"),
        (
            too_few,
            "must be sound DICOM, but has 700 bytes of pixels where its size needs 2,048; copy",
        ),
    ],
)
def test_other_images_are_refused(tmp_path: Path, change: Change, message: str) -> None:
    path = written(tmp_path, slope(), change)
    with pytest.raises(DataError, match=message) as caught:
        read_xray(path, 16)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, part: float) -> None:
    path = written(tmp_path, slope())
    data = path.read_bytes()
    path.write_bytes(data[: max(140, int(part * len(data)))])
    with pytest.raises(DataError, match=r"x\.dcm must be"):
        read_xray(path, 16)


def test_a_constant_image_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, np.full((8, 8), 7, np.uint16))
    with pytest.raises(DataError, match="must show something"):
        read_xray(path, 8)
