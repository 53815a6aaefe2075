"""Training in processes of its own: killed at any moment, or two for one run."""

import os
import subprocess
import sys
import time

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
ALONE = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
TWO = ALONE | {"GLOO_SOCKET_IFNAME": "lo", "MASTER_ADDR": "127.0.0.1"}


def command(cohort, out, *more, encoder="cromotex-small", dropout=0.2, epochs=3):
    config = out.with_suffix(".yaml")
    text = SETTINGS.replace("ENCODER", encoder).replace("DROPOUT", str(dropout))
    config.write_text(text.replace("EPOCHS", str(epochs)))
    given = ["train", "direct", "--preset", "demo", "--config", config, "--cohort", cohort.folder]
    return [*map(str, given), "--out", str(out), *more]


def start(arguments, environment):
    return subprocess.Popen(
        [sys.executable, "-m", "crossbeat.cli", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, seconds=120):
    output = process.communicate(timeout=seconds)
    assert process.returncode == 0, output
    return output


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_the_same_bytes(tiny, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    torch.set_num_threads(1)
    assert main(command(tiny, whole, epochs=30)) == 0
    process = start(command(tiny, killed, epochs=30), ALONE)
    deadline = time.monotonic() + 60
    while not list(killed.glob("phases/*/last.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert list(killed.glob("phases/*/last.safetensors"))
    assert not (killed / "finished.json").exists()
    finish(start(command(tiny, killed, epochs=30), ALONE))
    for name in ("weights.safetensors", "model/model.safetensors", "model/calibration.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.slow
def test_two_processes_train_the_model_of_one(tiny, tmp_path):
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
