"""The DICOM files of a folder or a zip archive, one by one and never more than fits."""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from crossbeat.errors import DataError
from crossbeat.readers.cine.nifti import MOST_CINE_BYTES
from crossbeat.readers.limits import (
    MOST_PARSED_BYTES,
    check_size,
    read_bounded,
    read_start,
    unreadable,
)

MOST_FILES = 10_000
"""Files of a folder or archive; UK Biobank's short axis has about 600."""

MOST_FILE_BYTES = MOST_PARSED_BYTES
"""Of one DICOM file: an image of 1024 x 1024 pixels of 16 bits takes half of it."""

_HEAD = 132
_DICOM = b"DICM"
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class File(NamedTuple):
    """A DICOM file in memory.

    Args:
        path: where it is; of a file in an archive, below that.
        data: all of it.
    """

    path: Path
    data: bytes


def dicom_files(path: Path) -> Iterator[File]:
    """The DICOM files, in the order of their names; others are passed over.

    Args:
        path: a folder, with the folders in it, or a zip archive.

    Raises:
        DataError: there are too many files, they are too large, one cannot be read, or the archive
            is damaged, encrypted or packed in a way of its own.
    """
    total = 0
    for file in _in_folder(path) if path.is_dir() else _in_archive(path):
        total += len(file.data)
        if total > MOST_CINE_BYTES:
            raise _too_much(path)
        yield file


def _in_folder(folder: Path) -> Iterator[File]:
    paths: list[Path] = []
    for root, _, names in os.walk(folder):
        paths += [Path(root, name) for name in names]
        if len(paths) > MOST_FILES:
            raise _too_many(folder, f"more than {len(paths) - 1:,}")
    for path in sorted(paths):
        try:
            if read_start(path, _HEAD)[-len(_DICOM) :] == _DICOM:
                yield File(path, read_bounded(path, MOST_FILE_BYTES))
        except OSError as error:
            raise unreadable(path, error) from None


def _in_archive(path: Path) -> Iterator[File]:
    try:
        check_size(path, MOST_CINE_BYTES)
        with _Bounded(path) as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES:
                raise _too_many(path, f"{len(entries):,}")
            for entry in sorted(entries, key=lambda entry: entry.filename):
                data = _unpacked(path, archive, entry)
                if data is not None:
                    yield File(path / entry.filename, data)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, struct.error) as error:
        raise DataError(
            f"{path} must be a sound zip archive, but is cut off or damaged; download it again"
        ) from error
    except RuntimeError as error:  # encrypted
        raise _packed_otherwise(path, "has a password") from error
    except OSError as error:
        raise unreadable(path, error) from None


class _Bounded(FileIO):
    """Gives the archive's directory and a file's bytes only if they are no more than they may."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_FILE_BYTES:
            raise zipfile.BadZipFile(f"a part of it has {size:,} bytes")
        return super().read(size)


def _unpacked(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | None:
    """The contents of a DICOM file; nothing of another."""
    if entry.compress_type not in _PACKED:  # others can ask for any memory
        raise _packed_otherwise(
            path, f"{entry.filename[:80]} is packed by method {entry.compress_type}"
        )
    with archive.open(entry) as file:
        head = file.read(_HEAD)
        if head[-len(_DICOM) :] != _DICOM:
            return None
        if entry.file_size > MOST_FILE_BYTES:
            raise DataError(
                f"{path / entry.filename} must have at most {MOST_FILE_BYTES:,} bytes, got "
                f"{entry.file_size:,}; export single images"
            )
        return head + file.read(entry.file_size)  # without a number, all would be unpacked


def _too_many(path: Path, got: str) -> DataError:
    return DataError(
        f"{path} must hold at most {MOST_FILES:,} files, got {got}; name the folder of one heart"
    )


def _too_much(path: Path) -> DataError:
    return DataError(
        f"{path} must hold at most {MOST_CINE_BYTES:,} bytes of DICOM, got more; name the folder "
        "of one series"
    )


def _packed_otherwise(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} must be a zip archive without a password, stored or deflated, but {reason}; "
        "unpack it and name the folder"
    )
