"""MATLAB v5 files in the layouts that two public data sets have; others do not say rate or unit.

Sources: MAT-File Format (MathWorks); CPSC 2018 (Liu et al. 2018, doi:10.1166/jmihi.2018.2442):
12 leads in millivolts at 500 Hz; CODE-15 (Ribeiro et al. 2021, doi:10.5281/zenodo.4916206) as
Jwoo5/fairseq-signals at 7835375 stores it: 12 leads in millivolts, with their rate.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers.limits import MOST_BYTES, MOST_CHANNELS, read_bounded
from crossbeat.readers.record import Record, as_float32

CPSC_FS = 500.0
"""Hertz of every record of CPSC 2018, which its files do not say."""

_HEADER = 128
_INT32, _UINT32, _MATRIX, _COMPRESSED = 5, 6, 14, 15
_STRUCT, _CHAR, _DOUBLE, _UINT64 = 2, 4, 6, 15
_DEEPEST = 3
"""Arrays within arrays; the layouts have two."""


def read_matlab(path: Path) -> Record:
    """The leads of a MATLAB v5 file in a known layout.

    Args:
        path: the file.

    Raises:
        DataError: the file is damaged, unpacks to too much, or has another layout.
    """
    data = read_bounded(path)
    order = "<" if data[126:128] == b"IM" else ">"
    try:
        arrays = list(_arrays(path, data, order))
        for array in arrays:
            _check_array(path, array[8:], order, depth=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of variables that come twice
            unpacked = io.BytesIO(data[:_HEADER] + b"".join(arrays))
            found = scipy.io.loadmat(unpacked)  # type: ignore[arg-type]
        values, fs = _known(path, found)
        values = as_float32(values)
    except DataError:
        raise
    except Exception as error:  # scipy raises whatever its parsing runs into
        raise _damaged(path, str(error)) from error
    return Record(values, STANDARD, ("mV",) * len(STANDARD), fs)


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} must be a sound MATLAB v5 file, but: {reason[:300]}; copy or save it again"
    )


def _unknown(path: Path, what: str) -> DataError:
    return DataError(
        f"{path} must have the layout of CPSC 2018 (ECG.data) or CODE-15 (feats, "
        f"curr_sample_rate), got {what[:200]}; save the leads as .npy or CSV, and give their layout"
    )


def _known(path: Path, found: Mapping[str, Any]) -> tuple[np.ndarray, float]:
    names = {name for name in found if not name.startswith("__")}
    if names == {"ECG"} and found["ECG"].dtype.names == ("sex", "age", "data"):
        values, fs = found["ECG"][0, 0]["data"], CPSC_FS
    elif {"feats", "curr_sample_rate", "org_sample_rate"} <= names:
        values, fs = found["feats"], float(found["curr_sample_rate"].item())
    else:
        raise _unknown(path, ", ".join(sorted(names)) or "no variables")
    if values.ndim != 2 or len(values) != len(STANDARD) or values.dtype.kind != "f":
        raise _unknown(path, f"{' x '.join(map(str, values.shape))} values of {values.dtype}")
    return values, fs


def _arrays(path: Path, data: bytes, order: str) -> Iterator[bytes]:
    """The arrays of a file, unpacked: together no more than a file may have."""
    room, start = MOST_BYTES, _HEADER
    while start < len(data):
        kind, size = struct.unpack_from(order + "2I", data, start)
        array = data[start : start + 8 + size]
        if kind not in {_MATRIX, _COMPRESSED} or len(array) < 8 + size:
            raise _damaged(path, f"the array at byte {start} of the file is not whole")
        start += 8 + size
        if kind == _COMPRESSED:
            unpacking = zlib.decompressobj()
            array = unpacking.decompress(array[8:], room)
            if not unpacking.eof and len(array) == room:
                raise DataError(
                    f"{path} must unpack to at most {MOST_BYTES:,} bytes, got more; save it again"
                )
            kind, size = struct.unpack_from(order + "2I", array)
            if not unpacking.eof or kind != _MATRIX or len(array) != 8 + size:
                raise _damaged(path, "a packed array is not whole")
        room -= len(array)
        yield array


def _check_array(path: Path, body: bytes, order: str, depth: int) -> None:
    """Check that an array, and those within it, take no more memory than they have bytes."""
    parts = _parts(path, body, order)
    (flags_kind, flags), (sizes_kind, sizes) = next(parts, (0, b"")), next(parts, (0, b""))
    if flags_kind != _UINT32 or sizes_kind != _INT32 or len(flags) != 8 or depth > _DEEPEST:
        raise _unknown(path, "an array without size, or too many within each other")
    kind = struct.unpack(order + "2I", flags)[0] & 0xFF
    lengths = struct.unpack(order + f"{len(sizes) // 4}i", sizes)
    if kind not in {_STRUCT, _CHAR, *range(_DOUBLE, _UINT64 + 1)}:
        raise _unknown(path, f"an array of the class {kind}")
    most = 1 if kind == _STRUCT else len(body)
    if min(lengths, default=-1) < 0 or prod(lengths) > most:
        raise _damaged(path, f"an array of {len(body):,} bytes has the size {list(lengths)}")
    within = [part for part_kind, part in parts if part_kind == _MATRIX]
    if len(within) > MOST_CHANNELS:
        raise _unknown(path, f"{len(within):,} fields")
    for part in within:
        if part:
            _check_array(path, part, order, depth + 1)


def _parts(path: Path, body: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each element in an array; small ones have both in 8 bytes."""
    start = 0
    while start < len(body):
        kind, size = struct.unpack_from(order + "2I", body, start)
        first, step = start + 8, 8 + size + -size % 8
        if kind >> 16:
            kind, size, first, step = kind & 0xFFFF, kind >> 16, start + 4, 8
        if first + size > min(len(body), start + step):
            raise _damaged(path, f"an element of {size:,} bytes lies in an array of {len(body):,}")
        yield kind, body[first : first + size]
        start += step
