"""X-rays in PNG, JPEG and TIFF to squares, as the files say that they are to be seen."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from xray_files import chunk, packed, png, refuse, scaled, tiff

from crossbeat.readers import read_xray


def film(dtype: type = np.uint8, shape: tuple[int, int] = (24, 24)) -> np.ndarray:
    """Another value along each axis, so that no turn leaves it as it is."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (20 + 6 * x + 3 * y).astype(dtype) * (1 if dtype is np.uint8 else 100)


def read(folder: Path, data: bytes, size: int = 24) -> np.ndarray:
    (folder / "x").write_bytes(data)
    return read_xray(folder / "x", size)


def refused(folder: Path, data: bytes, message: str) -> None:
    (folder / "x").write_bytes(data)
    refuse(folder / "x", message)


# squares


def test_a_square_of_the_wanted_size_is_kept_as_it_is(tmp_path):
    got = read(tmp_path, png(film()))
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, film())
    np.testing.assert_array_equal(read_xray(str(tmp_path / "x"), 24), film())


@pytest.mark.parametrize(("height", "width"), [(24, 30), (30, 24), (25, 30), (30, 25)])
def test_the_centre_is_kept(tmp_path, height, width):
    pixels, side = film(shape=(height, width)), min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    got = read(tmp_path, png(pixels), side)
    np.testing.assert_array_equal(got, pixels[top : top + side, left : left + side])


def test_shrinking_averages_and_enlarging_keeps_what_is_seen(tmp_path):
    stripes = np.tile(np.uint8([0, 200]), (64, 32))
    np.testing.assert_allclose(read(tmp_path, png(stripes), 8), 100, atol=8)
    blocks = read(tmp_path, png(film()), 96).reshape(24, 4, 24, 4).mean(axis=(1, 3))
    assert np.abs(blocks - film()).mean() < 5


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_shown_in_colour_is_the_same_picture(tmp_path, mode, kind):
    got = read(tmp_path, packed(film(), kind, mode))
    np.testing.assert_allclose(got, film(), atol=0 if mode == "L" else 1)


def test_a_jpeg_gives_the_pixels_that_pillow_decodes_and_coarsely_looks_the_same(tmp_path):
    data = packed(film(), "JPEG")
    with Image.open(BytesIO(data)) as image:
        np.testing.assert_array_equal(read(tmp_path, data), np.asarray(image))
    large = np.kron(film(), np.ones((40, 40), np.uint8))
    coarse = read(tmp_path, packed(large, "JPEG"), 50).astype(int)
    assert np.abs(coarse - read(tmp_path, packed(large, "PNG"), 50).astype(int)).mean() < 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(("scale", "offset"), [(10, 0), (16, 500), (256, 100)])
def test_sixteen_bits_are_scaled_by_their_range(tmp_path, kind, scale, offset):
    got = read(tmp_path, packed(film().astype(np.uint16) * scale + offset, kind))
    np.testing.assert_allclose(got, scaled(film()), atol=0.51)
    assert (got.min(), got.max()) == (0, 255)


def test_real_xrays_keep_their_size_and_values(shared):
    folder = shared / "data" / "nih-cxr14" / "images"
    for path in sorted(folder.glob("*.png"))[::200]:
        with Image.open(path) as image:
            expected = np.asarray(image.convert("L"))
        np.testing.assert_array_equal(read_xray(path, expected.shape[0]), expected)


# white is zero


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_in_tiff(tmp_path, order, dtype, big):
    pixels = film(dtype)
    got = read(tmp_path, tiff(pixels, order=order, big=big, t262=0))
    expected = 255 - pixels if dtype is np.uint8 else scaled(-pixels.astype(int))
    np.testing.assert_allclose(got, expected, atol=1)
    plain = read(tmp_path, tiff(pixels, order=order, big=big))
    np.testing.assert_allclose(plain, pixels if dtype is np.uint8 else scaled(pixels), atol=1)


def test_black_and_white_is_read_whichever_is_zero(tmp_path):
    marks = film() > 110
    got = read(tmp_path, packed(marks * np.uint8(255), "PNG", "1"))
    np.testing.assert_array_equal(got, marks * 255)
    data = np.packbits(marks, axis=1)
    for photometric, expected in ((0, ~marks), (1, marks)):
        got = read(tmp_path, tiff(data, t256=24, t258=1, t262=photometric))
        np.testing.assert_array_equal(got, expected * 255)


def test_packed_tiff_is_inverted_once(tmp_path):
    for dtype in (np.uint8, np.uint16):
        pixels = film(dtype)
        for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
            data = packed(pixels, "TIFF", compression=compression, tiffinfo={262: 0})
            at = data.index(struct.pack("<HHI", 262, 3, 1)) + 8
            same = read(tmp_path, data[:at] + b"\1\0" + data[at + 2 :])
            np.testing.assert_allclose(read(tmp_path, data), 255 - same.astype(int), atol=1)


# how it is turned

TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    0: lambda seen: seen,
    1: lambda seen: seen,
    2: np.fliplr,
    3: lambda seen: np.rot90(seen, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda seen: np.rot90(seen, -1),
    7: lambda seen: np.rot90(seen, 2).T,
    8: np.rot90,
}
"""By orientation, from stored to seen: TIFF 6.0, page 36."""


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_film_is_turned_as_the_file_says(tmp_path, orientation, kind):
    if kind == "TIFF":
        data = tiff(film(), t274=orientation)
    else:
        exif = Image.Exif()
        exif[274] = orientation
        data = packed(film(), kind, exif=exif, quality=98)
    expected = TURNS[orientation](film())
    tolerance = 3 if kind == "JPEG" else 0
    np.testing.assert_allclose(read(tmp_path, data), expected, atol=tolerance)


def test_a_turned_film_of_16_bits_is_cut_to_its_centre(tmp_path):
    pixels = film(np.uint16, (24, 40))
    got = read(tmp_path, tiff(pixels, t274=6, t262=0))
    np.testing.assert_allclose(got, scaled(-np.rot90(pixels[:, 8:32].astype(int), -1)), atol=1)


# the shape of pixels


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    y, x = np.mgrid[:48, :48]
    disc = np.uint8(20 + 200 * ((y - 24) ** 2 + (x - 24) ** 2 < 14**2))
    tall = disc[::2]  # rows twice as far apart as columns
    files = {
        "JPEG": packed(tall, "JPEG", dpi=(200, 100), quality=98),
        "PNG": png(tall, (b"pHYs", struct.pack(">IIB", 2000, 1000, 1))),
        "TIFF": tiff(tall, t282=(200, 1), t283=(100, 1)),
        "turned": tiff(tall.T.copy(), t282=(100, 1), t283=(200, 1), t274=6),
    }
    for name, data in files.items():
        got = read(tmp_path, data, 48) > 120
        assert got.sum(axis=0).max() == pytest.approx(27, abs=3), name
        assert got.sum(axis=1).max() == pytest.approx(27, abs=3), name


# which pixels count


def test_transparent_pixels_are_black(tmp_path):
    pixels, alpha = film(), np.full((24, 24), 255, np.uint8)
    alpha[:, :5], alpha[:, 5:8] = 0, 51
    expected = np.rint(pixels * (alpha / 255))
    rgba = np.dstack([pixels, pixels, pixels, alpha])
    indexed = np.arange(256, dtype=np.uint8)
    palette = (b"PLTE", np.repeat(indexed, 3).tobytes())
    clear = np.full(256, 255, np.uint8)
    clear[pixels[3, 3]] = 0
    holes = np.where(pixels == pixels[3, 3], 0, pixels)
    value = int(pixels[3, 3])
    for data, seen in (
        (png(np.dstack([pixels, alpha]), colour=4), expected),
        (png(rgba, colour=6), expected),
        (png(pixels, palette, (b"tRNS", clear.tobytes()), colour=3), holes),
        (png(pixels, (b"tRNS", struct.pack(">H", value))), holes),
        (png(rgba[..., :3], (b"tRNS", struct.pack(">3H", *[value] * 3)), colour=2), holes),
    ):
        np.testing.assert_allclose(read(tmp_path, data), seen, atol=1)


def test_a_transparent_value_of_16_bits_does_not_count(tmp_path):
    pixels = film(np.uint16)
    padded = pixels.copy()
    padded[:, :6] = 60_000
    got = read(tmp_path, png(padded, (b"tRNS", struct.pack(">H", 60_000)), bits=16))
    np.testing.assert_allclose(got[:, 6:], scaled(pixels[:, 6:]), atol=1)
    assert (got[:, :6] == 0).all()


def test_a_transparent_value_of_4_bits_is_that_of_the_file(tmp_path):
    pixels = np.tile(np.arange(16, dtype=np.uint8), (16, 1))
    pairs = pixels[:, ::2] << 4 | pixels[:, 1::2]
    data = png(pairs, (b"tRNS", struct.pack(">H", 9)), bits=4)
    data = data.replace(struct.pack(">II", 8, 16), struct.pack(">II", 16, 16), 1)
    crc = struct.pack(">I", zlib.crc32(data[12:29]))
    got = read(tmp_path, data[:29] + crc + data[33:], 16)
    np.testing.assert_array_equal(got, np.where(pixels == 9, 0, pixels * 17))


# kinds of values


def test_values_keep_their_sign(tmp_path):
    for dtype, order in ((np.int16, "<"), (np.int16, ">"), (np.int8, "<"), (np.int32, "<")):
        pixels = (film().astype(int) - 120).clip(-120, 120).astype(dtype)
        got = read(tmp_path, tiff(pixels, order=order, t339=2))
        np.testing.assert_allclose(got, scaled(pixels.astype(int)), atol=1)
    large = film().astype(np.uint32) * 16_000_000
    np.testing.assert_allclose(read(tmp_path, tiff(large)), scaled(large), atol=1)


def test_bits_in_reverse_order_are_read(tmp_path):
    reverse = np.array([int(f"{value:08b}"[::-1], 2) for value in range(256)], np.uint8)
    for photometric in (0, 1):
        data = tiff(reverse[film()], t262=photometric, t266=2)
        expected = film() if photometric else 255 - film()
        np.testing.assert_array_equal(read(tmp_path, data), expected)


def pages(pixels: np.ndarray) -> bytes:
    """A TIFF whose second image has no size."""
    data = tiff(pixels)
    return data[:-4] + struct.pack("<I", len(data)) + bytes(6)


def empty_png(side: int) -> bytes:
    """A PNG that claims a size and holds nothing."""
    sound = png(np.zeros((1, 1), np.uint8))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return sound[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + sound[-12:]


COLOURS = "colours of 8 bits, or one grey value of 16 bits, got PNG of 16 bits; export it as grey"
ONE = "must be one image, got several pages or a reduced one; export one"
CONSTANT = "must show something, but every pixel is 255;"
FLOATS = "at most 16 bits, or colours of 8, got floating-point numbers; export it as grey"
RARE = "must be a usual TIFF file, but is damaged or of a rare kind"

UNREAD = [
    *(
        (content, "must be an image, PNG, JPEG, TIFF, but is none")
        for content in (b"", b"hello", b"%PDF-1.7", b"\x00" * 200, b"GIF89a")
    ),
    *(
        (empty_png(side), f"must have 1 to 64,000,000 pixels, got {side} x {side}; scale")
        for side in (8_001, 9_900, 50_000)
    ),
    (png(film())[:-20] + bytes(4) + png(film())[-16:], "a wrong checksum in its part IDAT; copy"),
    (png(np.full((24, 24), 255, np.uint8)), CONSTANT),
    (png(np.full((24, 24), 255, np.uint16), bits=16), CONSTANT),
    (png(film(), (b"pHYs", struct.pack(">IIB", 9000, 1000, 0))), "as wide, got 9 times as high;"),
    (packed(film(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\1\0"), "must have sound EXIF data, which"),
    (tiff(film(), t274=9), "must have an orientation from 1 to 8, got 9; export"),
    (tiff(film().astype(np.float32), t339=3), FLOATS),
    (pages(film()), ONE),
    (tiff(film(), t254=1), ONE),
    (tiff(film(), t262=None), "must be a whole TIFF file, but has a damaged or incomplete"),
    (tiff(film(), t273=None), "but does not say where its pixels are; copy"),
    (tiff(film(), t273=9000), "but is cut off: pixels lie beyond its end; copy"),
    (tiff(film(), t279=200), "but has 200 of 576 bytes of pixels; copy"),
    (tiff(film(), order=">", big=True), RARE),
    (tiff(film(), t262=32803), RARE),
    (png(np.dstack([film(np.uint16)] * 3), colour=2, bits=16), COLOURS),
    (png(np.dstack([film(np.uint16)] * 2), colour=4, bits=16), COLOURS),
]


@pytest.mark.parametrize(("data", "message"), UNREAD, ids=range(len(UNREAD)))
def test_what_is_not_read_is_named(tmp_path, data, message):
    refused(tmp_path, data, message)


def test_a_path_or_size_that_cannot_be_is_refused(tmp_path):
    refuse(tmp_path / "x.png", r"there is no file .*x\.png; check the path")
    refuse(tmp_path, "must be a file, got a folder")
    with pytest.raises(ValueError, match="size must be above 0 pixels, got 0"):
        read(tmp_path, png(film()), 0)


def test_gamma_and_ranges_of_display_change_no_value(tmp_path):
    for data in (
        png(film(), (b"gAMA", struct.pack(">I", 100_000)), (b"sBIT", b"\5")),
        tiff(film(), t280=50, t281=90),
    ):
        np.testing.assert_array_equal(read(tmp_path, data), film())
