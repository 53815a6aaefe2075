"""The header of a WFDB record: what signals there are, and how they are stored.

Source: WFDB Applications Guide, header(5).
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
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
        file: the name of its signal file, in the folder of the header.
        format: WFDB's number of the storage format.
        frame: samples per frame.
        skew: samples by which this signal is late.
        offset: bytes before the first sample.
        gain: stored units per physical unit.
        baseline: the stored value of physical 0.
        unit: the physical unit.
        zero: the stored value that the middle of the converter's range gives.
        first: the stored value of the first sample; None, like the checksum, if it is not said.
        checksum: the sum of all stored values, of which the lowest 16 bits count.
        name: the description.
    """

    file: str
    format: int
    frame: int
    skew: int
    offset: int
    gain: float
    baseline: float
    unit: str
    zero: int
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
    """A record, of signals or of segments.

    Args:
        fs: frames per second.
        num_frames: of each signal; None if it is not said.
        channels: the signals; none of a record of segments.
        segments: the parts, in order; none of a record of signals.
    """

    fs: float
    num_frames: int | None
    channels: tuple[Channel, ...]
    segments: tuple[Segment, ...] = ()


_RECORD_LINE = 256
"""Bytes that a record line has at most (header(5))."""

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_COUNT = r"\d{1,18}"  # more digits are damage, and some take no end of time to read
_INTEGER = r"[-+]?\d{1,18}"
_RECORD = re.compile(
    rf"(?P<name>[-\w]+)(?P<segments>/{_COUNT})?\s+(?P<signals>{_COUNT})"
    rf"(?:\s+(?P<fs>{_NUMBER})(?:/\S*)?(?:\s+(?P<samples>{_COUNT})(?:\s.*)?)?)?"
)
_SIGNAL = re.compile(
    rf"(?P<file>[^\s/\\\0]+)\s+(?P<format>{_COUNT})(?:x(?P<frame>{_COUNT}))?(?::(?P<skew>{_COUNT}))?"
    rf"(?:\+(?P<offset>{_COUNT}))?"
    rf"(?:\s+(?P<gain>{_NUMBER})(?:\((?P<baseline>{_INTEGER})\))?(?:/(?P<unit>\S+))?"
    rf"(?:\s+{_INTEGER}(?:\s+(?P<zero>{_INTEGER})(?:\s+(?P<first>{_INTEGER})"
    rf"(?:\s+(?P<checksum>{_INTEGER})(?:\s+{_INTEGER}(?:\s+(?P<name>.*))?)?)?)?)?)?)?"
)
_SEGMENT = re.compile(rf"(?P<name>[-\w]+|{GAP})\s+(?P<frames>{_COUNT})")


def is_header(head: bytes, *, alone: bool) -> bool:
    """Whether a text begins as a WFDB header does: a record line, then signal lines.

    Args:
        head: the first bytes of a file.
        alone: whether the record line is enough.
    """
    rules = (_RECORD,) if alone else (_RECORD, _SIGNAL)
    if alone and head[:1] not in {b"#", b"\n", b"\r"}:
        head = head.partition(b"\n")[0]
    lines = _lines(head)[: len(rules)]
    return len(lines) == len(rules) and all(map(re.Pattern.fullmatch, rules, lines))


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
    """The headers that belong to records of several segments of the same folder.

    Args:
        folder: of the files.
        names: of its files; others than headers are passed over.
    """
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
    """The header of a record.

    Args:
        path: the header file.
        text: what the file holds, if that is known; else it is read.

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
    found = _SIGNAL.fullmatch(line)
    if found is None or found["file"] in {".", ".."}:
        raise DataError(
            f"{path}: a signal line must be 'file format gain ... name', the file in the folder "
            f"of the header, got {line[:80]!r}; correct the header"
        )
    file, storage, frame, skew, offset, gain, baseline, unit, *rest = found.groups()
    zero, first, checksum, name = rest
    scale = float(gain or 0) or DEFAULT_GAIN
    if not LEAST_GAIN <= abs(scale) <= 1 / LEAST_GAIN:
        raise DataError(
            f"{path}: a gain must be from {LEAST_GAIN:g} to {1 / LEAST_GAIN:g}, got {gain}; "
            "correct the header"
        )
    return Channel(
        file=file,
        format=int(storage),
        frame=int(frame or 1),
        skew=int(skew or 0),
        offset=int(offset or 0),
        gain=scale,
        baseline=float(baseline or zero or 0),
        unit=unit or "mV",
        zero=int(zero or 0),
        first=None if first is None else int(first),
        checksum=None if checksum is None else int(checksum),
        name=name or "",
    )
