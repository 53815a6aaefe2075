"""Chest X-rays in DICOM: from stored values to what a viewer shows, and where the picture is.

Source: DICOM PS3.3 C.7.6.1 (orientation), C.7.5.1 (padding), C.7.6.11 (shutter), C.11.1 (modality
LUT), C.11.2 (window and VOI LUT) and 10.7 (spacing).
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Shaped
from PIL import Image, ImageDraw

from crossbeat.errors import DataError
from crossbeat.readers.dicom import text_of
from crossbeat.readers.xray.film import Film, check_aspect, check_last_rows

if TYPE_CHECKING:
    from pydicom import Dataset

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
_AXES = ("LR", "AP", "HF")
"""Directions of the patient, by axis; those that DICOM counts upwards are L, P and H."""

_SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}


class _Table(NamedTuple):
    first: int
    entries: Float32[np.ndarray, " entry"]


def shown(path: Path, image: "Dataset", stored: Shaped[np.ndarray, "height width"]) -> Film:
    """The film that a viewer shows at first, upright and not mirrored, bones bright.

    Args:
        path: of the file, for messages.
        image: its metadata.
        stored: the stored values.

    Raises:
        DataError: what the file says of its pixels cannot be, or contradicts itself; or the last
            rows are missing.
    """
    shutter = _shutter(path, image, stored.shape)
    padding = _padding(image, stored)
    counted = _counted(shutter, padding)
    meant = padding is not None and _is_meant(stored, padding)
    there = counted if meant else shutter
    check_last_rows(path, stored if there is None else stored[there.any(axis=1)])
    values = _windowed(path, image, *_rescaled(path, image, stored))
    kind = text_of(image, "PhotometricInterpretation")
    shape = text_of(image, "PresentationLUTShape") or _SHAPES[kind]
    if shape != _SHAPES[kind]:
        raise DataError(
            f"{path}: PhotometricInterpretation {kind} and PresentationLUTShape {shape[:20]} "
            "contradict each other on which values are dark; correct one, or export it again"
        )
    film = Film(-values if kind == "MONOCHROME1" else values, counted, _aspect(path, image))
    transpose, upside, mirror = _turn(path, image)
    return film.turned(transpose=transpose, upside=upside, mirror=mirror)


def counted_pixels(
    path: Path, image: "Dataset", stored: Shaped[np.ndarray, "height width"]
) -> Bool[np.ndarray, "height width"] | None:
    """The pixels that are neither padding nor hidden by a shutter; None if all count.

    Args:
        path: of the file, for messages.
        image: its metadata.
        stored: the stored values.

    Raises:
        DataError: the file states a shutter that cannot be.
    """
    return _counted(_shutter(path, image, stored.shape), _padding(image, stored))


def _counted(
    shutter: Bool[np.ndarray, "height width"] | None,
    padding: Bool[np.ndarray, "height width"] | None,
) -> Bool[np.ndarray, "height width"] | None:
    if padding is None:
        return shutter
    return ~padding if shutter is None else ~padding & shutter


def _padding(
    image: "Dataset", stored: Shaped[np.ndarray, "height width"]
) -> Bool[np.ndarray, "height width"] | None:
    value = _stored_number(image, "PixelPaddingValue")
    if value is None:
        return None
    limit = _stored_number(image, "PixelPaddingRangeLimit")
    low, high = sorted((value, value if limit is None else limit))
    return (stored >= low) & (stored <= high)


def _is_meant(
    stored: Shaped[np.ndarray, "height width"], padding: Bool[np.ndarray, "height width"]
) -> bool:
    """Whether padding in the last rows is no download that broke off, which ends in zeros.

    Padding that is meant has another value, or is at the top or at a side as well.
    """
    upper = padding[: (len(padding) + 1) // 2]
    return bool(stored[-1, -1] != 0 or any(edge.all() for edge in (upper[0], *upper[:, [0, -1]].T)))


def _stored_number(image: "Dataset", keyword: str) -> int | None:
    """A value of the kind that pixels have, whatever kind the file gives it."""
    values = _words(image, keyword)
    if not values:
        return None
    bits = int(image.BitsStored)
    value = values[0] % 2**bits
    return value - 2**bits if image.PixelRepresentation == 1 and value >= 2 ** (bits - 1) else value


def _words(image: "Dataset", keyword: str) -> list[int]:
    """Numbers of 16 bits from 0, whether the file has them signed, unsigned or as bytes."""
    if keyword not in image or image[keyword].value in (None, "", b""):
        return []
    value = image[keyword].value
    if isinstance(value, bytes):
        little = image.file_meta.TransferSyntaxUID.is_little_endian
        whole = value[: len(value) // 2 * 2]
        return np.frombuffer(whole, "<u2" if little else ">u2").tolist()
    return [int(number) % 2**16 for number in np.atleast_1d(value)]


def _shutter(
    path: Path, image: "Dataset", shape: tuple[int, int]
) -> Bool[np.ndarray, "height width"] | None:
    """Where the picture is, of a film with shutters."""
    inside = None
    row, column = np.ogrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    for form in filter(None, text_of(image, "ShutterShape").replace(" ", "").split("\\")):
        if form == "RECTANGULAR":
            edges = ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
            left, right, upper, lower = (
                _numbers(path, image, f"Shutter{edge}Edge", 1)[0] for edge in edges
            )
            part = (row >= upper) & (row <= lower) & (column >= left) & (column <= right)
        elif form == "CIRCULAR":
            middle = _numbers(path, image, "CenterOfCircularShutter", 2)
            radius = _numbers(path, image, "RadiusOfCircularShutter", 1)[0]
            part = (row - middle[0]) ** 2 + (column - middle[1]) ** 2 <= radius**2
        elif form == "POLYGONAL":
            part = _polygon(_numbers(path, image, "VerticesOfThePolygonalShutter"), shape)
        else:
            raise DataError(
                f"{path}: ShutterShape must be RECTANGULAR, CIRCULAR or POLYGONAL, got "
                f"{form[:20]}; export it without a shutter"
            )
        inside = part if inside is None else inside & part
    return inside


def _polygon(corners: list[float], shape: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
    canvas = Image.new("1", (shape[1], shape[0]))
    points = [
        (column - 1, row - 1) for row, column in zip(corners[::2], corners[1::2], strict=False)
    ]
    ImageDraw.Draw(canvas).polygon(points, fill=1)
    return np.asarray(canvas)


def _rescaled(
    path: Path, image: "Dataset", stored: Shaped[np.ndarray, "height width"]
) -> tuple[Float32[np.ndarray, "height width"], bool]:
    """The values that a window is for, and whether such values can be below 0."""
    signed = int(image.PixelRepresentation) == 1
    table = _table(path, image, "ModalityLUTSequence", signed=signed)
    if table is not None:
        return _through(table, stored), False
    slope = (_numbers(path, image, "RescaleSlope", 1, empty=True) or [1.0])[0]
    offset = (_numbers(path, image, "RescaleIntercept", 1, empty=True) or [0.0])[0]
    lowest = -(2 ** (int(image.BitsStored) - 1)) if signed else 0
    ends = (lowest, lowest + 2 ** int(image.BitsStored) - 1)
    values = stored.astype(np.float32) * np.float32(slope) + np.float32(offset)
    return values, min(slope * end + offset for end in ends) < 0


def _windowed(
    path: Path, image: "Dataset", values: Float32[np.ndarray, "height width"], signed: bool
) -> Float32[np.ndarray, "height width"]:
    """What the first LUT shows, else the first window; all values if there is neither."""
    table = _table(path, image, "VOILUTSequence", signed=signed)
    if table is not None:
        return _through(table, values)
    centers = _numbers(path, image, "WindowCenter", empty=True)
    widths = _numbers(path, image, "WindowWidth", empty=True)
    if not centers or not widths:
        return values
    function = text_of(image, "VOILUTFunction") or "LINEAR"
    center, width = centers[0], widths[0]
    if function == "LINEAR" and width >= 1:
        center, width = center - 0.5, width - 1
    elif function not in ("LINEAR_EXACT", "SIGMOID") or width <= 0:
        raise DataError(
            f"{path} must have a window of LINEAR from 1, or of LINEAR_EXACT or SIGMOID above 0, "
            f"got {function[:20]} and {width:g}; correct it, or export it again"
        )
    if width == 0:
        return (values > center).astype(np.float32)
    part = (values - np.float32(center)) / np.float32(width)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * part.clip(-20, 20)))
    return part.clip(-0.5, 0.5)


def _table(path: Path, image: "Dataset", keyword: str, *, signed: bool) -> _Table | None:
    """The first table of a sequence.

    Whether the first value that it maps is signed follows from the values that it is for, which
    files without types do not state and others state wrongly.
    """
    tables = image.get(keyword)
    if not tables:
        return None
    item = tables[0]
    item.file_meta = image.file_meta
    head, data = _words(item, "LUTDescriptor"), _words(item, "LUTData")
    if len(head) == 3:
        num, first, bits = head[0] or 2**16, head[1], head[2]
        if bits <= 8 and len(data) * 2 in (num, num + 1):  # two entries in a word
            low_high = np.stack([np.array(data) % 256, np.array(data) // 256], axis=1)
            data = low_high.ravel().tolist()
        if len(data) >= num and 0 < bits <= 16:
            entries = np.array(data[:num], np.float32)
            return _Table(first - 2**16 if signed and first >= 2**15 else first, entries)
    raise DataError(
        f"{path}: the table of {keyword} must have as many entries as it says, got "
        f"{len(data):,} of {head[0] if head else 0:,}; export it again"
    )


def _through(
    table: _Table, values: Shaped[np.ndarray, "height width"]
) -> Float32[np.ndarray, "height width"]:
    place = np.clip(np.rint(values) - table.first, 0, len(table.entries) - 1)
    return table.entries[place.astype(np.int32)]


def _aspect(path: Path, image: "Dataset") -> float:
    for keyword in _SPACINGS:
        steps = _numbers(path, image, keyword, 2, empty=True)
        if steps and min(steps) > 0:
            return check_aspect(path, steps[0] / steps[1])
    return 1.0


def _turn(path: Path, image: "Dataset") -> tuple[bool, bool, bool]:
    """Whether to exchange rows and columns, turn upside down and mirror, for head and right first.

    Of a film from the side, which way the patient looks is kept; it is turned, not mirrored.
    """
    told = [part.strip() for part in text_of(image, "PatientOrientation").split("\\")]
    letters = "".join(part[:1] for part in told)
    if not letters:
        letters = _directions(path, image)
    if not letters:
        return False, False, False
    axes = [next((axis for axis in _AXES if letter in axis), "") for letter in letters]
    if len(axes) != 2 or "HF" not in axes or axes[0] == axes[1] or "" in axes:
        raise DataError(
            f"{path}: PatientOrientation must name the sides to which rows and columns run, one "
            f"of them to head or foot, got {'/'.join(told)[:40] or letters}; correct it"
        )
    transpose = axes[0] == "HF"
    across, down = (letters[1], letters[0]) if transpose else (letters[0], letters[1])
    upside = down == "H"
    mirror = across == "R" if across in "LR" else transpose != upside
    return transpose, upside, mirror


def _directions(path: Path, image: "Dataset") -> str:
    """As ``PatientOrientation``, from the directions of rows and columns in space."""
    numbers = _numbers(path, image, "ImageOrientationPatient", 6, empty=True)
    if not numbers:
        return ""
    letters = ""
    for direction in np.reshape(numbers, (2, 3)):
        axis = int(np.abs(direction).argmax())
        upward = ("L", "P", "H")[axis]
        letters += upward if direction[axis] > 0 else _AXES[axis].replace(upward, "")
    return letters


def _numbers(
    path: Path, image: "Dataset", keyword: str, num: int = 0, *, empty: bool = False
) -> list[float]:
    """The numbers of a value: as many as ``num``, if that is not 0; or none, if that may be."""
    told = list(filter(None, text_of(image, keyword).split("\\")))
    try:
        numbers = [float(part) for part in told]
    except ValueError:
        numbers = []
    sound = bool(np.isfinite(numbers).all()) and len(numbers) == len(told)
    if not sound or not (numbers or empty) or (num and numbers and len(numbers) != num):
        raise DataError(
            f"{path}: {keyword} must be {num or 'one or more'} numbers, got "
            f"{' x '.join(told)[:60] or 'none'}; correct it, or export it again"
        )
    return numbers
