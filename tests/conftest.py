"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


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
