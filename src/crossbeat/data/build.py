"""Build a cohort block by block, in several processes; an interrupted build can be resumed.

A build writes into ``<folder>.partial``, and keeps what has a receipt: blocks, then shards. At the
end the folder gets its name, so a folder under that name is complete. Its bytes depend neither on
the number of workers nor on interruptions.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
import polars as pl
from jaxtyping import Shaped

from crossbeat.data import alike
from crossbeat.data.audit import AUDIT_FILE, audit, without_leaks
from crossbeat.data.cohort import INFO_FILE, TABLE_FILE, Cohort
from crossbeat.data.info import CohortInfo, FileInfo, file_info, read_info
from crossbeat.data.people import EXACT_IDS, ids_in, require_one_spelling
from crossbeat.data.rejected import REJECTED_FILE, UNREADABLE, Rejected, in_words, rejected_table
from crossbeat.data.shards import (
    Receipt,
    block_file,
    join,
    receipt_file,
    receipts_of,
    resume,
    rows_file,
    rows_in,
    shards_of,
    write_array,
)
from crossbeat.data.table import check_table, conform, signals_in, write_table
from crossbeat.errors import DataError
from crossbeat.files import make_folder, remove_drafts, write_whole
from crossbeat.modalities import MODALITIES
from crossbeat.workers import (
    Progress,
    cancelled_at_the_end,
    given_or_own,
    locked_beside,
    result_of,
    silent,
)

MOST_LOST = 0.05
"""Share of the files of a kind that may be unreadable without the user's consent."""

_SHOWN = 3
_REFUSED = "refused"  # the file in an unfinished build that says that too many files were lost


class How(TypedDict, total=False):
    """How a cohort is built. But for lost files, it does not show in the cohort.

    Args:
        executor: runs the blocks; it must see the same file system. By default a process per
            core, if there is more than one block.
        progress: called after each block; by default nothing is shown.
        allow_missing: accept a cohort that lost more than 5 % of the files of a kind because they
            cannot be read, more than half of them for any reason, or all of them.
    """

    executor: Executor | None
    progress: Progress
    allow_missing: bool


@dataclass(frozen=True)
class Block:
    """Part of a cohort.

    Args:
        table: its rows; the column of a modality counts from 0 within the block.
        signals: the stored samples of each modality, as ``MODALITIES`` says: ECGs as integers of
            1 / ``ecg_gain``, X-rays and cines from 0 to 255; None where there are none.
        rejected: the records that were left out.
    """

    table: pl.DataFrame
    signals: Mapping[str, Shaped[np.ndarray, "sample ..."] | None] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()


def build_cohort(
    folder: Path,
    info: CohortInfo,
    blocks: Sequence[Callable[[], Block]],
    *,
    beside: Mapping[str, str] | None = None,
    **how: Unpack[How],
) -> Cohort:
    """Make each block, in any process, and join them to a cohort.

    Where another process builds the same cohort in this folder, wait for it and open the cohort.

    Args:
        folder: where the cohort will be; must not exist.
        info: what it is; its ``files`` are filled in here.
        blocks: each makes some rows; picklable, and the same whenever it is called.
        beside: texts that belong to the cohort, by the names of their files.
        how: see ``How``.

    Raises:
        DataError: the folder exists, an unfinished build there is of another cohort, the disk is
            full or closed, too many files were lost, no record is usable, the ids of two patients
            differ only in their spelling, or the blocks do not make a valid cohort.
    """
    if folder.exists():
        raise DataError(
            f"{folder} must not exist yet, got a folder; choose another, or open it (Cohort.open)"
        )
    draft = folder.with_name(f"{folder.name}.partial")
    with locked_beside(folder):
        if folder.exists():
            return _built_meanwhile(folder, info)
        _begin(draft, info)
        _forget_losses(draft, len(blocks))
        if not (draft / INFO_FILE).exists():
            receipts, shards = _signals(draft, info, blocks, how)
            _finish(draft, info, receipts, shards, beside or {})
        belonging = {INFO_FILE, *read_info(draft / INFO_FILE).files}
        for path in draft.iterdir():
            if path.name not in belonging:
                path.unlink()
        draft.replace(folder)
    return Cohort.open(folder)


def require_room(folder: Path, info: CohortInfo, rows: Mapping[str, int]) -> None:
    """Check that the disk has room for so many rows of each signal before work on a cohort begins.

    If an unfinished build is there, nothing is checked.
    """
    if folder.with_name(f"{folder.name}.partial").exists():
        return
    needed = sum(info.row(signal).itemsize * number for signal, number in rows.items())
    above = folder.absolute().parents
    free = shutil.disk_usage(next(path for path in above if path.is_dir())).free
    if needed > free:
        raise DataError(
            f"the disk must have room for the {needed / 1e6:,.0f} MB of {folder}, got "
            f"{free / 1e6:,.0f} MB; choose fewer patients, smaller images or another disk"
        )


def _built_meanwhile(folder: Path, info: CohortInfo) -> Cohort:
    cohort = Cohort.open(folder)
    if replace(cohort.info, files={}, notes=info.notes).to_json() != info.to_json():
        raise DataError(
            f"{folder} must be free, but another process built a cohort with other settings there "
            "just now; choose another folder"
        )
    return cohort


def _begin(draft: Path, info: CohortInfo) -> None:
    plan = draft / "plan.json"
    if draft.exists() and plan.exists() and plan.read_text(encoding="utf-8") != info.to_json():
        raise DataError(
            f"{draft} must be an unfinished build of the same cohort, got other settings or "
            "another table; remove it, or build with the settings in its plan.json"
        )
    others = (each for each in draft.glob("*") if not each.match(".*.part"))  # those of the plan
    if not (plan.exists() or (draft / INFO_FILE).exists()) and any(others):
        raise DataError(
            f"{draft} must be free for the unfinished build, got a folder of other files; choose "
            "another folder for the cohort"
        )
    make_folder(draft)
    remove_drafts(draft)
    write_whole(plan, info.to_json())


def _signals(
    draft: Path,
    info: CohortInfo,
    blocks: Sequence[Callable[[], Block]],
    how: How,
) -> tuple[list[Receipt], dict[str, FileInfo]]:
    """Make what is missing; the receipts of all blocks, and the shards by name."""
    progress = how.get("progress", silent)
    missing, shards = resume(draft, info, len(blocks))
    done = len(blocks) - len(missing)
    progress(done, len(blocks))
    with given_or_own(how.get("executor"), len(missing)) as workers:
        jobs = [workers.submit(_make, draft, info, number, blocks[number]) for number in missing]
        with cancelled_at_the_end(jobs):
            for count, job in enumerate(as_completed(jobs), start=done + 1):
                result_of(job)
                progress(count, len(blocks))
        receipts = receipts_of(draft, len(blocks))
        if not how.get("allow_missing", False):
            _require_kept(draft, receipts)
        every = list(shards_of(draft, info, receipts))
        left = [shard for shard in every if shard.path.name not in shards]
        joined = [workers.submit(join, draft, shard) for shard in left]
        with cancelled_at_the_end(joined):
            for shard, joining in zip(left, joined, strict=True):
                shards[shard.path.name] = result_of(joining)
                for path in shard.used_up:
                    path.unlink(missing_ok=True)
    return receipts, {shard.path.name: shards[shard.path.name] for shard in every}


def _require_kept(draft: Path, receipts: Sequence[Receipt]) -> None:
    """A cohort that lost many of its files is no success."""
    left_out = rejected_table([each for receipt in receipts for each in receipt.rejected])
    for signal in MODALITIES:
        kept = sum(len(each.digests.get(signal, ())) for each in receipts)
        lost = left_out.filter(pl.col("signal") == signal)
        bad = lost.filter(pl.col("rule") == UNREADABLE)
        count = kept + lost.height
        if not lost.height or not (
            bad.height > MOST_LOST * count or lost.height > count / 2 or not kept
        ):
            continue
        shown = bad if bad.height > MOST_LOST * count else lost
        write_whole(draft / _REFUSED, "")
        reasons = " | ".join(shown["reason"][:_SHOWN])
        raise DataError(
            f"nearly all files of {draft.stem} must be usable, got {shown.height} of {count} "
            f"in column {signal} that are not, the first: {reasons}. Correct them and run the same "
            "command again, or add --allow-missing to go on without them"
        )


def _forget_losses(draft: Path, num_blocks: int) -> None:
    """After a refusal the user may have corrected files: blocks that lost one are made again."""
    if (draft / _REFUSED).exists():
        for receipt in receipts_of(draft, num_blocks):
            if receipt.rejected:
                receipt_file(draft, f"{receipt.number:05d}").unlink()
        (draft / _REFUSED).unlink()


def _make(draft: Path, info: CohortInfo, number: int, block: Callable[[], Block]) -> None:
    made = block()
    files, digests, signatures = {}, {}, {}
    for name, array in made.signals.items():
        if array is not None and len(array):
            _check_signal(array, name, info)
            digests[name] = [blake2b(row.tobytes(), digest_size=12).hexdigest() for row in array]
            signed = alike.signatures(name, array)
            if signed is not None:
                signatures[name] = alike.to_text(signed)
            path = block_file(draft, number, name)
            write_array(path, array)
            files[path.name] = file_info(path, len(array))
    table = conform(made.table)
    _check_rows(table, made.signals, info)
    path = rows_file(draft, number)
    write_table(path, table)
    files[path.name] = file_info(path)
    receipt = Receipt(number, files, digests, made.rejected, signatures)
    write_whole(receipt_file(draft, f"{number:05d}"), json.dumps(asdict(receipt)))


def _check_signal(array: np.ndarray, name: str, info: CohortInfo) -> None:
    row = info.row(name)
    if (array.shape[1:], array.dtype) != (row.shape, row.base):
        raise DataError(
            f"signals {name!r} of cohort {info.name} must have the shape {row.shape} and type "
            f"{row.base}, as its info says, got {array.shape[1:]} and {array.dtype}; correct the "
            "block or the info"
        )
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise DataError(
            f"signals {name!r} of cohort {info.name} must be finite, got NaN or infinity; give a "
            "row without it no place in the column"
        )


def _check_rows(table: pl.DataFrame, signals: Mapping[str, object], info: CohortInfo) -> None:
    """The columns of modalities count the stored samples of the block."""
    for name in set(MODALITIES) & set(table.columns):
        array = signals.get(name)
        number = len(array) if isinstance(array, np.ndarray) else 0
        if not table[name].drop_nulls().is_between(0, number - 1).all():
            raise DataError(
                f"column {name!r} of cohort {info.name} must count from 0 the {number} stored "
                f"samples of its block, got {table[name].max()!r}; correct the block"
            )


def _finish(
    draft: Path,
    info: CohortInfo,
    receipts: Sequence[Receipt],
    shards: Mapping[str, FileInfo],
    beside: Mapping[str, str],
) -> None:
    """Write table, audit and, last, info."""
    files = dict(shards)
    tables: list[pl.DataFrame] = []
    rejected: list[Rejected] = []
    digests: dict[str, list[str]] = {}
    signed: dict[str, list[np.ndarray]] = {}
    for receipt in receipts:
        rows = pl.read_parquet(rows_file(draft, receipt.number))
        there = {name: digests.setdefault(name, []) for name in signals_in(rows)}
        tables.append(rows.with_columns(pl.col(name) + len(of) for name, of in there.items()))
        rejected += receipt.rejected
        for name, told in receipt.digests.items():
            digests[name] += told
        for name, text in receipt.signatures.items():
            of_block = alike.from_text(text, len(receipt.digests[name]))
            signed.setdefault(name, []).append(of_block)
    listed = pl.concat(tables)
    if not info.settings.get(EXACT_IDS):
        require_one_spelling(ids_in(listed), f"the table of {draft.stem}")
    table, leaks = without_leaks(listed, digests)
    left_out = rejected_table([*rejected, *leaks])
    if not table.height:
        raise DataError(_nothing(draft, left_out))
    check_table(table, info.findings, info.measurements)
    write_table(draft / TABLE_FILE, table)
    files[TABLE_FILE] = file_info(draft / TABLE_FILE)
    whole = {name: np.concatenate(parts) for name, parts in signed.items()}
    same = alike.alike(table, digests, whole, partial(rows_in, draft, info, shards))
    found = {"table": files[TABLE_FILE].sha256, **audit(table, digests), "alike": same}
    write_whole(draft / AUDIT_FILE, json.dumps(found, indent=1) + "\n")
    if left_out.height:
        write_table(draft / REJECTED_FILE, left_out)
    for name, text in beside.items():
        write_whole(draft / name, text)
    written = [AUDIT_FILE, *[REJECTED_FILE] * bool(left_out.height), *beside]
    files |= {name: file_info(draft / name) for name in written}
    notes = (*info.notes, *in_words(left_out, table.height), *alike.in_words(same))
    write_whole(draft / INFO_FILE, replace(info, files=files, notes=notes).to_json())


def _nothing(draft: Path, left_out: pl.DataFrame) -> str:
    if not left_out.height:
        return f"{draft.stem} must have records, got none; check the folders that it is made from"
    return (
        f"{draft.stem} must have a record that can be used, got {left_out.height} that cannot, the "
        f"first: {left_out['reason'][0]}; repair the data set, remove {draft}, and run again"
    )
