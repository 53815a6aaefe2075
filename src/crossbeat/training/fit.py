"""Train one phase with Lightning, which takes seconds to import.

It is imported when a phase is trained, so that what only opens runs and models starts quickly.
"""

import ctypes
import json
import logging
import math
import signal
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import CheckpointIO
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn

from crossbeat.files import Json, write_sealed
from crossbeat.training.checkpoint import BEST, DONE, LAST, load_tensors, save_tensors
from crossbeat.training.fingerprint import describe
from crossbeat.training.hardware import TrainerSettings, check_accelerator, check_batch
from crossbeat.training.module import PhaseModule
from crossbeat.training.phase import Phase
from crossbeat.training.processes import leave_it_to_the_thread


def fit(
    phase: Phase, used: nn.ModuleDict, home: Path, *, seed: int, settings: TrainerSettings
) -> None:
    """Train a phase to its best epoch; its weights and its record are then in ``home``."""
    home.mkdir(parents=True, exist_ok=True)
    module = PhaseModule(phase, used, seed=seed, folder=home, workers=settings.workers)
    trainer = _trainer(phase, home, settings)
    last = home / LAST
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and logging intervals
        try:
            trainer.fit(module, ckpt_path=last if last.is_file() else None, weights_only=True)
        except SystemExit as stop:  # Lightning turns Ctrl-C into an exit
            raise KeyboardInterrupt from stop
        except Exception as error:
            # Lightning 2.6.6 fails if Ctrl-C comes while it ends: it tears down a second time.
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise
    used.requires_grad_(True)
    if trainer.is_global_zero:
        _finish(phase, module, home)
    trainer.strategy.barrier()


def _finish(phase: Phase, module: PhaseModule, home: Path) -> None:
    record: Json = phase.settings() | {
        "step": describe(phase.step),
        "history": module.history,
        "best_epoch": module.best_epoch(),
        "seconds": sum(epoch["seconds"] for epoch in module.history),
    }
    write_sealed(home, last=DONE, text=json.dumps(record, indent=1), names=(BEST,))
    (home / LAST).unlink(missing_ok=True)


def _trainer(phase: Phase, home: Path, settings: TrainerSettings) -> Trainer:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    callbacks: list[Callback] = [KeepLast(home)]
    if settings.processes > 1:
        callbacks.append(Together())
    if settings.progress:
        callbacks.append(EpochProgress(phase))
    optimisation = phase.optimisation
    check_batch(phase.name, optimisation, settings)
    check_accelerator(settings)
    return Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        num_nodes=settings.num_nodes,
        strategy="ddp" if settings.processes > 1 else "auto",
        precision=settings.precision,
        max_epochs=optimisation.epochs,
        accumulate_grad_batches=optimisation.accumulate,
        gradient_clip_val=optimisation.clip_norm,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        callbacks=callbacks,
        plugins=[SafetensorsIO()],
        logger=False,
        enable_checkpointing=True,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=home,
    )


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
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
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
        assert isinstance(module, PhaseModule)
        history = module.history
        if not history:
            return ""
        metric = f"val_{self.phase.choice.metric}"
        best = history[module.best_epoch()][metric]
        shown = "none" if math.isnan(best) else f"{best:.3f}"
        return f"epoch {len(history)}/{self.phase.optimisation.epochs} best {metric} {shown}"


class KeepLast(Checkpoint):
    """Writes the resumable state at the end of every epoch, after the best one was kept."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LAST

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook; for checkpoints it comes after the module's own."""
        trainer.save_checkpoint(self.path)


class Together(Callback):
    """For trainings with several processes: undoes what keeps them from ending."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook."""
        if threading.current_thread() is threading.main_thread():
            # Lightning's own handler waits for the other processes
            signal.signal(signal.SIGTERM, leave_it_to_the_thread)
        if dist.get_backend() == "gloo":
            # torch 2.13.0: the destructor holds the GIL and joins a thread that waits for the GIL
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(dist.group.WORLD))


def _split(value: object, path: str, tensors: dict[str, Tensor]) -> Json:
    if isinstance(value, Tensor):
        tensors[path] = value
        return {"tensor": path}
    if isinstance(value, Mapping):
        items = [[key, _split(item, f"{path}/{key}", tensors)] for key, item in dict(value).items()]
        return {"items": items}
    if isinstance(value, list | tuple):
        return {"list": [_split(item, f"{path}/{i}", tensors) for i, item in enumerate(value)]}
    if value is None or isinstance(value, str | bool | int | float):
        return {"value": value}
    raise TypeError(f"{path} of the checkpoint is a {type(value).__qualname__}; not storable")


def _join(node: Any, tensors: Mapping[str, Tensor]) -> Any:
    if "tensor" in node:
        return tensors[node["tensor"]]
    if "items" in node:
        return {key: _join(item, tensors) for key, item in node["items"]}
    if "list" in node:
        return [_join(item, tensors) for item in node["list"]]
    return node["value"]


class SafetensorsIO(CheckpointIO):
    """Lightning's checkpoints in one safetensors file: tensors as such, the rest as JSON."""

    def save_checkpoint(
        self, checkpoint: Json, path: str | Path, storage_options: object | None = None
    ) -> None:
        """Write the state of a trainer, atomically."""
        tensors: dict[str, Tensor] = {}
        structure = json.dumps(_split(checkpoint, "", tensors))
        save_tensors(Path(path), tensors, {"structure": structure})

    def load_checkpoint(
        self, path: str | Path, map_location: Any | None = None, weights_only: bool | None = None
    ) -> Json:
        """Read the state of a trainer."""
        tensors, metadata = load_tensors(Path(path))
        if map_location is not None and not callable(map_location):
            device = torch.device(map_location)
            tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        return _join(json.loads(metadata["structure"]), tensors)

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)
