"""Arrays on disk: shards of ``.npy`` files, read by memory map."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int16, Int64, Shaped

from crossbeat.errors import DataError

_LARGEST = np.iinfo(np.int16).max


class Store:
    """Rows of equal shape in one or more ``.npy`` files; any rows are read in any order.

    Args:
        paths: the shards, in the order of their rows.

    Raises:
        DataError: a shard is absent or no ``.npy`` file, or shards differ in shape or type.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        maps = self._maps
        kinds = {(shard.shape[1:], shard.dtype) for shard in maps}
        if len(kinds) > 1:
            raise DataError(
                f"shards of a cohort must have one shape and type, got {sorted(map(str, kinds))} "
                f"in {self.paths[0].parent}; rebuild the cohort"
            )
        self.row_shape: tuple[int, ...] = maps[0].shape[1:] if maps else ()

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.paths else 0

    def __getstate__(self) -> dict[str, object]:
        # A map pickles as its contents: another process opens the files anew instead.
        return {"paths": self.paths, "row_shape": self.row_shape}

    def take(self, rows: Int64[np.ndarray, " row"]) -> Shaped[np.ndarray, "row ..."]:
        """A copy of the rows, in the order given.

        Raises:
            IndexError: a row is below 0 or beyond the last.
        """
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"rows must be 0 to {len(self) - 1}, got {rows.min()}, {rows.max()}")
        if len(self._maps) == 1:
            return self._maps[0][rows]
        shard = np.searchsorted(self._ends, rows, side="right")
        taken = np.empty((len(rows), *self.row_shape), dtype=self._maps[0].dtype)
        for number in np.unique(shard).tolist():
            mine = np.flatnonzero(shard == number)
            taken[mine] = self._maps[number][rows[mine] - self._begins[number]]
        return taken

    @cached_property
    def _maps(self) -> list[np.ndarray]:
        # As plain arrays: indexing a np.memmap costs several times as much per call.
        return [np.asarray(_open(path)) for path in self.paths]

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([len(shard) for shard in self._maps])

    @cached_property
    def _begins(self) -> np.ndarray:
        return self._ends - np.array([len(shard) for shard in self._maps])


def to_int16(
    values: Float[np.ndarray, "batch lead time"], gain: float, source: str
) -> Int16[np.ndarray, "batch lead time"]:
    """ECGs as integers of 1 / gain, rounded to the nearest.

    Args:
        values: millivolts, or standard deviations.
        gain: integers per unit, above 0.
        source: named in errors.

    Raises:
        DataError: a value is not finite, or too large for 16 bits.
    """
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


def _open(path: Path) -> np.memmap:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} must be a shard of a cohort, got: {error}; rebuild the cohort"
        ) from error
