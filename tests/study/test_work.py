"""Cells are trained once, whoever gets to them, and go on where a killed process stopped."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_study import PROBE, QUIET, Tiny, cell, short, study_of

import crossbeat
from crossbeat.errors import ConfigError, DataError
from crossbeat.evaluation.predictions import Measured, Predictions, Scored
from crossbeat.recipes import record
from crossbeat.recipes.run import Run
from crossbeat.study.kept import RECORD, read_record, read_said, versions_of, write_cell
from crossbeat.study.work import Workshop
from crossbeat.targets import FINDING
from crossbeat.training import TrainerSettings
from crossbeat.training.module import PhaseModule
from crossbeat.workers import share

HERE = Path(__file__).parent
SOURCE = Path(crossbeat.__file__).parents[1]
PAIR = study_of(cell("direct", 0), cell("distillation", 0))


def work(out: Path, made=PAIR, workers: int = 1, shared: Path | None = None) -> list[str]:
    workshop = Workshop(folder=out, shared=shared or out, trainer=QUIET)
    return [task.name for task in share(workshop.tasks(made.cells), workers=workers)]


def homes(out: Path, made=PAIR) -> list[Path]:
    workshop = Workshop(folder=out, shared=out, trainer=QUIET)
    return [workshop.home(each) for each in made.cells]


def contents(home: Path) -> dict[str, bytes]:
    return {
        f"{name}, {split}": getattr(said, split).outputs.tobytes()
        for name, said in read_said(home).items()
        for split in ("val", "test")
    }


def test_a_cell_leaves_its_run_and_what_head_and_readings_say(tmp_path, shared_phases):
    made = study_of(
        cell("direct", 0, readings=(PROBE, replace(PROBE, name="first", after="fine-tuning"))),
        cell("distillation", 0),
        cell("clean", 0, base="direct", cohort=Tiny(seed=7), test=Tiny(), latent_limit=True),
        limits=("clean",),
    )
    names = ["direct, seed 0", "distillation, seed 0", "clean, seed 0"]
    assert work(tmp_path, made, shared=shared_phases) == names
    direct, _, clean = homes(tmp_path, made)
    assert list(read_said(direct)) == ["head", "probe", "first"]
    assert list(read_said(clean)) == ["head", "latent"]
    test = read_said(direct)["head"].test.patients.tolist()
    assert read_said(clean)["head"].test.patients.tolist() == test
    assert read_said(clean)["latent"].test.patients.tolist() == test
    assert Run.open(direct).seed == 0
    told = read_record(direct)
    assert told["cell"]["model"] == "direct"
    assert told["seconds"] > 0
    assert direct.name.startswith("direct-0-")


def test_finished_cells_are_not_trained_again_and_other_settings_are_other_cells(
    tmp_path, monkeypatch
):
    work(tmp_path)
    first, second = homes(tmp_path)
    before = contents(first), contents(second)
    (first / RECORD).unlink()  # it is made again
    with monkeypatch.context() as patch:
        patch.setattr(PhaseModule, "training_step", None)  # whoever trains fails
        assert work(tmp_path) == ["direct, seed 0", "distillation, seed 0"]
    assert (contents(first), contents(second)) == before
    longer = replace(PAIR.cells[0], recipe=short("direct", epochs=2))
    changed = replace(PAIR, cells=(longer, PAIR.cells[1]))
    work(tmp_path, changed)
    assert homes(tmp_path, changed)[0] != first
    assert homes(tmp_path, changed)[1] == second
    assert (contents(first), contents(second)) == before


def test_predictions_of_another_version_are_refused(tmp_path):
    write_cell(tmp_path, {}, {"seconds": 1.0})
    record = read_record(tmp_path) | {"predictions": {"head": "estimates-0.npz"}}
    (tmp_path / RECORD).write_text(json.dumps(record))
    with pytest.raises(DataError, match=r"must be predictions of this version.* is scored again"):
        read_said(tmp_path)


def test_whatever_changes_a_cell_makes_another_folder_with_a_safe_name(tmp_path):
    workshop = Workshop(folder=tmp_path, shared=tmp_path, trainer=QUIET)
    half = replace(workshop, trainer=replace(QUIET, precision="bf16-mixed"))
    changes = [
        {"seed": 1},
        {"cohort": Tiny(num=100)},
        {"test": Tiny(num=100)},
        {"readings": (PROBE,)},
        {"model": "another"},
        {"recipe": short("direct", epochs=2)},
        {"latent_limit": True},
        {"point": "50 %/a"},
    ]
    direct = PAIR.cells[0]
    places = [workshop.home(replace(direct, **change)) for change in ({}, *changes)]
    assert len({*places, half.home(direct)}) == len(changes) + 2
    assert all(each.parent == tmp_path / "cells" for each in places)
    assert places[-1].name.startswith("direct-50-a-0-")


def test_studies_with_one_shared_folder_build_a_cohort_and_train_a_phase_once(tmp_path):
    found = {}
    for name, shared in (("one", "both"), ("other", "both"), ("alone", "own")):
        workshop = Workshop(folder=tmp_path / name, shared=tmp_path / shared, trainer=QUIET)
        made = cell("teacher" if name == "one" else "distillation", 0)
        assert workshop.tasks([made])[0].attempt()
        assert workshop.home(made).parent == tmp_path / name / "cells"
        found[name] = workshop.home(made)
    phases = {name: record.read_phases(home) for name, home in found.items()}
    assert {name: [phase["reused"] for phase in each] for name, each in phases.items()} == {
        "one": [False],
        "other": [True, False],
        "alone": [False, False],
    }
    kept = sorted(path.name.partition("-")[0] for path in (tmp_path / "both/phases").iterdir())
    assert kept == ["distillation", "teacher"]
    (built,) = (tmp_path / "both/cohorts").glob("*/cohort.json")
    assert built.parent.name.startswith("tiny-")
    assert {path.name for path in tmp_path.iterdir()} == {"one", "other", "alone", "both", "own"}
    assert contents(found["other"]) == contents(found["alone"])


def test_several_processes_for_one_cell_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"train each cell in one process, got 2; .* --workers"):
        Workshop(folder=tmp_path, shared=tmp_path, trainer=TrainerSettings(devices=2))


def test_an_error_names_the_cell(tmp_path, shared_phases):
    made = cell("direct", 0, readings=(replace(PROBE, after="nap"),))
    (task,) = Workshop(folder=tmp_path, shared=shared_phases, trainer=QUIET).tasks([made])
    with pytest.raises(ConfigError, match=r"direct, seed 0: phase must be one of .*, got 'nap'"):
        task.attempt()


def said(name: str = "a") -> Predictions:
    targets = np.array([[1.0, 0.0], [0.0, np.nan]])
    return Predictions(
        FINDING,
        ("large", "silent"),
        val=Scored(targets, np.eye(2), np.array([name, "b"])),
        test=Scored(np.array([[0.0, 1.0]]), np.array([[-3.5, 1e-9]]), np.array(["täst"])),
    )


@pytest.fixture
def folder(tmp_path):
    ranks = Measured(np.array(["täst"]), {"rank": np.array([2.0])})
    told = {"head": said(), "a probe/of it": said("c"), "retrieval": ranks}
    write_cell(tmp_path, told, {"seconds": 1.0})
    return tmp_path


def test_what_a_cell_says_comes_back_as_it_was(folder):
    found = read_said(folder)
    assert list(found) == ["head", "a probe/of it", "retrieval"]
    for name, expected in (("head", said()), ("a probe/of it", said("c"))):
        assert (found[name].kind, found[name].names) == (FINDING, expected.names)
        for split in ("val", "test"):
            ours, theirs = getattr(found[name], split), getattr(expected, split)
            np.testing.assert_array_equal(ours.targets, theirs.targets)
            np.testing.assert_array_equal(ours.outputs, theirs.outputs)
            assert ours.patients.tolist() == theirs.patients.tolist()
    assert found["retrieval"].measures["rank"].tolist() == [2.0]
    assert read_record(folder)["seconds"] == 1.0
    names = json.loads((folder / RECORD).read_text())["files"]
    assert all((folder / name).is_file() for name in names)


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_file_is_named_with_what_to_do(folder, damage):
    path = folder / "predictions-1.npz"
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents if damage == "flip" else contents[:-9])
    if damage == "gone":
        path.unlink()
    expected = rf"predictions-1.npz must be unchanged, .* remove .*{RECORD} and run"
    with pytest.raises(DataError, match=expected):
        read_said(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"files": {}}'])
def test_a_damaged_record_is_named(folder, text):
    (folder / RECORD).write_text(text)
    with pytest.raises(DataError, match=rf"{RECORD} must be the record of a cell"):
        read_said(folder)


def test_versions_are_those_that_trained_the_cells(tmp_path):
    for name, torch in (("a", "2.13.0"), ("b", "2.12.1")):
        (tmp_path / name).mkdir()
        told = {"phases": [], "versions": {"torch": torch, "python": "3.12"}}
        (tmp_path / name / "finished.json").write_text(json.dumps(told))
    assert versions_of(sorted(tmp_path.iterdir())) == {"torch": "2.12.1, 2.13.0", "python": "3.12"}


STUDY = """
from tiny_study import short, study_of, cell
def study(*, small):
    return study_of(
        cell("direct", 0, recipe=short("direct", epochs=25)),
        cell("distillation", 0),
    )
"""


@pytest.mark.slow
def test_the_cell_of_a_killed_process_is_taken_over_and_ends_as_an_uninterrupted_one(tmp_path):
    made = study_of(replace(PAIR.cells[0], recipe=short("direct", epochs=25)), PAIR.cells[1])
    work(tmp_path / "whole", made)
    path = tmp_path / "long.py"
    path.write_text(STUDY)
    given = ["study", str(path), "--out", str(tmp_path / "killed"), "--workers", "1"]
    given += ["--shared", str(tmp_path / "killed"), "--trainer.accelerator", "cpu"]
    killed = subprocess.Popen(
        [sys.executable, "-m", "crossbeat.cli", *given],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{HERE}:{SOURCE}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("killed/phases/*/last.safetensors")):
        assert time.monotonic() < deadline, killed.communicate()
        time.sleep(0.002)
    killed.kill()
    killed.communicate()
    assert not list(tmp_path.glob(f"killed/cells/*/{RECORD}"))
    work(tmp_path / "killed", made)
    ours, theirs = (homes(tmp_path / name, made) for name in ("killed", "whole"))
    assert [contents(home) for home in ours] == [contents(home) for home in theirs]


@pytest.mark.slow
def test_workers_share_cells_and_train_no_phase_twice(tmp_path, shared_phases):
    made = study_of(
        *(cell(name, 0) for name in ("teacher", "distillation", "direct")),
        cell("again", 0, base="direct"),
        cell("and again", 0, base="distillation"),
    )
    work(tmp_path / "one", made, shared=shared_phases)
    titles = sorted(each.title for each in made.cells)
    assert sorted(work(tmp_path / "two", made, workers=2)) == titles
    trained = [
        Path(phase["folder"]).name
        for home in homes(tmp_path / "two", made)
        for phase in record.read_phases(home)
        if not phase["reused"]
    ]
    assert sorted(trained) == sorted(path.name for path in (tmp_path / "two" / "phases").iterdir())
    assert len(trained) == 3
    ours, theirs = (homes(tmp_path / name, made) for name in ("two", "one"))
    assert [contents(home) for home in ours] == [contents(home) for home in theirs]
