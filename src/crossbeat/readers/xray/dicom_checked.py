"""Chest X-rays in DICOM: from the file to its stored values.

Source: DICOM PS3.3 C.7.6.3 (pixels), PS3.5 A.5 (deflated files).
"""

import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from crossbeat.errors import DataError
from crossbeat.readers.dicom import EXPLICIT, IMPLICIT, open_dicom, text_of
from crossbeat.readers.dicom_pixels import damaged, decoded
from crossbeat.readers.xray.dicom import shown
from crossbeat.readers.xray.film import MOST_PIXELS, Film, check_size

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_BYTES = 2 * MOST_PIXELS + 2**22
_DEFLATED, _BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
_SYNTAXES = {
    **dict.fromkeys((IMPLICIT, EXPLICIT, _DEFLATED, _BIG), "uncompressed"),
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.50": "JPEG",
    "1.2.840.10008.1.2.4.51": "JPEG",
    "1.2.840.10008.1.2.4.57": "lossless JPEG",
    "1.2.840.10008.1.2.4.70": "lossless JPEG",
    "1.2.840.10008.1.2.4.80": "JPEG-LS",
    "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.90": "JPEG 2000",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
}
"""Transfer syntaxes that are read."""

_OTHERS = {"CT", "MR", "PT", "NM", "US", "MG", "XA", "ECG", "SM", "OP"}
"""Modalities whose images are no film of a chest."""


def read_dicom(path: Path) -> Film:
    """The picture that a viewer shows at first: scaled, windowed, upright, bones bright.

    Args:
        path: a DICOM file.

    Raises:
        OSError: the file cannot be read.
        DataError: the file is damaged, is no X-ray of one frame and one grey value, contradicts
            itself, is too large, of another transfer syntax, broke off, or a package is absent.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are checked here, or not used
        try:
            image = _checked(path)
            return shown(path, image, decoded(path, image))
        except (DataError, OSError):
            raise
        except Exception as error:  # the package raises whatever its parsing runs into
            raise damaged(path, "its parts cannot be read") from error


def _checked(path: Path) -> "Dataset":
    file, meta = open_dicom(path, _MOST_BYTES)
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    syntax = text_of(meta, "TransferSyntaxUID")
    if syntax not in _SYNTAXES:
        raise DataError(
            f"{path} must be {', '.join(dict.fromkeys(_SYNTAXES.values()))}, got transfer syntax "
            f"{syntax[:80] or 'none'}; export it so"
        )
    if syntax == _DEFLATED:
        file = _inflated(path, file)
    image = read_dataset(file, syntax == IMPLICIT, syntax != _BIG)
    image.file_meta = FileMetaDataset(meta)
    modality = text_of(image, "Modality")
    if modality in _OTHERS:
        raise DataError(f"{path} must be an X-ray, got modality {modality}; name another file")
    if "PixelData" not in image:
        raise DataError(f"{path} must be a DICOM image, but has no pixels; is it an ECG?")
    check_size(path, int(image.Columns), int(image.Rows))
    frames = text_of(image, "NumberOfFrames") or "1"
    kind = text_of(image, "PhotometricInterpretation")
    if frames != "1" or kind not in ("MONOCHROME1", "MONOCHROME2"):
        raise DataError(
            f"{path} must be one image of grey values, got {frames[:20]} of {kind[:20] or 'none'}; "
            "export one image"
        )
    if text_of(image, "PresentationIntentType") == "FOR PROCESSING":
        raise DataError(
            f"{path} must be a film for presentation, got the detector's values for processing; "
            "export the processed film"
        )
    return image


def _inflated(path: Path, file: BytesIO) -> BytesIO:
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = unpack.decompress(file.read(), _MOST_BYTES + 1)
    except zlib.error as error:
        raise damaged(path, "its packed part cannot be unpacked") from error
    if len(data) > _MOST_BYTES:
        raise DataError(
            f"{path} must unpack to at most {_MOST_BYTES:,} bytes, got more; export it uncompressed"
        )
    if not unpack.eof:
        raise damaged(path, "its packed part is cut off")
    return BytesIO(data)
