"""Cine MRI in DICOM: the files of a folder or a zip archive, and the one frame in each.

Source: DICOM PS3.3 C.7.6.2 (image plane), C.7.6.3 (pixels), C.8.3.1 (MR image), C.11.1 (rescaling).
"""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from crossbeat.errors import DataError
from crossbeat.readers import dicom, limits
from crossbeat.readers.cine.record import MOST_CINE_BYTES, Frame, as_stored, check_spacing
from crossbeat.readers.dicom import damaged, numbers_of, text_of

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_FILES = 10_000
"""Files of a folder or archive; UK Biobank's short axis has about 600."""

MOST_FILE_BYTES = limits.MOST_PARSED_BYTES
"""Of one DICOM file: an image of 1024 x 1024 pixels of 16 bits takes half of it."""

_MOST_PIXELS = 2**21
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SYNTAXES = {dicom.IMPLICIT, dicom.EXPLICIT, *dicom.COMPRESSED}
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


def dicom_files(path: Path) -> Iterator[tuple[Path, bytes]]:
    """The DICOM files of a folder or zip archive, in the order of their names, in memory."""
    total = 0
    for file, data in _in_folder(path) if path.is_dir() else _in_archive(path):
        total += len(data)
        if total > MOST_CINE_BYTES:
            raise DataError(
                f"{path} must hold at most {MOST_CINE_BYTES:,} bytes of DICOM, got more; name the "
                "folder of one series"
            )
        yield file, data


def _in_folder(folder: Path) -> Iterator[tuple[Path, bytes]]:
    paths: list[Path] = []
    for root, _, names in os.walk(folder):
        paths += [Path(root, name) for name in names]
        if len(paths) > MOST_FILES:
            raise _too_many(folder, f"more than {len(paths) - 1:,}")
    for path in sorted(paths):
        try:
            if dicom.meta_start(limits.read_start(path, dicom.HEAD)) == dicom.HEAD:
                yield path, limits.read_bounded(path, MOST_FILE_BYTES)
        except OSError as error:
            raise limits.unreadable(path, error) from None


def _in_archive(path: Path) -> Iterator[tuple[Path, bytes]]:
    try:
        limits.check_size(path, MOST_CINE_BYTES)
        with _Bounded(path) as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES:
                raise _too_many(path, f"{len(entries):,}")
            for entry in sorted(entries, key=lambda entry: entry.filename):
                data = _unpacked(path, archive, entry)
                if data is not None:
                    yield path / entry.filename, data
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, struct.error) as error:
        raise DataError(
            f"{path} must be a sound zip archive, but is cut off or damaged; download it again"
        ) from error
    except RuntimeError as error:  # encrypted
        raise _packed_otherwise(path, "has a password") from error
    except OSError as error:
        raise limits.unreadable(path, error) from None


class _Bounded(FileIO):
    """Gives the archive's directory and a file's bytes only if they are no more than they may."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_FILE_BYTES:
            raise zipfile.BadZipFile(f"a part of it has {size:,} bytes")
        return super().read(size)


def _unpacked(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | None:
    """The contents of a DICOM file; nothing of another."""
    if entry.compress_type not in _PACKED:  # others can ask for any memory
        method = f"{entry.filename[:80]} is packed by method {entry.compress_type}"
        raise _packed_otherwise(path, method)
    with archive.open(entry) as file:
        head = file.read(dicom.HEAD)
        if dicom.meta_start(head) != dicom.HEAD:
            return None
        if entry.file_size > MOST_FILE_BYTES:
            raise DataError(
                f"{path / entry.filename} must have at most {MOST_FILE_BYTES:,} bytes, got "
                f"{entry.file_size:,}; export single images"
            )
        return head + file.read(entry.file_size)  # without a number, all would be unpacked


def _too_many(path: Path, got: str) -> DataError:
    return DataError(
        f"{path} must hold at most {MOST_FILES:,} files, got {got}; name the folder of one heart"
    )


def _packed_otherwise(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} must be a zip archive without a password, stored or deflated, but {reason}; "
        "unpack it and name the folder"
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """One frame of one slice.

    Args:
        series: number and UID.
        trigger: milliseconds after the R peak.
        frames: that its slice should have.
        position: of the first pixel, mm.
        directions: of a row, and of a column: unit vectors.
        pixels: rescaled; padding and what a shutter hides have the least value of the others.
    """

    description: str
    series: tuple[int, str]
    instance: int | None
    trigger: float | None
    frames: int | None
    position: Float64[np.ndarray, "3"]
    directions: Float64[np.ndarray, "2 3"]
    spacing_mm: tuple[float, float]
    pixels: Frame


def open_image(path: Path, data: bytes) -> "Dataset | None":
    """The metadata of a grey image; None for other files (reports, colour pictures)."""
    with dicom.parsing(path, "its parts cannot be read"):
        kinds = "uncompressed, RLE, lossless JPEG, JPEG-LS, JPEG 2000 and little-endian"
        dataset = dicom.open_dicom(path, data, _SYNTAXES, kinds, tags=_TAGS)
        kind = text_of(dataset, "PhotometricInterpretation")
        return dataset if "PixelData" in dataset and kind.startswith("MONO") else None


def image_of(path: Path, dataset: "Dataset") -> Image:
    """The image of a file, of which ``open_image`` gives the metadata."""
    keywords = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
    remedy = "a frame of a cine must state its position; export it again"
    position, directions, spacing = (
        numbers_of(path, dataset, *keyword, remedy=remedy) for keyword in keywords.items()
    )
    check_spacing(path, spacing)
    axes = np.reshape(directions, (2, 3))
    if not np.allclose(axes @ axes.T, np.eye(2), atol=1e-2):
        raise DataError(
            f"{path} must have rows and columns at right angles, got {axes.tolist()}; "
            "export it again"
        )
    return Image(
        description=text_of(dataset, "SeriesDescription"),
        series=(_whole(dataset, "SeriesNumber") or 0, text_of(dataset, "SeriesInstanceUID")),
        instance=_whole(dataset, "InstanceNumber"),
        trigger=_number(dataset, "TriggerTime"),
        frames=_whole(dataset, "CardiacNumberOfImages"),
        position=np.array(position),
        directions=axes,
        spacing_mm=(spacing[0], spacing[1]),
        pixels=_pixels(path, dataset),
    )


def _pixels(path: Path, dataset: "Dataset") -> Frame:
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
    except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
        raise damaged(path, "does not state its size") from error
    if not 0 < shape[0] * shape[1] <= _MOST_PIXELS:
        raise DataError(
            f"{path} must have 1 to {_MOST_PIXELS:,} pixels, got {shape[0]} x {shape[1]}; scale it "
            "down"
        )
    stored = dicom.decoded(path, dataset)
    pixels = as_stored(_rescaled(path, dataset, stored))
    if not np.isfinite(pixels).all():
        raise damaged(path, "its rescaled values are not finite")
    shutter, padding = dicom.shutter_of(path, dataset, shape), dicom.padding_of(dataset, stored)
    counted = dicom.counted_pixels(shutter, padding)
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
    try:
        value = float(text_of(dataset, keyword))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _whole(dataset: "Dataset", keyword: str) -> int | None:
    value = _number(dataset, keyword)
    return None if value is None else int(value)
