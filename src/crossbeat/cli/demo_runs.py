"""What the demos share: what they are asked for, and training side by side."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossbeat.cli.progress import over_tasks
from crossbeat.recipes import Recipe
from crossbeat.training import TrainerSettings
from crossbeat.workers import Task, share


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
    preset: Callable[[Any], Recipe]

    @property
    def phases(self) -> Path:
        """The folder of phases, which runs share as they have them in common."""
        return self.out / "phases"

    @property
    def trainer(self) -> TrainerSettings:
        """With a bar for each network where no other trains beside it."""
        return TrainerSettings(progress=self.workers == 1)

    def train(self, tasks: Sequence[Task]) -> None:
        """See that all networks are trained, with a bar over them; see ``finished``."""
        over_tasks(self.finished(tasks), len(tasks), "training", quiet=self.workers == 1)

    def finished(self, tasks: Sequence[Task]) -> Iterator[Task]:
        """Train all networks and yield each when it is; those that are must be as asked for.

        Raises:
            ConfigError: a folder holds a run with other settings.
        """
        for each in tasks:
            if each.is_done():
                each.work()
        return share(tasks, workers=self.workers)
