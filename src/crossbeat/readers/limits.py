"""Limits on the size of files, so that no file uses up memory or time."""

import os
import stat
from pathlib import Path

from crossbeat.errors import DataError

MOST_BYTES = 2**25
"""Of a file whose samples are read as one array: 46 minutes of 12 leads at 500 Hz in 16 bits."""

MOST_PARSED_BYTES = 2**22
"""Of a file that becomes many small objects (XML, DICOM, packed samples): 6 minutes of the same;
memory is a hundredfold at worst."""

MOST_HEADER_BYTES = 2**20
"""Of the header of a WFDB record."""

MOST_CHANNELS = 256
"""Signals of one file."""

MOST_SEGMENTS = 1_000
"""Segments of a WFDB record: each is a file to open."""

_OPEN = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""Not to wait for a pipe that nobody writes to."""


def read_start(path: Path, num: int, most: int | None = None) -> bytes:
    """The first bytes of a file, which may have ``most`` bytes."""
    file = os.open(path, _OPEN)
    try:
        num = min(num, _check(path, os.fstat(file), most))
        parts = [os.read(file, num)]
        while parts[-1] and sum(map(len, parts)) < num:
            parts.append(os.read(file, num))
    finally:
        os.close(file)
    return b"".join(parts)


def read_bounded(path: Path, most: int = MOST_BYTES) -> bytes:
    """All of a file, which may have ``most`` bytes."""
    return read_start(path, most + 1, most)


def check_size(path: Path, most: int = MOST_BYTES) -> None:
    """Raise ``DataError`` if it is no file, or is larger than ``most`` bytes."""
    _check(path, path.stat(), most)


def _check(path: Path, status: os.stat_result, most: int | None) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{path} must be a file, got a folder, device or pipe; check the path")
    if most is not None and status.st_size > most:
        raise DataError(
            f"{path} must have at most {most:,} bytes, got {status.st_size:,}; cut out the part "
            "that is needed"
        )
    return status.st_size


def start_of(path: Path, num: int) -> bytes | None:
    """The first bytes of a file; nothing if there is none."""
    try:
        return read_start(path, num)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> DataError:
    """The error for a file that the system does not give."""
    reason = getattr(error, "strerror", None) or error
    return DataError(f"{path} must be readable, but: {reason}; check the path and its rights")


def missing_extra(path: Path, what: str, package: str) -> DataError:
    """The error for a file of a format whose package is not installed."""
    return DataError(
        f"{path} is {what}, which needs the package {package}; pip install 'crossbeat[formats]'"
    )
