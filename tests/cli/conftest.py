"""Commands as a user calls them, and runs that they trained."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from crossbeat.cli import main
from crossbeat.data.build import Block, build_cohort

FINDINGS = """
recipe:
  findings: [large, silent]
  ecg: {hidden: [16], dropout: 0.2}
  fine_tuning: {epochs: 3, batch_size: 24, learning_rate: 0.003}
trainer: {progress: false, accelerator: cpu}
"""
MEASUREMENTS = """
trainer: {progress: false, accelerator: cpu}
recipe:
  measurements: [LVEF, LVEDV]
  ecg: {encoder: fine-small, normalisation: none}
"""
HEARTS = {
    "direct-heart": ("fine_tuning",),
    "ptacl": ("masked_cine", "alignment", "regression"),
    "dual-phase": ("alignment", "regression"),
}
"""Recipes and their phases."""


@pytest.fixture
def called(capsys):
    """Calls a command and gives its exit code, standard output and error stream."""

    def call(*arguments):
        capsys.readouterr()
        try:
            code: Any = main([str(each) for each in arguments])
        except SystemExit as stop:
            code = stop.code
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return code, output.out, output.err

    return call


@pytest.fixture(scope="session")
def command():
    """The words that train a small recipe into ``folder / "run"``."""

    def words(cohort, folder, *more, recipe="direct", config=FINDINGS):
        folder.mkdir(exist_ok=True)
        (folder / "run.yaml").write_text(config)
        given = ["--preset", "demo", "--cohort", cohort, "--out", folder / "run"]
        return [
            str(each) for each in ["train", recipe, *given, "--config", folder / "run.yaml", *more]
        ]

    return words


@pytest.fixture(scope="session")
def train(command):
    """Trains by the command; the folder of the run."""

    def run(cohort, folder, *more, **given):
        torch.set_num_threads(1)  # sums of floats depend on it, and so do the last bits of weights
        assert main(command(cohort, folder, *more, **given)) == 0
        return folder / "run"

    return run


@pytest.fixture(scope="session")
def direct(tiny, train, tmp_path_factory):
    """The folder of a run that predicts findings."""
    return train(tiny.folder, tmp_path_factory.mktemp("direct"))


@pytest.fixture(scope="session")
def hearts(tiny_hearts, train, tmp_path_factory):
    """The folders of runs that predict measurements, by recipe."""
    folder, found = tmp_path_factory.mktemp("hearts"), {}
    for name, phases in HEARTS.items():
        config = MEASUREMENTS + "".join(
            f"  {each}: {{epochs: 1, batch_size: 24}}\n" for each in phases
        )
        found[name] = train(tiny_hearts.folder, folder / name, recipe=name, config=config)
    return found


@pytest.fixture(scope="session")
def rebuilt():
    """A cohort with other columns, as the folder of a cohort of its own."""

    def build(cohort, folder, name, info=None, **columns):
        signals = {path.name[: -len("-00000.npy")]: path for path in cohort.folder.glob("*.npy")}
        block = Block(
            cohort.table.with_columns(**columns),
            {name: np.load(path) for name, path in signals.items()},
        )
        made = replace(cohort.info, name=name, files={}, **(info or {}))
        return build_cohort(folder / name, made, [lambda: block]).folder

    return build
