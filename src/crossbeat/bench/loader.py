"""``crossbeat bench loader``: random batches of pairs from a cohort on disk."""

import time
from pathlib import Path
from statistics import median

import numpy as np

from crossbeat.bench import Cases, in_new_process
from crossbeat.data.cohort import Cohort
from crossbeat.data.loaders import epoch_batches
from crossbeat.data.sources.virtual import Virtual
from crossbeat.files import Json

BATCH = 256
"""Pairs in a batch."""

_EPOCHS = 8


def cases(*, seed: int, small: bool, folder: Path) -> Cases:
    """ECGs per second, each with its X-ray, by one process."""
    settings = Virtual(num_patients=2 * BATCH if small else 10_000, seed=seed, image_size=64)
    place = folder / f"virtual-{settings.num_patients}-seed-{seed}"
    if not place.exists():
        settings.build(place)
    return {"loader/ours": in_new_process(loaded, place, seed, threads=2)}


def loaded(folder: Path, seed: int) -> Json:
    """Read all rows of a cohort several times; the median of the epochs counts.

    The files are in memory from the first epoch on, if there is room.
    """
    cohort = Cohort.open(folder)
    num, taken = cohort.table.height, []
    for epoch in range(_EPOCHS + 1):
        batches = epoch_batches(np.ones(num), BATCH, seed=seed, epoch=epoch)
        begin = time.perf_counter()
        for rows in batches:
            cohort.ecgs(rows)
            cohort.images("xray", rows)
        taken.append((time.perf_counter() - begin) / sum(map(len, batches)))
    return {
        "per_second": 1 / median(taken[1:]),
        "first_per_second": 1 / taken[0],
        "records": num,
        "batch": min(BATCH, num),
        "epochs": _EPOCHS,
    }
