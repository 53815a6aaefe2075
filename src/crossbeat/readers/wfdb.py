"""WFDB records: 16-bit ones by a fast reader of our own, other formats by the ``wfdb`` package.

PTB-XL, MIMIC-IV-ECG, the CinC challenges, LUDB and PTB are all stored in 16 bits.

Source: WFDB Applications Guide, signal(5).
"""

import warnings
from itertools import groupby
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from crossbeat.errors import DataError
from crossbeat.readers.header import Channel, Header, read_header
from crossbeat.readers.limits import (
    MOST_BYTES,
    MOST_PARSED_BYTES,
    check_size,
    missing_extra,
    read_bounded,
)
from crossbeat.readers.record import Record, as_float32

_MISSING = -32768
"""What format 16 stores where there is no sample (signal(5))."""

_BITS = {8: 8, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10}
"""Bits of a sample in each format of fixed width (signal(5))."""


def read_record(header: Path, text: bytes | None = None) -> Record:
    """All signals of a WFDB record, in their own units.

    Args:
        header: its header file.
        text: what the header file holds, if that is known; else it is read.

    Raises:
        OSError: there is no header, or it cannot be read.
        DataError: the header breaks the format's rules, a signal file is missing or does not
            hold what the header says, signals have different rates, or the format is not 16
            and the package ``wfdb`` is absent.
    """
    described = read_header(header, text)
    for channel in described.channels:
        if channel.frame != 1:
            raise DataError(
                f"{header}: all signals must have one sample per frame, got {channel.frame} "
                f"of {channel.name}; resample them to one rate"
            )
    native = all(channel.format == 16 and channel.skew == 0 for channel in described.channels)
    values = _read_16(header, described) if native else _read_other(header, described)
    return Record(
        values,
        tuple(channel.name for channel in described.channels),
        tuple(channel.unit for channel in described.channels),
        described.fs,
    )


def _read_16(header: Path, described: Header) -> Float32[np.ndarray, "signal time"]:
    stored: list[np.ndarray] = []
    samples, room = described.num_samples, MOST_BYTES
    for file, together in groupby(described.channels, lambda channel: channel.file):
        block = _read_file(header.with_name(file), list(together), samples, room)
        samples = block.shape[1]
        room -= block.nbytes
        stored.append(block)
    digital = stored[0] if len(stored) == 1 else np.concatenate(stored)
    baseline = np.array([channel.baseline for channel in described.channels], np.float32)
    gain = np.array([channel.gain for channel in described.channels], np.float32)
    values = digital.astype(np.float32, order="C")
    values -= baseline[:, None]
    values /= gain[:, None]
    missing = digital == _MISSING
    if missing.any():
        values[missing] = np.nan
    return values


def _read_file(path: Path, channels: list[Channel], samples: int | None, room: int) -> np.ndarray:
    try:
        data = read_bounded(path, room)
    except OSError as error:
        raise _no_file(path, error) from None
    num, offset = len(channels), channels[0].offset
    frames, rest = divmod(len(data) - offset, 2 * num)
    if frames < 1 or rest or frames != (samples or frames):
        raise DataError(
            f"{path} must hold {samples or 'whole'} samples of each of {num} signals, got "
            f"{max(len(data) - offset, 0) / (2 * num):g}; it is damaged or belongs to another "
            "header, copy both again"
        )
    return np.frombuffer(data, "<i2", offset=offset).reshape(frames, num).T


def _no_file(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path} must be the signal file of a WFDB record, but {error.strerror or error}; "
        "copy it beside its header"
    )


def _read_other(header: Path, described: Header) -> Float32[np.ndarray, "signal time"]:
    formats = ", ".join(sorted({str(channel.format) for channel in described.channels}))
    if not all(channel.format in _BITS for channel in described.channels):
        raise DataError(
            f"{header} must be stored in one of the WFDB formats {', '.join(map(str, _BITS))}, got "
            f"{formats}; convert the record"
        )
    for file, together in groupby(described.channels, lambda channel: channel.file):
        _check_size(header.with_name(file), list(together), described.num_samples or 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies
            import wfdb

            record = wfdb.rdrecord(str(header.with_suffix("")))
    except ImportError:
        raise missing_extra(header, f"stored in WFDB format {formats}", "wfdb") from None
    except Exception as error:  # the package raises whatever its parsing runs into
        raise DataError(
            f"{header} must be a sound WFDB record of format {formats}, but wfdb found: {error}; "
            "copy the record again"
        ) from error
    return as_float32(record.p_signal.T)


def _check_size(path: Path, channels: list[Channel], samples: int) -> None:
    # wfdb fills up what a truncated file lacks, without a word
    try:
        size = check_size(path, MOST_PARSED_BYTES) - channels[0].offset
    except OSError as error:
        raise _no_file(path, error) from None
    least = samples * sum(_BITS[channel.format] for channel in channels) // 8
    if size < max(least, 1):
        raise DataError(
            f"{path} must hold {samples} samples of each of {len(channels)} signals, "
            f"{least} bytes, got {max(size, 0)}; it is damaged, copy it again"
        )
