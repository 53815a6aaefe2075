"""X-rays in DICOM, made by pydicom for tests."""

from collections.abc import Callable
from pathlib import Path

import gdcm
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

from crossbeat.readers import read_xray

DIGITAL = "1.2.840.10008.5.1.4.1.1.1.1"
"""The class of a digital X-ray for presentation."""

Change = Callable[[Dataset], object]


def slope(size: int = 32) -> np.ndarray:
    """12-bit values that rise from left to right and a little from top to bottom."""
    y, x = np.mgrid[:size, :size]
    return (100 + 80 * x + y).astype(np.uint16)


def written(
    folder: Path,
    pixels: np.ndarray,
    change: Change = lambda _: None,
    syntax: UID = ExplicitVRLittleEndian,
    data: bytes | None = None,
) -> Path:
    """A file of the pixels, changed before it is written."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(DIGITAL)
    meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    meta.TransferSyntaxUID = syntax
    image = FileDataset(
        str(folder / "x.dcm"),
        {},
        file_meta=meta,
        preamble=b"\0" * 128,
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
    )
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, UID("1.2.3")
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PixelRepresentation = 1, 0
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated = 8 * pixels.itemsize
    image.BitsStored = 8 if pixels.itemsize == 1 else 12
    image.HighBit = image.BitsStored - 1
    image.PixelData = pixels.tobytes() if data is None else encapsulate([data])
    change(image)
    image.save_as(folder / "x.dcm")
    return folder / "x.dcm"


def repacked(path: Path, last: str) -> Path:
    """Packs a file anew, by a kind of JPEG whose transfer syntax ends so."""
    kinds = {
        "51": gdcm.TransferSyntax.JPEGExtendedProcess2_4,
        "57": gdcm.TransferSyntax.JPEGLosslessProcess14,
        "70": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
        "80": gdcm.TransferSyntax.JPEGLSLossless,
        "81": gdcm.TransferSyntax.JPEGLSNearLossless,
    }
    reader, writer = gdcm.ImageReader(), gdcm.ImageWriter()
    change = gdcm.ImageChangeTransferSyntax()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(kinds[last]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    assert dcmread(path).file_meta.TransferSyntaxUID == f"1.2.840.10008.1.2.4.{last}"
    return path


def setting(**values: object) -> Change:
    """Gives attributes these values."""

    def change(image: Dataset) -> None:
        for keyword, value in values.items():
            setattr(image, keyword, value)

    return change


def scaled(values: np.ndarray) -> np.ndarray:
    """From 0 to 255."""
    low, high = values.min(), values.max()
    return np.rint((values.astype(np.float64) - low) * 255 / (high - low))


def assert_shows(path: Path, expected: np.ndarray, tolerance: float = 1.0) -> None:
    """The file is read as these values, scaled."""
    got = read_xray(path, len(expected)).astype(np.float64)
    np.testing.assert_allclose(got, scaled(expected), atol=tolerance)
