"""``crossbeat demo --recipe ptacl``: what beating hearts teach an ECG encoder, with controls."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from crossbeat.cli.cohorts import built
from crossbeat.cli.demo_runs import Asked
from crossbeat.cli.evaluate import save_model
from crossbeat.cli.heart_illustrations import illustrate_hearts
from crossbeat.cli.options import note
from crossbeat.cli.tables import print_table
from crossbeat.data.cohort import Cohort
from crossbeat.data.registry import Builder
from crossbeat.deploy import record_metrics
from crossbeat.errors import ConfigError
from crossbeat.evaluation.measurement_markdown import grids
from crossbeat.evaluation.measurement_report import write_measurement_report
from crossbeat.evaluation.measurement_results import write_measurement_results
from crossbeat.recipes.run import Run
from crossbeat.study.grid import Cell
from crossbeat.study.heart_results import results_of_hearts
from crossbeat.study.hearts import LIMIT, hearts
from crossbeat.study.kept import RECORD
from crossbeat.study.results import Finished
from crossbeat.study.work import finish
from crossbeat.training import TrainerSettings
from crossbeat.workers import Task

FIRST = ("ptacl", LIMIT, "teacher", "direct")
"""Others wait for the method's first phase: it is begun at once, beside those that do not."""


def heart_demo(asked: Asked) -> dict[str, Any]:
    """Simulate, train, compare and report; the results.

    Raises:
        ConfigError: outside X-rays or patients for limits are asked for, which this demo has not.
    """
    for name in ("outside", "abundant"):
        if (value := getattr(asked, name)) is not None:
            raise ConfigError(
                f"--{name} must be left out with --recipe ptacl, where all models learn from the "
                f"same patients, got {value}; remove it"
            )
    started = time.perf_counter()
    study = hearts(asked.patients, asked.seed, asked.preset)
    *_, limit = study.cells
    cohorts = {
        limit.held: built(limit.held, asked.out / "cohort"),
        limit.cohort: built(limit.cohort, asked.out / "cohort-of-the-limits"),
    }
    homes = {cell: asked.out / cell.model for cell in study.cells}
    in_turn = sorted(homes, key=lambda cell: (*FIRST, cell.model).index(cell.model))
    asked.train([_task(cell, homes[cell], cohorts, asked) for cell in in_turn])
    note("measuring on the test split")
    results = results_of_hearts(Finished(study, homes))
    results["hours"]["this command"] = (time.perf_counter() - started) / 3600
    _write(asked.out, results, Run.open(asked.out / study.method), cohorts[limit.held])
    return results


def print_by_model(results: dict[str, Any]) -> None:
    """A row for each model, limit and difference; probes are in the report."""
    for header, rows in grids({**results, "readings": {}}):
        told = [[cell.replace("`", "") for cell in row] for row in rows]
        print_table("", header, told)


def _task(cell: Cell, home: Path, cohorts: Mapping[Builder, Cohort], asked: Asked) -> Task:
    patients = cohorts[cell.cohort].folder, cohorts[cell.held].folder
    work = partial(_finish, cell, home, patients, asked.trainer, asked.phases)
    return Task(name=cell.model, result=home / RECORD, work=work)


def _finish(
    cell: Cell, home: Path, patients: tuple[Path, Path], trainer: TrainerSettings, phases: Path
) -> None:
    learns, test = (Cohort.open(folder) for folder in patients)
    finish(cell, home, (learns, test), trainer=trainer, phases=phases)


def _write(out: Path, results: dict[str, Any], method: Run, cohort: Cohort) -> None:
    save_model(method)
    record_metrics(method.folder / "model", results["models"][results["method"]])
    write_measurement_results(out / "results.json", results)
    note("drawing the report")
    report = illustrate_hearts(results, method, cohort)
    write_measurement_report(out / "report.html", results, report)
