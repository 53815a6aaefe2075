"""Cohorts that fit recipes, and recipes trained on them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest
from small_recipes import HEARTS, as_built, run_of, small, with_every_kind_of_label, with_gaps

from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.recipes.run import Run


@pytest.fixture(scope="session")
def tiny_hearts(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """48 virtual patients with ECGs of 4 s and cines of both axes, of 4 frames of 32 pixels."""
    size = {"num_patients": 48, "frames": 4, "cine_size": 32, "val": 0.25, "test": 0.25}
    folder = tmp_path_factory.mktemp("hearts") / "cohort"
    long = VirtualHearts(**size, seed=2, long_axis=True).build(folder)
    ecgs = np.load(folder / "ecg-00000.npy")
    np.save(folder / "ecg-00000.npy", ecgs[..., : round(4 * long.info.fs)])
    as_built(folder, seconds=4.0)
    return Cohort.open(folder)


@pytest.fixture(scope="session")
def cohort_of(tiny: Cohort, tiny_hearts: Cohort) -> Callable[[str], Cohort]:
    """The small cohort that a recipe fits."""
    return lambda name: tiny_hearts if name in HEARTS else tiny


@pytest.fixture(scope="session")
def trained(
    cohort_of: Callable[[str], Cohort], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Run]:
    """The run of each recipe on its small cohort, trained at the first call; phases are shared."""
    folder = tmp_path_factory.mktemp("trained")

    def train(name: str) -> Run:
        shared = folder / "phases"
        return run_of(small(name), cohort_of(name), folder / name, name=name, shared=shared)

    return cache(train)


@pytest.fixture(scope="session")
def gaps(tiny: Cohort) -> Cohort:
    return with_gaps(tiny)


@pytest.fixture(scope="session")
def both(tiny_hearts: Cohort) -> Cohort:
    """``tiny_hearts`` with a finding, a large left ventricle; one in three has no measurements."""
    row, size = pl.int_range(pl.len()), pl.col("value:LVEDV")
    values = [name for name in tiny_hearts.table.columns if name.startswith("value:")]
    table = tiny_hearts.table.with_columns(
        (size > size.median()).cast(pl.Int8).alias("label:large"),
        *(pl.when(row % 3 > 0).then(pl.col(name)).alias(name) for name in values),
    )
    info = replace(tiny_hearts.info, findings=("large",))
    return with_every_kind_of_label(replace(tiny_hearts, info=info, table=table))
