"""Atomic writes: a file is complete or absent, even if writing is interrupted."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO

from crossbeat.errors import DataError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_whole(path: Path, contents: bytes | str | Callable[[IO[bytes]], object]) -> None:
    """Write a file under a temporary name and rename it when it is complete.

    Args:
        path: of the file; its folder is created if needed.
        contents: bytes, text to be written as UTF-8, or a function that writes to an open file.

    Raises:
        DataError: the disk is full, or nothing can be written at this place.
    """
    if path.is_dir():
        raise DataError(f"{path} must be a file, got a folder; choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{path.parent} must be a folder that can be made, got: {error.strerror}; choose "
            "another place"
        ) from error
    draft = path.with_name(f".{path.name}.{token_hex(4)}.part")  # machines share process numbers
    try:
        with disk_with_room(path):
            with draft.open("wb") as file:
                if callable(contents):
                    contents(file)
                else:
                    file.write(contents.encode() if isinstance(contents, str) else contents)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def disk_with_room(path: Path) -> Iterator[None]:
    """Write a file in the block; a full disk raises an error that is one sentence.

    Args:
        path: what is written.

    Raises:
        DataError: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DataError(
            f"the disk must have room for {path}, got: {error.strerror}; free some space and run "
            f"the same command again; finished work is kept"
        ) from error
