"""WFDB records: their signals from one or several files, and from one or several segments.

PTB-XL, MIMIC-IV-ECG, the CinC challenges, LUDB and PTB are all stored in 16 bits, for which there
is a short way.

Source: WFDB Applications Guide, header(5) and signal(5).
"""

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from crossbeat.errors import DataError
from crossbeat.readers.header import GAP, Channel, Header, Segment, read_header
from crossbeat.readers.limits import MOST_BYTES, MOST_PARSED_BYTES, read_bounded
from crossbeat.readers.record import Record, as_float32
from crossbeat.readers.wfdb_samples import FORMATS, sums

_DIFFERENCES = 8
"""The format of differences to the sample before; the header states the value before the first."""

_ANY_MISSING = -(2**15)
"""What stands for no sample in programs, and in the checksums of some, whatever the format."""


def read_record(header: Path, text: bytes | None = None, *, checksum: bool = True) -> Record:
    """All signals of a WFDB record, in their own units.

    Segments are joined; where one has no samples, they are missing. A signal that the header says
    to be late begins so much earlier, and lacks the samples at its end.

    Args:
        header: its header file.
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
    if described.segments:
        return _read_segments(header, described, checksum)
    return _read_signals(header, described, checksum)


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
            each = record.values.shape[1] // part.num_frames
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
        raise DataError(f"{header} must have a segment with samples, got none; copy it again")
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
    frame = channels[0].frame
    for channel in channels:
        if channel.frame != frame or frame == 0:
            raise DataError(
                f"{header}: all signals must have the same number of samples per frame, got "
                f"{frame} of {channels[0].name or 'the first'} and {channel.frame} of "
                f"{channel.name or 'another'}; resample them to one rate"
            )
    # columns of zeros state nothing: some write them for what they do not know
    summed = checksum and any(channel.checksum for channel in channels)
    begun = checksum and any(channel.first for channel in channels)
    blocks: list[np.ndarray] = []
    frames, room = described.num_frames, MOST_BYTES
    for file, of_file in groupby(channels, lambda channel: channel.file):
        together = list(of_file)
        stored, size = _read_file(header, file, together, frames, room)
        frames, room = stored.shape[1] // frame, room - size
        if summed or begun:
            _check_stored(header, stored, together, (summed, begun))
        blocks.append(_physical(stored, together))
    values = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return Record(
        values,
        tuple(channel.name for channel in channels),
        tuple(channel.unit for channel in channels),
        described.fs * frame,
    )


def _read_file(
    header: Path, file: str, channels: list[Channel], frames: int | None, room: int
) -> tuple[np.ndarray, int]:
    """The stored values [signal, time] of a file, and its size in bytes."""
    number, offset = channels[0].format, channels[0].offset
    if any((channel.format, channel.offset) != (number, offset) for channel in channels):
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
    width, size = num * channels[0].frame, len(data) - offset
    known = frames or max(storage.holds(max(size, 0)) // width, 1)
    if not storage.least(known * width) <= size <= storage.most(known * width):
        got = max(size, 0) * storage.per_block / storage.block[-1] / num
        raise DataError(
            f"{path} must hold {known * width // num if frames else 'whole'} samples of each of "
            f"{num} signals, got {got:g}; it is damaged or belongs to another header, copy both "
            "again"
        )
    stored = storage.read(data, offset, known * width)
    if width > num:
        stored = stored.reshape(known, num, -1).swapaxes(0, 1).reshape(num, -1)
    else:
        stored = stored.reshape(known, num).T
    if number == _DIFFERENCES:
        starts = [channel.zero if channel.first is None else channel.first for channel in channels]
        stored = stored.cumsum(axis=1, dtype=np.int64) + np.array(starts)[:, None]
    return stored, len(data)


def _no_file(path: Path, what: str, error: OSError) -> DataError:
    return DataError(
        f"{path} must be {what}, but {error.strerror or error}; copy it beside its header"
    )


def _check_stored(
    header: Path, stored: np.ndarray, channels: list[Channel], stated: tuple[bool, bool]
) -> None:
    """Compare the checksums and the first values of a file with those that the header states."""
    summed, begun = stated
    missing = FORMATS[channels[0].format].missing
    begins = stored[:, 0].tolist() if begun and channels[0].format != _DIFFERENCES else []
    for channel, first in zip(channels, begins, strict=False):
        if channel.first not in {None, first, _ANY_MISSING if first == missing else first}:
            raise _unlike(header, channel, "the first value", channel.first, first)
    totals = sums(stored.T) if summed else []
    for row, (channel, total) in enumerate(zip(channels, totals, strict=False)):
        if channel.checksum is None or channel.checksum % 2**16 == total:
            continue
        absent = 0 if missing is None else int(np.count_nonzero(stored[row] == missing))
        if (total + absent * (_ANY_MISSING - (missing or 0)) - channel.checksum) % 2**16:
            raise _unlike(header, channel, "the checksum", channel.checksum, total)


def _unlike(header: Path, channel: Channel, what: str, stated: int | None, got: int) -> DataError:
    return DataError(
        f"{header.with_name(channel.file)} must have {what} {stated} of signal "
        f"{channel.name or 'without a name'} that {header.name} states, got {got}; one of them is "
        "damaged or belongs to another record: copy both again, or give --no-checksum "
        "(checksum=False) if the headers of the whole set are known to be wrong",
        rule="checksum",
    )


def _physical(stored: np.ndarray, channels: list[Channel]) -> Float32[np.ndarray, "signal time"]:
    exact = np.float32 if stored.itemsize <= 2 else np.float64
    values: np.ndarray = stored.astype(exact, order="C")
    baseline = np.array([channel.baseline for channel in channels], exact)
    gain = np.array([channel.gain for channel in channels], exact)
    np.subtract(values, baseline[:, None], out=values)
    np.divide(values, gain[:, None], out=values)
    missing = stored == FORMATS[channels[0].format].missing
    if missing.any():
        values[missing] = np.nan
    for row, channel in zip(values, channels, strict=True):
        if channel.skew:
            late = min(channel.skew * channel.frame, row.size)
            row[: row.size - late] = row[late:]
            row[row.size - late :] = np.nan
    return as_float32(values)
