from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from published_trees import TREES, build
from tiny_cohorts import build_tiny

from crossbeat.data.cohort import Cohort
from crossbeat.data.registry import Builder


@pytest.fixture
def tiny(tmp_path: Path) -> Cohort:
    return build_tiny(tmp_path / "tiny")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Builder]:
    """The settings that read the tree of a data set, which nobody may change."""
    return cache(lambda name: TREES[name](tmp_path_factory.mktemp("trees") / name))


@pytest.fixture(scope="session")
def built(
    source: Callable[[str], Builder], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Cohort]:
    """The cohort of a data set, which nobody may change."""
    return cache(lambda name: build(source(name), tmp_path_factory.mktemp("cohorts") / name))
