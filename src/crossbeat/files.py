"""Whole files: a file is complete or absent, and a sealed folder is as it was written."""

import errno
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

import psutil

from crossbeat.errors import CheckpointError, DataError, reason

Json = dict[str, Any]
"""What a JSON object holds."""

ReadJson = Mapping[str, Any]
"""The same, where it is only read."""

SEAL = "seal.json"
"""The file with the size and the SHA-256 of the other files of a sealed folder."""

_SEAL_FORMAT = 1
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_DRAFT = re.compile(r"\..+\.(?P<machine>[^.]+)-(?P<process>[0-9]+)\.[0-9a-f]{8}\.part")
_ABANDONED = 86400.0
"""Seconds after which the draft of another machine counts as abandoned."""


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
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{_writer()}.{token_hex(4)}.part")
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
    except OSError as error:
        if error.filename == str(draft):
            error.filename = str(path)  # what the user knows
        raise
    finally:
        with _whatever_happens():
            draft.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they exist.

    Raises:
        DataError: the disk is full, or nothing can be written at this place.
    """
    try:
        with disk_with_room(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder} must be a folder that can be made, got: {error.strerror}; choose "
            "another place"
        ) from error


def require_ours(folder: Path, *, marks: Iterable[str], what: str, option: str = "--out") -> None:
    """Check that a folder is absent, empty or one that crossbeat wrote: no file is written among
    the user's own.

    Args:
        folder: where results are going to be.
        marks: names of files and folders of which one shows that it is ours.
        what: such a folder is, for the error.
        option: that names it, for the error.

    Raises:
        DataError: it holds other files, or is a file.
    """
    if folder.is_file():
        raise DataError(f"{option} {folder} must be a folder, got a file; choose another name")
    if not folder.is_dir() or any((folder / mark).exists() for mark in marks):
        return
    others = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if others:
        raise DataError(
            f"{option} {folder} must be new, empty or {what}, got other files, such as "
            f"{others[0]}; choose another folder"
        )


def remove_drafts(folder: Path) -> None:
    """Remove what writers that were killed left in a folder and in those below it.

    The drafts of writers that live, young ones of other machines, and other files stay.
    """
    for draft in folder.rglob(".*.part"):
        if _is_abandoned(draft):
            with _whatever_happens():
                draft.unlink(missing_ok=True)


@contextmanager
def disk_with_room(path: Path) -> Iterator[None]:
    """Write a file in the block; a full disk or a closed place raises an error of one sentence.

    Args:
        path: what is written.

    Raises:
        DataError: the disk is full, or the place cannot be written to.
    """
    try:
        yield
    except OSError as error:
        told = trouble(error, path)
        if told is None:
            raise
        raise told from error


def trouble(error: OSError, path: Path | None) -> DataError | None:
    """What to tell the user about a full disk or a place that is closed; None for other errors.

    Args:
        path: what was written, where it is known.
    """
    if error.errno in _FULL:
        return DataError(
            f"the disk must have room for {path or 'all files'}, got: {error.strerror}; free some "
            "space and run the same command again; finished work is kept"
        )
    if error.errno in _CLOSED:
        return DataError(
            f"{path or 'the place'} must be a place where you may read and write, got: "
            f"{error.strerror}; change its permissions or choose another place"
        )
    return None


def write_sealed(folder: Path, *, last: str, text: str, names: Iterable[str]) -> None:
    """Seal a folder: write ``seal.json``, and then the file whose presence says that all is there.

    Args:
        last: name of the file that is written last.
        text: its contents.
        names: the other files that the seal covers; they exist.
    """
    files = {name: _mark(folder / name) for name in names}
    files[last] = {"size": len(text.encode()), "sha256": sha256(text.encode()).hexdigest()}
    seal = {"format": _SEAL_FORMAT, "files": files}
    write_whole(folder / SEAL, json.dumps(seal, indent=1) + "\n")
    write_whole(folder / last, text)


def check_seal(folder: Path, *, needs: Iterable[str], remedy: str) -> None:
    """Check that the files of a sealed folder are those that were written.

    Args:
        needs: names that the seal must cover.
        remedy: what the user can do, the end of every error.

    Raises:
        CheckpointError: the seal is absent or damaged, or a file is absent or has other contents.
        DataError: the seal may not be read.
    """
    path = folder / SEAL
    try:
        with disk_with_room(path):
            seal = json.loads(path.read_text(encoding="utf-8"))
        sealed = {
            str(name): (int(mark["size"]), str(mark["sha256"]))
            for name, mark in seal["files"].items()
        }
        known = seal["format"] == _SEAL_FORMAT
    except FileNotFoundError:
        raise CheckpointError(f"{folder} must have a {SEAL}, got none; {remedy}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} must list the files of its folder with their SHA-256, got: "
            f"{reason(error)}; {remedy}"
        ) from error
    if not known or set(needs) - set(sealed) or any(Path(name).name != name for name in sealed):
        raise CheckpointError(
            f"{path} must be a seal of format {_SEAL_FORMAT} of {', '.join(needs)}, got "
            f"{', '.join(sealed) or 'nothing'}; {remedy}"
        )
    for name, (size, digest) in sealed.items():
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder / name} does not exist; {remedy}")
        if (folder / name).stat().st_size != size or sha256_of(folder / name) != digest:
            raise CheckpointError(
                f"{folder / name} must be as it was written, got other contents; {remedy}"
            )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _mark(path: Path) -> Mapping[str, object]:
    return {"size": path.stat().st_size, "sha256": sha256_of(path)}


def _writer() -> str:
    return f"{_machine()}-{os.getpid()}"


def _machine() -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())


def _is_abandoned(draft: Path) -> bool:
    named = _DRAFT.fullmatch(draft.name)
    if named is None:
        return False
    try:
        written = draft.stat().st_mtime
        if named["machine"] != _machine():
            return written < time.time() - _ABANDONED
        return psutil.Process(int(named["process"])).create_time() > written + 1
    except psutil.NoSuchProcess:
        return True
    except FileNotFoundError:
        return False


@contextmanager
def _whatever_happens() -> Iterator[None]:
    try:
        yield
    except OSError:
        return
