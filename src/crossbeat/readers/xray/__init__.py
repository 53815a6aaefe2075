"""Chest X-rays: image files, and DICOM, to square arrays of 8 bits."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from crossbeat.errors import DataError
from crossbeat.readers.dicom import is_dicom
from crossbeat.readers.limits import unreadable
from crossbeat.readers.xray.dicom import read_dicom
from crossbeat.readers.xray.image import read_image


def read_xray(path: str | Path, size: int) -> UInt8[np.ndarray, "size size"]:
    """An X-ray as a grey square, bones bright: its centre, resized with antialiasing.

    Colours become luminance. Values of 8 bits of image files are kept. All others, and those of
    DICOM files after their window, are scaled so that the darkest pixel of the square is 0 and
    the brightest 255, since files seldom use the whole range. Pixels that the file declares to be
    no part of the picture (transparent, padding, outside of a shutter) are 0 and leave the scale
    alone. The film is turned as the file says, and pixels that are not square are made so.

    Args:
        path: a PNG, JPEG, TIFF or DICOM file of one image.
        size: pixels of a side, above 0.

    Raises:
        DataError: the file is missing, empty, damaged, no image of these formats, of several
            images, too large, broke off (rule ``flat``), contradicts itself, or shows the same
            value everywhere; or a package that its format needs is absent.
        ValueError: ``size`` is not above 0.
    """
    if size <= 0:
        raise ValueError(f"size must be above 0 pixels, got {size}")
    path = Path(path)
    try:
        film = read_dicom(path) if is_dicom(path) else read_image(path, size)
    except OSError as error:
        raise unreadable(path, error) from None
    pixels, counted, _ = film.centre()
    seen = pixels if counted is None else pixels[counted]
    low, high = (seen.min().item(), seen.max().item()) if seen.size else (0, 0)
    if low == high:
        raise DataError(
            f"{path} must show something, but every pixel is {low:g}; export the image again"
        )
    if pixels.dtype != np.uint8:
        pixels = (pixels.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
        if counted is not None:
            pixels[~counted] = 0
    square = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    return np.rint(np.asarray(square)).astype(np.uint8)
