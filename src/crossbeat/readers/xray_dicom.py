"""Chest X-rays in DICOM: stored values to what the file's window shows.

Source: DICOM PS3.3 C.7.6.3 (pixels), C.11.1 (modality LUT) and C.11.2 (window and VOI LUT).
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped

from crossbeat.errors import DataError
from crossbeat.readers.dicom_file import EXPLICIT, IMPLICIT, open_dicom, syntax_of, text_of

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_PIXELS = 64_000_000
"""Larger images are refused before they are decoded; a detector has about ten million pixels."""

_MOST_BYTES = 2 * MOST_PIXELS + 2**22
_SYNTAXES = {
    IMPLICIT: "uncompressed",
    EXPLICIT: "uncompressed",
    "1.2.840.10008.1.2.4.50": "JPEG",
    "1.2.840.10008.1.2.4.90": "JPEG 2000",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
}
"""Transfer syntaxes that are read."""


def read_pixels(path: Path) -> Shaped[np.ndarray, "height width"]:
    """The picture that a viewer shows at first: scaled, windowed, bones bright.

    Args:
        path: a DICOM file.

    Raises:
        DataError: the file is damaged, is no image of one frame and one grey value, is too
            large, of another transfer syntax, or the package ``pydicom`` is absent.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are checked here, or not used
        try:
            return _shown(_checked(path))
        except DataError:
            raise
        except Exception as error:  # the package raises whatever its parsing runs into
            raise DataError(
                f"{path} must be sound DICOM, but: {str(error)[:300]}; copy or export it again"
            ) from error


def _checked(path: Path) -> "Dataset":
    file, meta = open_dicom(path, _MOST_BYTES)
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    syntax = syntax_of(path, meta, _SYNTAXES)
    image = read_dataset(file, syntax == IMPLICIT, True)
    if "PixelData" not in image:
        raise DataError(f"{path} must be a DICOM image, but has no pixels; is it an ECG?")
    image.file_meta = FileMetaDataset(meta)
    shape = (int(image.Rows), int(image.Columns))
    if not 0 < shape[0] * shape[1] <= MOST_PIXELS:
        raise DataError(
            f"{path} must have 1 to {MOST_PIXELS:,} pixels, got {shape[0]} x {shape[1]}; scale "
            "the image down"
        )
    frames = text_of(image, "NumberOfFrames") or "1"
    kind = text_of(image, "PhotometricInterpretation")
    if frames != "1" or kind not in ("MONOCHROME1", "MONOCHROME2"):
        raise DataError(
            f"{path} must be one image of grey values, got {frames[:20]} of {kind[:20] or 'none'}; "
            "export one image"
        )
    return image


def _shown(image: "Dataset") -> Shaped[np.ndarray, "height width"]:
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    values = apply_voi_lut(apply_modality_lut(image.pixel_array, image), image)
    values = values.astype(np.float32)
    return values.max() - values if image.PhotometricInterpretation == "MONOCHROME1" else values
