"""Chest X-rays: image files, and DICOM, to square arrays of 8 bits."""

import struct
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, UnidentifiedImageError

from crossbeat.errors import DataError
from crossbeat.readers.dicom_file import is_dicom
from crossbeat.readers.xray_dicom import MOST_PIXELS, read_pixels

FORMATS = ("PNG", "JPEG", "TIFF")
"""What ``read_xray`` reads besides DICOM, by Pillow's names."""

_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error)
"""What Pillow raises on damaged files, by decoder."""

_EIGHT_BIT = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_WIDER = {"I;16", "I;16B", "I;16L", "I"}


def read_xray(path: str | Path, size: int) -> UInt8[np.ndarray, "size size"]:
    """An X-ray as a grey square: its centre, resized with antialiasing.

    Colours become luminance. Grey values of 16 bits are scaled so that the darkest pixel of
    the square is 0 and the brightest 255, since such files seldom use all 16; values of 8
    bits are kept. Those of a DICOM file are what its window shows, scaled in the same way.

    Args:
        path: a PNG, JPEG, TIFF or DICOM file of one image.
        size: pixels of a side, above 0.

    Raises:
        DataError: the file is missing, empty, truncated, no image of these formats, of several
            images, too large, or shows the same value everywhere.
        ValueError: ``size`` is not above 0.
    """
    if size <= 0:
        raise ValueError(f"size must be above 0 pixels, got {size}")
    path = Path(path)
    try:
        decoded = read_pixels(path) if is_dicom(path) else _decode(path, size)
    except _DAMAGE as error:
        raise DataError(
            f"{path} must be a sound image, but {error}; copy or export it again"
        ) from error
    pixels = _centre(decoded)
    low, high = pixels.min().item(), pixels.max().item()
    if low == high:
        raise DataError(
            f"{path} must show something, but every pixel is {low}; export the image again"
        )
    if pixels.dtype != np.uint8:
        pixels = (pixels.astype(np.float32) - low) * np.float32(255 / (high - low))
    square = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    return np.rint(np.asarray(square)).astype(np.uint8)


def _decode(path: Path, size: int) -> Shaped[np.ndarray, "height width"]:
    with _open(path) as image:
        frames = getattr(image, "n_frames", 1)
        if image.width * image.height > MOST_PIXELS:
            raise _too_large(path)
        if image.mode not in _EIGHT_BIT | _WIDER or frames > 1:
            raise DataError(
                f"{path} must be one image of 8 or 16 bits, got {frames} of Pillow's mode "
                f"{image.mode}; export one image"
            )
        if image.mode in _WIDER:
            return np.asarray(image)
        image.draft("L", (2 * size, 2 * size))  # decodes a JPEG no finer than is needed
        return np.asarray(image.convert("L"))


def _open(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path, formats=FORMATS)
    except FileNotFoundError:
        raise DataError(f"there is no file {path}; check the path") from None
    except UnidentifiedImageError:
        raise DataError(
            f"{path} must be an image, {', '.join(FORMATS)}, but is none; convert or export it"
        ) from None
    except Image.DecompressionBombError:
        raise _too_large(path) from None


def _too_large(path: Path) -> DataError:
    return DataError(
        f"{path} must have at most {MOST_PIXELS:,} pixels, got more; scale the image down"
    )


def _centre(pixels: Shaped[np.ndarray, "height width"]) -> Shaped[np.ndarray, "side side"]:
    height, width = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]
