from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import copytree

import pytest
from published_trees import TREES, build
from tiny_cohorts import build_tiny

from crossbeat.data.cohort import Cohort


@pytest.fixture(scope="session")
def built_tiny(tmp_path_factory):
    return build_tiny(tmp_path_factory.mktemp("tiny") / "cohort").folder


@pytest.fixture
def tiny(built_tiny, tmp_path):
    """A copy for each test, which may change it."""
    copytree(built_tiny, tmp_path / "tiny")
    return Cohort.open(tmp_path / "tiny")


@pytest.fixture(scope="session")
def trees(tmp_path_factory):
    return tmp_path_factory.mktemp("trees")


@pytest.fixture(scope="session")
def source(trees):
    """The settings that read the tree of a data set, which nobody may change."""
    return cache(lambda name: TREES[name](trees / name))


@pytest.fixture(scope="session")
def built(source, tmp_path_factory):
    """The cohort of a data set, which nobody may change."""
    return cache(lambda name: build(source(name), tmp_path_factory.mktemp("cohorts") / name))


@pytest.fixture
def copied(source, trees, tmp_path):
    """The settings that read a copy of the tree of a data set, for the test to change."""

    def copy(name):
        given = vars(source(name)).items()
        copytree(trees / name, tmp_path / name)
        moved = {
            key: tmp_path / path.relative_to(trees) for key, path in given if isinstance(path, Path)
        }
        return replace(source(name), **moved)

    return copy
