import os
import subprocess
import sys

import psutil
import pytest
import torch

from crossbeat.training.processes import is_main_process, share_cores

MAIN = """
import os, time
from crossbeat.training.processes import ended_by_signals
for rank in "01":
    if not os.fork():
        os.environ["LOCAL_RANK"] = rank
        with ended_by_signals(2):
            print(rank, os.getpid(), flush=True)
            time.sleep(60)
        os._exit(0)
time.sleep(60)
"""


@pytest.mark.slow
def test_a_process_that_the_main_one_started_ends_with_it_and_no_other():
    """The main process, of rank 0, outlives the shell that started it, as under nohup."""
    with subprocess.Popen([sys.executable, "-c", MAIN], stdout=subprocess.PIPE, text=True) as main:
        pids = dict(main.stdout.readline().split() for _ in range(2))
        outlives, ends = (psutil.Process(int(pids[rank])) for rank in "01")
        main.kill()
        try:
            ends.wait(timeout=5)
            with pytest.raises(psutil.TimeoutExpired):
                outlives.wait(timeout=1)
        finally:
            outlives.kill()


@pytest.mark.parametrize(("given", "expected"), [(None, 2), ("3", 4)])
def test_processes_share_the_threads_unless_their_number_is_given(given, expected, monkeypatch):
    torch.set_num_threads(4)
    monkeypatch.setenv("OMP_NUM_THREADS", "restored after the test")
    if given is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    share_cores(1)
    assert torch.get_num_threads() == 4
    share_cores(2)
    assert torch.get_num_threads() == expected
    assert os.environ["OMP_NUM_THREADS"] == (given or "2")


def test_what_opens_runs_and_models_does_not_import_lightning() -> None:
    opens = "import crossbeat.deploy, crossbeat.recipes.run, crossbeat.study, sys"
    asked = f"{opens}; print([name for name in ('lightning', 'matplotlib') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


@pytest.mark.parametrize(
    ("given", "is_main"),
    [
        ({}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({"RANK": "2", "LOCAL_RANK": "0"}, False),
        ({"RANK": "0", "LOCAL_RANK": "1"}, True),
        ({"SLURM_PROCID": "3"}, False),
    ],
)
def test_the_launcher_says_which_process_writes_files(given, is_main, monkeypatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert is_main_process() is is_main
