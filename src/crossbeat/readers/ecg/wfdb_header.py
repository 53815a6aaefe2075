"""The header of a WFDB record: what signals there are, and how they are stored.

Source: WFDB Applications Guide, header(5).
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from crossbeat.errors import DataError
from crossbeat.readers.limits import (
    MOST_CHANNELS,
    MOST_HEADER_BYTES,
    MOST_SEGMENTS,
    read_bounded,
    read_start,
)

DEFAULT_FS = 250.0
"""Hertz, where the header gives no rate (header(5))."""

DEFAULT_GAIN = 200.0
"""Stored units per physical unit, where the header gives none or 0 (header(5))."""

LEAST_GAIN = 1e-20
"""Stored units per physical unit: less, or more than one by this, single precision cannot hold."""


class Channel(NamedTuple):  # twelve are made for each record: a tuple is made fastest
    """One signal line.

    Args:
        file: in the folder of the header.
        frame: samples per frame.
        offset: bytes before the first sample.
        skew: frames by which this signal is late.
        gain: stored units per physical unit.
        baseline: the stored value of physical 0.
        first: the stored value of the first sample; None, like the checksum, if it is not said, but
            not in the format ``DIFFERENCES``.
        checksum: the sum of all stored values modulo 65,536.
    """

    file: str
    format: int
    frame: int
    offset: int
    skew: int
    gain: float
    baseline: float
    unit: str
    first: int | None
    checksum: int | None
    name: str


class Segment(NamedTuple):
    """A part of a record of several: the name of its own record, or ``GAP``; its frames."""

    name: str
    num_frames: int


GAP = "~"
"""Stands for the name of a segment, or of a signal file, of which there are no samples."""


@dataclass(frozen=True, slots=True)
class Header:
    """A record, of signals or of segments, with ``fs`` frames per second."""

    fs: float
    num_frames: int | None
    channels: tuple[Channel, ...]
    segments: tuple[Segment, ...] = ()


DIFFERENCES = 8
"""The format whose samples are differences to the one before, and the first to ``first``."""

_RECORD_LINE = 256  # bytes that a record line has at most (header(5))
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_MOST_DIGITS = 18
_COUNT = rf"\d{{1,{_MOST_DIGITS}}}"  # more digits are damage, and some take no end of time to read
_INTEGER = rf"[-+]?{_COUNT}"
_RECORD = re.compile(
    rf"(?P<name>[-\w]+)(?P<segments>/{_COUNT})?\s+(?P<signals>{_COUNT})"
    rf"(?:\s+(?P<fs>{_NUMBER})(?:/\S*)?(?:\s+(?P<samples>{_COUNT})(?:\s.*)?)?)?"
)
_FILE = re.compile(r"(?!\.{1,2}$)[^\s/\\\0]+")
_STORAGE = re.compile(
    rf"(?P<format>{_COUNT})(?:x(?P<frame>{_COUNT}))?(?::(?P<skew>{_COUNT}))?"
    rf"(?:\+(?P<offset>{_COUNT}))?"
)
_GAIN = re.compile(rf"(?P<gain>{_NUMBER})(?:\((?P<baseline>{_INTEGER})\))?(?:/(?P<unit>\S+))?")
_WHOLE = re.compile(_INTEGER)
_SEGMENT = re.compile(rf"(?P<name>[-\w]+|{GAP})\s+(?P<frames>{_COUNT})")


def is_header(head: bytes, *, alone: bool) -> bool:
    """Whether a file begins as a WFDB header: a record line, ``alone`` or with a signal line."""
    if alone and head[:1] not in {b"#", b"\n", b"\r"}:
        head = head.partition(b"\n")[0]
    record, *signals = _lines(head)[: 1 if alone else 2] or [""]
    found = _RECORD.fullmatch(record) is not None
    return found and (alone or any(_signal(line) is not None for line in signals))


def names_file(header: Path, file: str) -> bool:
    """Whether a header is there, and has a signal in this file of its folder."""
    try:
        lines = _lines(read_bounded(header, MOST_HEADER_BYTES))
    except (OSError, DataError):
        return False
    return any(line.split(maxsplit=1)[0] == file for line in lines[1:])


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", errors="replace")
    return [line for line in map(str.strip, text.splitlines()) if line and line[0] != "#"]


def segments_in(folder: Path, names: Iterable[str]) -> set[str]:
    """The headers, among the names of a folder's files, that are segments of records in it."""
    found: set[str] = set()
    for name in names:
        if name.endswith(".hea"):
            try:
                start = read_start(folder / name, _RECORD_LINE)
                if b"/" in start.partition(b" ")[0]:
                    found.update(f"{each.name}.hea" for each in read_header(folder / name).segments)
            except (OSError, DataError):  # whoever reads the file says so
                continue
    return found


def read_header(path: Path, text: bytes | None = None) -> Header:
    """The header of a record, from its text if that is known.

    Raises:
        OSError: there is no file, or it cannot be read.
        DataError: the file is empty or no WFDB header, or a line breaks the format's rules.
    """
    lines = _lines(read_bounded(path, MOST_HEADER_BYTES) if text is None else text)
    if not lines:
        raise DataError(f"{path} must be a WFDB header, got an empty file; copy it again")
    found = _RECORD.fullmatch(lines[0])
    if found is None:
        raise DataError(
            f"{path}: the record line must be 'name signals rate samples', with only letters, "
            f"digits, - and _ in the name, got {lines[0][:80]!r}; correct the header"
        )
    fs = float(found["fs"] or DEFAULT_FS)
    if not 0 < fs < math.inf:
        raise DataError(f"{path}: the rate must be above 0 Hz, got {fs}; correct the header")
    num_frames = int(found["samples"] or 0) or None
    if found["segments"]:
        return Header(fs, num_frames, (), _segments(lines[1:], int(found["segments"][1:]), path))
    count = int(found["signals"])
    if not 0 < count <= MOST_CHANNELS or len(lines) - 1 < count:
        raise DataError(
            f"{path} must have a line for each of 1 to {MOST_CHANNELS} signals, got "
            f"{len(lines) - 1} lines for {count} signals; correct the header"
        )
    channels = tuple(_channel(line, path) for line in lines[1 : count + 1])
    files = [channel.file for channel in channels]
    if len(set(files)) > 1 and len(set(files)) < len(list(groupby(files))):
        raise DataError(
            f"{path}: the signals of a file must follow each other, got {', '.join(files)[:80]}; "
            "correct the header"
        )
    return Header(fs, num_frames, channels)


def _segments(lines: list[str], count: int, path: Path) -> tuple[Segment, ...]:
    if not 0 < count <= MOST_SEGMENTS or len(lines) < count:
        raise DataError(
            f"{path} must have a line for each of 1 to {MOST_SEGMENTS:,} segments, got "
            f"{len(lines)} lines for {count} segments; correct the header"
        )
    segments = []
    for line in lines[:count]:
        found = _SEGMENT.fullmatch(line)
        if found is None:
            raise DataError(
                f"{path}: a line of a segment must be 'name samples', got {line[:80]!r}; correct "
                "the header"
            )
        segments.append(Segment(found["name"], int(found["frames"])))
    return tuple(segments)


def _channel(line: str, path: Path) -> Channel:
    channel = _signal(line)
    if channel is None:
        raise DataError(
            f"{path}: a signal line must be 'file format gain ... name', the file in the folder "
            f"of the header, got {line[:80]!r}; correct the header"
        )
    if not LEAST_GAIN <= abs(channel.gain) <= 1 / LEAST_GAIN:
        raise DataError(
            f"{path}: a gain must be from {LEAST_GAIN:g} to {1 / LEAST_GAIN:g}, got "
            f"{channel.gain:g}; correct the header"
        )
    return channel


def _signal(line: str) -> Channel | None:
    """What a signal line says, or None if it breaks the rules of the format."""
    fields = line.split(maxsplit=8)
    stored, said = _stored(tuple(fields[:5])), fields[5:8]
    if stored is None or any(len(field) > _MOST_DIGITS for field in said):
        return None
    try:
        first, checksum, *_ = *map(int, said), None, None
    except ValueError:
        return None
    if first is None and stored[1] == DIFFERENCES:
        first = stored[-1]  # the zero of the converter
    checksum = None if checksum is None else checksum % 2**16
    return Channel(*stored[:-1], first, checksum, fields[8] if len(fields) > 8 else "")


@lru_cache(maxsize=MOST_CHANNELS)  # the signals of a record, and of a data set, are stored alike
def _stored(
    fields: tuple[str, ...],
) -> tuple[str, int, int, int, int, float, float, str, int] | None:
    """What the fields from the file to the zero of the converter say, with that zero at the end."""
    file, storage, calibration, *numbers = *fields, *("", "", f"{DEFAULT_GAIN:g}")[len(fields) :]
    how, scale = _STORAGE.fullmatch(storage), _GAIN.fullmatch(calibration)
    if not (_FILE.fullmatch(file) and how and scale and all(map(_WHOLE.fullmatch, numbers))):
        return None
    zero = int(numbers[1]) if len(numbers) > 1 else 0
    return (
        file,
        int(how["format"]),
        int(how["frame"] or 1),
        int(how["offset"] or 0),
        int(how["skew"] or 0),
        float(scale["gain"]) or DEFAULT_GAIN,
        float(scale["baseline"] or zero),
        scale["unit"] or "mV",
        zero,
    )
