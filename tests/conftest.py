"""Fixtures that every test may use."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[_name] = "1"  # tests run side by side, and so do the processes that they start

# ruff: noqa: E402
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lightning.pytorch  # noqa: F401
import numpy as np
import polars as pl
import pytest
import scipy.signal  # noqa: F401
import sklearn.linear_model  # noqa: F401
import torch

# What crossbeat itself is the first to import is compiled from source under jaxtyping's hook: see
# findings/jaxtyping_hook_compiles_other_packages.sh.
from crossbeat.data.build import Block, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.leads import STANDARD


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tests run side by side: each keeps to one core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data; ``CROSSBEAT_SHARED`` names it when it is elsewhere."""
    folder = Path(os.environ.get("CROSSBEAT_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}; set CROSSBEAT_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """120 patients with ECGs of 2 s and X-rays of 32 pixels, in which one finding shows."""
    return tiny_cohort(tmp_path_factory.mktemp("tiny") / "cohort")


@pytest.fixture(scope="session")
def tiny_hearts(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """120 virtual patients with ECGs and cines of both axes, of 6 frames of 32 pixels."""
    size = {"num_patients": 120, "frames": 6, "cine_size": 32}
    settings = VirtualHearts(**size, seed=2, val=0.2, test=0.2, long_axis=True)
    with ThreadPoolExecutor(1) as executor:
        return settings.build(tmp_path_factory.mktemp("hearts") / "cohort", executor=executor)


def tiny_cohort(folder: Path, *, num: int = 120, seed: int = 0) -> Cohort:
    """A cohort in which ``large`` doubles the ECG and brightens the X-ray; ``silent`` shows not."""
    draw = np.random.default_rng(seed)
    large, silent = draw.random((2, num)) < 0.4
    ecgs = draw.normal(size=(num, 12, 200)).cumsum(axis=-1) * 20 * (1 + large)[:, None, None]
    xrays = draw.integers(0, 100, (num, 32, 32)) + 100 * large[:, None, None]
    names = [f"p{number:03d}" for number in range(num)]
    table = pl.DataFrame(
        {
            "patient": names,
            "record": names,
            "split": ["train"] * (num - 48) + ["val"] * 24 + ["test"] * 24,
            "ecg": range(num),
            "xray": range(num),
            "xray_patient": names,
            "label:large": large.astype(np.int8),
            "label:silent": silent.astype(np.int8),
        }
    )
    info = CohortInfo(
        name="tiny",
        kind="paired",
        findings=("large", "silent"),
        leads=STANDARD,
        fs=100.0,
        seconds=2.0,
        baseline=True,
        image_size=32,
    )
    signals = {"ecg": ecgs.clip(-3000, 3000).astype(np.int16), "xray": xrays.astype(np.uint8)}
    block = Block(table, signals)
    return build_cohort(folder, info, [lambda: block])
