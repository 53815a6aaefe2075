"""One line of progress for each phase: the epoch, the loss and the validation score."""

import math
import sys
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from crossbeat.training.phase import Phase


class EpochProgress(Callback):
    """A bar over all batches of a phase on a terminal; a line at the end elsewhere."""

    def __init__(self, phase: Phase) -> None:
        self.phase = phase
        self.progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
        )
        self.task = self.progress.add_task(phase.name, note="", total=None)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook."""
        if trainer.is_global_zero:
            batches = int(trainer.num_training_batches)
            total = batches * self.phase.optimisation.epochs
            done = batches * trainer.current_epoch
            self.progress.update(self.task, total=total, completed=done)
            self.progress.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Lightning's hook."""
        self.progress.advance(self.task)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook; it comes before the module's own, so the score is one epoch old."""
        self.progress.update(self.task, note=self._note(pl_module))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook."""
        total = self.progress.tasks[0].total
        self.progress.update(self.task, note=self._note(pl_module), completed=total)
        self.progress.stop()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Lightning's hook: leave the terminal as it was."""
        self.progress.stop()

    def _note(self, module: LightningModule) -> str:
        history: Any = module.history
        if not history:
            return ""
        metric = f"val_{self.phase.choice.metric}"
        best = history[module.best_epoch()][metric]  # type: ignore[operator]
        shown = "none" if math.isnan(best) else f"{best:.3f}"
        return f"epoch {len(history)}/{self.phase.optimisation.epochs} best {metric} {shown}"
