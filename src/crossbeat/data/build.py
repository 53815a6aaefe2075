"""Build a cohort block by block, in as many processes as there are; a killed build goes on.

A build writes into ``<folder>.partial``. A finished block leaves its shards and, last, a receipt
with their checksums; a second run keeps what has a receipt. When all blocks are there, the folder
gets its name. So a folder under that name is whole, and its bytes depend neither on the number
of workers nor on interruptions.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    Executor,
    Future,
    ThreadPoolExecutor,
    as_completed,
)
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Int16, UInt8

from crossbeat.data.cohort import INFO_FILE, TABLE_FILE, Cohort
from crossbeat.data.info import CohortInfo, FileInfo, file_info
from crossbeat.data.table import check_table, conform
from crossbeat.errors import DataError
from crossbeat.files import write_whole
from crossbeat.workers import process_pool

Progress = Callable[[int, int], None]
"""Called with the number of finished blocks and of all blocks."""

MOST_REJECTED = 0.05
"""Share of unusable records above which a data set counts as damaged."""


def silent(done: int, total: int) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Block:
    """Part of a cohort.

    Args:
        table: its rows; ``ecg`` and ``xray`` count from 0 within the block.
        ecgs: integers of 1 / ``ecg_gain``.
        xrays: 0 to 255.
        rejected: why a record was left out, one sentence each.
    """

    table: pl.DataFrame
    ecgs: Int16[np.ndarray, "ecg lead time"] | None = None
    xrays: UInt8[np.ndarray, "xray height width"] | None = None
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Receipt:
    files: dict[str, FileInfo]
    rejected: tuple[str, ...]


def build_cohort(
    folder: Path,
    info: CohortInfo,
    blocks: Sequence[Callable[[], Block]],
    *,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> Cohort:
    """Make each block, in any process, and join them to a cohort.

    Args:
        folder: where the cohort will be; must not exist.
        info: what it is; its ``files`` are filled in here.
        blocks: each makes one shard; picklable, and the same whenever it is called.
        executor: runs the blocks; it must see the same file system. By default a process per
            core, if there is more than one block.
        progress: called after each block.

    Raises:
        DataError: the folder exists, an unfinished build there is of another cohort, the disk is
            full, too many records are unusable, or the blocks do not make a valid cohort.
    """
    if folder.exists():
        raise DataError(f"{folder} must not exist yet, got a folder; remove it or choose another")
    draft = folder.with_name(f"{folder.name}.partial")
    _begin(draft, info)
    missing = [number for number in range(len(blocks)) if _receipt(draft, number) is None]
    done = len(blocks) - len(missing)
    progress(done, len(blocks))
    with _executor(executor, len(missing)) as workers:
        jobs = [workers.submit(_make, draft, number, blocks[number]) for number in missing]
        for count, job in enumerate(_finished(jobs), start=done + 1):
            job.result()
            progress(count, len(blocks))
    belonging = _finish(draft, info, len(blocks))
    draft.replace(folder)
    for path in folder.iterdir():
        if path.name not in belonging:
            path.unlink()
    return Cohort.open(folder)


def _begin(draft: Path, info: CohortInfo) -> None:
    plan = draft / "plan.json"
    if draft.exists() and plan.exists() and plan.read_text(encoding="utf-8") != info.to_json():
        raise DataError(
            f"{draft} must be an unfinished build of the same cohort, got other settings; "
            "remove it, or build with the settings in its plan.json"
        )
    draft.mkdir(parents=True, exist_ok=True)
    write_whole(plan, info.to_json())


def _make(draft: Path, number: int, block: Callable[[], Block]) -> None:
    made = block()
    entries = {}
    for name, array in (("ecg", made.ecgs), ("xray", made.xrays)):
        if array is not None and len(array):
            path = draft / f"{name}-{number:05d}.npy"
            write_whole(path, partial(np.save, arr=np.ascontiguousarray(array)))
            entries[path.name] = asdict(file_info(path, len(array)))
    path = draft / f"rows-{number:05d}.parquet"
    write_whole(path, conform(made.table).write_parquet)
    entries[path.name] = asdict(file_info(path))
    text = json.dumps({"files": entries, "rejected": made.rejected}).encode()
    write_whole(draft / f"receipt-{number:05d}.json", lambda file: file.write(text))


def _receipt(draft: Path, number: int) -> _Receipt | None:
    """What a finished block wrote; None if it is unfinished or its files are damaged."""
    path = draft / f"receipt-{number:05d}.json"
    if not path.exists():
        return None
    values = json.loads(path.read_text(encoding="utf-8"))
    files = {name: FileInfo(**entry) for name, entry in values["files"].items()}
    whole = all(
        (draft / name).is_file() and file_info(draft / name, entry.rows) == entry
        for name, entry in files.items()
    )
    return _Receipt(files, tuple(values["rejected"])) if whole else None


def _finish(draft: Path, info: CohortInfo, num_blocks: int) -> set[str]:
    """Write the table and the info; the names of all files that belong to the cohort."""
    files: dict[str, FileInfo] = {}
    tables: list[pl.DataFrame] = []
    rejected: list[str] = []
    begins = {"ecg": 0, "xray": 0}
    for number in range(num_blocks):
        receipt = _receipt(draft, number)
        assert receipt is not None
        rows = pl.read_parquet(draft / f"rows-{number:05d}.parquet")
        tables.append(rows.with_columns(pl.col(name) + begins[name] for name in begins))
        rejected += receipt.rejected
        for name, entry in receipt.files.items():
            if name.endswith(".npy"):
                files[name] = entry
                begins[name.split("-")[0]] += entry.rows
    table = pl.concat(tables)
    notes = (*info.notes, *_note_on(rejected, table.height))
    check_table(table, info.findings)
    write_whole(draft / TABLE_FILE, table.write_parquet)
    files[TABLE_FILE] = file_info(draft / TABLE_FILE)
    text = replace(info, files=files, notes=notes).to_json().encode()
    write_whole(draft / INFO_FILE, lambda file: file.write(text))
    return set(files) | {INFO_FILE}


def _note_on(rejected: list[str], num_kept: int) -> list[str]:
    if not rejected:
        return []
    text = f"{len(rejected)} records of {num_kept + len(rejected)} were left out"
    if len(rejected) > MOST_REJECTED * (num_kept + len(rejected)):
        raise DataError(
            f"at most {MOST_REJECTED:.0%} of the records may be unusable, but {text}, the first: "
            f"{rejected[0]}; repair the data set, remove the .partial folder, and run again"
        )
    return [f"{text}: {' | '.join(rejected)}"]


def _finished(jobs: list[Future[None]]) -> Iterator[Future[None]]:
    try:
        yield from as_completed(jobs)
    finally:
        for job in jobs:
            job.cancel()


@contextmanager
def _executor(given: Executor | None, num_jobs: int) -> Iterator[Executor]:
    if given is not None:
        yield given
        return
    workers = max(1, min(num_jobs, os.cpu_count() or 1))
    with ThreadPoolExecutor(1) if workers == 1 else process_pool(workers) as pool:
        yield pool
