"""``crossbeat bench store``: random batches from shards, beside one array of the same size."""

import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import IO, Any

import numpy as np
from jaxtyping import Int64

from crossbeat.bench import Cases, in_new_process
from crossbeat.data.loaders import epoch_batches
from crossbeat.data.shards import SHARD
from crossbeat.data.store import Store
from crossbeat.files import Json, write_whole

BATCH = 256
"""Rows in a batch."""

ROW = np.dtype((np.int16, (12, 1000)))
"""An ECG of 10 s at 100 Hz."""

_EPOCHS = 5


def cases(*, seed: int, small: bool, folder: Path) -> Cases:
    """Rows per second from shards, from one array, and from a file for every batch of a build.

    ``ratio`` is how much longer a batch takes than from the one array.

    The files take three times 2.4 GB.

    Raises:
        RuntimeError: the ways do not give the same rows.
    """
    num = 4 * BATCH if small else 100_000
    sizes = {
        "store/ours": BATCH if small else SHARD // ROW.itemsize,
        "store/one-array": num,
        "store/small-shards": BATCH // 2 if small else 256,
    }
    stores = {
        name: written(folder / f"{name.replace('/', '-')}-{num}-seed-{seed}", num, size, seed)
        for name, size in sizes.items()
    }
    return in_new_process(timed, stores, seed, threads=1)


def written(folder: Path, num: int, size: int, seed: int) -> Store:
    """Random rows in files of ``size`` rows; files that are there are taken again."""
    counts = [min(size, num - begin) for begin in range(0, num, size)]
    paths = [folder / f"{number:05d}.npy" for number in range(len(counts))]
    random = np.random.default_rng(seed)
    every = random.integers(-3000, 3000, (BATCH, *ROW.shape), dtype=ROW.base)
    for number, path in enumerate(paths):
        if not path.exists():
            begin = number * size
            write_whole(path, partial(_write, every, begin, begin + counts[number]))
    return Store(paths, counts, ROW)


def _write(every: np.ndarray, begin: int, end: int, file: IO[bytes]) -> None:
    """Rows of noise that begin with their own number."""
    shape = (end - begin, *ROW.shape)
    header = {"descr": ROW.base.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    for first in range(begin, end, BATCH):
        numbers = np.arange(first, min(first + BATCH, end))
        rows = every[numbers % BATCH]
        rows[:, 0, :2] = np.stack([numbers // BATCH, numbers % BATCH], axis=1)
        file.write(rows.tobytes())


def timed(stores: dict[str, Store], seed: int) -> Cases:
    """Read all rows in random batches several times; the median of the epochs counts.

    Each batch is read from every store, in random order, so that other work on the machine slows
    all of them. A store of one file is read by NumPy alone.
    """
    read = {
        name: store.take if len(store.paths) > 1 else _indexed(store)
        for name, store in stores.items()
    }
    num = len(next(iter(stores.values())))
    turns = np.random.default_rng(seed)
    taken: dict[str, list[float]] = {name: [] for name in stores}
    for epoch in range(_EPOCHS + 1):
        batches = epoch_batches(np.ones(num), BATCH, seed=seed, epoch=epoch)
        _check_same(read, batches[0])
        sums = dict.fromkeys(read, 0.0)
        for rows in batches:
            for name in turns.permutation(list(read)).tolist():
                begin = time.perf_counter()
                read[name](rows)
                sums[name] += time.perf_counter() - begin
        for name, seconds in sums.items():
            taken[name].append(seconds / (len(batches) * BATCH))
    usual = {name: median(each[1:]) for name, each in taken.items()}
    return {
        name: {
            "per_second": 1 / usual[name],
            "first_per_second": 1 / taken[name][0],
            "ratio": usual[name] / usual["store/one-array"],
            "files": len(store.paths),
            "gb": num * ROW.itemsize / 1e9,
        }
        for name, store in stores.items()
    }


def _indexed(store: Store) -> Any:
    array = np.asarray(np.load(store.paths[0], mmap_mode="r"))
    return array.__getitem__


def _check_same(read: Json, rows: Int64[np.ndarray, " row"]) -> None:
    wanted = read["store/one-array"](rows)
    for name, take in read.items():
        if not np.array_equal(take(rows), wanted):
            raise RuntimeError(f"{name} must give the rows of the one array, got other rows")
