"""X-ray files to squares."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossbeat.errors import DataError
from crossbeat.readers import read_xray


def picture(height: int = 60, width: int = 80) -> np.ndarray:
    """A smooth slope from left to right with a bright disc off the centre."""
    y, x = np.mgrid[:height, :width]
    disc = (y - height / 3) ** 2 + (x - width / 2) ** 2 < (height / 5) ** 2
    return (x / width * 150 + 80 * disc + 10).astype(np.uint8)


def save(folder: Path, pixels: np.ndarray, name: str = "x.png", mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(folder / name)
    return folder / name


def empty_png(width: int, height: int) -> bytes:
    """The head of a PNG that claims a size and holds nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


def test_a_square_of_the_wanted_size_is_kept_as_it_is(tmp_path: Path) -> None:
    pixels = picture(32, 32)
    got = read_xray(save(tmp_path, pixels), 32)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, pixels)
    np.testing.assert_array_equal(read_xray(str(tmp_path / "x.png"), 32), pixels)


@pytest.mark.parametrize(("height", "width"), [(60, 80), (80, 60), (61, 80), (80, 61)])
def test_the_centre_is_kept(tmp_path: Path, height: int, width: int) -> None:
    pixels, side = picture(height, width), min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    got = read_xray(save(tmp_path, pixels), side)
    np.testing.assert_array_equal(got, pixels[top : top + side, left : left + side])


def test_shrinking_averages_rather_than_picks_pixels(tmp_path: Path) -> None:
    stripes = np.tile(np.uint8([0, 200]), (64, 32))
    got = read_xray(save(tmp_path, stripes), 8)
    np.testing.assert_allclose(got, 100, atol=8)


def test_a_small_image_is_enlarged(tmp_path: Path) -> None:
    got = read_xray(save(tmp_path, picture(16, 16)), 64)
    assert got.shape == (64, 64)
    blocks = got.reshape(16, 4, 16, 4).mean(axis=(1, 3))
    assert np.abs(blocks - picture(16, 16)).mean() < 5


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_grey_shown_in_colour_is_the_same_picture(tmp_path: Path, mode: str) -> None:
    pixels = picture(32, 32)
    got = read_xray(save(tmp_path, pixels, mode=mode), 32)
    np.testing.assert_allclose(got, pixels, atol=1)


def test_black_and_white_is_read(tmp_path: Path) -> None:
    got = read_xray(save(tmp_path, (picture(32, 32) > 100) * np.uint8(255), mode="1"), 32)
    assert set(np.unique(got).tolist()) == {0, 255}


@pytest.mark.parametrize("name", ["x.tif", "x.tiff", "x.PNG"])
def test_lossless_formats_give_the_exact_pixels(tmp_path: Path, name: str) -> None:
    got = read_xray(save(tmp_path, picture(32, 32), name), 32)
    np.testing.assert_array_equal(got, picture(32, 32))


@pytest.mark.parametrize("name", ["x.jpg", "x.jpeg"])
def test_a_jpeg_gives_the_pixels_that_pillow_decodes(tmp_path: Path, name: str) -> None:
    path = save(tmp_path, picture(32, 32), name)
    with Image.open(path) as image:
        expected = np.asarray(image)
    np.testing.assert_array_equal(read_xray(path, 32), expected)


def test_a_large_jpeg_decoded_coarsely_looks_the_same(tmp_path: Path) -> None:
    pixels = picture(800, 1000)
    coarse = read_xray(save(tmp_path, pixels, "x.jpg"), 50).astype(int)
    fine = read_xray(save(tmp_path, pixels, "x.png"), 50).astype(int)
    assert np.abs(coarse - fine).mean() < 1


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
@pytest.mark.parametrize(("scale", "offset"), [(10, 0), (16, 500), (256, 100)])
def test_sixteen_bits_are_scaled_by_their_range(
    tmp_path: Path, name: str, scale: int, offset: int
) -> None:
    pixels = picture(32, 32)
    got = read_xray(save(tmp_path, pixels.astype(np.uint16) * scale + offset, name), 32)
    low, high = int(pixels.min()), int(pixels.max())
    expected = (pixels.astype(float) - low) / (high - low) * 255
    np.testing.assert_allclose(got, expected, atol=0.51)
    assert (got.min(), got.max()) == (0, 255)


def test_a_size_must_be_above_zero(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="size must be above 0 pixels, got 0"):
        read_xray(save(tmp_path, picture()), 0)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*x\.png; check the path"):
        read_xray(tmp_path / "x.png", 32)


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7", b"\x00" * 200, b"GIF89a"])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match="must be an image, PNG, JPEG, TIFF, but is none"):
        read_xray(tmp_path / "x.png", 32)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be a file, got a folder"):
        read_xray(tmp_path, 32)


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_image_is_refused(tmp_path: Path, name: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 100), dtype=np.uint8)
    path = save(tmp_path, noise, name)
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * part)])
    with pytest.raises(DataError, match="must be a"):
        read_xray(path, 32)


def test_a_damaged_image_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, picture())
    data = bytearray(path.read_bytes())
    data[60:70] = bytes(10)
    path.write_bytes(data)
    with pytest.raises(
        DataError, match="a whole PNG file, but has a wrong checksum in its part IDAT; copy"
    ):
        read_xray(path, 32)


def test_a_tiff_whose_second_image_has_no_size_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, picture(), "x.tif")
    data = bytearray(path.read_bytes())
    (directory,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, directory)
    struct.pack_into("<I", data, directory + 2 + 12 * entries, len(data))
    path.write_bytes(bytes(data) + bytes(6))
    with pytest.raises(DataError, match="must be one image, got several pages or a reduced one"):
        read_xray(path, 32)


@pytest.mark.parametrize("side", [8_001, 9_900, 50_000])
def test_an_absurdly_large_image_is_refused_undecoded(tmp_path: Path, side: int) -> None:
    (tmp_path / "x.png").write_bytes(empty_png(side, side))
    with pytest.raises(
        DataError, match=f"must have 1 to 64,000,000 pixels, got {side} x {side}; scale"
    ):
        read_xray(tmp_path / "x.png", 32)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("value", [0, 255])
def test_a_constant_image_is_refused(tmp_path: Path, dtype: type, value: int) -> None:
    path = save(tmp_path, np.full((32, 32), value, dtype))
    with pytest.raises(DataError, match=f"must show something, but every pixel is {value};"):
        read_xray(path, 32)


def test_several_images_in_a_file_are_refused(tmp_path: Path) -> None:
    first = Image.fromarray(picture())
    first.save(tmp_path / "x.tif", save_all=True, append_images=[first])
    with pytest.raises(
        DataError, match="must be one image, got several pages or a reduced one; export one"
    ):
        read_xray(tmp_path / "x.tif", 32)


def test_floating_point_images_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, picture().astype(np.float32), "x.tif")
    with pytest.raises(
        DataError, match="at most 16 bits, or colours of 8, got floating-point numbers; export"
    ):
        read_xray(path, 32)


def test_real_xrays_keep_their_size_and_values(shared: Path) -> None:
    folder = shared / "data" / "nih-cxr14" / "images"
    for path in sorted(folder.glob("*.png"))[::200]:
        with Image.open(path) as image:
            expected = np.asarray(image.convert("L"))
        np.testing.assert_array_equal(read_xray(path, expected.shape[0]), expected)
