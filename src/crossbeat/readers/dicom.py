"""What ECGs, X-rays and cine MRI in DICOM have in common: syntaxes, elements and pixels.

Source: DICOM PS3.3 C.7.6.3 (pixels), C.7.5.1 (padding), C.7.6.11 (shutter); PS3.5 8.1 and 8.2 (bits
and compression), A.5 (deflated files).
"""

import re
import warnings
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Shaped
from PIL import Image, ImageDraw

from crossbeat.errors import DataError
from crossbeat.readers.image_files import check_jpeg
from crossbeat.readers.limits import missing_extra, read_start

if TYPE_CHECKING:
    from pydicom import Dataset

Pixels = Shaped[np.ndarray, "height width"]
Mask = Bool[np.ndarray, "height width"]

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = f"{IMPLICIT}.1"
DEFLATED = f"{IMPLICIT}.1.99"
BIG_ENDIAN = f"{IMPLICIT}.2"
UNCOMPRESSED = {IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN}
_JPEG = f"{IMPLICIT}.4."
_EXTENDED = f"{_JPEG}51"
_NEED_PACKAGES = {
    **dict.fromkeys((f"{_JPEG}57", f"{_JPEG}70"), "lossless JPEG"),
    **dict.fromkeys((f"{_JPEG}80", f"{_JPEG}81"), "JPEG-LS"),
}
"""Transfer syntaxes that need a package beside pydicom and Pillow."""

COMPRESSED = {f"{IMPLICIT}.5", *_NEED_PACKAGES, f"{_JPEG}90", f"{_JPEG}91"}
"""Transfer syntaxes of images of up to 16 bits: RLE, lossless JPEG, JPEG-LS and JPEG 2000."""

JPEG = {f"{_JPEG}50", _EXTENDED}
"""Those of images that lose detail: JPEG of 8 bits, and of up to 12."""

HEAD = 132
"""Bytes of a file up to the end of its signature."""

_MAGIC = b"DICM"
_META = re.compile(rb"\x02\x00[\x00-\x18][\x00\x01](?:UL|OB|UI|SH|AE)")
"""How an element of the meta information begins: group 2, explicit and little-endian."""


def is_dicom(path: Path) -> bool:
    """Whether a file has the DICOM signature; False if it cannot be read."""
    try:
        return meta_start(read_start(path, HEAD)) is not None
    except OSError:
        return False


def meta_start(head: bytes) -> int | None:
    """Where the meta information starts; None if it is no DICOM file.

    Some programs leave out the 128 bytes before the signature, or these and the signature.
    """
    for end in (HEAD, len(_MAGIC)):
        if head[end - len(_MAGIC) : end] == _MAGIC:
            return end
    return 0 if _META.match(head) else None


def damaged(path: Path, what: str) -> DataError:
    """The error for a file with a fault, told in a few words after "but"."""
    return DataError(f"{path} must be sound DICOM, but {what}; copy or export it again")


@contextmanager
def parsing(path: Path, fault: str = "") -> Iterator[None]:
    """Make a ``DataError`` of whatever a package raises, with its words or ``fault``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are checked here, or not used
        try:
            yield
        except DataError:
            raise
        except Exception as error:  # the packages raise whatever their parsing runs into
            raise damaged(path, fault or f"reading it ends in: {str(error)[:300]}") from error


def open_dicom(
    path: Path,
    data: bytes,
    known: Collection[str],
    kinds: str,
    *,
    most: int = 0,
    tags: Iterable[str] = (),
) -> "Dataset":
    """The elements of a file, or those named, with its meta information.

    Args:
        known: transfer syntaxes that can be read, which are called ``kinds``.
        most: bytes that a deflated file may unpack to.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError:
        raise missing_extra(path, "a DICOM file", "pydicom") from None
    from pydicom.datadict import tag_for_keyword
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    file = BytesIO(data)  # gives no more bytes than there are
    start = meta_start(data[:HEAD])
    if start is None:
        raise DataError(f"{path} must be a DICOM file, but has no signature; copy it again")
    file.seek(start)
    meta = read_dataset(file, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
    syntax = text_of(meta, "TransferSyntaxUID")
    if syntax not in known:
        raise DataError(
            f"{path} must be {kinds}, got transfer syntax {syntax[:80] or 'none'}; export it so"
        )
    if syntax == DEFLATED:
        file = _inflated(path, file, most)
    wanted = [tag for tag in map(tag_for_keyword, tags) if tag is not None] or None
    found = read_dataset(file, syntax == IMPLICIT, syntax != BIG_ENDIAN, specific_tags=wanted)
    found.file_meta = FileMetaDataset(meta)
    return found


def _inflated(path: Path, file: BytesIO, most: int) -> BytesIO:
    """The rest of a deflated file, unpacked."""
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = unpack.decompress(file.read(), most + 1)
    except zlib.error as error:
        raise damaged(path, "its packed part cannot be unpacked") from error
    if len(data) > most:
        raise DataError(
            f"{path} must unpack to at most {most:,} bytes, got more; export it uncompressed, or "
            "cut out the part that is needed"
        )
    if not unpack.eof:
        raise damaged(path, "its packed part is cut off")
    return BytesIO(data)


def text_of(item: "Dataset", keyword: str) -> str:
    """A value as text, without the character set that the file asks for: names are ASCII."""
    element = item.get_item(keyword) if keyword in item else None
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        return value.decode("latin-1").strip(" \0")
    return "" if value is None else str(value).strip()


def numbers_of(
    path: Path,
    item: "Dataset",
    keyword: str,
    num: int = 0,
    *,
    empty: bool = False,
    remedy: str = "correct it, or export it again",
) -> list[float]:
    """The numbers of a value: ``num`` of them, where 0 is one or more; or none, if ``empty``."""
    told = list(filter(None, text_of(item, keyword).split("\\")))
    try:
        numbers = [float(part) for part in told]
    except ValueError:
        numbers = []
    sound = bool(np.isfinite(numbers).all()) and len(numbers) == len(told)
    if not sound or not (numbers or empty) or (num and numbers and len(numbers) != num):
        raise DataError(
            f"{path}: {keyword} must be {num or 'one or more'} numbers, got "
            f"{' x '.join(told)[:60] or 'none'}; {remedy}"
        )
    return numbers


def words_of(image: "Dataset", keyword: str) -> list[int]:
    """Numbers of 16 bits from 0, whether the file has them signed, unsigned or as bytes."""
    if keyword not in image or image[keyword].value in (None, "", b""):
        return []
    value = image[keyword].value
    if isinstance(value, bytes):
        little = image.file_meta.TransferSyntaxUID.is_little_endian
        whole = value[: len(value) // 2 * 2]
        return np.frombuffer(whole, "<u2" if little else ">u2").tolist()
    return [int(number) % 2**16 for number in np.atleast_1d(value)]


def decoded(path: Path, image: "Dataset") -> Pixels:
    """The stored values of an image of one frame and one value for each pixel, of a sound size."""
    with parsing(path, "its pixels cannot be decoded"):
        stored = int(image.BitsStored)
        high = int(image.get("HighBit", stored - 1))
        if high != stored - 1:
            raise DataError(
                f"{path}: HighBit must be {stored - 1} where BitsStored is {stored}, got {high}; "
                "correct it, or export the image again"
            )
        syntax = text_of(image.file_meta, "TransferSyntaxUID")
        bits, held = 8, len(image.PixelData)
        need = (int(image.Rows) * int(image.Columns) * int(image.BitsAllocated) + 7) // 8
        if syntax in {*JPEG, *_NEED_PACKAGES}:
            bits = _check_coded(path, image)
        elif syntax in UNCOMPRESSED and not need <= held <= need + 1:
            raise damaged(path, f"has {held:,} bytes of pixels where its size needs {need:,}")
        by_pillow = syntax in {f"{_JPEG}50", f"{_JPEG}90", f"{_JPEG}91"}
        if by_pillow or (syntax == _EXTENDED and bits == 8):
            image.pixel_array_options(decoding_plugin="pillow")  # also where others are installed
        elif syntax == _EXTENDED or syntax in _NEED_PACKAGES:
            image.pixel_array_options(decoding_plugin=_decoder(path, syntax))
        pixels = image.pixel_array
        if pixels.shape != (image.Rows, image.Columns):
            raise damaged(path, "its pixels are not of one grey value each")
        return pixels


def _check_coded(path: Path, image: "Dataset") -> int:
    """The coded image is whole, and of the size that is stated, before it is decoded; its bits."""
    from pydicom.encaps import generate_frames

    coded = next(generate_frames(image.PixelData, number_of_frames=1))
    said = check_jpeg(path, coded, strict=True)
    if (said.height, said.width) != (image.Rows, image.Columns) or not said.grey:
        raise damaged(
            path,
            f"its pixels are {said.height} x {said.width} where it says {image.Rows} x "
            f"{image.Columns}, or are no grey values",
        )
    stored = int(image.BitsStored)
    if not stored <= said.bits <= int(image.BitsAllocated):
        raise damaged(path, f"its pixels have {said.bits} bits where it says {stored}")
    return said.bits


def _decoder(path: Path, syntax: str) -> str:
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    fit = ("pylibjpeg",) if syntax == _EXTENDED else ("gdcm", "pylibjpeg", "pyjpegls")
    found = [name for name in get_decoder(UID(syntax)).available_plugins if name in fit]
    if found:
        return found[0]
    if syntax == _EXTENDED:  # its package has another licence than ours: users decide
        raise DataError(
            f"{path} is DICOM compressed by JPEG of 12 bits, which needs the packages "
            "pylibjpeg and pylibjpeg-libjpeg; install them, or export it uncompressed"
        )
    raise missing_extra(path, f"DICOM compressed by {_NEED_PACKAGES[syntax]}", "python-gdcm")


def counted_pixels(shutter: Mask | None, padding: Mask | None) -> Mask | None:
    """The pixels that are neither padding nor hidden by a shutter; None if all count."""
    if padding is None:
        return shutter
    return ~padding if shutter is None else ~padding & shutter


def padding_of(image: "Dataset", stored: Pixels) -> Mask | None:
    """The stored values that are no part of the picture; None if the file declares none."""
    value = _stored_number(image, "PixelPaddingValue")
    if value is None:
        return None
    limit = _stored_number(image, "PixelPaddingRangeLimit")
    low, high = sorted((value, value if limit is None else limit))
    return (stored >= low) & (stored <= high)


def _stored_number(image: "Dataset", keyword: str) -> int | None:
    """A value of the kind that pixels have, whatever kind the file gives it."""
    values = words_of(image, keyword)
    if not values:
        return None
    bits = int(image.BitsStored)
    value = values[0] % 2**bits
    return value - 2**bits if image.PixelRepresentation == 1 and value >= 2 ** (bits - 1) else value


def shutter_of(path: Path, image: "Dataset", shape: tuple[int, int]) -> Mask | None:
    """Where the picture is that shutters leave open; None if there is none."""
    inside = None
    row, column = np.ogrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    for form in filter(None, text_of(image, "ShutterShape").replace(" ", "").split("\\")):
        if form == "RECTANGULAR":
            edges = ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
            left, right, upper, lower = (
                numbers_of(path, image, f"Shutter{edge}Edge", 1)[0] for edge in edges
            )
            part = (row >= upper) & (row <= lower) & (column >= left) & (column <= right)
        elif form == "CIRCULAR":
            middle = numbers_of(path, image, "CenterOfCircularShutter", 2)
            radius = numbers_of(path, image, "RadiusOfCircularShutter", 1)[0]
            part = (row - middle[0]) ** 2 + (column - middle[1]) ** 2 <= radius**2
        elif form == "POLYGONAL":
            corners = numbers_of(path, image, "VerticesOfThePolygonalShutter")
            canvas = Image.new("1", (shape[1], shape[0]))
            places = [(x - 1, y - 1) for x, y in zip(corners[1::2], corners[::2], strict=False)]
            ImageDraw.Draw(canvas).polygon(places, fill=1)
            part = np.asarray(canvas)
        else:
            raise DataError(
                f"{path}: ShutterShape must be RECTANGULAR, CIRCULAR or POLYGONAL, got "
                f"{form[:20]}; export it without a shutter"
            )
        inside = part if inside is None else inside & part
    return inside
