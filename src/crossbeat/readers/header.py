"""The header of a WFDB record: what signals there are, and how they are stored.

Source: WFDB Applications Guide, header(5).
"""

import math
import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from crossbeat.errors import DataError
from crossbeat.readers.limits import MOST_CHANNELS, MOST_HEADER_BYTES, read_bounded

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
    name: str


@dataclass(frozen=True, slots=True)
class Header:
    """A record: sampling rate in hertz, samples per signal (``None``: not said), signals."""

    fs: float
    num_samples: int | None
    channels: tuple[Channel, ...]


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
    rf"(?:\s+{_INTEGER}(?:\s+(?P<zero>{_INTEGER})(?:\s+{_INTEGER}(?:\s+{_INTEGER}(?:\s+{_INTEGER}"
    r"(?:\s+(?P<name>.*))?)?)?)?)?)?)?"
)


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


def read_header(path: Path, text: bytes | None = None) -> Header:
    """The header of a record of one segment.

    Args:
        path: the header file.
        text: what the file holds, if that is known; else it is read.

    Raises:
        OSError: there is no file, or it cannot be read.
        DataError: the file is empty or no WFDB header, a line breaks the format's rules, or the
            record has several segments.
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
    if found["segments"]:
        raise DataError(
            f"{path} must be a record of one segment, got {found['segments'][1:]} segments; "
            "read one of its segments"
        )
    fs = float(found["fs"] or DEFAULT_FS)
    if not 0 < fs < math.inf:
        raise DataError(f"{path}: the rate must be above 0 Hz, got {fs}; correct the header")
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
    return Header(fs, int(found["samples"] or 0) or None, channels)


def _channel(line: str, path: Path) -> Channel:
    found = _SIGNAL.fullmatch(line)
    if found is None or found["file"] in {".", ".."}:
        raise DataError(
            f"{path}: a signal line must be 'file format gain ... name', the file in the folder "
            f"of the header, got {line[:80]!r}; correct the header"
        )
    file, storage, frame, skew, offset, gain, baseline, unit, zero, name = found.groups()
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
        name=name or "",
    )
