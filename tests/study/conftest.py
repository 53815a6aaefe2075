"""Fixtures of studies keep to one core too; threads that wait for busy cores take forever."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread_from_the_start():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
