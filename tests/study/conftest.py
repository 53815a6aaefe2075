"""Fixtures of studies keep to one core too; threads that wait for busy cores take forever."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread_from_the_start():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def shared_phases(tmp_path_factory):
    """The folder of cohorts and phases of all studies: what two tests need is trained once."""
    return tmp_path_factory.mktemp("shared")
