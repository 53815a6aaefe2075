"""Blocks of a build, and the shards to which they are joined.

When a shard is written, the files of the blocks that end in it are removed: little more than one
copy of the signals is on disk at any time.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Int64, Shaped

from crossbeat.data.info import CohortInfo, FileInfo, file_info
from crossbeat.data.rejected import Rejected
from crossbeat.data.store import Store
from crossbeat.files import ReadJson, write_whole
from crossbeat.modalities import MODALITIES

SHARD = 64 * 2**20
"""Bytes of the rows of a shard, at most; a larger row is a shard of its own."""


@dataclass(frozen=True)
class Receipt:
    """What a block wrote. The files of its signals are gone when they are in shards."""

    number: int
    files: dict[str, FileInfo]
    digests: dict[str, list[str]]
    rejected: tuple[Rejected, ...]
    signatures: dict[str, str]


@dataclass(frozen=True)
class Shard:
    """Rows ``begin`` to ``end`` of those that its blocks have together."""

    path: Path
    blocks: Store
    begin: int
    end: int
    used_up: tuple[Path, ...]
    """The files of blocks that end in this shard."""


def resume(draft: Path, info: CohortInfo, num_blocks: int) -> tuple[list[int], dict[str, FileInfo]]:
    """Numbers of the blocks that must be made, and the shards that are finished, by name.

    A block must be made if it has no receipt, or if a file of it that no finished shard holds is
    damaged.
    """
    receipts = receipts_of(draft, num_blocks)
    shards: dict[str, FileInfo] = {}
    used: set[Path] = set()
    needed: set[Path] = set()
    if len(receipts) == num_blocks:  # else the rows of a shard are not known
        for shard in shards_of(draft, info, receipts):
            told = _joined(draft, shard)
            if told is None:
                needed.update(shard.blocks.paths)
            else:
                used.update(shard.blocks.paths)
                shards[shard.path.name] = told
    whole = {
        receipt.number
        for receipt in receipts
        if all(
            _is_as_told(draft / name, entry)
            for name, entry in receipt.files.items()
            if draft / name not in used - needed
        )
    }
    return [number for number in range(num_blocks) if number not in whole], shards


def receipts_of(draft: Path, num_blocks: int) -> list[Receipt]:
    """Those of the blocks that were finished, in order."""
    found = []
    for number in range(num_blocks):
        path = receipt_file(draft, f"{number:05d}")
        if path.exists():
            values = json.loads(path.read_text(encoding="utf-8"))
            if _lacks_signatures(values):  # of an older version: the block is made again
                continue
            files = {name: FileInfo(**entry) for name, entry in values["files"].items()}
            rejected = tuple(Rejected(**each) for each in values["rejected"])
            signatures = values["signatures"]
            found.append(Receipt(number, files, values["digests"], rejected, signatures))
    return found


def _lacks_signatures(receipt: ReadJson) -> bool:
    compared = {name for name, entry in MODALITIES.items() if entry.likeness}
    return not compared.intersection(receipt["digests"]) <= set(receipt.get("signatures", ()))


def shards_of(draft: Path, info: CohortInfo, receipts: Sequence[Receipt]) -> Iterator[Shard]:
    """Which rows of which blocks make each shard."""
    for signal in MODALITIES:
        there = [each for each in receipts if signal in each.digests]
        paths = [block_file(draft, each.number, signal) for each in there]
        counts = np.array([len(each.digests[signal]) for each in there], dtype=np.int64)
        ends = counts.cumsum()
        total = int(counts.sum())
        if not total:
            continue
        row = info.row(signal)
        count = -(-total // max(1, SHARD // row.itemsize))
        size = -(-total // count)
        for number, begin in enumerate(range(0, total, size)):
            end = min(begin + size, total)
            first = int(np.searchsorted(ends, begin, side="right"))
            whole = int(np.searchsorted(ends, end, side="right"))
            last = int(np.searchsorted(ends, end, side="left")) + 1
            before = int(ends[first] - counts[first])
            yield Shard(
                path=draft / f"{signal}-{number:05d}.npy",
                blocks=Store(paths[first:last], counts[first:last].tolist(), row),
                begin=begin - before,
                end=end - before,
                used_up=tuple(paths[first:whole]),
            )


def join(draft: Path, shard: Shard) -> FileInfo:
    """Write a shard and its receipt."""
    rows = shard.blocks.take(np.arange(shard.begin, shard.end))
    write_array(shard.path, rows)
    told = file_info(shard.path, len(rows))
    write_whole(receipt_file(draft, shard.path.stem), json.dumps(asdict(told)))
    return told


def rows_in(
    draft: Path,
    info: CohortInfo,
    shards: Mapping[str, FileInfo],
    signal: str,
    rows: Int64[np.ndarray, " row"],
) -> Shaped[np.ndarray, "row ..."]:
    """Some rows of a signal, from the finished shards in the order of their rows."""
    counts = {name: told.rows for name, told in shards.items() if name.startswith(f"{signal}-")}
    paths = [draft / name for name in counts]
    return Store(paths, list(counts.values()), info.row(signal)).take(rows)


def write_array(path: Path, array: np.ndarray) -> None:
    """Write a ``.npy`` file."""
    rows = np.ascontiguousarray(array)

    def write(file: IO[bytes]) -> None:  # on a full disk np.save raises an error without its number
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(rows))
        file.write(rows.data)

    write_whole(path, write)


def block_file(draft: Path, number: int, signal: str) -> Path:
    """Where a block leaves one of its signals."""
    return draft / f"block-{number:05d}-{signal}.npy"


def rows_file(draft: Path, number: int) -> Path:
    """Where a block leaves its rows of the table."""
    return draft / f"rows-{number:05d}.parquet"


def receipt_file(draft: Path, of: str) -> Path:
    """Where a block, named by its number, or a shard says that it is finished."""
    return draft / f"receipt-{of}.json"


def _joined(draft: Path, shard: Shard) -> FileInfo | None:
    """The receipt of a shard; None if it is unfinished or damaged."""
    receipt = receipt_file(draft, shard.path.stem)
    if not receipt.exists():
        return None
    told = FileInfo(**json.loads(receipt.read_text(encoding="utf-8")))
    is_whole = told.rows == shard.end - shard.begin and _is_as_told(shard.path, told)
    return told if is_whole else None


def _is_as_told(path: Path, told: FileInfo) -> bool:
    return path.is_file() and file_info(path, told.rows) == told
