"""A cohort of virtual patients, their recordings, and hardly trained models of them."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossbeat import simulate
from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.virtual import Virtual
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.deploy import Predictor, export_model
from crossbeat.leads import STANDARD
from crossbeat.recipes import RECIPES, with_settings
from crossbeat.recipes.presets import demo
from crossbeat.recipes.run import Plan, Run, train, validation
from crossbeat.signal import Ecg
from crossbeat.targets import FINDING
from crossbeat.training import Optimisation, TrainerSettings

PATIENTS = 80
SHORT = Optimisation(learning_rate=1e-3, epochs=1, batch_size=16)


@pytest.fixture(scope="session")
def trained() -> Callable[..., Run]:
    """Train the only phase of a recipe for an epoch."""

    def run(name: str, cohort: Cohort, folder: Path, phase: str, **changes: Any) -> Run:
        recipe = with_settings(demo(RECIPES[name]), {phase: SHORT, **changes})
        quiet = TrainerSettings(accelerator="cpu", progress=False)
        return train(Plan(name=name, recipe=recipe, seed=0), cohort, folder, trainer=quiet)

    return run


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    settings = Virtual(num_patients=PATIENTS, image_size=16, val=0.3, test=0.3)
    return settings.build(tmp_path_factory.mktemp("virtual") / "cohort")


@pytest.fixture(scope="session")
def hearts(tmp_path_factory):
    settings = VirtualHearts(num_patients=40, frames=2, cine_size=16, val=0.3, test=0.3)
    return settings.build(tmp_path_factory.mktemp("hearts") / "cohort")


@pytest.fixture(scope="session")
def run(cohort, trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "direct"
    run = trained("direct", cohort, folder, "fine_tuning")
    export_model(run, folder / "model", cohort)
    return run


@pytest.fixture(scope="session")
def predictor(run, cohort):
    """The model with choices under which its hardly trained outputs make different answers."""
    outputs = validation(run, cohort, FINDING).outputs
    chosen = {
        finding: {
            "slope": 1 / column.std(),
            "intercept": -column.mean() / column.std(),
            "threshold": float(np.median(column)),
        }
        for finding, column in zip(run.recipe.targets.findings, outputs.T, strict=True)
    }
    return replace(Predictor.open(run.folder), chosen=chosen)


@pytest.fixture(scope="session")
def recordings():
    """The raw 500 Hz recordings of the cohort's patients, before any preprocessing."""
    return simulate.ecgs(simulate.draw_patients(PATIENTS, 0), 0)


@pytest.fixture
def ecg(recordings):
    return Ecg(recordings[3].copy(), STANDARD, 500.0)


@pytest.fixture
def copied(run, tmp_path):
    shutil.copytree(run.folder / "model", tmp_path / "model")
    return tmp_path / "model"
