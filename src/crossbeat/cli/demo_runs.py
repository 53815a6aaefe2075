"""Run the script of a demo: simulate, train side by side, compare, and write the report."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crossbeat.cli.evaluate import save_model
from crossbeat.cli.prepare import built
from crossbeat.cli.progress import Line, one_line
from crossbeat.data.cohort import Cohort
from crossbeat.data.registry import Builder
from crossbeat.deploy import record_metrics
from crossbeat.evaluation.results import write_results
from crossbeat.files import Json
from crossbeat.recipes.presets import Preset
from crossbeat.recipes.record import counted
from crossbeat.recipes.run import Run
from crossbeat.study.grid import HEAD, Cell, Study
from crossbeat.study.kept import RECORD, predicted, read_said
from crossbeat.study.results import Finished, results_of
from crossbeat.study.work import finish
from crossbeat.training import TrainerSettings
from crossbeat.workers import Task, process_pool, share

PATIENTS, LIMIT_PATIENTS = "patients", "patients of the limit"
"""The steps in which cohorts are made, beside one for each model, and the two at the end."""
MEASURING, REPORT = "measuring", "report"

_FOLDERS = {PATIENTS: "cohort", LIMIT_PATIENTS: "cohort-of-the-limits"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a demo is to do.

    Args:
        out: its folder.
        patients: half of them are for training.
        outside: X-rays of other patients for the teacher; None: as the demo has it.
        abundant: patients for limits that learn from patients of their own; None: as the demo has
            it.
        seed: of patients and training.
        workers: networks that train side by side, at least 1.
        preset: brings recipes to size.
    """

    out: Path
    patients: int
    outside: int | None
    abundant: int | None
    seed: int
    workers: int
    preset: Preset

    def finished(self, tasks: Sequence[Task]) -> Iterator[Task]:
        """Train all networks and yield each when it is; those that are must be as asked for.

        Raises:
            ConfigError: a folder holds a run with other settings.
        """
        for each in tasks:
            if each.is_done():
                each.work()
        return share(tasks, workers=self.workers)


@dataclass(frozen=True, kw_only=True)
class Script:
    """A demo: its models, and how it is told.

    Args:
        study: cells on two cohorts: that of the method, and that of the limit.
        words: what each step does; counts of training samples may stand in it.
        seconds: of each step on two quiet cores, in the order in which they are begun; trainings
            run side by side, so half of their own seconds.
    """

    study: Study
    words: Mapping[str, str]
    seconds: Mapping[str, float]


def play(asked: Asked, script: Script) -> Json:
    """Simulate, train, compare and report; the results."""
    from crossbeat.report.report import Subject, write_report  # needs the extra plots

    started, study = time.perf_counter(), script.study
    with one_line(script.seconds) as line:
        cohorts = _simulate(asked, script, line)
        homes = {cell: asked.out / cell.model for cell in study.cells}
        _train(asked, script, cohorts, homes, line)
        line.say("Measuring all models on the test patients")
        results = results_of(Finished(study, homes))
        results["hours"]["this command"] = (time.perf_counter() - started) / 3600
        runs = {cell.model: Run.open(home) for cell, home in homes.items()}
        held = cohorts[study.cells[0].held]
        results["cohort"]["training"] = counted(held)
        line.reach(MEASURING)
        line.say("Drawing the report")
        method = runs[study.method]
        save_model(method)
        record_metrics(method.folder / "model", results, study.method)
        write_results(asked.out / "results.json", results)
        said = {cell.model: predicted(read_said(home)[HEAD]) for cell, home in homes.items()}
        subject = Subject(results=results, said=said, runs=runs, cohort=held)
        write_report(asked.out / "report.html", subject)
    return results


def _simulate(asked: Asked, script: Script, line: Line) -> dict[Builder, Cohort]:
    cells = script.study.cells
    builders = dict.fromkeys(each for cell in cells for each in (cell.held, cell.cohort))
    cohorts = {}
    with process_pool(asked.workers) as pool:
        for builder, (step, folder) in zip(builders, _FOLDERS.items(), strict=True):
            line.say(script.words[step])
            show = partial(_show, line, step)
            cohorts[builder] = built(builder, asked.out / folder, executor=pool, progress=show)
            line.reach(step)
    return cohorts


def _show(line: Line, step: str, done: int, total: int) -> None:
    line.reach(step, done / total)


def _train(
    asked: Asked,
    script: Script,
    cohorts: Mapping[Builder, Cohort],
    homes: Mapping[Cell, Path],
    line: Line,
) -> None:
    order = list(script.seconds)
    cells = sorted(homes, key=lambda cell: order.index(cell.model))
    words = {
        cell.model: script.words[cell.model].format(**counted(cohorts[cell.cohort]))
        for cell in cells
    }
    tasks = [_task(cell, homes[cell], cohorts, asked) for cell in cells]
    left = list(words)
    line.say(_training(words, left))
    for task in asked.finished(tasks):
        left.remove(task.name)
        line.reach(task.name)
        if left:
            line.say(_training(words, left))


def _training(words: Mapping[str, str], left: list[str]) -> str:
    return f"Training {words[left[0]]}: {len(words) - len(left)} of {len(words)} models done"


def _task(cell: Cell, home: Path, cohorts: Mapping[Builder, Cohort], asked: Asked) -> Task:
    patients = cohorts[cell.cohort].folder, cohorts[cell.held].folder
    work = partial(_finish, cell, home, patients, asked.out / "phases")
    return Task(name=cell.model, result=home / RECORD, work=work)


def _finish(cell: Cell, home: Path, patients: tuple[Path, Path], phases: Path) -> None:
    learns, test = (Cohort.open(folder) for folder in patients)
    finish(cell, home, (learns, test), trainer=TrainerSettings(progress=False), phases=phases)
