"""What ``crossbeat bench`` measures. Each bench is a module that is imported only when it is run.

A bench has a function ``cases(seed=..., small=..., folder=...)``; it gives plain values by the name
of a case, such as ``pairing/ours``: what was measured, and of what. ``small`` is a size that only
shows that it runs; what lies in ``folder`` from an earlier call is taken again.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from crossbeat.files import Json

Cases = dict[str, Json]
Result = TypeVar("Result")

_THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_STATUS = Path("/proc/self/status")


def in_new_process(function: Callable[..., Result], *arguments: object, threads: int) -> Result:
    """What a call gives in a process that starts for it, so that no other's memory counts.

    Args:
        function: of a module, so that the process finds it.
        threads: most that libraries start in that process, 1 or more.
    """
    with (
        patch.dict(os.environ, dict.fromkeys(_THREADS, str(threads))),
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        return pool.submit(function, *arguments).result()


def peak_gb() -> float:
    """The most memory that this process ever held, in 10^9 bytes; code and libraries included."""
    if _STATUS.is_file():  # Linux: getrusage would count what the parent held when it forked
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
        held = dict(line.split(":", 1) for line in lines)["VmHWM"]
        return int(held.removesuffix("kB")) * 1024 / 1e9
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024) / 1e9
