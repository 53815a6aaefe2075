"""A recipe, trained by two processes, is the one that one process trains."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_recipes import HEARTS
from two_processes import CASES, trained

pytestmark = pytest.mark.slow

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "GLOO_SOCKET_IFNAME": "lo",
    "MASTER_ADDR": "127.0.0.1",
    "WORLD_SIZE": "2",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def by_two(tiny, tiny_hearts, tmp_path_factory):
    """The folder of what two processes have trained."""
    folder = tmp_path_factory.mktemp("two")
    script = Path(__file__).with_name("two_processes.py")
    given, port = (tiny.folder, tiny_hearts.folder, folder), free_port()
    processes = [
        subprocess.Popen(
            [sys.executable, script, *given],
            env=os.environ | ENVIRONMENT | {"MASTER_PORT": port, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in "01"
    ]
    try:
        outputs = [process.communicate(timeout=250)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], outputs
    return folder


@pytest.fixture(scope="module")
def by_one(tmp_path_factory):
    return tmp_path_factory.mktemp("one")


@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_what_one_trains(case, tiny, tiny_hearts, by_one, by_two):
    """But for rounding, which the local alignment of cines magnifies to a hundredth of a step."""
    two = torch.load(by_two / f"{case}.pt", weights_only=True)
    cohort = tiny_hearts if CASES[case][0] in HEARTS else tiny
    one = trained(case, cohort, by_one, devices=1)
    for name, end in one["end"].items():
        moved = float((end - one["start"][name]).abs().max())
        apart = float((end - two["end"][name]).abs().max())
        assert apart <= 0.02 * moved + 1e-6, name
    for phase, epochs in one["history"].items():
        for ours, theirs in zip(epochs, two["history"][phase], strict=True):
            for value in ours.keys() - {"seconds"}:
                assert ours[value] == pytest.approx(theirs[value], rel=1e-3), (phase, value)
