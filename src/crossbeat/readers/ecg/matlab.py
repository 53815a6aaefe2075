"""MATLAB v5 files in the layouts that two public data sets have; others do not state rate or unit.

The reader is our own, since scipy's crashes on files whose type codes are damaged.

Sources: MAT-File Format (MathWorks); CPSC 2018 (Liu et al. 2018, doi:10.1166/jmihi.2018.2442):
12 leads in millivolts at 500 Hz; CODE-15 (Ribeiro et al. 2021, doi:10.5281/zenodo.4916206) as
Jwoo5/fairseq-signals at 7835375 stores it: 12 leads in millivolts, with their rate.
"""

import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers.ecg.record import Record, as_float32
from crossbeat.readers.limits import MOST_BYTES, read_bounded

CPSC_FS = 500.0
"""Hertz of every record of CPSC 2018; the files do not state it."""

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4"}
_TYPES |= {9: "f8", 12: "i8", 13: "u8"}
"""Numbers by the type of their element."""

_STRUCT, _CHAR, _DOUBLE, _SINGLE = 2, 4, 6, 7
_NUMERIC = range(_DOUBLE, 16)
"""Classes of arrays: a structure, text, numbers of floating point, numbers."""

_KINDS = {1: "cells", 3: "objects", 5: "sparse numbers", 16: "functions"}
_KINDS |= {2: "structures within others or several in a row"}
_KINDS |= {17: "objects, such as strings or tables"}
"""Further classes of arrays, in words."""

_COMPLEX = 0x800

_DEEPEST = 1  # structures within a structure of the layouts: the text and numbers in it

Values = dict[str, "Array | Values"]
Array = tuple[int, np.ndarray]
"""The class of an array, and its numbers; none of text."""


def read_matlab(path: Path) -> Record:
    """The leads of a MATLAB v5 file in a known layout."""
    data = read_bounded(path)
    order = "<" if data[126:128] == b"IM" else ">"
    try:
        arrays = list(_unpacked(path, data, order))
        found = dict(_named(path, array[8:], order, within=0) for array in arrays)
        values, fs = _known(path, found)
    except (struct.error, zlib.error, ValueError, LookupError) as error:
        raise _damaged(path, str(error)) from None
    return Record(as_float32(values), STANDARD, ("mV",) * len(STANDARD), fs)


def _damaged(path: Path, reason: str) -> DataError:
    reason = reason[:300]
    return DataError(f"{path} must be a sound MATLAB v5 file, but: {reason}; copy or save it again")


def _unknown(path: Path, what: str) -> DataError:
    return DataError(
        f"{path} must have the layout of CPSC 2018 (ECG.data) or CODE-15 (feats, "
        f"curr_sample_rate), got {what[:200]}; save the leads as .npy or CSV, and give their layout"
    )


def _known(path: Path, found: Values) -> tuple[np.ndarray, float]:
    ecg = found.get("ECG")
    if isinstance(ecg, dict) and ecg.keys() == {"sex", "age", "data"}:
        leads, fs = ecg["data"], CPSC_FS
    elif found.keys() >= {"feats", "curr_sample_rate", "org_sample_rate"}:
        leads, rate = found["feats"], found["curr_sample_rate"]
        if isinstance(rate, dict) or rate[1].size != 1:
            raise _unknown(path, "a curr_sample_rate that is not one number")
        fs = float(rate[1].item())
    else:
        raise _unknown(path, ", ".join(sorted(found)) or "no variables")
    if isinstance(leads, dict) or leads[0] not in {_DOUBLE, _SINGLE}:
        raise _unknown(path, "leads that are no numbers of floating point")
    if leads[1].ndim != 2 or len(leads[1]) != len(STANDARD):
        raise _unknown(path, f"leads of the size {' x '.join(map(str, leads[1].shape))}")
    return leads[1], fs


def _unpacked(path: Path, data: bytes, order: str) -> Iterator[bytes]:
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
            array = unpacking.decompress(array[8:], max(room, 0) + 1)
            if len(array) > room:
                raise DataError(
                    f"{path} must unpack to at most {MOST_BYTES:,} bytes, got more; save it again"
                )
            kind, size = struct.unpack_from(order + "2I", array)
            if not unpacking.eof or kind != _MATRIX or len(array) != 8 + size:
                raise _damaged(path, "a packed array is not whole")
        room -= len(array)
        yield array


def _named(path: Path, body: bytes, order: str, within: int) -> tuple[str, Array | Values]:
    """Name and values of an array, which lies within so many others."""
    (_, flags), *others = _parts(path, body, order)
    about = struct.unpack(order + "2I", flags)[0]
    kind = about & 0xFF
    if kind in (16, 17):  # stored in another way than numbers
        raise _unknown(path, _KINDS[kind])
    (_, sizes), (_, name), *parts = others
    shape = struct.unpack(order + f"{len(sizes) // 4}i", sizes)
    if kind == _STRUCT and set(shape) == {1} and within < _DEEPEST:
        return name.decode("ascii"), _fields(path, parts, order, within + 1)
    if kind == _CHAR:
        return name.decode("ascii"), (kind, np.zeros(0))
    if kind not in _NUMERIC or about & _COMPLEX:
        named = "complex numbers" if kind in _NUMERIC else _KINDS.get(kind)
        raise _unknown(path, named or f"an array of the class {kind}")
    stored, numbers = parts[0]
    values = np.frombuffer(numbers, order + _TYPES[stored])
    if min(shape) < 0 or prod(shape) != values.size:
        raise _damaged(path, f"an array of {values.size:,} numbers has the size {list(shape)}")
    return name.decode("ascii"), (kind, values.reshape(shape, order="F"))


def _fields(path: Path, parts: list[tuple[int, bytes]], order: str, within: int) -> Values:
    width = struct.unpack(order + "i", parts[0][1])[0]
    text = parts[1][1]
    if width < 1:
        raise _damaged(path, f"names of fields have {width} letters")
    names = [text[at : at + width].split(b"\0")[0] for at in range(0, len(text), width)]
    if len(names) != len(parts) - 2 or any(kind != _MATRIX for kind, _ in parts[2:]):
        raise _damaged(path, f"{len(names)} names of fields with {len(parts) - 2} values")
    fields = [_named(path, body, order, within)[1] for _, body in parts[2:]]
    return {name.decode("ascii"): field for name, field in zip(names, fields, strict=True)}


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
