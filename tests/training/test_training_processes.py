import os
import subprocess
import sys

import psutil
import pytest
import torch

from crossbeat.training.processes import share_cores

PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]]).wait()"
TRAINING = """
import os, time
from crossbeat.training.processes import ended_by_signals
with ended_by_signals(2):
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("rank", "ends"), [("1", True), ("0", False)])
def test_a_process_that_the_main_one_started_ends_with_it_and_no_other(rank, ends):
    """The main process outlives the shell that started it, as under nohup."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, TRAINING],
        env=os.environ | {"LOCAL_RANK": rank},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        training = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait(timeout=10)
        try:
            training.wait(timeout=5 if ends else 2)
        except psutil.TimeoutExpired:
            training.kill()
            assert not ends
        else:
            assert ends


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
