"""Check that PNG, JPEG and TIFF files are whole, and note what they say beside the pixels.

Sources: PNG, third edition (W3C 2025); ITU-T T.81, JPEG; T.871, JFIF; TIFF 6.0 (Adobe 1992) and
its 64-bit form.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from crossbeat.errors import DataError

_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
"""Ends coded data: not a stuffed byte, nor a restart of a scan."""

_SIZES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that state the size of the image."""

_ALONE = {0x01, *range(0xD0, 0xD9)}
_SCAN, _END, _JFIF = 0xDA, 0xD9, 0xE0

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by the type of colour of PNG
_STEP = 2**20

_TYPES = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
"""Types of TIFF values, as ``struct`` names them."""

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_ORIENTATION, _X, _Y, _EXTRA, _FORMAT, _PAGE = 274, 282, 283, 338, 339, 254
_PLACES = ((273, 279), (324, 325))
_READ = {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, *_PLACES[0], *_PLACES[1]}
_READ |= {_ORIENTATION, _X, _Y, _EXTRA, _FORMAT, _PAGE}
_PAGE_PARTS = 0b101  # bits of a page that is a reduced image or a mask
_MOST_VALUES = 2**20


class Said(NamedTuple):
    """What a file says of its pixels.

    Args:
        data: the file, without what would make a decoder invert or turn the image.
        grey: whether pixels have one value each.
        orientation: 1 to 8 as in TIFF; None: to be looked up in EXIF.
        aspect: height of a pixel divided by its width.
        transparent: the grey value, scaled as decoded, whose pixels are not part of the picture.
        inverted: whether 0 is white.
        signed: whether values may be below 0.
    """

    data: bytes
    width: int
    height: int
    bits: int
    grey: bool
    orientation: int | None = None
    aspect: float = 1.0
    transparent: int | None = None
    inverted: bool = False
    signed: bool = False


def check_png(path: Path, data: bytes) -> Said:
    """What a PNG says; ``DataError`` if a part is cut off, missing or has a wrong checksum."""
    parts = dict(_png_parts(path, data))
    if len(parts.get(b"IHDR", b"")) != 13 or b"IDAT" not in parts:
        raise _broken(path, "PNG", "has no header or no pixels")
    width, height, bits, colour = struct.unpack_from(">IIBB", parts[b"IHDR"])
    if bits not in (1, 2, 4, 8, 16):
        raise _broken(path, "PNG", f"has values of {bits} bits")
    across, down, _ = struct.unpack(">IIB", parts.get(b"pHYs", bytes(9)).ljust(9, b"\0")[:9])
    told = parts.get(b"tRNS", b"")
    transparent = None
    if colour == 0 and len(told) >= 2:
        transparent = int.from_bytes(told[:2]) * (255 // (2**bits - 1) if bits < 8 else 1)
    aspect = across / down if across and down else 1.0
    return Said(data, width, height, bits, colour == 0, None, aspect, transparent)


def check_png_rows(path: Path, data: bytes) -> None:
    """Raise ``DataError`` if a sound PNG lacks packed pixels, which decoders leave black."""
    parts = list(_png_parts(path, data, pixels=True))
    width, height, bits, colour, *_, interlaced = struct.unpack(">IIBBBBB", dict(parts)[b"IHDR"])
    row = 1 + (width * bits * _SAMPLES.get(colour, 1) + 7) // 8
    need = 0 if interlaced else row * height  # its end is told by the packing alone
    unpack, held = zlib.decompressobj(), 0
    try:
        for kind, body in parts:
            packed = body if kind == b"IDAT" else b""
            while packed and not unpack.eof:
                held += len(unpack.decompress(packed, _STEP))
                packed = unpack.unconsumed_tail
    except zlib.error as error:
        raise _broken(path, "PNG", "its packed pixels are damaged") from error
    if held < need or (interlaced and not unpack.eof):
        raise _broken(path, "PNG", "has fewer pixels than its size needs")


def _png_parts(path: Path, data: bytes, *, pixels: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents, of the packed pixels only if they are wanted."""
    start, view = 8, memoryview(data)
    while start + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, start)
        kind, end = data[start + 4 : start + 8], start + 12 + length
        if end > len(data):
            break
        if zlib.crc32(view[start + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            name = kind.decode("latin-1") if kind.isalpha() else "without a name"
            raise _broken(path, "PNG", f"has a wrong checksum in its part {name}")
        if kind == b"IEND":
            return
        yield kind, b"" if kind == b"IDAT" and not pixels else data[start + 8 : end - 4]
        start = end
    raise _broken(path, "PNG", "is cut off")


def check_jpeg(path: Path, data: bytes, *, strict: bool = False) -> Said:
    """What a JPEG, lossless JPEG or JPEG-LS says whose segments are whole, up to its end.

    Args:
        strict: whether each part has to begin where the last ended, for decoders that end the
            process otherwise.
    """
    size: tuple[int, int, int, int] | None = None
    aspect, scans = 1.0, 0
    for marker, start, end in _jpeg_segments(path, data, strict):
        if marker in _SIZES and size is None and end - start >= 6:
            size = struct.unpack_from(">BHHB", data, start)
        elif marker == _JFIF and data[start : start + 5] == b"JFIF\0" and end - start >= 12:
            across, down = struct.unpack_from(">HH", data, start + 8)
            aspect = across / down if across and down else 1.0
        scans += marker == _SCAN
    if size is None or not scans:
        raise _broken(path, "JPEG", "has no header or no pixels")
    bits, height, width, samples = size
    return Said(data, width, height, bits, samples == 1, None, aspect)


def _jpeg_segments(path: Path, data: bytes, strict: bool) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment; of a scan, of its head."""
    start, marker = 2, 0
    while True:
        found = _MARKER.search(data, start)
        if found is None:
            raise _broken(path, "JPEG", "is cut off")
        if strict and found.start() != start and marker != _SCAN:
            raise _broken(path, "JPEG", "has other bytes between its parts")
        marker, start = found[0][1], found.end()
        if marker == _END:
            return
        if marker in _ALONE:
            continue
        length = int.from_bytes(data[start : start + 2])
        if length < 2 or start + length > len(data):
            raise _broken(path, "JPEG", "is cut off")
        yield marker, start + 2, start + length
        start += length


def check_tiff(path: Path, data: bytes) -> Said:
    """What a TIFF says whose pixels all lie in the file and are read; else ``DataError``."""
    try:
        tags, places, next_ = _tiff_tags(data)
        width, height = int(tags[_WIDTH][0]), int(tags[_HEIGHT][0])
        photometric = tags[_PHOTOMETRIC][0]
    except (struct.error, LookupError, ValueError, OverflowError) as error:
        raise _broken(path, "TIFF", "has a damaged or incomplete list of tags") from error
    bits, formats = tags.get(_BITS, (1,)), set(tags.get(_FORMAT, (1,)))
    if next_ or tags.get(_PAGE, (0,))[0] & _PAGE_PARTS:
        raise DataError(
            f"{path} must be one image, got several pages or a reduced one; export one image"
        )
    if (len(bits) > 1 and max(bits) > 8) or not formats <= {1, 2} or len(formats) > 1:
        kind = "floating-point numbers" if 3 in formats else f"{len(bits)} x {max(bits)} bits"
        raise DataError(
            f"{path} must have grey values of at most 16 bits, or colours of 8, got {kind}; "
            "export it as grey of 8 or 16 bits"
        )
    _check_places(path, data, tags, bits, (width, height))
    fixed = bytearray(data)
    order = ">" if data[:2] == b"MM" else "<"
    for tag in (_PHOTOMETRIC, _ORIENTATION):
        if tag in places and (tag == _ORIENTATION or photometric == 0):
            struct.pack_into(order + _TYPES[places[tag][0]], fixed, places[tag][1], 1)
    across, down = (
        value[0] / value[1] if len(value) == 2 and value[1] else 0.0
        for value in (tags.get(_X, ()), tags.get(_Y, ()))
    )
    grey = len(bits) - len(tags.get(_EXTRA, ())) == 1 and photometric in (0, 1)
    turn = int(tags[_ORIENTATION][0]) if _ORIENTATION in tags else None
    aspect = across / down if across and down else 1.0
    told = (bytes(fixed), width, height, max(bits), grey, turn, aspect)
    return Said(*told, inverted=photometric == 0, signed=formats == {2})


def _tiff_tags(data: bytes) -> tuple[dict[int, Any], dict[int, tuple[int, int]], int]:
    """Values by tag, type and place of those in the list itself, and where the next list is."""
    order = ">" if data[:2] == b"MM" else "<"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, head, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    (start,) = struct.unpack_from(order + word, data, 8 if big else 4)
    (num,) = struct.unpack_from(order + head, data, start)
    start += struct.calcsize(head)
    tags: dict[int, Any] = {}
    places: dict[int, tuple[int, int]] = {}
    for place in range(start, start + entry * min(num, 2**12), entry):
        tag, kind, count = struct.unpack_from(order + "HH" + word, data, place)
        if tag not in _READ or kind not in _TYPES or not count:
            continue
        value = place + 4 + struct.calcsize(word)
        form = _TYPES[kind] * min(count, _MOST_VALUES)
        if struct.calcsize(order + form) > struct.calcsize(word):
            (value,) = struct.unpack_from(order + word, data, value)
        else:
            places[tag] = (kind, value)
        tags[tag] = struct.unpack_from(order + form, data, value)
    (next_,) = struct.unpack_from(order + word, data, start + entry * num)
    return tags, places, next_


def _check_places(
    path: Path, data: bytes, tags: dict[int, Any], bits: tuple[int, ...], size: tuple[int, int]
) -> None:
    starts, counts = next(
        ((tags[at], tags.get(num)) for at, num in _PLACES if at in tags), ((), ())
    )
    if not starts or not counts or len(starts) != len(counts):
        raise _broken(path, "TIFF", "does not say where its pixels are")
    if max(start + num for start, num in zip(starts, counts, strict=True)) > len(data):
        raise _broken(path, "TIFF", "is cut off: pixels lie beyond its end")
    need = (size[0] * sum(bits) + 7) // 8 * size[1] if len(bits) == 1 else 0
    if tags.get(_COMPRESSION, (1,))[0] == 1 and sum(counts) < need:
        raise _broken(path, "TIFF", f"has {sum(counts):,} of {need:,} bytes of pixels")


def _broken(path: Path, kind: str, what: str) -> DataError:
    return DataError(f"{path} must be a whole {kind} file, but {what}; copy or export it again")
