"""A cohort of virtual patients, their recordings, and a model of them."""

import shutil

import pytest
from small_models import PATIENTS, SEED, spread, trained

from crossbeat import simulate
from crossbeat.data.sources.virtual import Virtual
from crossbeat.deploy import export_model
from crossbeat.leads import STANDARD
from crossbeat.signal import Ecg


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    settings = Virtual(num_patients=PATIENTS, seed=SEED, image_size=16, val=0.3, test=0.3)
    return settings.build(tmp_path_factory.mktemp("virtual") / "cohort")


@pytest.fixture(scope="session")
def run(cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "direct"
    run = trained("direct", cohort, folder, phase="fine_tuning")
    export_model(run, folder / "model", spread(run, cohort))
    return run


@pytest.fixture(scope="session")
def recordings():
    """The raw 500 Hz recordings of the cohort's patients, before any preprocessing."""
    return simulate.ecgs(simulate.draw_patients(PATIENTS, SEED), SEED)


@pytest.fixture
def ecg(recordings):
    return Ecg(recordings[3].copy(), STANDARD, 500.0)


@pytest.fixture
def copied(run, tmp_path):
    shutil.copytree(run.folder / "model", tmp_path / "model")
    return tmp_path / "model"
