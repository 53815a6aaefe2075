"""Whether a cohort of many blocks and rows can be built and opened.

Run: ``python benchmarks/large_cohort.py [--blocks 2000] [--rows 400000]``. It builds a cohort of
many tiny blocks and reads all of its rows with at most 256 open files, and it builds and opens a
cohort of many rows with the columns of the MIMIC cohort. Takes about three minutes on two cores.
"""

import argparse
import resource
import tempfile
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from crossbeat.data.build import Block, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.leads import STANDARD

FINDINGS = tuple(f"finding_{number}" for number in range(14))
INFO = CohortInfo(
    name="large",
    kind="paired",
    findings=FINDINGS,
    leads=STANDARD,
    fs=10.0,
    seconds=1.0,
    image_size=8,
)
OPEN_FILES = 256


def block(number: int, rows: int) -> Block:
    """Rows of the table of MIMIC's cohort, with tiny signals."""
    draw = np.random.default_rng(number)
    ids = np.arange(number * rows, (number + 1) * rows)
    patients = [f"p{10_000_000 + each // 4}" for each in ids]
    splits = np.array(["test"] * 2 + ["val"] + ["train"] * 7)[(ids // 4) % 10]
    times = [datetime(2150, 1, 1) + timedelta(hours=int(each)) for each in ids]
    columns = {
        "patient": patients,
        "record": [f"s{40_000_000 + each}" for each in ids],
        "time": times,
        "split": splits,
        "age": draw.uniform(18, 91, rows).astype(np.float32),
        "sex": draw.choice(["F", "M"], rows),
        "ecg": np.arange(rows),
        "xray": np.arange(rows),
        "xray_patient": patients,
        "xray_record": [f"{each:016x}" for each in ids],
        "xray_study": [f"s{50_000_000 + each}" for each in ids],
        "xray_time": times,
        "reported": [True] * rows,
    }
    for finding in FINDINGS:
        codes = draw.choice([1, 0, -1], rows).astype(np.int8)
        columns |= {f"label:{finding}": codes, f"xray_label:{finding}": codes}
    ecgs = draw.integers(-3000, 3000, (rows, 12, 10)).astype(np.int16)
    return Block(
        pl.DataFrame(columns),
        {"ecg": ecgs, "xray": draw.integers(0, 255, (rows, 8, 8)).astype(np.uint8)},
    )


def build(folder: Path, blocks: int, rows: int) -> Cohort:
    started = time.perf_counter()
    cohort = build_cohort(folder, INFO, [partial(block, number, rows) for number in range(blocks)])
    print(f"{blocks} blocks of {rows} rows: built in {time.perf_counter() - started:.0f} s")
    return cohort


def run() -> None:
    """Build, open, read and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=400_000)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    with tempfile.TemporaryDirectory() as place:
        many = build(Path(place) / "many", options.blocks, 3)
        rows = np.random.default_rng(0).permutation(many.table.height)
        print(f"read {len(many.ecgs(rows).values)} ECGs with at most {OPEN_FILES} open files")
        build(Path(place) / "large", 100, options.rows // 100)
        started = time.perf_counter()
        cohort = Cohort.open(Path(place) / "large")
        seconds = time.perf_counter() - started
        print(f"{cohort.table.height} rows, {cohort.table.width} columns: open in {seconds:.2f} s")


if __name__ == "__main__":
    run()
