"""X-rays in DICOM, made by pydicom for tests, and in TIFF and PNG, byte by byte."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import gdcm
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

from crossbeat.errors import DataError
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
        "90": gdcm.TransferSyntax.JPEG2000Lossless,
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
    """Gives attributes these values; None takes one away."""

    def change(image: Dataset) -> None:
        for keyword, value in values.items():
            if value is None:
                delattr(image, keyword)
            else:
                setattr(image, keyword, value)

    return change


def rectangle(left: int, right: int, upper: int, lower: int) -> dict[str, str]:
    """The edges of a shutter, counted from 1."""
    edges = ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
    places = map(str, (left, right, upper, lower))
    return {f"Shutter{edge}Edge": place for edge, place in zip(edges, places, strict=True)}


def scaled(values: np.ndarray) -> np.ndarray:
    """From 0 to 255."""
    low, high = values.min(), values.max()
    return np.rint((values.astype(np.float64) - low) * 255 / (high - low))


def assert_shows(path: Path, expected: np.ndarray, tolerance: float = 1.0) -> None:
    """The file is read as these values, scaled."""
    got = read_xray(path, len(expected)).astype(np.float64)
    np.testing.assert_allclose(got, scaled(expected), atol=tolerance)


def refuse(path: Path, message: str, size: int = 16) -> DataError:
    """The file is refused with this message, which names it."""
    with pytest.raises(DataError, match=message) as caught:
        read_xray(path, size)
    assert str(path) in str(caught.value)
    return caught.value


def packed(pixels: np.ndarray, kind: str, mode: str | None = None, **options: object) -> bytes:
    """An image file as Pillow writes it."""
    file, image = BytesIO(), Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A part of a PNG, with its length and checksum."""
    text = kind + body
    return struct.pack(">I", len(body)) + text + struct.pack(">I", zlib.crc32(text))


def tiff(pixels: np.ndarray, *, order: str = "<", big: bool = False, **tags: object) -> bytes:
    """Uncompressed TIFF; ``tags`` are t262=0, or t282=(2, 1) for a ratio; None leaves one out."""
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    head, word, entry = (16, "Q", 20) if big else (8, "I", 12)
    told: dict[int, object] = {
        254: 0,
        256: pixels.shape[1],
        257: pixels.shape[0],
        258: 8 * pixels.itemsize,
        259: 1,
        262: 1,
        273: head,
        277: 1,
        278: pixels.shape[0],
        279: len(data),
    }
    told |= {int(name[1:]): value for name, value in tags.items()}
    told = {tag: value for tag, value in sorted(told.items()) if value is not None}
    start = head + len(data)
    extra = start + (8 if big else 2) + entry * len(told) + struct.calcsize(word)
    listed, ratios = b"", b""
    for tag, value in told.items():
        if isinstance(value, tuple):
            field = struct.pack(order + word, extra + len(ratios))
            ratios += struct.pack(order + "2I", *value)
            kind = 5
        else:
            kind = 4 if tag in (256, 257, 273, 278, 279) else 3
            field = struct.pack(order + ("I" if kind == 4 else "H"), value)
        listed += struct.pack(order + "HH" + word, tag, kind, 1)
        listed += field.ljust(struct.calcsize(word), b"\0")
    name = b"II" if order == "<" else b"MM"
    first = (
        struct.pack(order + "HHHQ", 43, 8, 0, start)
        if big
        else struct.pack(order + "HI", 42, start)
    )
    count = struct.pack(order + ("Q" if big else "H"), len(told))
    return name + first + data + count + listed + struct.pack(order + word, 0) + ratios


def png(pixels: np.ndarray, *parts: tuple[bytes, bytes], colour: int = 0, bits: int = 8) -> bytes:
    """A PNG of rows of bytes, with further parts before its pixels."""

    height, width = pixels.shape[:2]
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    middle = b"".join(chunk(*one) for one in parts)
    end = chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + middle + end
