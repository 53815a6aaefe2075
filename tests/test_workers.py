import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

from crossbeat.workers import process_pool

PARENT = """
import os, signal, time
from crossbeat.workers import process_pool
def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Lightning does in its way
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(60)
if __name__ == "__main__":
    with process_pool(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(stubborn)
        time.sleep(2)
        print(0, flush=True)
        time.sleep(60)
"""


def test_a_worker_has_one_thread():
    with process_pool(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_worker_ends_when_its_parent_is_killed_or_interrupted(tmp_path, number):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.stdout.readline()
    os.kill(parent.pid, number)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the worker lives on"
        time.sleep(0.05)
