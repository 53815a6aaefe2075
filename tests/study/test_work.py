"""Cells are trained once, whoever gets to them, and go on where a killed process stopped."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_study import PROBE, QUIET, Tiny, cell, short, study_of

from crossbeat.errors import ConfigError
from crossbeat.recipes import record
from crossbeat.recipes.run import Run
from crossbeat.study.kept import RECORD, read_record, read_said
from crossbeat.study.work import Workshop
from crossbeat.training import TrainerSettings
from crossbeat.training.module import PhaseModule
from crossbeat.workers import share

PAIR = study_of(cell("direct", 0), cell("distillation", 0))


def work(out: Path, made=PAIR, workers: int = 1) -> list[str]:
    tasks = Workshop(folder=out, shared=out, trainer=QUIET).tasks(made.cells)
    return [task.name for task in share(tasks, workers=workers)]


def homes(out: Path, made=PAIR) -> list[Path]:
    workshop = Workshop(folder=out, shared=out, trainer=QUIET)
    return [workshop.home(each) for each in made.cells]


def contents(home: Path) -> dict[str, bytes]:
    return {
        f"{name}, {split}": getattr(said, split).scores.tobytes()
        for name, said in read_said(home).items()
        for split in ("val", "test")
    }


def test_a_cell_leaves_its_run_and_what_head_and_readings_say(tmp_path) -> None:
    made = study_of(
        cell("direct", 0, readings=(PROBE, replace(PROBE, name="first", after="fine-tuning"))),
        cell("distillation", 0),
        cell("clean", 0, base="direct", cohort=Tiny(seed=7), test=Tiny(), latent_limit=True),
        limits=("clean",),
    )
    assert work(tmp_path, made) == ["direct, seed 0", "distillation, seed 0", "clean, seed 0"]
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


def test_finished_cells_are_not_run_again_and_other_settings_are_other_cells(
    tmp_path, monkeypatch
) -> None:
    work(tmp_path)
    before = {home: contents(home) for home in homes(tmp_path)}
    monkeypatch.setattr(PhaseModule, "training_step", None)  # whoever trains fails
    work(tmp_path)
    monkeypatch.undo()
    longer = replace(PAIR.cells[0], recipe=short("direct", epochs=2))
    changed = replace(PAIR, cells=(longer, PAIR.cells[1]))
    work(tmp_path, changed)
    assert homes(tmp_path, changed)[0] not in before
    assert homes(tmp_path, changed)[1] in before
    assert {home: contents(home) for home in before} == before


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"cohort": Tiny(num=100)},
        {"test": Tiny(num=100)},
        {"readings": (PROBE,)},
        {"model": "another"},
        {"recipe": short("direct", epochs=2)},
    ],
)
def test_whatever_changes_a_cell_makes_another_folder(tmp_path, change) -> None:
    workshop = Workshop(folder=tmp_path, shared=tmp_path, trainer=QUIET)
    before, after = PAIR.cells[0], replace(PAIR.cells[0], **change)
    assert workshop.home(before) != workshop.home(after)


def test_precision_and_the_latent_limit_make_another_folder(tmp_path) -> None:
    half = Workshop(
        folder=tmp_path, shared=tmp_path, trainer=replace(QUIET, precision="bf16-mixed")
    )
    whole = Workshop(folder=tmp_path, shared=tmp_path, trainer=QUIET)
    limit = cell("clean", 0, base="direct")
    found = {half.home(limit), whole.home(limit), whole.home(replace(limit, latent_limit=True))}
    assert len(found) == 3


def test_names_of_folders_are_safe(tmp_path) -> None:
    made = study_of(*(replace(each, point="50 %/a") for each in PAIR.cells), axis="share")
    assert homes(tmp_path, made)[0].parent == tmp_path / "cells"
    assert homes(tmp_path, made)[0].name.startswith("direct-50-a-0-")


def test_a_cohort_is_built_once_for_all_cells(tmp_path) -> None:
    work(tmp_path)
    names = [
        path.name for path in (tmp_path / "cohorts").iterdir() if (path / "cohort.json").is_file()
    ]
    assert len(names) == 1
    assert names[0].startswith("tiny-")


def test_studies_with_one_shared_folder_build_a_cohort_and_train_a_phase_once(tmp_path) -> None:
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
    assert len(list((tmp_path / "both/cohorts").glob("*/cohort.json"))) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"one", "other", "alone", "both", "own"}
    assert contents(found["other"]) == contents(found["alone"])


def test_several_processes_for_one_cell_are_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"train each cell in one process, got 2; .* --workers"):
        Workshop(folder=tmp_path, shared=tmp_path, trainer=TrainerSettings(devices=2))


def test_a_record_that_is_removed_is_made_again_without_training(tmp_path, monkeypatch) -> None:
    work(tmp_path)
    home = homes(tmp_path)[0]
    before = contents(home)
    (home / RECORD).unlink()
    monkeypatch.setattr(PhaseModule, "training_step", None)
    assert work(tmp_path) == ["direct, seed 0", "distillation, seed 0"]
    assert contents(home) == before


def test_an_error_names_the_cell(tmp_path) -> None:
    made = study_of(*PAIR.cells, cell("clip", 0, readings=(replace(PROBE, after="nap"),)))
    with pytest.raises(ConfigError, match=r"clip, seed 0: phase must be one of .*, got 'nap'"):
        work(tmp_path, made)


STUDY = """
from tiny_study import short, study_of, cell
def study(*, small):
    return study_of(
        cell("direct", 0, recipe=short("direct", epochs=40)),
        cell("distillation", 0),
    )
"""


def start(path: Path, out: Path, *more: str) -> subprocess.Popen:
    given = ["study", str(path), "--out", str(out), "--shared", str(out), "--workers", "1"]
    return subprocess.Popen(
        [sys.executable, "-m", "crossbeat.cli", *given, "--trainer.accelerator", "cpu", *more],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_the_cell_of_a_killed_process_is_taken_over_and_ends_as_an_uninterrupted_one(
    tmp_path,
) -> None:
    made = study_of(replace(PAIR.cells[0], recipe=short("direct", epochs=40)), PAIR.cells[1])
    work(tmp_path / "whole", made)
    path = tmp_path / "long.py"
    path.write_text(STUDY)
    killed = start(path, tmp_path / "killed")
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("killed/phases/*/last.safetensors")):
        assert time.monotonic() < deadline, killed.communicate()
        time.sleep(0.002)
    killed.kill()
    killed.communicate()
    assert not list(tmp_path.glob(f"killed/cells/*/{RECORD}"))
    work(tmp_path / "killed", made)
    for ours, theirs in zip(
        homes(tmp_path / "killed", made), homes(tmp_path / "whole", made), strict=True
    ):
        assert contents(ours) == contents(theirs)


@pytest.mark.slow
def test_workers_share_cells_and_train_no_phase_twice(tmp_path) -> None:
    made = study_of(
        *(cell(name, 0) for name in ("teacher", "distillation", "direct")),
        cell("again", 0, base="direct"),
        cell("and again", 0, base="distillation"),
    )
    work(tmp_path / "one", made)
    assert sorted(work(tmp_path / "two", made, workers=2)) == sorted(
        each.title for each in made.cells
    )
    trained = [
        Path(phase["folder"]).name
        for home in homes(tmp_path / "two", made)
        for phase in record.read_phases(home)
        if not phase["reused"]
    ]
    assert sorted(trained) == sorted(path.name for path in (tmp_path / "two" / "phases").iterdir())
    assert len(trained) == 3
    for ours, theirs in zip(
        homes(tmp_path / "two", made), homes(tmp_path / "one", made), strict=True
    ):
        assert contents(ours) == contents(theirs)
