"""``crossbeat bench loader``: random batches of pairs from a cohort on disk."""

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from crossbeat.cli.benches.measure import in_new_process
from crossbeat.cli.cohorts import built
from crossbeat.data.cohort import Cohort
from crossbeat.data.loaders import epoch_batches
from crossbeat.data.virtual import Virtual

BATCH = 256
"""Pairs in a batch."""

_EPOCHS = 8


def cases(*, seed: int, small: bool, folder: Path) -> dict[str, dict[str, Any]]:
    """ECGs per second, each with its X-ray, by one process.

    Args:
        seed: of the patients and of the batches, 0 or more.
        small: in a small size, to see that it runs.
        folder: for the cohort; that of an earlier call is taken again.
    """
    settings = Virtual(num_patients=2 * BATCH if small else 10_000, seed=seed, image_size=64)
    cohort = built(settings, folder / f"virtual-{settings.num_patients}-seed-{seed}")
    return {"loader/ours": in_new_process(loaded, cohort.folder, seed, threads=2)}


def loaded(folder: Path, seed: int) -> dict[str, Any]:
    """Read all rows of a cohort several times; the median of the epochs counts.

    The files are in memory from the first epoch on, if there is room.
    """
    cohort = Cohort.open(folder)
    weights = np.ones(cohort.table.height)
    taken, num = [], 0
    for epoch in range(_EPOCHS + 1):
        batches = epoch_batches(weights, BATCH, seed=seed, epoch=epoch)
        begin = time.perf_counter()
        for rows in batches:
            cohort.ecgs(rows)
            cohort.images("xray", rows)
        taken.append(time.perf_counter() - begin)
        num = sum(map(len, batches))
    return {
        "per_second": num / median(taken[1:]),
        "first_per_second": num / taken[0],
        "records": cohort.table.height,
        "batch": min(BATCH, cohort.table.height),
        "epochs": _EPOCHS,
    }
