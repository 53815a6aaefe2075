"""Processes that work side by side, each on a core of its own."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process

import torch


def process_pool(workers: int) -> ProcessPoolExecutor:
    """A pool of fresh processes with one thread each, which end when this process does.

    They are spawned, as forking a process in which torch has threads can hang.

    Args:
        workers: at least 1.
    """
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
