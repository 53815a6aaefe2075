"""Tiny cohorts, written by the same builder as real ones."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Unpack
from unittest.mock import patch

import numpy as np
import polars as pl

from crossbeat import leads
from crossbeat.data.build import Block, How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo

FS, SECONDS, SIZE, PER_BLOCK, BLOCKS = 10.0, 1.0, 4, 6, 3
_SPLITS = ("train", "train", "val", "train", "test", "train")


def tiny_info(seed: int = 0) -> CohortInfo:
    return CohortInfo(
        name="tiny",
        kind="paired",
        findings=("edema", "cardiomegaly"),
        leads=leads.STANDARD,
        fs=FS,
        seconds=SECONDS,
        image_size=SIZE,
        seed=seed,
    )


def tiny_block(number: int) -> Block:
    """Value of ECG i in all places: i integer steps; of X-ray i: i."""
    count = np.arange(number * PER_BLOCK, (number + 1) * PER_BLOCK)
    samples = np.ones((1, len(leads.STANDARD), round(FS * SECONDS)), dtype=np.int16)
    names = [f"p{i}" for i in count.tolist()]
    table = pl.DataFrame(
        {
            "patient": names,
            "record": [f"r{name}" for name in names],
            "split": _SPLITS,
            "age": np.full(PER_BLOCK, 50.0),
            "sex": ["F", "M"] * (PER_BLOCK // 2),
            "ecg": np.arange(PER_BLOCK),
            "xray": np.arange(PER_BLOCK),
            "xray_patient": names,
            "label:edema": [1, 0, -1, None, 1, 0],
            "label:cardiomegaly": [0, 1, 0, 0, None, 1],
            "truth:edema": [1, 0, 1, 0, 1, 0],
        }
    )
    ecgs = count[:, None, None].astype(np.int16) * samples
    xrays = np.broadcast_to(count[:, None, None], (PER_BLOCK, SIZE, SIZE)).astype(np.uint8)
    return Block(table, {"ecg": ecgs, "xray": xrays})


def build_tiny(
    folder: Path,
    block: Callable[[int], Block] = tiny_block,
    *,
    seed: int = 0,
    shard: int = PER_BLOCK,
    blocks: int = BLOCKS,
    **how: Unpack[How],
) -> Cohort:
    """The ECGs fill three shards, the X-rays one.

    Args:
        shard: ECGs of a shard.
    """
    size = shard * tiny_info().row("ecg").itemsize
    with ThreadPoolExecutor(1) as here, patch("crossbeat.data.shards.SHARD", size):
        made = [partial(block, i) for i in range(blocks)]
        how = {"executor": here, **how}
        return build_cohort(folder, tiny_info(seed), made, **how)
