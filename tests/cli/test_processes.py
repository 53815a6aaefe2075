"""Training in processes of its own: killed at any moment, or two for one run."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest
import torch

from crossbeat.cli import main
from crossbeat.recipes.run import Run

SETTINGS = """
recipe:
  findings: [large, silent]
  ecg: {encoder: ENCODER, hidden: [16], dropout: DROPOUT}
  fine_tuning: {epochs: EPOCHS, batch_size: 24, learning_rate: 0.001}
trainer: {progress: false, accelerator: cpu}
"""
TWO = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "MASTER_ADDR": "127.0.0.1"}
CONTRAST = """
recipe:
  findings: [large, silent]
  self_supervision: null
  teacher: {epochs: 1, batch_size: 24, learning_rate: 0.001}
  alignment: {epochs: 20, batch_size: 24, learning_rate: 0.001}
  fine_tuning: {epochs: 1, batch_size: 24, learning_rate: 0.001}
trainer: {progress: false, accelerator: cpu, devices: 2}
"""
ENDS = 30
"""Seconds for what takes less than one, and more on a busy machine."""
STOPPED = "stopped; run the same command again to continue\n"


def command(cohort, out, *more, encoder="cromotex-small", dropout=0.2, epochs=3):
    config = out.with_suffix(".yaml")
    text = SETTINGS.replace("ENCODER", encoder).replace("DROPOUT", str(dropout))
    config.write_text(text.replace("EPOCHS", str(epochs)))
    given = ["train", "direct", "--preset", "demo", "--config", config, "--cohort", cohort.folder]
    return [*map(str, given), "--out", str(out), *more]


def contrast(cohort, out):
    """The command for two processes, most of whose time is in a phase of contrast."""
    config = out.with_suffix(".yaml")
    config.write_text(CONTRAST)
    given = ["train", "clip", "--preset", "demo", "--config", config, "--cohort", cohort.folder]
    return [*map(str, given), "--out", str(out)]


@pytest.fixture
def start():
    """Starts a command; what is left of it at the end of the test is killed."""
    started = []

    def begin(arguments, environment):
        process = subprocess.Popen(
            [sys.executable, "-m", "crossbeat.cli", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with process:
            pass


def finish(process, seconds=240):
    output = process.communicate(timeout=seconds)
    assert process.returncode == 0, output
    return output


def wait_for_an_epoch(process, run, phase):
    """Until the state of an epoch is saved that was not there before."""

    def state():
        return {path: path.stat().st_mtime_ns for path in run.glob(f"phases/{phase}-*/last.*")}

    before, deadline = state(), time.monotonic() + 120
    while not state() or state() == before:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def require_same_files(run, other):
    for name in ("weights.safetensors", "model/model.safetensors", "model/chosen.json"):
        assert (run / name).read_bytes() == (other / name).read_bytes()


def require_end(process, how):
    deadline = time.monotonic() + 10
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, how
        time.sleep(0.05)


@pytest.mark.slow
def test_a_run_that_is_stopped_again_and_again_goes_on_to_the_same_bytes(start, tiny, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    torch.set_num_threads(1)
    assert main(command(tiny, whole, epochs=40)) == 0
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        process = start(command(tiny, stopped, epochs=40), os.environ)
        wait_for_an_epoch(process, stopped, "fine-tuning")
        process.send_signal(number)
        said = process.communicate(timeout=ENDS)[1]
        ended = (-9, "") if number == signal.SIGKILL else (1, STOPPED)
        assert (process.returncode, said) == ended
        assert list(stopped.glob("phases/*/last.safetensors"))
        assert not (stopped / "finished.json").exists()
    assert main(command(tiny, stopped, epochs=40)) == 0
    require_same_files(stopped, whole)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_end_on_a_signal_and_go_on_to_the_same_bytes(start, tiny, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    finish(start(contrast(tiny, whole), TWO))
    for how in ("waiting main process", "both, from a terminal"):
        process = start(contrast(tiny, stopped), TWO)
        wait_for_an_epoch(process, stopped, "alignment")
        (other,) = psutil.Process(process.pid).children()
        if how == "waiting main process":
            other.suspend()
            time.sleep(0.5)
        if how == "both, from a terminal":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=ENDS)[1]
        assert process.returncode == 1, how
        assert said.endswith(STOPPED), how
        assert "Traceback" not in said, how
        require_end(other, how)
    finish(start(contrast(tiny, stopped), TWO))
    assert len(list(stopped.glob("phases/alignment-*"))) == 1
    require_same_files(stopped, whole)


@pytest.mark.slow
def test_two_processes_train_the_model_of_one(start, tiny, tmp_path):
    """Without dropout and batch statistics, which each process has of its own half batch."""
    torch.set_num_threads(1)
    assert main(command(tiny, tmp_path / "one", encoder="biot-small", dropout=0.0)) == 0
    arguments = command(tiny, tmp_path / "two", encoder="biot-small", dropout=0.0)
    output = finish(start([*arguments, "--trainer.devices", "2"], TWO))
    assert output[1].count("next: crossbeat evaluate") == 1  # one of them speaks
    one, two = Run.open(tmp_path / "one"), Run.open(tmp_path / "two")
    assert two.plan["processes"] == 2
    start_parts = one.recipe.parts(tiny.info, one.seed).state_dict()
    ours, theirs = one.parts.state_dict(), two.parts.state_dict()
    moved = max(float((ours[name] - start_parts[name]).abs().max()) for name in ours)
    apart = max(float((ours[name] - theirs[name]).abs().max()) for name in ours)
    print(moved, apart)
    assert apart < 0.02 * moved
