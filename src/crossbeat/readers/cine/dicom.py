"""One frame of a cine in DICOM: its pixels, where they lie and when they were taken.

Source: DICOM PS3.3 C.7.6.2 (image plane), C.7.6.3 (pixels), C.8.3.1 (MR image), C.11.1 (rescaling).
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64, Real

from crossbeat.errors import DataError
from crossbeat.readers.cine.files import File
from crossbeat.readers.cine.record import as_stored, check_spacing
from crossbeat.readers.dicom import EXPLICIT, IMPLICIT, open_bytes, syntax_of, text_of
from crossbeat.readers.dicom_pixels import damaged, decoded
from crossbeat.readers.xray.dicom import counted_pixels

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_PIXELS = 2**21
_SYNTAXES = {
    IMPLICIT: "uncompressed",
    EXPLICIT: "uncompressed",
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.57": "lossless JPEG",
    "1.2.840.10008.1.2.4.70": "lossless JPEG",
    "1.2.840.10008.1.2.4.80": "JPEG-LS",
    "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.90": "JPEG 2000",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
}
"""Transfer syntaxes that are read."""

_TAGS = (
    *("SeriesDescription", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber"),
    *("TriggerTime", "CardiacNumberOfImages", "NumberOfFrames"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns"),
    *("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "RescaleSlope", "RescaleIntercept", "PixelData"),
    *("ModalityLUTSequence", "PixelPaddingValue", "PixelPaddingRangeLimit", "ShutterShape"),
    *("ShutterLeftVerticalEdge", "ShutterRightVerticalEdge", "ShutterUpperHorizontalEdge"),
    *("ShutterLowerHorizontalEdge", "CenterOfCircularShutter", "RadiusOfCircularShutter"),
    "VerticesOfThePolygonalShutter",
)
"""What is read of a file; the rest can be much larger."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """One frame of one slice.

    Args:
        path: of its file.
        description: of its series.
        series: that it belongs to, the number of that series first.
        instance: its number in the series; None where there is none.
        trigger: milliseconds after the R peak; None if the file does not state it.
        frames: that its slice should have; None if the file does not state it.
        position: of the first pixel, mm.
        directions: of a row, and of a column: unit vectors.
        spacing_mm: between rows, and between columns.
        pixels: grey values, rescaled where the file says so; padding and what a shutter hides have
            the least value of the others.
    """

    path: Path
    description: str
    series: tuple[int, str]
    instance: int | None
    trigger: float | None
    frames: int | None
    position: Float64[np.ndarray, "3"]
    directions: Float64[np.ndarray, "2 3"]
    spacing_mm: tuple[float, float]
    pixels: Real[np.ndarray, "height width"]


def open_image(file: File) -> "Dataset | None":
    """The metadata of a grey image; None for other files (reports, colour pictures).

    Raises:
        DataError: it is damaged, of another transfer syntax, or the package ``pydicom`` is absent.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are checked here, or not used
        try:
            dataset = _parsed(file)
            kind = text_of(dataset, "PhotometricInterpretation")
            return dataset if "PixelData" in dataset and kind.startswith("MONO") else None
        except DataError:
            raise
        except Exception as error:  # the package raises whatever its parsing runs into
            raise damaged(file.path, "its parts cannot be read") from error


def image_of(path: Path, dataset: "Dataset") -> Image:
    """The image of a file.

    Args:
        path: of the file.
        dataset: what ``open_image`` gives.

    Raises:
        DataError: it is damaged, too large, has several frames, a modality LUT or no pixel that
            counts, or does not state its position.
    """
    position = _numbers(path, dataset, "ImagePositionPatient", 3)
    directions = np.reshape(_numbers(path, dataset, "ImageOrientationPatient", 6), (2, 3))
    spacing = _numbers(path, dataset, "PixelSpacing", 2)
    check_spacing(path, spacing)
    if not np.allclose(directions @ directions.T, np.eye(2), atol=1e-2):
        raise DataError(
            f"{path} must have rows and columns at right angles, got {directions.tolist()}; "
            "export it again"
        )
    return Image(
        path=path,
        description=text_of(dataset, "SeriesDescription"),
        series=(_whole(dataset, "SeriesNumber") or 0, text_of(dataset, "SeriesInstanceUID")),
        instance=_whole(dataset, "InstanceNumber"),
        trigger=_number(dataset, "TriggerTime"),
        frames=_whole(dataset, "CardiacNumberOfImages"),
        position=np.array(position),
        directions=directions,
        spacing_mm=(spacing[0], spacing[1]),
        pixels=_pixels(path, dataset),
    )


def _parsed(file: File) -> "Dataset":
    data, meta = open_bytes(file.data, file.path)
    from pydicom.datadict import tag_for_keyword
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    syntax = syntax_of(file.path, meta, _SYNTAXES)
    tags = [tag for tag in map(tag_for_keyword, _TAGS) if tag is not None]
    dataset = read_dataset(data, syntax == IMPLICIT, True, specific_tags=tags)
    dataset.file_meta = FileMetaDataset(meta)
    return dataset


def _pixels(path: Path, dataset: "Dataset") -> Real[np.ndarray, "height width"]:
    frames = text_of(dataset, "NumberOfFrames") or "1"
    if frames != "1":
        raise DataError(
            f"{path} must be one image, got {frames[:20]} of them; export a file for each"
        )
    kind = text_of(dataset, "PhotometricInterpretation")
    if kind != "MONOCHROME2":
        raise DataError(
            f"{path} must be MONOCHROME2, in which high values are bright, got {kind[:20]}; "
            "export it again"
        )
    try:
        shape = (int(dataset.Rows), int(dataset.Columns))
    except (AttributeError, TypeError, ValueError) as error:
        raise damaged(path, "does not state its size") from error
    if not 0 < shape[0] * shape[1] <= _MOST_PIXELS:
        raise DataError(
            f"{path} must have 1 to {_MOST_PIXELS:,} pixels, got {shape[0]} x {shape[1]}; scale it "
            "down"
        )
    stored = decoded(path, dataset)
    pixels = as_stored(_rescaled(path, dataset, stored))
    if not np.isfinite(pixels).all():
        raise damaged(path, "its rescaled values are not finite")
    return _darkened(path, pixels, counted_pixels(path, dataset, stored))


def _darkened(
    path: Path,
    pixels: Real[np.ndarray, "height width"],
    counted: Bool[np.ndarray, "height width"] | None,
) -> Real[np.ndarray, "height width"]:
    """The pixels, of which those that do not count have the least value of the others."""
    if counted is None or counted.all():
        return pixels
    if not counted.any():
        raise damaged(path, "it hides all of its pixels by padding or a shutter")
    return np.where(counted, pixels, pixels[counted].min())


def _rescaled(path: Path, dataset: "Dataset", pixels: np.ndarray) -> np.ndarray:
    if dataset.get("ModalityLUTSequence"):
        raise DataError(
            f"{path} must be rescaled by a slope, if at all, got a modality LUT; export it again"
        )
    slope, offset = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept")
    if slope in (None, 1.0) and not offset:
        return pixels
    return pixels * (1.0 if slope is None else slope) + (offset or 0.0)


def _number(dataset: "Dataset", keyword: str) -> float | None:
    """A number; None where there is none."""
    try:
        value = float(text_of(dataset, keyword))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _whole(dataset: "Dataset", keyword: str) -> int | None:
    value = _number(dataset, keyword)
    return None if value is None else int(value)


def _numbers(path: Path, dataset: "Dataset", keyword: str, num: int) -> tuple[float, ...]:
    text = text_of(dataset, keyword)
    try:
        numbers = tuple(map(float, text.split("\\")))
    except ValueError:
        numbers = ()
    if len(numbers) != num or not np.isfinite(numbers).all():
        raise DataError(
            f"{path}: {keyword} must be {num} numbers, got {text[:80] or 'none'}; a frame of a "
            "cine must state its position; export it again"
        )
    return numbers
