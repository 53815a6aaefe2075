"""DICOM films as scanners and archives pack them."""

from collections.abc import Callable

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    RLELossless,
)
from xray_files import assert_shows, packed, refuse, repacked, setting, slope, written

from crossbeat.readers import read_xray
from crossbeat.readers.xray import dicom as xray_dicom

JPEG = "1.2.840.10008.1.2.4."


@pytest.mark.parametrize(
    ("last", "kind", "options", "tolerance"),
    [
        ("50", "JPEG", {"quality": 98}, 4.0),
        ("51", "JPEG", {"quality": 98}, 4.0),
        ("90", "JPEG2000", {"irreversible": False}, 1.0),
    ],
)
def test_jpeg_of_8_bits_is_read(tmp_path, last, kind, options, tolerance):
    pixels = (slope() // 16).astype(np.uint8)
    data = packed(pixels, kind, **options)
    assert_shows(written(tmp_path, pixels, syntax=UID(JPEG + last), data=data), pixels, tolerance)


def test_extended_jpeg_of_12_bits_is_named(tmp_path):
    path = repacked(written(tmp_path, slope()), "51")
    refuse(path, r"by JPEG of 12 bits, which needs .* pylibjpeg-libjpeg;")


KINDS = {
    "8 bits": (slope() // 16).astype(np.uint8),
    "12 bits": slope(),
    "16 bits": slope() * 17,
    "signed": slope().astype(np.int16) - 1500,
}


@pytest.mark.parametrize("last", ["57", "70", "80", "81"])
@pytest.mark.parametrize("kind", KINDS)
def test_lossless_jpeg_keeps_values_of_every_kind(tmp_path, last, kind):
    pixels = KINDS[kind]
    bits = 12 if kind == "12 bits" else 8 * pixels.itemsize
    change = setting(BitsStored=bits, HighBit=bits - 1, PixelRepresentation=int(kind == "signed"))
    assert_shows(repacked(written(tmp_path, pixels, change), last), pixels.astype(int))


def test_run_lengths_are_read(tmp_path):
    path = written(tmp_path, slope(), lambda image: image.compress(RLELossless))
    assert dcmread(path).file_meta.TransferSyntaxUID == RLELossless
    assert_shows(path, slope())


def test_the_other_order_of_bytes_is_read(tmp_path):
    told = {"WindowCenter": "1400", "WindowWidth": "800", "PixelPaddingValue": 100}
    expected = read_xray(written(tmp_path, slope(), setting(**told)), 32)
    change = setting(**told, PixelData=slope().astype(">u2").tobytes())
    path = written(tmp_path, slope(), change, syntax=ExplicitVRBigEndian)
    assert path.read_bytes().endswith(slope().astype(">u2").tobytes())
    np.testing.assert_array_equal(read_xray(path, 32), expected)


def even(size: int = 64) -> np.ndarray:
    """Values that pack well."""
    return np.tile(np.arange(size, dtype=np.uint16), (size, 1))


def test_deflated_files_are_read_unless_they_unpack_without_bound(tmp_path, monkeypatch):
    path = written(tmp_path, even(), syntax=DeflatedExplicitVRLittleEndian)
    assert path.stat().st_size < even().nbytes / 2
    assert_shows(path, even())
    monkeypatch.setattr(xray_dicom, "_MOST_BYTES", 5_000)
    refuse(path, "must unpack to at most 5,000 bytes, got more; export it")


@pytest.mark.parametrize("part", [0.5, 0.8, 0.98])
def test_a_deflated_file_that_is_cut_off_is_refused(tmp_path, part):
    path = written(tmp_path, slope(48), syntax=DeflatedExplicitVRLittleEndian)
    data = path.read_bytes()
    path.write_bytes(data[: max(400, int(part * len(data)))])
    refuse(path, "sound DICOM, but its packed part is cut off; copy")
    path.write_bytes(data[:-200] + bytes(200))
    refuse(path, "sound DICOM, but its packed part")


@pytest.mark.parametrize("last", ["57", "80"])
def test_the_package_that_is_missing_is_named(tmp_path, last, monkeypatch):
    from pydicom.pixels import get_decoder

    path = repacked(written(tmp_path, slope()), last)
    monkeypatch.setattr(get_decoder(UID(JPEG + last)), "_available", {})
    kind = "lossless JPEG" if last == "57" else "JPEG-LS"
    message = rf"x\.dcm is DICOM compressed by {kind}, which needs the package python-gdcm; pip"
    refuse(path, message)


def test_another_syntax_is_refused_with_those_that_are_read(tmp_path):
    path = written(tmp_path, slope(), syntax=ExplicitVRLittleEndian)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"))
    kinds = "uncompressed, RLE, JPEG, lossless JPEG, JPEG-LS, JPEG 2000"
    refuse(path, rf"must be {kinds}, got transfer syntax .*\.9; export")


def put(start: int, data: bytes) -> Callable[[bytes], bytes]:
    return lambda coded: coded[:start] + data + coded[start + len(data) :]


def half_zeros(coded: bytes) -> bytes:
    return coded[: len(coded) // 2] + bytes(len(coded) // 2)


def of_another_size(coded: bytes) -> bytes:
    return put(coded.index(b"\xff\xc3") + 5, b"\xff\xff\xff\xff")(coded)


@pytest.mark.parametrize(
    ("last", "change", "message"),
    [
        ("70", half_zeros, "must be a whole JPEG file, but is cut off; copy"),
        ("80", half_zeros, "must be a whole JPEG file, but is cut off; copy"),
        ("70", of_another_size, "its pixels are 65535 x 65535 where it says 48 x 48"),
        # what ends the process of the decoder
        ("70", put(6, bytes([106])), "its pixels have 106 bits where it says 12; copy"),
        ("70", put(15, bytes([187])), "has other bytes between its parts; copy"),
    ],
)
def test_damaged_coded_pixels_are_refused_before_they_are_decoded(tmp_path, last, change, message):
    path = repacked(written(tmp_path, slope(48)), last)
    image = dcmread(path)
    coded = next(generate_frames(image.PixelData, number_of_frames=1))
    image.PixelData = encapsulate([change(coded)])
    image.save_as(path)
    refuse(path, message)
