"""Films that broke off are refused: nothing that is missing becomes black or grey."""

import struct
import zlib

import numpy as np
import pytest
from xray_files import chunk, packed, refuse, written

from crossbeat.readers import read_xray
from crossbeat.readers.xray.film import MOST_FLAT


def film(dtype: type = np.uint8, size: int = 96) -> np.ndarray:
    """Smooth with noise, as an X-ray is."""
    y, x = np.mgrid[:size, :size] / size
    smooth = 120 + 60 * np.sin(5 * x) * np.cos(4 * y)
    noise = np.random.default_rng(0).normal(0, 4, (size, size))
    scale = 1 if dtype is np.uint8 else 16
    return (scale * (smooth + noise)).astype(dtype)


WHOLE = {
    "x.png": packed(film(), "PNG"),
    "x16.png": packed(film(np.uint16), "PNG"),
    "x.jpg": packed(film(), "JPEG", quality=95),
    "progressive.jpg": packed(film(), "JPEG", quality=95, progressive=True),
    "x.tif": packed(film(), "TIFF"),
    "x16.tif": packed(film(np.uint16), "TIFF"),
    "lzw.tif": packed(film(), "TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_films_are_read_whatever_follows_their_end(tmp_path, name):
    for end in (b"", bytes(100)):
        (tmp_path / name).write_bytes(WHOLE[name] + end)
        assert read_xray(tmp_path / name, 32).shape == (32, 32)


@pytest.mark.parametrize("name", ["x.png", "x16.png", "x.jpg", "progressive.jpg"])
def test_a_download_that_ends_in_zeros_is_refused(tmp_path, name):
    data = WHOLE[name]
    for part in np.linspace(0.05, 0.995, 40):
        kept = int(part * len(data))
        (tmp_path / name).write_bytes(data[:kept] + bytes(len(data) - kept))
        refuse(tmp_path / name, r"must be a whole (PNG|JPEG) file, but (is|has a)")


@pytest.mark.parametrize("name", WHOLE)
def test_a_download_that_stops_is_refused(tmp_path, name):
    data = WHOLE[name]
    for part in np.linspace(0.1, 0.99, 25):
        (tmp_path / name).write_bytes(data[: int(part * len(data))])
        refuse(tmp_path / name, r"must be a whole (PNG|JPEG|TIFF) file, but (is|has)")


def test_real_films_that_end_in_zeros_are_refused(tmp_path, shared):
    files = sorted((shared / "data" / "nih-cxr14" / "images").glob("*.png"))[::280]
    for file in files:
        data = file.read_bytes()
        for part in np.linspace(0.1, 0.95, 30):
            kept = int(part * len(data))
            (tmp_path / "x.png").write_bytes(data[:kept] + bytes(len(data) - kept))
            refuse(tmp_path / "x.png", "must be a whole PNG file, but")


@pytest.mark.parametrize("name", ["x.tif", "x16.tif"])
@pytest.mark.parametrize("white", [0, 255])
def test_a_flat_band_at_the_end_of_pixels_without_checksum_is_refused(tmp_path, name, white):
    data = WHOLE[name]
    start = data.index(film(np.uint16 if "16" in name else np.uint8).tobytes())
    num = (2 if "16" in name else 1) * 96 * 96
    for part in (0.3, 0.5, 0.77):
        kept = start + int(part * num)
        broken = data[:kept] + bytes([white]) * (start + num - kept) + data[start + num :]
        (tmp_path / name).write_bytes(broken)
        assert refuse(tmp_path / name, "must show something in its last rows").rule == "flat"


def test_a_flat_band_of_dicom_is_refused(tmp_path):
    pixels = film(np.uint16)
    pixels[50:] = 0
    refused = refuse(written(tmp_path, pixels), "the last 46 of 96 have the value 0 only")
    assert refused.rule == "flat"


def test_a_jpeg_whose_scan_stops_early_is_refused(tmp_path):
    data = WHOLE["x.jpg"]
    for part in (0.3, 0.6, 0.85):
        kept = int(part * len(data))
        (tmp_path / "x.jpg").write_bytes(data[:kept].rstrip(b"\xff") + b"\xff\xd9")
        assert refuse(tmp_path / "x.jpg", "last rows", 96).rule == "flat"


def test_black_borders_are_no_sign_of_damage(tmp_path):
    shutters, short = film(), film()
    shutters[: 96 // 3] = shutters[-96 // 3 :] = 0
    short[-round(MOST_FLAT * 96) + 1 :] = 0
    for pixels in (shutters, short):
        (tmp_path / "x.png").write_bytes(packed(pixels, "PNG"))
        assert read_xray(tmp_path / "x.png", 32).shape == (32, 32)


@pytest.mark.slow
def test_no_real_film_is_refused(shared):
    files = sorted((shared / "data" / "nih-cxr14" / "images").glob("*.png"))[::3]
    for file in files:
        read_xray(file, 64)
    assert len(files) > 500


@pytest.mark.parametrize("rows", [1, 40, 80, 95])
def test_a_png_whose_pixels_are_too_few_is_refused(tmp_path, rows):
    data = WHOLE["x.png"]
    start = data.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", data, start)
    stored = zlib.decompress(data[start + 8 : start + 8 + length])
    part = chunk(b"IDAT", zlib.compress(stored[: 97 * rows]))
    (tmp_path / "x.png").write_bytes(data[:start] + part + data[start + 12 + length :])
    refuse(tmp_path / "x.png", "must be a whole PNG file, but has fewer pixels than")
