"""Build a cohort block by block, in several processes; an interrupted build can be resumed.

A build writes into ``<folder>.partial``. A finished block leaves its shards and, last, a receipt
with their checksums; a second run keeps what has a receipt. When all blocks are there, the folder
gets its name. So a folder under that name is complete. Its bytes depend neither on the number of
workers nor on interruptions.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    Executor,
    Future,
    as_completed,
)
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Int16, UInt8

from crossbeat.data import alike
from crossbeat.data.audit import AUDIT_FILE, Digests, audit, without_leaks, write_audit
from crossbeat.data.cohort import INFO_FILE, TABLE_FILE, Cohort
from crossbeat.data.info import CohortInfo, FileInfo, file_info
from crossbeat.data.people import EXACT_IDS, ids_in, require_one_spelling
from crossbeat.data.rejected import REJECTED_FILE, Rejected, in_words, rejected_table
from crossbeat.data.store import Store
from crossbeat.data.table import SIGNALS, check_table, conform
from crossbeat.errors import DataError
from crossbeat.files import write_whole
from crossbeat.workers import given_or_own, result_of

Progress = Callable[[int, int], None]
"""Called with the number of finished blocks and of all blocks."""


def silent(done: int, total: int) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Block:
    """Part of a cohort.

    Args:
        table: its rows; the columns in ``SIGNALS`` count from 0 within the block.
        ecgs: integers of 1 / ``ecg_gain``.
        xrays: 0 to 255.
        rejected: the records that were left out.
        cines: 0 to 255, one heartbeat from R peak to R peak, in the short axis.
        cines_long: the same in the long axis.
    """

    table: pl.DataFrame
    ecgs: Int16[np.ndarray, "ecg lead time"] | None = None
    xrays: UInt8[np.ndarray, "xray height width"] | None = None
    rejected: tuple[Rejected, ...] = ()
    cines: UInt8[np.ndarray, "cine frame height width"] | None = None
    cines_long: UInt8[np.ndarray, "cine_long frame height width"] | None = None


@dataclass(frozen=True)
class _Receipt:
    files: dict[str, FileInfo]
    digests: dict[str, list[str]]
    rejected: tuple[Rejected, ...]
    signatures: dict[str, str]


def build_cohort(
    folder: Path,
    info: CohortInfo,
    blocks: Sequence[Callable[[], Block]],
    *,
    executor: Executor | None = None,
    progress: Progress = silent,
    beside: Mapping[str, str] | None = None,
) -> Cohort:
    """Make each block, in any process, and join them to a cohort.

    Args:
        folder: where the cohort will be; must not exist.
        info: what it is; its ``files`` are filled in here.
        blocks: each makes one shard; picklable, and the same whenever it is called.
        executor: runs the blocks; it must see the same file system. By default a process per
            core, if there is more than one block.
        progress: called after each block.
        beside: texts that belong to the cohort, by the names of their files.

    Raises:
        DataError: the folder exists, an unfinished build there is of another cohort, the disk is
            full, no record is usable, the ids of two patients differ only in their spelling, or
            the blocks do not make a valid cohort.
    """
    if folder.exists():
        raise DataError(f"{folder} must not exist yet, got a folder; remove it or choose another")
    draft = folder.with_name(f"{folder.name}.partial")
    _begin(draft, info)
    missing = [number for number in range(len(blocks)) if _receipt(draft, number) is None]
    done = len(blocks) - len(missing)
    progress(done, len(blocks))
    with given_or_own(executor, len(missing)) as workers:
        jobs = [workers.submit(_make, draft, number, blocks[number]) for number in missing]
        for count, job in enumerate(_finished(jobs), start=done + 1):
            result_of(job)
            progress(count, len(blocks))
    belonging = _finish(draft, info, len(blocks), beside or {})
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
    entries, digests, signatures = {}, {}, {}
    arrays = (made.ecgs, made.xrays, made.cines, made.cines_long)
    for name, array in zip(SIGNALS, arrays, strict=True):
        if array is not None and len(array):
            digests[name] = [blake2b(row.tobytes(), digest_size=12).hexdigest() for row in array]
            signed = alike.signatures(name, array)
            if signed is not None:
                signatures[name] = alike.to_text(signed)
            path = draft / f"{name}-{number:05d}.npy"
            write_whole(path, partial(np.save, arr=np.ascontiguousarray(array)))
            entries[path.name] = asdict(file_info(path, len(array)))
    path = draft / f"rows-{number:05d}.parquet"
    write_whole(path, conform(made.table).write_parquet)
    entries[path.name] = asdict(file_info(path))
    receipt = {
        "files": entries,
        "digests": digests,
        "rejected": [asdict(each) for each in made.rejected],
        "signatures": signatures,
    }
    write_whole(draft / f"receipt-{number:05d}.json", json.dumps(receipt))


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
    rejected = tuple(Rejected(**each) for each in values["rejected"])
    if not whole or "signatures" not in values:  # an older version has none
        return None
    return _Receipt(files, values["digests"], rejected, values["signatures"])


def _finish(draft: Path, info: CohortInfo, num_blocks: int, beside: Mapping[str, str]) -> set[str]:
    """Write table, audit and info; the names of all files that belong to the cohort."""
    files: dict[str, FileInfo] = {}
    tables: list[pl.DataFrame] = []
    rejected: list[Rejected] = []
    digests: dict[str, list[str]] = {}
    signed: dict[str, list[np.ndarray]] = {}
    for number in range(num_blocks):
        receipt = _receipt(draft, number)
        assert receipt is not None
        rows = pl.read_parquet(draft / f"rows-{number:05d}.parquet")
        there = {name: digests.setdefault(name, []) for name in SIGNALS if name in rows.columns}
        tables.append(rows.with_columns(pl.col(name) + len(of) for name, of in there.items()))
        rejected += receipt.rejected
        files |= {name: entry for name, entry in receipt.files.items() if name.endswith(".npy")}
        for name, told in receipt.digests.items():
            digests[name] += told
        for name, text in receipt.signatures.items():
            signed.setdefault(name, []).append(alike.from_text(text))
    listed = pl.concat(tables)
    if not info.settings.get(EXACT_IDS):
        require_one_spelling(ids_in(listed), f"the table of {draft.stem}")
    table, leaks = without_leaks(listed, digests)
    left_out = rejected_table([*rejected, *leaks])
    if not table.height:
        raise DataError(_nothing(draft, left_out))
    check_table(table, info.findings, info.phenotypes)
    write_whole(draft / TABLE_FILE, table.write_parquet)
    files[TABLE_FILE] = file_info(draft / TABLE_FILE)
    found = audit(table, digests) | {"alike": _alike(draft, table, digests, signed)}
    write_audit(draft / AUDIT_FILE, found, table=files[TABLE_FILE].sha256)
    files[AUDIT_FILE] = file_info(draft / AUDIT_FILE)
    if left_out.height:
        write_whole(draft / REJECTED_FILE, left_out.write_parquet)
        files[REJECTED_FILE] = file_info(draft / REJECTED_FILE)
    for name, text in beside.items():
        write_whole(draft / name, text)
        files[name] = file_info(draft / name)
    notes = (*info.notes, *in_words(left_out, table.height), *alike.in_words(found["alike"]))
    write_whole(draft / INFO_FILE, replace(info, files=files, notes=notes).to_json())
    return set(files) | {INFO_FILE}


def _alike(
    draft: Path,
    table: pl.DataFrame,
    digests: Digests,
    signed: Mapping[str, Sequence[np.ndarray]],
) -> dict[str, Any]:
    """Nearly equal signals of different patients, compared in the arrays of the draft."""

    def read(name: str, rows: np.ndarray) -> np.ndarray:
        return Store(sorted(draft.glob(f"{name}-*.npy"))).take(rows)

    whole = {name: np.concatenate(parts) for name, parts in signed.items()}
    return alike.alike(table, digests, whole, read)


def _nothing(draft: Path, left_out: pl.DataFrame) -> str:
    if not left_out.height:
        return f"{draft.stem} must have records, got none; check the folders that it is made from"
    return (
        f"{draft.stem} must have a record that can be used, got {left_out.height} that cannot, the "
        f"first: {left_out['reason'][0]}; repair the data set, remove {draft}, and run again"
    )


def _finished(jobs: list[Future[None]]) -> Iterator[Future[None]]:
    try:
        yield from as_completed(jobs)
    finally:
        for job in jobs:
            job.cancel()
