"""Cine MRI in DICOM as scanners and UK Biobank lay it out, written in the test."""

import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from crossbeat.errors import DataError
from crossbeat.readers import read_cine

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
AXIAL = np.eye(3)[:2]
"""Rows to the left of the patient, columns to the back: slices lie along the third axis."""

Change = Callable[[Dataset], object]


def unchanged(_: Dataset) -> None:
    """Leave the image as it is."""


def frames(num: int, *, first: int = 0, shape: tuple[int, int] = (6, 8)) -> np.ndarray:
    """Frames of 16 bits of which each pixel differs from all others of the frame."""
    pixels = np.arange(shape[0] * shape[1]).reshape(shape)
    return np.stack([pixels + 100 * (first + frame) for frame in range(num)]).astype(np.uint16)


def dicom(
    pixels: np.ndarray,
    *,
    description: str,
    series: str,
    number: int,
    height: float,
    change: Change = unchanged,
    syntax: UID = ExplicitVRLittleEndian,
    data: bytes | None = None,
) -> bytes:
    """One frame; frame ``number`` of its slice, ``height`` mm along the third axis."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = syntax
    image.SOPClassUID, image.SOPInstanceUID = MR_IMAGE, f"{series}.{number + 1}"
    image.PatientName, image.Modality = "Test", "MR"
    image.SeriesDescription, image.SeriesInstanceUID = description, series
    image.SeriesNumber, image.InstanceNumber = series.rsplit(".", 1)[-1], str(number + 1)
    image.TriggerTime = f"{20.5 * number + 1:g}"
    image.ImagePositionPatient = [-10.0, -20.0, height]
    image.ImageOrientationPatient = AXIAL.ravel().tolist()
    image.PixelSpacing = [1.5, 2.0]
    image.SliceThickness = "8"
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, int(pixels.dtype.kind == "i")
    image.PixelData = pixels.tobytes() if data is None else data
    change(image)
    file = BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def slice_files(
    description: str,
    height: float,
    *,
    series: str | None = None,
    values: np.ndarray | None = None,
    change: Change = unchanged,
) -> dict[str, bytes]:
    """The files of one slice, whose names say nothing of their order."""
    told = frames(3, first=int(height)) if values is None else values
    uid = series or f"1.2.{crc32(f'{description}{height}'.encode())}.1"
    made = {}
    for number, pixels in enumerate(told):
        name = f"1.3.12.{(number * 7 + 3) % 11}.{uid}.{number}.dcm"
        made[name] = dicom(
            pixels,
            description=description,
            series=uid,
            number=number,
            height=height,
            change=change,
        )
    return made


def tilted(turn: float) -> Change:
    """Another plane: turned about its rows by some degrees."""

    def change(image: Dataset) -> None:
        angle = np.radians(turn)
        column = [0.0, float(np.cos(angle)), float(np.sin(angle))]
        image.ImageOrientationPatient = [*AXIAL[0].tolist(), *column]

    return change


def in_colour(image: Dataset) -> None:
    """A picture of a result, as scanners put it beside the images."""
    image.SamplesPerPixel, image.PhotometricInterpretation = 3, "RGB"
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PlanarConfiguration = 7, 0
    image.PixelData = bytes(image.Rows * image.Columns * 3)


def ukb_short_axis(slices: int = 4, *, num_frames: int = 3) -> dict[str, bytes]:
    """Field 20209: a series for each slice, the scanner's own analysis, and a list of the files."""
    made: dict[str, bytes] = {}
    for number in range(1, slices + 1):
        height = -10.0 * number  # from the base down
        values = frames(num_frames, first=10 * number)
        named = f"CINE_segmented_SAX_b{number}"
        made |= slice_files(named, height, series=f"1.2.{number}", values=values)
        analysed = slice_files("CINE_segmented_SAX_InlineVF", height, series="1.2.90")
        made |= {f"{number}{name}": data for name, data in analysed.items()}
    made |= slice_files("Inline_VF_Results", 0.0, series="1.2.91", change=in_colour)
    listed = "".join(f"{name},1234567,1.2,Aug 30, 2015,x\n" for name in made)
    header = "filename,patientid,studyid,date,series discription\n"
    return {"manifest.cvs": (header + listed).encode()} | made


def ukb_long_axis(values: np.ndarray | None = None) -> dict[str, bytes]:
    """Field 20208: three views."""
    made: dict[str, bytes] = {}
    for number, name in enumerate(("2Ch", "3Ch", "4Ch")):
        told = frames(3, first=50 * number) if values is None else values
        made |= slice_files(
            f"CINE_segmented_LAX_{name}",
            0.0,
            series=f"1.2.{number + 1}",
            values=told,
            change=tilted(30.0 * number),
        )
    return made


def refuse(path: Path, reason: str, **options: Any) -> None:
    """The cine at the path is refused for this reason, with the path."""
    with pytest.raises(DataError, match=reason) as told:
        read_cine(path, **options)
    assert str(path) in str(told.value)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The files in a folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """The files in an archive, packed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path
