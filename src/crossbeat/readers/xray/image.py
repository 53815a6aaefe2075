"""Chest X-rays in PNG, JPEG and TIFF, as their files say that they are to be seen."""

import struct
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from crossbeat.errors import DataError
from crossbeat.readers.image_files import Said, check_jpeg, check_png, check_png_rows, check_tiff
from crossbeat.readers.limits import read_bounded, read_start
from crossbeat.readers.xray.film import MOST_PIXELS, Film, check_aspect, check_last_rows, check_size

_FORMATS: dict[bytes, tuple[str, Callable[[Path, bytes], Said]]] = {
    b"\x89PNG\r\n\x1a\n": ("PNG", check_png),
    b"\xff\xd8\xff": ("JPEG", check_jpeg),
    **dict.fromkeys((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"), ("TIFF", check_tiff)),
}
"""How files begin, Pillow's name of the format, and what checks them."""

_MOST_BYTES = 4 * MOST_PIXELS
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error)
"""What Pillow raises on damaged files, by decoder."""

_WIDER = {"I;16", "I;16B", "I;16L", "I"}
_ORIENTATION = 0x0112
_TURNS = {
    0: (False, False, False),
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
"""Arguments of ``Film.turned`` by orientation; 0: not stated."""

_FILL = 128  # what libjpeg puts where data is missing


def read_image(path: Path, size: int) -> Film:
    """A film from a PNG, JPEG or TIFF file; of a large JPEG no finer than twice ``size``."""
    try:
        name, said = _checked(path)
    except FileNotFoundError:
        raise DataError(f"there is no file {path}; check the path") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is checked here, or not used
            with Image.open(BytesIO(said.data), formats=(name,)) as image:
                film = _film(path, image, said, size)
                orientation = _orientation(path, image, said)
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path} must be a usual {name} file, but is damaged or of a rare kind; export it as "
            "PNG, grey, of 8 or 16 bits"
        ) from error
    except _DAMAGE as error:
        raise DataError(
            f"{path} must be a sound {name} file, but its pixels cannot be decoded; copy or "
            "export it again"
        ) from error
    if name == "PNG" and film.pixels[-1, -1] == 0:
        check_png_rows(path, said.data)
    check_last_rows(path, film.pixels)
    if name == "JPEG" and (film.pixels[-1] == _FILL).all() and np.ptp(film.pixels) > 0:
        raise DataError(
            f"{path} must hold all of its picture, but the last rows are missing; copy or export "
            "it again",
            rule="flat",
        )
    return film.turned(*_TURNS[orientation])


def _checked(path: Path) -> tuple[str, Said]:
    start = read_start(path, 8)
    name, check = next(
        (form for begin, form in _FORMATS.items() if start.startswith(begin)), ("", None)
    )
    if check is None:
        kinds = ", ".join(dict.fromkeys(name for name, _ in _FORMATS.values()))
        raise DataError(f"{path} must be an image, {kinds}, but is none; convert or export it")
    said = check(path, read_bounded(path, _MOST_BYTES))
    check_size(path, said.width, said.height)
    if said.bits > 8 and (name == "JPEG" or not said.grey):
        raise DataError(
            f"{path} must have one grey value or colours of 8 bits, or one grey value of 16 "
            f"bits, got {name} of {said.bits} bits; export it as grey PNG"
        )
    return name, said


def _orientation(path: Path, image: Image.Image, said: Said) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of data that is passed over
            Image.Exif().load(image.info.get("exif", b""))
            told = image.getexif().get(_ORIENTATION, 1)
    except Exception as error:  # a parser of its own
        raise DataError(
            f"{path} must have sound EXIF data, which may say how it is turned, but they are "
            "damaged; export it without EXIF"
        ) from error
    orientation = told if said.orientation is None else said.orientation
    if orientation not in _TURNS:
        raise DataError(
            f"{path} must have an orientation from 1 to 8, got {str(orientation)[:20]}; export it "
            "without EXIF"
        )
    return orientation


def _film(path: Path, image: Image.Image, said: Said, size: int) -> Film:
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise DataError(f"{path} must be one image, got {frames} of them; export one image")
    aspect = check_aspect(path, said.aspect)
    wide = image.mode in _WIDER
    image.draft("L", (2 * size, 2 * size))  # decodes a JPEG no finer than is needed
    image.load()
    pixels = np.asarray(image if wide else image.convert("L"))
    if said.inverted:
        pixels = pixels.max() - pixels if wide else 255 - pixels
    if said.transparent is not None:
        counted = pixels != said.transparent
        return Film(pixels if wide else pixels * counted, counted, aspect)
    if said.signed and not wide:
        return Film(pixels.view(np.int8).astype(np.int16), None, aspect)
    if said.bits == 32 and not said.signed:
        pixels = pixels.view(np.uint32)
    return Film(pixels if wide else _on_black(image, pixels), None, aspect)


def _on_black(
    image: Image.Image, pixels: UInt8[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width"]:
    """The pixels before a black background, where some are transparent."""
    if not image.has_transparency_data:
        return pixels
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    if alpha.min() == 255:
        return pixels
    return np.rint(pixels * (alpha / np.float32(255))).astype(np.uint8)
