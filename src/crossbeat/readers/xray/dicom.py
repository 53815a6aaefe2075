"""Chest X-rays in DICOM: what a viewer shows at first.

Source: DICOM PS3.3 C.7.6.1 (orientation), C.11.1 (modality LUT), C.11.2 (window and VOI LUT) and
10.7 (spacing).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from crossbeat.errors import DataError
from crossbeat.readers import dicom
from crossbeat.readers.dicom import Mask, Pixels, numbers_of, text_of, words_of
from crossbeat.readers.limits import read_bounded
from crossbeat.readers.xray.film import MOST_PIXELS, Film, check_aspect, check_last_rows, check_size

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_BYTES = 2 * MOST_PIXELS + 2**22
_SYNTAXES = {*dicom.UNCOMPRESSED, *dicom.JPEG, *dicom.COMPRESSED}
_OTHERS = {"CT", "MR", "PT", "NM", "US", "MG", "XA", "ECG", "SM", "OP"}
"""Modalities whose images are no film of a chest."""

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
_AXES = ("LR", "AP", "HF")
"""Directions of the patient, by axis; those that DICOM counts upwards are L, P and H."""

_SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}

Grey = Float32[np.ndarray, "height width"]


def read_dicom(path: Path) -> Film:
    """The film that a viewer shows at first: windowed, upright, not mirrored, bones bright."""
    data = read_bounded(path, _MOST_BYTES)
    with dicom.parsing(path, "its parts cannot be read"):
        image = _checked(path, data)
        return _shown(path, image, dicom.decoded(path, image))


def _checked(path: Path, data: bytes) -> "Dataset":
    kinds = "uncompressed, RLE, JPEG, lossless JPEG, JPEG-LS, JPEG 2000"
    image = dicom.open_dicom(path, data, _SYNTAXES, kinds, most=_MOST_BYTES)
    modality = text_of(image, "Modality")
    if modality in _OTHERS:
        raise DataError(f"{path} must be an X-ray, got modality {modality}; name another file")
    if "PixelData" not in image:
        raise DataError(f"{path} must be a DICOM image, but has no pixels; is it an ECG?")
    check_size(path, int(image.Columns), int(image.Rows))
    frames = text_of(image, "NumberOfFrames") or "1"
    kind = text_of(image, "PhotometricInterpretation")
    if frames != "1" or kind not in _SHAPES:
        raise DataError(
            f"{path} must be one image of grey values, got {frames[:20]} of {kind[:20] or 'none'}; "
            "export one image"
        )
    if text_of(image, "PresentationIntentType") == "FOR PROCESSING":
        raise DataError(
            f"{path} must be a film for presentation, got the detector's values for processing; "
            "export the processed film"
        )
    return image


def _shown(path: Path, image: "Dataset", stored: Pixels) -> Film:
    shutter, padding = dicom.shutter_of(path, image, stored.shape), dicom.padding_of(image, stored)
    counted = dicom.counted_pixels(shutter, padding)
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
    return film.turned(*_turn(path, image))


def _is_meant(stored: Pixels, padding: Mask) -> bool:
    """Whether padding in the last rows is no download that broke off, which ends in zeros.

    Padding that is meant has another value, or is at the top or at a side as well.
    """
    upper = padding[: (len(padding) + 1) // 2]
    return bool(stored[-1, -1] != 0 or any(edge.all() for edge in (upper[0], *upper[:, [0, -1]].T)))


def _rescaled(path: Path, image: "Dataset", stored: Pixels) -> tuple[Grey, bool]:
    """The values that a window is for, and whether such values can be below 0."""
    signed = int(image.PixelRepresentation) == 1
    mapped = _through_table(path, image, "ModalityLUTSequence", stored, signed=signed)
    if mapped is not None:
        return mapped, False
    slope = (numbers_of(path, image, "RescaleSlope", 1, empty=True) or [1.0])[0]
    offset = (numbers_of(path, image, "RescaleIntercept", 1, empty=True) or [0.0])[0]
    lowest = -(2 ** (int(image.BitsStored) - 1)) if signed else 0
    ends = (lowest, lowest + 2 ** int(image.BitsStored) - 1)
    values = stored.astype(np.float32) * np.float32(slope) + np.float32(offset)
    return values, min(slope * end + offset for end in ends) < 0


def _windowed(path: Path, image: "Dataset", values: Grey, signed: bool) -> Grey:
    """What the first LUT shows, else the first window; all values if there is neither."""
    mapped = _through_table(path, image, "VOILUTSequence", values, signed=signed)
    if mapped is not None:
        return mapped
    centers = numbers_of(path, image, "WindowCenter", empty=True)
    widths = numbers_of(path, image, "WindowWidth", empty=True)
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


def _through_table(
    path: Path, image: "Dataset", keyword: str, values: Pixels, *, signed: bool
) -> Grey | None:
    """What the first table of a sequence makes of the values; None if there is no table.

    Whether the first value that it maps is signed follows from the values that it is for, which
    files without types do not state and others state wrongly.
    """
    tables = image.get(keyword)
    if not tables:
        return None
    item = tables[0]
    item.file_meta = image.file_meta
    head, data = words_of(item, "LUTDescriptor"), words_of(item, "LUTData")
    if len(head) == 3:
        num, first, bits = head[0] or 2**16, head[1], head[2]
        if bits <= 8 and len(data) * 2 in (num, num + 1):  # two entries in a word
            low_high = np.stack([np.array(data) % 256, np.array(data) // 256], axis=1)
            data = low_high.ravel().tolist()
        if len(data) >= num and 0 < bits <= 16:
            first -= 2**16 if signed and first >= 2**15 else 0
            place = np.clip(np.rint(values) - first, 0, num - 1).astype(np.int32)
            return np.array(data[:num], np.float32)[place]
    raise DataError(
        f"{path}: the table of {keyword} must have as many entries as it says, got "
        f"{len(data):,} of {head[0] if head else 0:,}; export it again"
    )


def _aspect(path: Path, image: "Dataset") -> float:
    for keyword in _SPACINGS:
        steps = numbers_of(path, image, keyword, 2, empty=True)
        if steps and min(steps) > 0:
            return check_aspect(path, steps[0] / steps[1])
    return 1.0


def _turn(path: Path, image: "Dataset") -> tuple[bool, bool, bool]:
    """How to turn a film (see ``Film.turned``) so that head and right come first.

    Of a film from the side, which way the patient looks is kept; it is turned, not mirrored.
    """
    told = [part.strip() for part in text_of(image, "PatientOrientation").split("\\")]
    letters = "".join(part[:1] for part in told) or _directions(path, image)
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
    numbers = numbers_of(path, image, "ImageOrientationPatient", 6, empty=True)
    letters = ""
    for direction in np.reshape(numbers, (-1, 3)):
        axis = int(np.abs(direction).argmax())
        upward = ("L", "P", "H")[axis]
        letters += upward if direction[axis] > 0 else _AXES[axis].replace(upward, "")
    return letters
