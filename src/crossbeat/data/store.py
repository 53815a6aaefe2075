"""Arrays on disk: shards of ``.npy`` files, read by memory map."""

from collections.abc import Sequence
from operator import getitem
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int16, Int64, Shaped

from crossbeat.errors import DataError, reason

_LARGEST = np.iinfo(np.int16).max


class Store:
    """Rows of equal shape in any number of ``.npy`` files; any rows are read in any order.

    A shard is opened when one of its rows is first read, and stays mapped. A map holds no file
    descriptor, so there may be more shards than a process may have open files. Threads and forked
    processes may share a store; another process that gets it pickled maps the shards anew.

    Args:
        paths: the shards, in the order of their rows.
        counts: how many rows each shard has, 1 or more.
        row: shape and type of a row, such as ``np.dtype((np.int16, (12, 1000)))``.
    """

    def __init__(self, paths: Sequence[Path], counts: Sequence[int], row: np.dtype) -> None:
        self.paths = tuple(paths)
        self.row = row
        self._counts = np.array(counts, dtype=np.int64)
        self._ends = self._counts.cumsum()
        self._maps: dict[int, memoryview] = {}

    def __len__(self) -> int:
        return int(self._counts.sum())

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_maps": {}}

    def take(self, rows: Int64[np.ndarray, " row"]) -> Shaped[np.ndarray, "row ..."]:
        """A copy of the rows, in the order given; a shard must be as the store was told."""
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"rows must be 0 to {len(self) - 1}, got {rows.min()}, {rows.max()}")
        shards = np.searchsorted(self._ends, rows, side="right")
        within = rows - (self._ends - self._counts)[shards]
        numbers = shards.tolist()
        for number in set(numbers).difference(self._maps):
            count = int(self._counts[number])
            self._maps[number] = _mapped(self.paths[number], count, self.row)
        if len(self._maps) == len(self.paths) == 1:
            whole = np.ndarray((len(self), *self.row.shape), self.row.base, self._maps[0])
            return whole[within]
        # Joining slices of bytes costs a third of what indexing shard by shard does.
        begins = within * self.row.itemsize
        spans = map(slice, begins.tolist(), (begins + self.row.itemsize).tolist())
        parts = map(getitem, map(self._maps.__getitem__, numbers), spans)
        joined = bytearray().join(parts)  # type: ignore[arg-type]
        return np.ndarray((len(rows), *self.row.shape), self.row.base, joined)


def to_int16(
    values: Float[np.ndarray, "batch lead time"], gain: float, source: str
) -> Int16[np.ndarray, "batch lead time"]:
    """ECGs (mV, or standard deviations) as integers of 1 / gain, rounded to the nearest."""
    scaled = np.rint(values * np.float32(gain))
    wrong = ~(np.abs(scaled) <= _LARGEST)
    if wrong.any():
        row = int(wrong.any(axis=(1, 2)).argmax())
        worst = values[row].flat[np.abs(scaled[row]).argmax()].item()
        raise DataError(
            f"every value of an ECG must be finite and within {_LARGEST / gain:.1f} mV, got "
            f"{worst:g} in ECG {row} of {source}; is the signal in microvolt, or damaged?"
        )
    return scaled.astype(np.int16)


def _mapped(path: Path, count: int, row: np.dtype) -> memoryview:
    """The bytes of all rows of a shard."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} must be a shard of a cohort, got: {reason(error)}; rebuild the cohort"
        ) from error
    told, got = (count, *row.shape), array.shape
    if got != told or array.dtype != row.base or not array.flags.c_contiguous:
        raise DataError(
            f"{path} must hold an array of shape {told} and type {row.base}, as the cohort.json "
            f"beside it says, got {got} and {array.dtype}; copy the folder again or rebuild the "
            "cohort"
        )
    # Unlike maps of NumPy and of Python, those of torch do not keep a file descriptor each.
    whole = torch.from_file(str(path), size=array.offset + array.nbytes, dtype=torch.uint8)
    return whole.numpy().data[array.offset :]
