"""Cohorts that fit recipes."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest
from small_recipes import HEARTS, with_every_kind_of_label, with_gaps

from crossbeat.data.cohort import Cohort


@pytest.fixture(scope="session")
def cohort_of(tiny: Cohort, tiny_hearts: Cohort) -> Callable[[str], Cohort]:
    """The small cohort that a recipe fits."""
    return lambda name: tiny_hearts if name in HEARTS else tiny


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
