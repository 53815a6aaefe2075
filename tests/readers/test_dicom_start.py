"""DICOM files that begin without the preamble of 128 bytes, or without the signature too."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from crossbeat.errors import DataError
from crossbeat.readers import read_xray
from crossbeat.readers.dicom import is_dicom, meta_start


def xray(folder: Path) -> Path:
    """An image that rises from left to right."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset(str(folder / "x.dcm"), {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    image.Rows = image.Columns = 32
    image.SamplesPerPixel, image.PixelRepresentation = 1, 0
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelData = np.tile(100 * np.arange(32, dtype="<u2"), (32, 1)).tobytes()
    image.save_as(folder / "x.dcm")
    return folder / "x.dcm"


@pytest.mark.parametrize("start", [128, 132])
def test_an_x_ray_without_its_preamble_is_read(tmp_path: Path, start: int) -> None:
    path = xray(tmp_path)
    whole = read_xray(path, 32)
    path.write_bytes(path.read_bytes()[start:])
    assert is_dicom(path)
    np.testing.assert_array_equal(read_xray(path, 32), whole)


@pytest.mark.parametrize(
    ("head", "start"),
    [
        (bytes(128) + b"DICM", 132),
        (b"DICM\x02\x00\x00\x00UL", 4),
        (b"\x02\x00\x00\x00UL\x04\x00", 0),
        (b"\x02\x00\x01\x00OB\x00\x00", 0),
        (b"\x02\x00\x10\x00UI\x14\x00", 0),
        (b"\x08\x00\x05\x00CS\x0a\x00", None),
        (b"\x02\x00", None),
        (b"", None),
    ],
)
def test_where_the_meta_information_starts(head: bytes, start: int | None) -> None:
    assert meta_start(head) == start


def test_a_file_that_only_begins_like_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(b"DICM but this is text")
    with pytest.raises(DataError, match="must be"):
        read_xray(tmp_path / "x.dcm", 32)
