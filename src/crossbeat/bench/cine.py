"""``crossbeat bench cine``: cines drawn, and frames read from disk and encoded."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from crossbeat.bench import Cases, in_new_process
from crossbeat.data.cohort import Cohort
from crossbeat.data.loaders import epoch_batches
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.encoders import CINE_ENCODERS
from crossbeat.files import Json

BATCH = 32
"""Cines in a batch."""


def cases(*, seed: int, small: bool, folder: Path) -> Cases:
    """Cines per second that one core draws, and frames per second that it reads and encodes.

    ``loading_share`` is the part of the time in which a batch is read and brought to floats.
    """
    num, frames, size = (BATCH, 4, 32) if small else (256, 50, 96)
    settings = VirtualHearts(num_patients=num, seed=seed, frames=frames, cine_size=size)
    place = folder / f"hearts-{num}-seed-{seed}"
    if not place.exists():
        settings.build(place)
    return {
        "draw/ours": in_new_process(drawn, 4 if small else 64, frames, size, threads=1),
        "encode/ours": in_new_process(encoded, place, seed, threads=1),
    }


def drawn(num: int, frames: int, size: int) -> Json:
    """Draw patients with ECG and cine and store them, by one process."""
    settings = VirtualHearts(num_patients=num, seed=1, frames=frames, cine_size=size)
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as here:
        begin = time.process_time()
        settings.build(Path(folder) / "cohort", executor=here)
        return {"per_second": num / (time.process_time() - begin), "cines": num}


def encoded(folder: Path, seed: int) -> Json:
    """Read all cines of a cohort in random batches and encode them, without gradients."""
    cohort = Cohort.open(folder)
    encoder = CINE_ENCODERS["frames-small"](cohort.info.frames).eval()
    batches = epoch_batches(np.ones(cohort.table.height), BATCH, seed=seed, epoch=0)
    loading = computing = 0.0
    with torch.no_grad():
        encoder.tokens(cohort.images("cine", batches[0]).float() / 255)
        for rows in batches:
            begin = time.process_time()
            cines = cohort.images("cine", rows).float() / 255
            read = time.process_time()
            encoder.tokens(cines)
            loading, computing = loading + read - begin, computing + time.process_time() - read
    frames = sum(map(len, batches)) * cohort.info.frames
    return {
        "per_second": frames / (loading + computing),
        "frames": frames,
        "loading_share": loading / (loading + computing),
    }
