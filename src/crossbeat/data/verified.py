"""Which files of a cohort are as they were built. Each is read once, until it changes.

A file that was read is marked in ``.verified.json`` of the cohort's folder, so that other processes
need not read it again. It does not hold for a copy, which has another inode or time of change.
"""

import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from crossbeat.data.info import FileInfo
from crossbeat.errors import DataError
from crossbeat.files import sha256_of, write_whole

MARKS_FILE = ".verified.json"
_SHOWN = 5

Mark = tuple[str, int, int, int, int]
"""SHA-256, size, inode, and the times of modification and of change in nanoseconds."""

_here: dict[Path, Mark] = {}


def damaged(
    folder: Path, files: Mapping[str, FileInfo], names: Iterable[str], *, again: bool = False
) -> dict[str, str]:
    """What is wrong with the files of a cohort, by name; empty if they are as they were built.

    The sizes of all ``files`` are compared, and the contents of those of some ``names``. With
    ``again`` they are read even if they were before and have not changed, and leave no marks.
    """
    marks = {} if again else _marks(folder)
    found = {
        name: wrong
        for name, expected in files.items()
        if (wrong := _wrong_size(folder / name, expected))
    }
    found |= {name: "no entry in cohort.json" for name in names if name not in files}
    read = _read(
        folder,
        [
            name
            for name in names
            if name not in found
            and _mark(folder / name, files[name].sha256)
            not in (marks.get(name), None if again else _here.get(folder / name))
        ],
    )
    for name, mark in read.items():
        if mark[0] != files[name].sha256:
            found[name] = "other contents"
    good = {name: mark for name, mark in read.items() if name not in found}
    if good and not again:
        _here.update({folder / name: mark for name, mark in good.items()})
        with suppress(OSError, DataError):  # a folder that cannot be written to is read again
            write_whole(folder / MARKS_FILE, json.dumps(_marks(folder) | good) + "\n")
    return {name: found[name] for name in sorted(found)}


def require_undamaged(
    folder: Path, files: Mapping[str, FileInfo], names: Iterable[str], *, again: bool = False
) -> None:
    """``damaged``, as an error."""
    found = damaged(folder, files, names, again=again)
    if found:
        shown = [f"{folder / name} ({what})" for name, what in list(found.items())[:_SHOWN]]
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise DataError(
            f"files of a cohort must be as they were built, got {', '.join(shown)}{more}; "
            "copy the folder again or rebuild the cohort"
        )


def _wrong_size(path: Path, expected: FileInfo) -> str:
    if not path.is_file():
        return "no such file"
    size = path.stat().st_size
    return "" if size == expected.size else f"{size} bytes instead of {expected.size}"


def _mark(path: Path, sha256: str) -> Mark:
    told = path.stat()
    return sha256, told.st_size, told.st_ino, told.st_mtime_ns, told.st_ctime_ns


def _read(folder: Path, names: list[str]) -> dict[str, Mark]:
    def read(name: str) -> Mark:
        before = _mark(folder / name, "")
        return (sha256_of(folder / name), *before[1:])

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        return dict(zip(names, threads.map(read, names), strict=True))


def _marks(folder: Path) -> dict[str, Mark]:
    """The marks of earlier processes; none where they are absent or damaged."""
    try:
        told = json.loads((folder / MARKS_FILE).read_text(encoding="utf-8"))
        return {
            str(name): (str(mark[0]), *(int(each) for each in mark[1:5]))  # type: ignore[misc]
            for name, mark in told.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, LookupError, OverflowError):
        return {}
