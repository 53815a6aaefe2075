"""Check the sizes that binary files declare before they are parsed.

Sources: Badilini 1998 (doi:10.1111/j.1542-474X.1998.tb00353.x), ISHNE;
EN 1064, SCP-ECG; MFER part 1 (ISO 22077-1).
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from crossbeat.errors import DataError
from crossbeat.readers.limits import MOST_BYTES, MOST_CHANNELS, MOST_PARSED_BYTES, read_bounded

MOST_STEPS = 100_000
"""Definitions and parts of channels of an MFER file: each is a step of its parser."""

MOST_SCP_BYTES = 2**20
"""Of an SCP-ECG file, which is decoded bit by bit: 40 s of 12 leads at 1000 Hz, not compressed."""

MOST_BEATS = 100_000
"""Reference beats to be added back into all leads of an SCP-ECG file."""

_CHARACTERS = re.compile(
    rb"(?:ascii|ansi|cp|euc|iso|jis|latin|rfc|shift|sjis|unicode|us|utf|windows)", re.IGNORECASE
)
"""How the names of character sets that an MFER file may ask for begin."""

_BYTE_ORDER, _CHARACTER_SET, _CHANNELS = 0x01, 0x03, 0x05
_WAVE, _ATTRIBUTES, _SET, _END = 0x1E, 0x3F, 0x67, 0x80
_CONTAINERS = {_ATTRIBUTES, _SET}


def check_ishne(path: Path) -> None:
    """Check that an ISHNE file has just the samples that its header counts.

    Raises:
        DataError: it does not, or the header is damaged.
    """
    data = read_bounded(path, MOST_BYTES)
    try:
        comments, stated = struct.unpack_from("<2i", data, 10)
        (leads,) = struct.unpack_from("<h", data, 156)
    except struct.error:
        raise DataError(
            f"{path} must have an ISHNE header of 522 bytes, got {len(data)}; copy it again"
        ) from None
    held = (len(data) - 522 - comments) / 2
    if not 0 < leads <= 12 or stated not in {held, held / leads}:  # writers count either
        raise DataError(
            f"{path} must have 1 to 12 leads and {stated:,} samples according to its ISHNE header, "
            f"got {leads} leads and {held:,.1f} samples; it is damaged, copy it again"
        )


def check_scp(path: Path) -> None:
    """Check what an SCP-ECG file claims of its samples and beats against its size.

    Raises:
        DataError: it claims more than can be there, or is cut off.
    """
    data = read_bounded(path, MOST_SCP_BYTES)
    most = 8 * len(data)  # a sample takes one bit at least
    try:
        _check_scp(path, data, most)
    except struct.error as error:
        raise DataError(f"{path} must be whole, but: {error}; copy it again") from None


def _check_scp(path: Path, data: bytes, most: int) -> None:
    leads = beats = milliseconds = 0
    longest, interval = 0, 1
    for number, body in _scp_sections(data):
        if number == 3:
            leads = max(leads, body[0] if body else 0)
            for lead in range(leads):
                first, last = struct.unpack_from("<2I", body, 2 + 9 * lead)
                longest = max(longest, last - first + 1)
        elif number == 4:
            milliseconds, _, beats = struct.unpack_from("<3H", body)
        elif number == 5:
            (interval,) = struct.unpack_from("<H", body, 2)
    longest = max(longest, milliseconds * 1000 // max(interval, 1))
    if longest > most or leads * beats > MOST_BEATS:
        raise DataError(
            f"{path} must have at most {most:,} samples in a lead, as its size allows, and "
            f"{MOST_BEATS:,} beats in all leads, got {longest:,} and {leads * beats:,}; it is "
            "damaged, copy it again"
        )


def _scp_sections(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and body of each section that the pointers of section 0 name."""
    (pointers,) = struct.unpack_from("<I", data, 10)
    for start in range(22, min(6 + pointers, len(data)) - 9, 10):
        number, length, place = struct.unpack_from("<HII", data, start)
        if number in {3, 4, 5} and length and place:
            yield number, data[place + 15 : place - 1 + length]


def check_mfer(path: Path) -> None:
    """Check that an MFER file has few channels and definitions, hardly nested, all of them whole.

    Raises:
        DataError: it has not.
    """
    data = read_bounded(path, MOST_PARSED_BYTES)
    order, channels, steps = "big", 1, 0
    for tag, value in mfer_definitions(path, data):
        steps += channels if tag == _WAVE else 1
        if steps > MOST_STEPS:
            raise DataError(
                f"{path} must have at most {MOST_STEPS:,} definitions and parts of channels, got "
                "more; export a single ECG"
            )
        if tag == _BYTE_ORDER:
            order = "little" if value[:1] == b"\x01" else "big"
        if tag == _CHANNELS:
            channels = int.from_bytes(value, order)  # type: ignore[arg-type]
        if channels > MOST_CHANNELS:
            raise DataError(
                f"{path} must have at most {MOST_CHANNELS} channels, got {channels:,}; it is "
                "damaged, copy it again"
            )
        if tag == _CHARACTER_SET and value and not _CHARACTERS.match(value):
            raise DataError(
                f"{path} must name a known character set, got {value[:80]!r}; export it again"
            )


def mfer_definitions(path: Path, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of each MFER definition; of one that holds others, those alone.

    Raises:
        DataError: a definition is cut off, or they are nested too deeply.
    """
    ends: list[int | None] = []  # of the definitions that hold others; None: it ends with 0 0
    start = 0
    while start < len(data):
        if ends and ends[-1] == start:
            ends.pop()
        elif data[start] == 0:
            closes = bool(ends) and ends[-1] is None and data[start : start + 2] == bytes(2)
            if closes:
                ends.pop()
            start += 1 + closes
        elif data[start] == _END and not ends:
            return
        else:
            tag = data[start]
            start, end = _mfer_value(path, data, start)
            _check_place(path, ends, end)
            if tag in _CONTAINERS:
                ends.append(end)
            else:
                yield tag, data[start:end]
                start = end or len(data)


def _mfer_value(path: Path, data: bytes, start: int) -> tuple[int, int | None]:
    """Where the value of a definition starts and ends; no end: it ends with 0 0."""
    tag = data[start]
    start += 1
    while tag == _ATTRIBUTES and data[start : start + 1] >= b"\x80":  # the number of a channel
        start += 1
    start += tag == _ATTRIBUTES
    length = data[start] if start < len(data) else len(data)
    start += 1
    if length == 0x80 and tag in _CONTAINERS:
        return start, None
    if 0x80 <= length <= 0x84:
        num = length - 0x80
        length = int.from_bytes(data[start : start + num], "big")
        start += num
    if start + length > len(data):
        raise DataError(
            f"{path}: the MFER definition {tag:#04x} must be whole, got "
            f"{max(len(data) - start, 0):,} of {length:,} bytes; it is damaged, copy it again"
        )
    return start, start + length


def _check_place(path: Path, ends: list[int | None], end: int | None) -> None:
    room = [limit for limit in ends if limit is not None]
    if len(ends) > 4 or (end is not None and any(end > limit for limit in room)):
        raise DataError(
            f"{path} must nest MFER definitions within each other, at most 4; it is damaged, "
            "copy it again"
        )
