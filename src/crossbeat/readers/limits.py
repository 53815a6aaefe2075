"""How large a file may be, so that no file takes all memory or any time."""

import stat
from pathlib import Path

from crossbeat.errors import DataError

MOST_BYTES = 2**25
"""Of a file whose samples are read as one array: 46 minutes of 12 leads at 500 Hz in 16 bits."""

MOST_PARSED_BYTES = 2**23
"""Of a file that becomes many small objects (XML, DICOM, packed samples): 11 minutes of the same;
memory is a hundredfold at worst."""

MOST_HEADER_BYTES = 2**20
"""Of the header of a WFDB record."""

MOST_CHANNELS = 256
"""Signals of one file."""


def read_bounded(path: Path, most: int = MOST_BYTES) -> bytes:
    """All of a file.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        DataError: it is no file, cannot be read, or is larger.
    """
    try:
        check_size(path, most)
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def check_size(path: Path, most: int = MOST_BYTES) -> int:
    """The size of a file in bytes.

    Raises:
        OSError: there is no file.
        DataError: it is a folder, device or pipe, or is larger than ``most`` bytes.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{path} must be a file, got a folder, device or pipe; check the path")
    if status.st_size > most:
        raise DataError(
            f"{path} must have at most {most:,} bytes, got {status.st_size:,}; cut out the part "
            "that is needed"
        )
    return status.st_size


def unreadable(path: Path, error: Exception) -> DataError:
    """The error for a file that the system does not give."""
    reason = getattr(error, "strerror", None) or error
    return DataError(f"{path} must be readable, but: {reason}; check the path and its rights")


def missing_extra(path: Path, what: str, package: str) -> DataError:
    """The error for a file of a format whose package is not installed."""
    return DataError(
        f"{path} is {what}, which needs the package {package}; pip install 'crossbeat[formats]'"
    )
