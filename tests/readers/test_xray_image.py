"""What image files say beside their pixels: how they are turned, which count, what is white."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossbeat.errors import DataError
from crossbeat.readers import read_xray


def film(dtype: type = np.uint8, shape: tuple[int, int] = (24, 24)) -> np.ndarray:
    """Another value along each axis, so that no turn leaves it as it is."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (20 + 6 * x + 3 * y).astype(dtype) * (1 if dtype is np.uint8 else 100)


def scaled(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return np.rint((values.astype(np.float64) - low) * 255 / (high - low))


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

    def part(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    height, width = pixels.shape[:2]
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    middle = b"".join(part(*one) for one in parts)
    end = part(b"IDAT", zlib.compress(raw)) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + middle + end


def read(folder: Path, data: bytes, size: int = 24) -> np.ndarray:
    (folder / "x").write_bytes(data)
    return read_xray(folder / "x", size)


def refused(folder: Path, data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(folder, data)
    assert str(folder / "x") in str(caught.value)


# white is zero


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_in_tiff(tmp_path: Path, order: str, dtype: type, big: bool) -> None:
    pixels = film(dtype)
    got = read(tmp_path, tiff(pixels, order=order, big=big, t262=0))
    expected = 255 - pixels if dtype is np.uint8 else scaled(-pixels.astype(int))
    np.testing.assert_allclose(got, expected, atol=1)
    plain = read(tmp_path, tiff(pixels, order=order, big=big))
    np.testing.assert_allclose(plain, pixels if dtype is np.uint8 else scaled(pixels), atol=1)


def test_white_is_zero_in_one_bit(tmp_path: Path) -> None:
    marks = film() > 110
    data = np.packbits(marks, axis=1)
    for photometric, expected in ((0, ~marks), (1, marks)):
        got = read(tmp_path, tiff(data, t256=24, t258=1, t262=photometric))
        np.testing.assert_array_equal(got, expected * 255)


def test_packed_tiff_is_inverted_once(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16):
        pixels = film(dtype)
        for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
            image = Image.fromarray(pixels)
            image.save(tmp_path / "x.tif", compression=compression, tiffinfo={262: 0})
            with Image.open(tmp_path / "x.tif") as stored:
                assert stored.tag_v2[262] == 0
            data = (tmp_path / "x.tif").read_bytes()
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
def test_a_film_is_turned_as_the_file_says(tmp_path: Path, orientation: int, kind: str) -> None:
    if kind == "TIFF":
        data = tiff(film(), t274=orientation)
    else:
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(film()).save(tmp_path / "a", kind, exif=exif, quality=98)
        data = (tmp_path / "a").read_bytes()
    expected = TURNS[orientation](film())
    tolerance = 3 if kind == "JPEG" else 0
    np.testing.assert_allclose(read(tmp_path, data), expected, atol=tolerance)


def test_a_turned_film_of_16_bits_is_cut_to_its_centre(tmp_path: Path) -> None:
    pixels = film(np.uint16, (24, 40))
    got = read(tmp_path, tiff(pixels, t274=6, t262=0))
    np.testing.assert_allclose(got, scaled(-np.rot90(pixels[:, 8:32].astype(int), -1)), atol=1)


def test_an_orientation_that_cannot_be_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, tiff(film(), t274=9), "must have an orientation from 1 to 8, got 9; export")


def test_damaged_exif_is_refused(tmp_path: Path) -> None:
    exif = b"Exif\0\0MM\0*\0\0\1\0"
    Image.fromarray(film()).save(tmp_path / "a.jpg", exif=exif)
    refused(tmp_path, (tmp_path / "a.jpg").read_bytes(), "must have sound EXIF data, which may say")


# the shape of pixels


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    y, x = np.mgrid[:48, :48]
    disc = np.uint8(20 + 200 * ((y - 24) ** 2 + (x - 24) ** 2 < 14**2))
    tall = disc[::2]  # rows twice as far apart as columns
    Image.fromarray(tall).save(tmp_path / "a.jpg", dpi=(200, 100), quality=98)
    files = {
        "JPEG": (tmp_path / "a.jpg").read_bytes(),
        "PNG": png(tall, (b"pHYs", struct.pack(">IIB", 2000, 1000, 1))),
        "TIFF": tiff(tall, t282=(200, 1), t283=(100, 1)),
        "turned": tiff(tall.T.copy(), t282=(100, 1), t283=(200, 1), t274=6),
    }
    for name, data in files.items():
        got = read(tmp_path, data, 48) > 120
        assert got.sum(axis=0).max() == pytest.approx(27, abs=3), name
        assert got.sum(axis=1).max() == pytest.approx(27, abs=3), name


def test_pixels_of_an_absurd_shape_are_refused(tmp_path: Path) -> None:
    data = png(film(), (b"pHYs", struct.pack(">IIB", 9000, 1000, 0)))
    refused(tmp_path, data, "pixels about as high as wide, got 9 times as high; correct")


# which pixels count


def test_transparent_pixels_are_black(tmp_path: Path) -> None:
    pixels, alpha = film(), np.full((24, 24), 255, np.uint8)
    alpha[:, :5], alpha[:, 5:8] = 0, 51
    expected = np.rint(pixels * (alpha / 255))
    rgba = np.dstack([pixels, pixels, pixels, alpha])
    indexed = np.arange(256, dtype=np.uint8)
    palette = (b"PLTE", np.repeat(indexed, 3).tobytes())
    clear = np.full(256, 255, np.uint8)
    clear[pixels[3, 3]] = 0
    files = {
        "grey": png(np.dstack([pixels, alpha]), colour=4),
        "colours": png(rgba, colour=6),
    }
    for name, data in files.items():
        np.testing.assert_allclose(read(tmp_path, data), expected, atol=1, err_msg=name)
    holes = np.where(pixels == pixels[3, 3], 0, pixels)
    value = int(pixels[3, 3])
    files = {
        "palette": png(pixels, palette, (b"tRNS", clear.tobytes()), colour=3),
        "one grey": png(pixels, (b"tRNS", struct.pack(">H", value))),
        "one colour": png(rgba[..., :3], (b"tRNS", struct.pack(">3H", *[value] * 3)), colour=2),
    }
    for name, data in files.items():
        np.testing.assert_allclose(read(tmp_path, data), holes, atol=1, err_msg=name)


def test_a_transparent_value_of_16_bits_does_not_count(tmp_path: Path) -> None:
    pixels = film(np.uint16)
    padded = pixels.copy()
    padded[:, :6] = 60_000
    got = read(tmp_path, png(padded, (b"tRNS", struct.pack(">H", 60_000)), bits=16))
    expected = np.zeros((24, 24))
    low, high = int(pixels[:, 6:].min()), int(pixels.max())
    expected[:, 6:] = (pixels[:, 6:].astype(float) - low) * 255 / (high - low)
    np.testing.assert_allclose(got, expected, atol=1)


def test_a_transparent_value_of_4_bits_is_that_of_the_file(tmp_path: Path) -> None:
    pixels = np.tile(np.arange(16, dtype=np.uint8), (16, 1))
    pairs = pixels[:, ::2] << 4 | pixels[:, 1::2]
    data = png(pairs, (b"tRNS", struct.pack(">H", 9)), bits=4)
    data = data.replace(struct.pack(">II", 8, 16), struct.pack(">II", 16, 16), 1)
    crc = struct.pack(">I", zlib.crc32(data[12:29]))
    got = read(tmp_path, data[:29] + crc + data[33:], 16)
    np.testing.assert_array_equal(got, np.where(pixels == 9, 0, pixels * 17))


# kinds of values


def test_values_with_a_sign_keep_it(tmp_path: Path) -> None:
    for dtype, order in ((np.int16, "<"), (np.int16, ">"), (np.int8, "<"), (np.int32, "<")):
        pixels = (film().astype(int) - 120).clip(-120, 120).astype(dtype)
        got = read(tmp_path, tiff(pixels, order=order, t339=2))
        np.testing.assert_allclose(got, scaled(pixels.astype(int)), atol=1)


def test_large_values_of_32_bits_are_not_negative(tmp_path: Path) -> None:
    pixels = film().astype(np.uint32) * 16_000_000
    np.testing.assert_allclose(read(tmp_path, tiff(pixels)), scaled(pixels), atol=1)


def test_bits_in_reverse_order_are_read(tmp_path: Path) -> None:
    reverse = np.array([int(f"{value:08b}"[::-1], 2) for value in range(256)], np.uint8)
    for photometric in (0, 1):
        data = tiff(reverse[film()], t262=photometric, t266=2)
        expected = film() if photometric else 255 - film()
        np.testing.assert_array_equal(read(tmp_path, data), expected)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tiff(film().astype(np.float32), t339=3), "got floating-point numbers; export it as grey"),
        (tiff(film(), t254=1), "must be one image, got several pages or a reduced one; export one"),
        (tiff(film(), t262=None), "must be a whole TIFF file, but has a damaged or incomplete"),
        (tiff(film(), t273=None), "but does not say where its pixels are; copy"),
        (tiff(film(), t273=9000), "but is cut off: pixels lie beyond its end; copy"),
        (tiff(film(), t279=200), "but has 200 of 576 bytes of pixels; copy"),
        (
            tiff(film(), order=">", big=True),
            "must be a usual TIFF file, but is damaged or of a rar",
        ),
        (tiff(film(), t262=32803), "must be a usual TIFF file, but is damaged or of a rare kind"),
        (
            png(np.dstack([film(np.uint16)] * 3), colour=2, bits=16),
            "colours of 8 bits, or one grey value of 16 bits, got PNG of 16 bits; export it as gre",
        ),
        (
            png(np.dstack([film(np.uint16)] * 2), colour=4, bits=16),
            "one grey value of 16 bits, got PNG of 16 bits; export it as grey PNG",
        ),
    ],
)
def test_kinds_that_are_not_read_are_named(tmp_path: Path, data: bytes, message: str) -> None:
    refused(tmp_path, data, message)


def test_gamma_and_ranges_of_display_change_no_value(tmp_path: Path) -> None:
    for data in (
        png(film(), (b"gAMA", struct.pack(">I", 100_000)), (b"sBIT", b"\5")),
        tiff(film(), t280=50, t281=90),
    ):
        np.testing.assert_array_equal(read(tmp_path, data), film())


def summed(data: bytes) -> bytes:
    """A PNG with right checksums, as far as its parts can be followed."""
    out, start = bytearray(data), 8
    while start + 12 <= len(out):
        (length,) = struct.unpack_from(">I", out, start)
        if start + 12 + length > len(out):
            break
        body = out[start + 4 : start + 8 + length]
        struct.pack_into(">I", out, start + 8 + length, zlib.crc32(body))
        start += 12 + length
    return bytes(out)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BigTIFF", "LZW"])
def test_damaged_files_are_read_or_refused(tmp_path: Path, kind: str) -> None:
    sound = {
        "PNG": png(film(), (b"tRNS", b"\0\7"), (b"pHYs", bytes([0, 0, 0, 9] * 2 + [1]))),
        "TIFF": tiff(film(np.uint16), t262=0, t274=3, t282=(7, 1), t283=(7, 1), t339=1),
        "BigTIFF": tiff(film(), big=True, t274=8, t338=2),
    }
    for name, options in {"JPEG": {}, "LZW": {"compression": "tiff_lzw"}}.items():
        Image.fromarray(film()).save(tmp_path / "a", name.replace("LZW", "TIFF"), **options)
        sound[name] = (tmp_path / "a").read_bytes()
    data, draw, counts = sound[kind], np.random.default_rng(0), [0, 0]
    listed = data.index(struct.pack("<HH", 256, 4)) - 20 if "TIFF" in kind else 0
    extremes = (0, 1, 2, 16, 127, 128, 255)
    for _ in range(250):
        damaged = bytearray(data)
        for _ in range(draw.integers(1, 4)):
            at = draw.integers(listed, len(data)) if draw.random() < 0.7 else draw.integers(8, 80)
            damaged[at] = draw.choice(extremes) if draw.random() < 0.6 else draw.integers(256)
        try:
            read(tmp_path, summed(bytes(damaged)) if kind == "PNG" else bytes(damaged), 8)
            counts[0] += 1
        except DataError:
            counts[1] += 1
    assert min(counts) > 1
