"""Run the phases of a recipe in order; finished phases are loaded, not run again."""

import json
import logging
import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import nn

from crossbeat.errors import ConfigError
from crossbeat.files import Json, check_seal, write_sealed
from crossbeat.training.checkpoint import SafetensorsIO, load_tensors, load_weights
from crossbeat.training.fingerprint import describe, fingerprint
from crossbeat.training.module import BEST, LAST, KeepLast, PhaseModule
from crossbeat.training.phase import Optimisation, Phase
from crossbeat.training.processes import Together, ended_by_signals
from crossbeat.workers import locked

_DONE = "phase.json"
_FORMAT = 2
"""Of the folder of a phase; others are not read."""


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """Settings of the hardware; none of them is part of a recipe.

    Args:
        accelerator: ``auto`` takes a GPU when there is one.
        devices: processes on this machine, at least 1.
        num_nodes: machines, at least 1.
        precision: of the forward and backward pass; weights stay in 32 bits.
        workers: processes that read batches ahead of each training process, at least 0.
        progress: show a progress bar.

    Raises:
        ConfigError: a number is out of its range.
    """

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: int = 1
    num_nodes: int = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    workers: int = 0
    progress: bool = True

    def __post_init__(self) -> None:
        for name, least in (("devices", 1), ("num_nodes", 1), ("workers", 0)):
            if getattr(self, name) < least:
                raise ConfigError(
                    f"--trainer.{name} must be {least} or more, got {getattr(self, name)}; raise it"
                )

    @property
    def processes(self) -> int:
        return self.devices * self.num_nodes


@dataclass(frozen=True)
class PhaseRecord:
    """The result of a finished phase.

    Args:
        folder: where its weights and its record lie.
        history: for each epoch the losses, the validation scores and the seconds.
        best_epoch: counted from 0.
        seconds: wall time of all epochs.
        reused: whether it was finished before and only loaded.
    """

    name: str
    folder: Path
    history: list[dict[str, float]]
    best_epoch: int
    seconds: float
    reused: bool


def check_batch(name: str, optimisation: Optimisation, settings: TrainerSettings) -> None:
    """Check that a batch divides among the processes."""
    if optimisation.batch_size % settings.processes:
        raise ConfigError(
            f"the batch size of phase {name!r} must be a multiple of the number of processes, "
            f"got {optimisation.batch_size} and {settings.processes}; change one of them"
        )


def check_accelerator(settings: TrainerSettings) -> None:
    """Check that this machine has the accelerators that are asked for."""
    mps = torch.backends.mps.is_available()
    num = {"gpu": torch.cuda.device_count() or int(mps), "mps": int(mps)}.get(settings.accelerator)
    if num == 0:
        raise ConfigError(
            f"--trainer.accelerator must be one that this machine has, got {settings.accelerator}; "
            "choose auto or cpu, or check the driver and how torch was installed"
        )
    if num is not None and settings.devices > num:
        raise ConfigError(
            f"--trainer.devices must be at most {num}, the GPUs of this machine, "
            f"got {settings.devices}; lower it"
        )


def run_phases(
    phases: Iterator[Phase],
    parts: nn.ModuleDict,
    folder: Path,
    *,
    seed: int,
    trainer: TrainerSettings,
) -> list[PhaseRecord]:
    """Run phases in order; each starts from the best epochs of those before it.

    Args:
        phases: may build a phase from what the parts have learned in the phases before.
        parts: changed in place; left in eval mode with every gradient enabled.
        folder: one folder for each phase, named after it and its fingerprint; a folder that
            several recipes share lets them share the phases that they have in common.
        seed: any integer.
    """
    with ended_by_signals(trainer.processes):
        records = [_run(phase, parts, folder, seed=seed, settings=trainer) for phase in phases]
    parts.eval()
    return records


def _run(
    phase: Phase, parts: nn.ModuleDict, folder: Path, *, seed: int, settings: TrainerSettings
) -> PhaseRecord:
    used = nn.ModuleDict({name: parts[name] for name in phase.uses()})
    key = fingerprint(
        {
            "format": _FORMAT,
            "phase": phase,
            "start": dict(used.state_dict()),
            "seed": seed,
            "processes": settings.processes,
            "precision": settings.precision,
        }
    )
    home = folder / f"{phase.name}-{key[:16]}"
    reused = (home / _DONE).is_file()
    if not reused:
        with locked(home) if settings.processes == 1 else nullcontext():
            reused = (home / _DONE).is_file()  # another process may have been at it
            if not reused:
                _fit(phase, used, home, seed=seed, settings=settings)
    load_best(used, home)
    record = json.loads((home / _DONE).read_text())
    kept = {name: record[name] for name in ("history", "best_epoch", "seconds")}
    return PhaseRecord(name=phase.name, folder=home, reused=reused, **kept)


def load_best(parts: nn.ModuleDict, home: Path) -> None:
    """Load the weights of the best epoch of a finished phase into the parts that it used."""
    check_seal(home, needs=(BEST, _DONE), remedy=f"remove {home}, so that it is trained again")
    weights, _ = load_tensors(home / BEST)
    used = {name.partition(".")[0] for name in weights}
    kept = nn.ModuleDict({name: parts[name] for name in parts if name in used})
    load_weights(kept, weights, str(home / BEST))


def _fit(
    phase: Phase, used: nn.ModuleDict, home: Path, *, seed: int, settings: TrainerSettings
) -> None:
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
    write_sealed(home, last=_DONE, text=json.dumps(record, indent=1), names=(BEST,))
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
        history: Any = module.history
        if not history:
            return ""
        metric = f"val_{self.phase.choice.metric}"
        best = history[module.best_epoch()][metric]  # type: ignore[operator]
        shown = "none" if math.isnan(best) else f"{best:.3f}"
        return f"epoch {len(history)}/{self.phase.optimisation.epochs} best {metric} {shown}"
