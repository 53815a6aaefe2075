"""Cine MRI in NIfTI, as ACDC and M&Ms have it."""

import csv
import gzip
import re
import zlib
from io import BytesIO
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64

from crossbeat.errors import DataError
from crossbeat.files import Json
from crossbeat.readers.cine.record import MOST_CINE_BYTES, Cine, as_stored, check_spacing, in_place
from crossbeat.readers.limits import MOST_PARSED_BYTES, missing_extra, read_bounded

GZIP = b"\x1f\x8b"
_MOST_OFFSET = 2**20
_HEADS = {b"\x5c\x01\0\0": 348, b"\0\0\x01\x5c": 348, b"\x1c\x02\0\0": 540, b"\0\0\x02\x1c": 540}
"""Bytes of the header of NIfTI-1 and NIfTI-2, by the first four of a file."""

_HEARTBEAT = (0.3, 3.0)
"""Seconds that all frames may take: the step in time of many files is a placeholder."""

_AGREE = 0.01
"""How much sizes of pixels may differ that a header states twice, as a part; and the cosine of the
angle between rows and columns."""

_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
_MILLIMETRES = {"mm": 1.0, "unknown": 1.0, "meter": 1e3, "micron": 1e-3}


class _Head(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    zooms: tuple[float, ...]
    units: tuple[str, str]
    scale: tuple[float | None, float | None]
    steps: Float[np.ndarray, "3 3"] | None
    """From column to column, row to row and slice to slice in space, where sform states it."""

    @property
    def size(self) -> int:
        """Bytes of all values."""
        return prod(self.shape, start=self.dtype.itemsize)


def is_nifti(head: bytes) -> bool:
    """Whether a file begins as NIfTI does; one that is packed by gzip may."""
    return head.startswith(GZIP) or (
        head[344:348] == b"n+1\0" if _HEADS.get(head[:4]) == 348 else head[4:8] == b"n+2\0"
    )


def read_nifti(path: Path, table: Path | None) -> Cine:
    """A stack over time, or of one frame, as masks are; its axes are column, row, slice and frame.

    End diastole and end systole are those of ACDC's ``Info.cfg`` beside the file, or of the file's
    row in the table of M&Ms.
    """
    data = read_bounded(path, MOST_CINE_BYTES)
    packed = data.startswith(GZIP)
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) if packed else BytesIO(data) as file:
            head, body = _parts(path, file)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, "it cannot be unpacked") from error
    values = np.frombuffer(body, head.dtype).reshape(head.shape[::-1])
    values = values.reshape(-1, *values.shape[-3:]).swapaxes(0, 1)
    spacing = [zoom * _MILLIMETRES[head.units[0]] for zoom in head.zooms[:3]]
    check_spacing(path, spacing[:2])
    frames = values.shape[1]
    phases = _phases(path, table, frames) if len(head.shape) == 4 else (None, None)
    moved, upright = _moved(path, head)
    apart = spacing[2] * upright
    moved = np.repeat(moved[:, None], frames, axis=1)
    return Cine(
        values=in_place(path, _scaled(path, head, values), moved),
        spacing_mm=(spacing[1], spacing[0]),
        slice_mm=apart if len(values) > 1 and 0 < apart < np.inf else None,
        times=_times(head, frames),
        end_diastole=phases[0],
        end_systole=phases[1],
    )


def _parts(path: Path, file: gzip.GzipFile | BytesIO) -> tuple[_Head, bytes]:
    """The header, and the bytes of all values: as many as it says, and no more unpacked."""
    start = file.read(540)
    head = _head(path, start)
    if head.size > MOST_CINE_BYTES:
        raise DataError(
            f"{path} must hold at most {MOST_CINE_BYTES:,} bytes of pixels, got "
            f"{' x '.join(map(str, head.shape))} of {head.dtype.name}; cut out the part that is "
            "needed"
        )
    file.seek(head.offset)
    data = file.read(head.size + 1)
    if len(data) != head.size:
        differ = "more" if len(data) > head.size else "fewer"
        raise _damaged(path, f"it has {differ} bytes than its header says")
    return head, data


def _head(path: Path, start: bytes) -> _Head:
    try:
        import nibabel
    except ImportError:
        raise missing_extra(path, "a NIfTI file", "nibabel") from None
    size = _HEADS.get(start[:4], 0)
    if size == 0 or not is_nifti(start) or start.startswith(GZIP):
        raise DataError(
            f"{path} must be NIfTI in one file (.nii or .nii.gz), but is none; convert it"
        )
    kind = nibabel.Nifti1Header if size == 348 else nibabel.Nifti2Header
    try:
        header = kind(start[:size], check=False)
        head = _Head(
            tuple(map(int, header.get_data_shape())),
            header.get_data_dtype(),
            int(header.get_data_offset()),
            tuple(map(float, header.get_zooms())),
            header.get_xyzt_units(),
            header.get_slope_inter(),
            header.get_sform()[:3, :3].T if int(header["sform_code"]) > 0 else None,
        )
    except Exception as error:  # the package raises whatever its parsing runs into
        raise _damaged(path, "its header is damaged") from error
    if len(head.shape) not in (3, 4) or min(head.shape) < 1 or head.dtype.kind not in "iuf":
        raise DataError(
            f"{path} must be a stack of grey images over time, of 3 or 4 axes, got "
            f"{' x '.join(map(str, head.shape)) or 'none'} of {head.dtype.name}; is it another "
            "kind of file?"
        )
    if not size <= head.offset < _MOST_OFFSET:
        raise _damaged(path, f"its values begin at byte {head.offset}")
    return head


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"{path} must be a sound NIfTI file, but {what}; copy or export it again")


def _moved(path: Path, head: _Head) -> tuple[Float64[np.ndarray, "slice 2"], float]:
    """Rows and columns by which each slice lies further on than the first, as a sheared stack has.

    Also the part of the step between slices that is at right angles to them.
    """
    num = head.shape[2]
    if head.steps is None:
        return np.zeros((num, 2)), 1.0
    steps, zooms = head.steps.astype(np.float64), np.array(head.zooms[:3])
    sizes = np.linalg.norm(steps, axis=1)
    stated = [True, True, num > 1]
    if not np.allclose(sizes[stated], zooms[stated], rtol=_AGREE, atol=0):
        raise DataError(
            f"{path}: pixdim and sform must state one size of pixels, got "
            f"{' x '.join(f'{size:g}' for size in zooms)} and "
            f"{' x '.join(f'{size:g}' for size in sizes)}; correct one of them"
        )
    along, apart = steps[:2] / sizes[:2, None], steps[2]
    if abs(along[0] @ along[1]) > _AGREE:
        raise DataError(
            f"{path}: sform must have rows and columns at right angles, got a cosine of "
            f"{along[0] @ along[1]:.3f}; resample the images"
        )
    if num == 1:
        return np.zeros((1, 2)), 1.0
    step = (along @ apart / sizes[:2])[::-1]
    upright = abs(np.cross(along[0], along[1]) @ apart) / sizes[2]
    return np.arange(num)[:, None] * step, float(upright)


def _times(head: _Head, frames: int) -> Float64[np.ndarray, " frame"] | None:
    if len(head.shape) < 4 or head.units[1] not in _SECONDS:
        return None
    step = head.zooms[3] * _SECONDS[head.units[1]]
    return np.arange(frames) * step if _HEARTBEAT[0] <= frames * step <= _HEARTBEAT[1] else None


def _scaled(path: Path, head: _Head, values: np.ndarray) -> np.ndarray:
    slope, offset = (
        default if told is None else float(told)
        for told, default in zip(head.scale, (1.0, 0.0), strict=True)
    )
    if (slope, offset) == (1.0, 0.0):
        scaled = as_stored(values)
    else:
        scaled = np.empty(values.shape, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for stack, out in zip(values, scaled, strict=True):
                out[:] = stack * slope + offset
    if scaled.dtype.kind == "f" and not np.isfinite(scaled).all():
        raise DataError(f"{path}: every value must be finite, got others; export it again")
    return scaled


def _phases(path: Path, table: Path | None, frames: int) -> tuple[int | None, int | None]:
    """The frames of end diastole and end systole, from 0."""
    source = table or path.with_name("Info.cfg")
    if table is None and not source.is_file():
        return None, None
    diastole, systole = _info_phases(source) if table is None else _table_phases(path, table)
    if diastole == systole:  # M&Ms has 0 and 0 where nobody looked
        return None, None
    if not max(diastole, systole) < frames or min(diastole, systole) < 0:
        raise DataError(
            f"{source}: end diastole and end systole must be among the {frames} frames of {path}, "
            f"got {diastole} and {systole} counted from 0; do both belong together?"
        )
    return diastole, systole


def _info_phases(info: Path) -> tuple[int, int]:
    text = read_bounded(info, MOST_PARSED_BYTES).decode("latin-1")
    found = dict(re.findall(r"^\s*(ED|ES)\s*:\s*(\d{1,6})\s*$", text, re.MULTILINE))
    if len(found) < 2:
        raise DataError(f"{info} must have lines ED and ES with a frame, got none; copy it again")
    return int(found["ED"]) - 1, int(found["ES"]) - 1


def _table_phases(path: Path, table: Path) -> tuple[int, int]:
    text = read_bounded(table, MOST_PARSED_BYTES).decode("utf-8-sig", errors="replace")
    code = path.name.partition(".")[0].removesuffix("_sa")
    rows: list[Json] = []
    try:
        rows = [row for row in csv.DictReader(text.splitlines()) if row["External code"] == code]
        return int(rows[0]["ED"]), int(rows[0]["ES"])
    except (LookupError, ValueError, TypeError, csv.Error):
        raise DataError(
            f"{table} must have a row with External code {code} and its frames ED and ES, got "
            f"{'another one' if rows else 'none'}; name the table of M&Ms that lists {path}"
        ) from None
