"""Run the cells of a study; each cell is trained and scored once, by any process."""

import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crossbeat.data.cohort import Cohort
from crossbeat.data.registry import Builder
from crossbeat.errors import ConfigError, UserError
from crossbeat.recipes.record import versions
from crossbeat.recipes.run import Plan, train
from crossbeat.study.grid import Cell
from crossbeat.study.kept import RECORD, write_cell
from crossbeat.study.said import said_of
from crossbeat.training import TrainerSettings
from crossbeat.training.fingerprint import describe, fingerprint
from crossbeat.workers import Task, locked


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Folders and trainer settings of the cells of a study.

    Args:
        folder: folder of the study, on a file system that all machines can access.
        shared: folder of the cohorts and phases that several studies use.

    Raises:
        ConfigError: the trainer settings ask for several processes per cell.
    """

    folder: Path
    shared: Path
    trainer: TrainerSettings

    def __post_init__(self) -> None:
        if self.trainer.processes > 1:
            raise ConfigError(
                "a study must train each cell in one process, got "
                f"{self.trainer.processes}; leave devices and num_nodes at 1 and raise --workers"
            )

    def tasks(self, cells: Sequence[Cell]) -> list[Task]:
        """The cells as tasks for several processes."""
        return [
            Task(
                name=cell.title,
                result=self.home(cell) / RECORD,
                work=partial(self.run, cell, self.home(cell)),
            )
            for cell in cells
        ]

    def home(self, cell: Cell) -> Path:
        """The folder of a cell; a cell with other settings has another folder."""
        contents = {"cell": cell, "precision": self.trainer.precision}
        point = "" if cell.point is None else f"-{cell.point}"
        name = re.sub(r"[^\w.+]+", "-", f"{cell.model}{point}-{cell.seed}")
        return self.folder / "cells" / f"{name}-{fingerprint(contents)[:12]}"

    def run(self, cell: Cell, home: Path) -> None:
        """Train a cell, score it and save its predictions; errors of the user name the cell."""
        try:
            cohorts = self.cohort(cell.cohort), self.cohort(cell.held)
            finish(cell, home, cohorts, trainer=self.trainer, phases=self.shared / "phases")
        except UserError as error:
            raise type(error)(f"{cell.title}: {error}") from error

    def cohort(self, settings: Builder) -> Cohort:
        """Open the cohort of some settings; the first process that needs it builds it."""
        name = f"{type(settings).__name__}-{fingerprint(settings)[:12]}".lower()
        folder = self.shared / "cohorts" / name
        if not folder.is_dir():
            with locked(folder.with_name(f"{name}.building")):
                if not folder.is_dir():
                    with ThreadPoolExecutor(1) as executor:
                        return settings.build(folder, executor=executor)
        return Cohort.open(folder)


def finish(
    cell: Cell,
    home: Path,
    cohorts: tuple[Cohort, Cohort],
    *,
    trainer: TrainerSettings,
    phases: Path,
) -> None:
    """Train a cell, score it and save its predictions; a finished cell is only checked."""
    started = time.perf_counter()
    plan = Plan(name=cell.recipe_name, recipe=cell.recipe, seed=cell.seed)
    run = train(plan, cohorts[0], home, trainer=trainer, shared=phases)
    if (home / RECORD).is_file():
        return
    said = said_of(run, *cohorts, readings=cell.readings, limits=cell.latent_limit)
    seconds = time.perf_counter() - started
    told = {"cell": describe(cell), "seconds": seconds, "versions": versions()}
    write_cell(home, said, told)
