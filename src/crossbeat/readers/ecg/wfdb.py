"""WFDB records: their signals from one or several files, and from one or several segments.

Source: WFDB Applications Guide, header(5) and signal(5).
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from crossbeat.errors import DataError
from crossbeat.files import write_whole
from crossbeat.readers.ecg.record import Record, as_float32
from crossbeat.readers.ecg.wfdb_header import (
    DIFFERENCES,
    GAP,
    Channel,
    Header,
    Segment,
    read_header,
)
from crossbeat.readers.limits import MOST_BYTES, MOST_PARSED_BYTES, read_bounded
from crossbeat.signal import Ecg

_ANY_MISSING = -(2**15)
"""What stands for no sample in programs, and in the checksums of some, whatever the format."""

_WRITTEN_GAIN = 1000  # stored integers per millivolt


class Storage(NamedTuple):
    """A format.

    Args:
        block: how many bytes the first samples of a block take: none, one, two, ..., all.
        unpack: the samples of whole blocks, given as bytes, in a row.
        missing: what is stored where there is no sample; None in format 8.
    """

    block: tuple[int, ...]
    unpack: Callable[[np.ndarray], np.ndarray]
    missing: int | None

    @property
    def per_block(self) -> int:
        return len(self.block) - 1

    def least(self, num: int) -> int:
        """Bytes that so many samples take at least: the last block may be cut."""
        whole, rest = divmod(num, self.per_block)
        return whole * self.block[-1] + self.block[rest]

    def most(self, num: int) -> int:
        """Bytes that so many samples take at most: in whole blocks."""
        return -(-num // self.per_block) * self.block[-1]

    def holds(self, size: int) -> int:
        """How many samples so many bytes hold."""
        whole, rest = divmod(size, self.block[-1])
        return whole * self.per_block + bisect_right(self.block, rest) - 1

    def read(self, data: bytes, offset: int, num: int) -> np.ndarray:
        """So many samples of a file, which holds them, after so many bytes."""
        stored = np.frombuffer(data, np.uint8, offset=offset)[: self.most(num)]
        if stored.size < self.most(num):
            stored = np.append(stored, np.zeros(self.most(num) - stored.size, np.uint8))
        return self.unpack(stored)[:num]


def _view(kind: str, zero: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    if zero:
        return lambda stored: stored.view(kind).astype(np.int32) - zero
    return lambda stored: stored.view(kind)


def _three_bytes(stored: np.ndarray) -> np.ndarray:
    low, middle, high = stored.reshape(-1, 3).T.astype(np.int32)
    return _signed(24, low | middle << 8 | high << 16)


def _pairs_of_12_bits(stored: np.ndarray) -> np.ndarray:
    first, shared, second = stored.reshape(-1, 3).T.astype(np.int32)
    return _signed(12, first | (shared & 0x0F) << 8, second | (shared & 0xF0) << 4)


def _triples_split(stored: np.ndarray) -> np.ndarray:
    """Two words with a sample in bits 1 to 10 each, and half of the third above them."""
    low, high = stored.view("<u2").reshape(-1, 2).T.astype(np.int32)
    third = low >> 11 | high >> 11 << 5
    return _signed(10, low >> 1 & 0x3FF, high >> 1 & 0x3FF, third)


def _triples_in_order(stored: np.ndarray) -> np.ndarray:
    word = stored.view("<u4").astype(np.int64)
    return _signed(10, word & 0x3FF, word >> 10 & 0x3FF, word >> 20 & 0x3FF)


def _signed(bits: int, *samples: np.ndarray) -> np.ndarray:
    """Two's complements of so many bits, in turn."""
    half = 1 << (bits - 1)
    return (np.stack(samples, axis=1).ravel() ^ half) - half


_ROWS = 50  # samples of every signal that are added side by side

FORMATS = {
    8: Storage((0, 1), _view("i1"), None),
    16: Storage((0, 2), _view("<i2"), -(2**15)),
    24: Storage((0, 3), _three_bytes, -(2**23)),
    32: Storage((0, 4), _view("<i4"), -(2**31)),
    61: Storage((0, 2), _view(">i2"), -(2**15)),
    80: Storage((0, 1), _view("u1", 2**7), -(2**7)),
    160: Storage((0, 2), _view("<u2", 2**15), -(2**15)),
    212: Storage((0, 2, 3), _pairs_of_12_bits, -(2**11)),
    310: Storage((0, 2, 4, 4), _triples_split, -(2**9)),
    311: Storage((0, 2, 3, 4), _triples_in_order, -(2**9)),
}
"""How samples are stored, by the number of the format of fixed width."""


def sums(samples: np.ndarray) -> list[int]:
    """The checksum of each column of integers [time, signal]: the sum modulo 65,536."""
    num, width = samples.shape
    if samples.dtype != np.int16 or not samples.flags.c_contiguous:
        total = samples.sum(axis=0, dtype=np.int64).astype(np.int16)
    else:  # tenfold as fast: long rows, which wrap round
        end = num // _ROWS * _ROWS
        rows = np.add.reduce(samples[:end].reshape(-1, _ROWS * width), axis=0, dtype=np.int16)
        total = np.add.reduce(rows.reshape(_ROWS, width), axis=0, dtype=np.int16)
        if end < num:
            total += np.add.reduce(samples[end:], axis=0, dtype=np.int16)
    return list(total.view(np.uint16).tolist())


def read_record(header: Path, text: bytes | None = None, *, checksum: bool = True) -> Record:
    """All signals of a WFDB record, in their own units.

    Segments are joined; where one has no samples, they are missing. A signal that the header says
    to be late begins so much earlier, and lacks the samples at its end.

    Args:
        text: what the header file holds, if that is known; else it is read.
        checksum: whether to refuse samples that do not have the checksum and the first value which
            the header states. Columns of zeros state nothing.

    Raises:
        OSError: there is no header, or it cannot be read.
        DataError: the header breaks the format's rules, a signal file is missing or does not
            hold what the header says, signals have different rates, segments have different
            signals, or the format is not of fixed width.
    """
    described = read_header(header, text)
    read = _read_segments if described.segments else _read_signals
    return read(header, described, checksum)


def _read_segments(header: Path, described: Header, checksum: bool) -> Record:
    first, *others = described.segments
    parts = others if first.num_frames == 0 else [first, *others]  # 0: the layout of the others
    frames = sum(part.num_frames for part in parts)
    if not frames or frames != (described.num_frames or frames):
        raise DataError(
            f"{header} must have segments of {described.num_frames or 'some'} samples together, "
            f"got {frames}; correct the header"
        )
    whole: Record | None = None
    begin = 0
    for part in parts:
        end = begin + part.num_frames
        if part.name != GAP:
            record = _read_segment(header, part, described.fs, checksum)
            each, rest = divmod(record.values.shape[1], part.num_frames)
            if rest:
                raise DataError(
                    f"{header} must have a rate that divides the one of {part.name}, "
                    f"{record.fs:g} Hz, got {described.fs:g} Hz; correct the header"
                )
            if whole is None:
                whole = _unfilled(header, record, frames * each)
            if (record.names, record.units, record.fs) != (whole.names, whole.units, whole.fs):
                raise DataError(
                    f"{header}: all segments must have the signals {_listed(whole)}, got "
                    f"{_listed(record)} in {part.name}; read the segments one by one"
                )
            whole.values[:, begin * each : end * each] = record.values
        begin = end
    if whole is None:
        raise DataError(f"{header} must have a segment with samples, got none; leave it out")
    return whole


def _read_segment(header: Path, part: Segment, fs: float, checksum: bool) -> Record:
    path = header.with_name(f"{part.name}.hea")
    try:
        described = read_header(path)
    except OSError as error:
        raise _no_file(path, f"the header of a segment of {header.name}", error) from None
    if described.segments:
        raise DataError(
            f"{path} must be a record of signals, as segment of {header.name}, got one of "
            "segments; correct the header"
        )
    record = _read_signals(path, described, checksum)
    length, listed = record.values.shape[1] / record.fs, part.num_frames / fs
    if length != listed:
        raise DataError(
            f"{header} must list {part.name} with its length of {length:g} s, got {listed:g} s; "
            "one of them is damaged or belongs to another record, copy both again"
        )
    return record


def _unfilled(header: Path, like: Record, samples: int) -> Record:
    size = 2 * samples * len(like.names)
    if size > MOST_BYTES:
        raise DataError(
            f"{header} must have segments of at most {MOST_BYTES:,} bytes together, got {size:,}; "
            "read the segments one by one"
        )
    return replace(like, values=np.full((len(like.names), samples), np.nan, np.float32))


def _listed(record: Record) -> str:
    signals = zip(record.names, record.units, strict=True)
    named = ", ".join(f"{name} in {unit}" for name, unit in signals)
    return f"{named[:200]} at {record.fs:g} Hz"


def _read_signals(header: Path, described: Header, checksum: bool) -> Record:
    channels = described.channels
    frames = {channel.frame for channel in channels}
    if len(frames) > 1 or 0 in frames:
        got = ", ".join(f"{channel.frame} of {channel.name}" for channel in channels)
        raise DataError(
            f"{header}: all signals must have the same number of samples per frame, got "
            f"{got[:200]}; resample them to one rate"
        )
    # columns of zeros state nothing: some write them for what they do not know
    firsts = [channel.first for channel in channels]
    totals = [channel.checksum for channel in channels]
    begun, summed = checksum and any(firsts), checksum and any(totals)
    blocks: list[np.ndarray] = []
    num, room = described.num_frames, MOST_BYTES
    for _, of_file in groupby(channels, lambda channel: channel.file):
        group = list(of_file)
        stored, size = _read_file(header, group, num, room)
        num, room = stored.shape[1] // group[0].frame, room - size
        if begun and group[0].format != DIFFERENCES:
            _check_first(header, stored, group)
        if summed:
            _check_sum(header, stored, group)
        blocks.append(_physical(stored, group))
    return Record(
        blocks[0] if len(blocks) == 1 else np.concatenate(blocks),
        tuple([channel.name for channel in channels]),
        tuple([channel.unit for channel in channels]),
        described.fs * channels[0].frame,
    )


def _read_file(
    header: Path, channels: list[Channel], frames: int | None, room: int
) -> tuple[np.ndarray, int]:
    """The stored values [signal, time] of a file, and its size in bytes."""
    file, number, frame, offset = channels[0][:4]
    if len({channel[:4] for channel in channels}) > 1:
        raise DataError(
            f"{header}: all signals of {file} must have the same format and offset; correct the "
            "header"
        )
    if file == GAP:
        raise DataError(
            f"{header} must have samples, but is the layout of a record of several segments; read "
            "that record"
        )
    if number not in FORMATS:
        raise DataError(
            f"{header} must be stored in one of the WFDB formats {', '.join(map(str, FORMATS))}, "
            f"got {number}; convert the record"
        )
    path = header.with_name(file)
    try:
        data = read_bounded(path, room if number == 16 else min(room, MOST_PARSED_BYTES))
    except OSError as error:
        raise _no_file(path, "the signal file of a WFDB record", error) from None
    storage, num = FORMATS[number], len(channels)
    width, size = num * frame, max(len(data) - offset, 0)
    known = frames or max(storage.holds(size) // width, 1)
    if not storage.least(known * width) <= size <= storage.most(known * width):
        raise DataError(
            f"{path} must hold {known * frame if frames else 'whole'} samples of each of {num} "
            f"signals, got {size * storage.per_block / storage.block[-1] / num:g}; it is damaged "
            "or belongs to another header, copy both again"
        )
    stored = storage.read(data, offset, known * width)  # of all signals in turn, frame by frame
    if frame == 1:
        rows = stored.reshape(-1, num).T
    else:
        rows = stored.reshape(-1, num, frame).swapaxes(0, 1).reshape(num, -1)
    if number == DIFFERENCES:
        before = np.array([[channel.first or 0] for channel in channels])
        rows = before + rows.cumsum(axis=1, dtype=np.int64)
    return rows, len(data)


def _no_file(path: Path, what: str, error: OSError) -> DataError:
    got = "none" if isinstance(error, FileNotFoundError) else error.strerror or error
    return DataError(f"{path} must be {what}, got {got}; copy it beside its header")


def _check_first(header: Path, stored: np.ndarray, channels: list[Channel]) -> None:
    got = stored[:, 0].tolist()
    if got == [channel.first for channel in channels]:
        return
    missing = FORMATS[channels[0].format].missing
    for channel, first in zip(channels, got, strict=True):
        same = _ANY_MISSING if first == missing else first
        _check_said(header, channel, "first value", channel.first, first, same)


def _check_sum(header: Path, stored: np.ndarray, channels: list[Channel]) -> None:
    got = sums(stored.T)
    if got == [channel.checksum for channel in channels]:
        return
    missing = FORMATS[channels[0].format].missing
    for channel, row, total in zip(channels, stored, got, strict=True):
        lacking = 0 if missing is None else int(np.count_nonzero(row == missing))
        same = (total + lacking * (_ANY_MISSING - (missing or 0))) % 2**16
        _check_said(header, channel, "checksum", channel.checksum, total, same)


def _check_said(
    header: Path, channel: Channel, what: str, said: int | None, got: int, same: int
) -> None:
    if said not in {None, got, same}:
        raise DataError(
            f"{header.with_name(channel.file)} must have the {what} {said} of signal "
            f"{channel.name or 'without a name'} that {header.name} states, got {got}; one of them "
            "is damaged or belongs to another record: copy both again, or give --no-checksum "
            "(checksum=False) if the headers of the whole set are known to be wrong",
            rule="checksum",
        )


def _physical(stored: np.ndarray, channels: list[Channel]) -> Float32[np.ndarray, "signal time"]:
    exact = np.float32 if stored.itemsize <= 2 else np.float64
    values: np.ndarray = stored.astype(exact, order="C")
    baselines = [channel.baseline for channel in channels]
    if any(baselines):
        np.subtract(values, np.array(baselines, exact)[:, None], out=values)
    np.divide(values, np.array([channel.gain for channel in channels], exact)[:, None], out=values)
    missing = FORMATS[channels[0].format].missing
    if missing is not None and stored.min() == missing:  # of the format, the lowest
        values[stored == missing] = np.nan
    for row, channel in enumerate(channels):
        if channel.skew:
            kept = values[row, channel.skew * channel.frame :].copy()
            values[row, : kept.size] = kept
            values[row, kept.size :] = np.nan
    return values if exact is np.float32 else as_float32(values)


def write_wfdb(ecg: Ecg, stem: Path) -> Path:
    """Write a record of format 16 with one signal file, in units of 1 uV, and return its header.

    Args:
        ecg: from -32 to 32 mV, finite.
        stem: path of the record without suffix; its name, letters, digits, - and _, becomes the
            record's.

    Raises:
        ValueError: a value or the name breaks its rule.
    """
    if not re.fullmatch(r"[-\w]+", stem.name):
        raise ValueError(f"a record's name must have letters, digits, - and _, got {stem.name!r}")
    units = np.round(ecg.values * _WRITTEN_GAIN)
    if not (np.abs(units) < 2**15).all():
        raise ValueError("an ECG must be finite and within 32 mV to be stored in 16 bits")
    signals = units.astype("<i2")
    write_whole(stem.with_suffix(".dat"), signals.T.tobytes())
    lines = [f"{stem.name} {len(ecg.leads)} {ecg.fs:.15g} {signals.shape[1]}"]
    lines += [
        f"{stem.name}.dat 16 {_WRITTEN_GAIN}/mV 16 0 {first} {total} 0 {lead}"
        for first, total, lead in zip(signals[:, 0], sums(signals.T), ecg.leads, strict=True)
    ]
    header = stem.with_suffix(".hea")
    write_whole(header, "\n".join(lines) + "\n")
    return header
