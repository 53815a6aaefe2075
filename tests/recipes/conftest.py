"""Cohorts that fit recipes."""

from collections.abc import Callable

import pytest
from small_recipes import HEARTS, with_gaps

from crossbeat.data.cohort import Cohort


@pytest.fixture(scope="session")
def cohort_of(tiny: Cohort, tiny_hearts: Cohort) -> Callable[[str], Cohort]:
    """The small cohort that a recipe fits."""
    return lambda name: tiny_hearts if name in HEARTS else tiny


@pytest.fixture(scope="session")
def gaps(tiny: Cohort) -> Cohort:
    return with_gaps(tiny)
