"""The stored values of a DICOM image, checked before and while they are decoded.

Source: DICOM PS3.3 C.7.6.3 (pixels), PS3.5 8.1 and 8.2 (bits and compression).
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped

from crossbeat.errors import DataError
from crossbeat.readers.dicom import text_of
from crossbeat.readers.image_files import check_jpeg
from crossbeat.readers.limits import missing_extra

if TYPE_CHECKING:
    from pydicom import Dataset

_JPEG = "1.2.840.10008.1.2.4."
_EXTENDED = _JPEG + "51"
_BY_PILLOW = {_JPEG + last for last in ("50", "90", "91")}
_NAMES = {
    **dict.fromkeys((_JPEG + "57", _JPEG + "70"), "lossless JPEG"),
    **dict.fromkeys((_JPEG + "80", _JPEG + "81"), "JPEG-LS"),
}
"""Transfer syntaxes that need a package beside pydicom and Pillow."""


def decoded(path: Path, image: "Dataset") -> Shaped[np.ndarray, "height width"]:
    """The stored values of an image of one frame and one value for each pixel.

    Args:
        path: of the file, for messages.
        image: its metadata, with its transfer syntax; its size is checked already.

    Raises:
        DataError: pixels are damaged or missing, do not fit what the file says of them, or need a
            package that is absent.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are checked here, or not used
        try:
            return _decoded(path, image)
        except DataError:
            raise
        except Exception as error:  # the packages raise whatever their parsing runs into
            raise damaged(path, "its pixels cannot be decoded") from error


def damaged(path: Path, what: str) -> DataError:
    """The error for a file with a fault.

    Args:
        path: of the file.
        what: the fault, in a few words after "but".
    """
    return DataError(f"{path} must be sound DICOM, but {what}; copy or export it again")


def _decoded(path: Path, image: "Dataset") -> Shaped[np.ndarray, "height width"]:
    _check_bits(path, image)
    syntax = text_of(image.file_meta, "TransferSyntaxUID")
    bits = 8
    if syntax in {_JPEG + "50", _EXTENDED, *_NAMES}:
        bits = _check_coded(path, image)
    elif not image.file_meta.TransferSyntaxUID.is_compressed:
        _check_length(path, image)
    if syntax in _BY_PILLOW or (syntax == _EXTENDED and bits == 8):
        image.pixel_array_options(decoding_plugin="pillow")  # also where others are installed
    elif syntax == _EXTENDED or syntax in _NAMES:
        image.pixel_array_options(decoding_plugin=_decoder(path, syntax))
    pixels = image.pixel_array
    if pixels.shape != (image.Rows, image.Columns):
        raise damaged(path, "its pixels are not of one grey value each")
    return pixels


def _check_bits(path: Path, image: "Dataset") -> None:
    stored, high = int(image.BitsStored), int(image.get("HighBit", image.BitsStored - 1))
    if high != stored - 1:
        raise DataError(
            f"{path}: HighBit must be {stored - 1} where BitsStored is {stored}, got {high}; "
            "correct it, or export the image again"
        )


def _check_length(path: Path, image: "Dataset") -> None:
    need = (int(image.Rows) * int(image.Columns) * int(image.BitsAllocated) + 7) // 8
    held = len(image.PixelData)
    if not need <= held <= need + 1:
        raise damaged(path, f"has {held:,} bytes of pixels where its size needs {need:,}")


def _check_coded(path: Path, image: "Dataset") -> int:
    """The coded image is whole, and of the size that is stated, before it is decoded; its bits."""
    from pydicom.encaps import generate_frames

    coded = next(generate_frames(image.PixelData, number_of_frames=1))
    said = check_jpeg(path, coded, strict=True)
    if (said.height, said.width) != (image.Rows, image.Columns) or not said.grey:
        raise damaged(
            path,
            f"its pixels are {said.height} x {said.width} where it says {image.Rows} x "
            f"{image.Columns}, or are no grey values",
        )
    if not int(image.BitsStored) <= said.bits <= int(image.BitsAllocated):
        raise damaged(
            path, f"its pixels have {said.bits} bits where it says {int(image.BitsStored)}"
        )
    return said.bits


def _decoder(path: Path, syntax: str) -> str:
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    fit = ("pylibjpeg",) if syntax == _EXTENDED else ("gdcm", "pylibjpeg", "pyjpegls")
    found = [name for name in get_decoder(UID(syntax)).available_plugins if name in fit]
    if found:
        return found[0]
    if syntax == _EXTENDED:  # its package has another licence than ours: users decide
        raise DataError(
            f"{path} is DICOM compressed by JPEG of 12 bits, which needs the packages "
            "pylibjpeg and pylibjpeg-libjpeg; install them, or export it uncompressed"
        )
    raise missing_extra(path, f"DICOM compressed by {_NAMES[syntax]}", "python-gdcm")
