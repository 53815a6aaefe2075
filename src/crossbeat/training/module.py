"""The one LightningModule: it runs a phase and keeps its history and its best epoch."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset, Sampler

from crossbeat.data.loaders import epoch_batches
from crossbeat.files import Json
from crossbeat.training.checkpoint import BEST, save_tensors
from crossbeat.training.phase import Batch, Phase, Source, derive_seed
from crossbeat.training.processes import alone


class _Batches(Dataset[Batch]):
    def __init__(self, source: Source) -> None:
        self.source = source

    def __getitem__(self, positions: np.ndarray) -> Batch:
        return self.source.batch(positions)


class _Epochs(Sampler[np.ndarray]):
    """The positions of each batch of this process, of the epoch that a module is in."""

    def __init__(self, module: "PhaseModule") -> None:
        self.module = module

    def __len__(self) -> int:
        return len(self.module.batches(0))

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.module.batches(self.module.current_epoch))


class PhaseModule(LightningModule):
    """Runs the steps of a phase; the state of a run is its weights, optimiser and history.

    Every random draw depends on the seed, the epoch, the batch and the process alone, so a run
    that was killed and resumed draws what an uninterrupted one draws.

    Args:
        folder: where the best and the last epoch are kept.
        workers: processes that read batches ahead, as long as the phase lasts; 0 reads in this one.
    """

    def __init__(
        self, phase: Phase, parts: nn.ModuleDict, *, seed: int, folder: Path, workers: int = 0
    ) -> None:
        super().__init__()
        self.phase = phase
        self.parts = parts
        self.seed = seed
        self.folder = folder
        self.history: list[dict[str, float]] = []
        self._losses: list[dict[str, Tensor]] = []
        self._started = 0.0
        for name in phase.frozen:
            self.parts[name].requires_grad_(False)
        decay = phase.optimisation.average
        self.averaged = _average(parts, decay) if decay else None
        self._updates = 0
        self._loader = DataLoader(
            _Batches(phase.train),
            batch_size=None,
            sampler=_Epochs(self),
            num_workers=workers,
            # forking a process in which torch or polars has threads can hang
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
        )

    def train(self, mode: bool = True) -> "PhaseModule":
        """Training mode for the trained parts; frozen ones keep their batch statistics."""
        super().train(mode)
        for name in self.phase.frozen:
            self.parts[name].eval()
        return self

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Lightning's hook."""
        return batch.to(device)

    def batches(self, epoch: int) -> list[np.ndarray]:
        weights = self.phase.weights
        return epoch_batches(
            np.ones(len(self.phase.train)) if weights is None else weights,
            self.phase.optimisation.batch_size,
            seed=derive_seed(self.seed, self.phase.name),
            epoch=epoch,
            rank=self.trainer.global_rank,
            world=self.trainer.world_size,
        )

    def train_dataloader(self) -> DataLoader[Batch]:
        """The loader of all epochs; Lightning asks at every epoch, so a resumed one begins anew."""
        return self._loader

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with one group for each trained part."""
        settings = self.phase.optimisation
        groups = [
            {"params": list(self.parts[name].parameters()), "lr": settings.learning_rate * scale}
            for name, scale in self.phase.trains.items()
        ]
        optimiser = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
        per_epoch = math.ceil(len(self.batches(0)) / settings.accumulate)

        def factor(step: int) -> float:
            return settings.factor(step / per_epoch)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        """Lightning's hook."""
        self._losses = []
        self._started = time.perf_counter()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The sum of the step's losses on one batch."""
        place = (self.current_epoch, batch_idx, self.global_rank)
        seed = derive_seed(self.seed, self.phase.name, *place)
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        losses = self.phase.step(self.parts, batch, generator)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            values = {name: loss.item() for name, loss in losses.items()}
            raise FloatingPointError(
                f"phase {self.phase.name!r}, epoch {self.current_epoch}, batch {batch_idx}: "
                f"the loss is not finite, got {values}; lower the learning rate"
            )
        self._losses.append({name: loss.detach() for name, loss in losses.items()})
        return total

    def on_train_batch_end(self, outputs: object, batch: Batch, batch_idx: int) -> None:
        """Follow every update with the running average."""
        if self.averaged is not None and self.global_step > self._updates:
            self.averaged.update_parameters(self.parts)
        self._updates = self.global_step

    @property
    def kept(self) -> nn.ModuleDict:
        """The parts that are scored and kept: the trained ones, or their running average."""
        parts = self.parts if self.averaged is None else self.averaged.module
        assert isinstance(parts, nn.ModuleDict)
        return parts

    def on_train_epoch_end(self) -> None:
        """Score on validation data, keep the best epoch, stop when patience is over."""
        record: dict[str, float] = {}
        for name in self._losses[0]:
            mean = torch.stack([losses[name] for losses in self._losses]).mean()
            record[name] = float(self.trainer.strategy.reduce(mean, reduce_op="mean"))
        record |= {f"val_{name}": value for name, value in self._score().items()}
        record["epoch"] = self.current_epoch
        record["seconds"] = time.perf_counter() - self._started
        self.history.append(record)
        if self.best_epoch() == self.current_epoch and self.trainer.is_global_zero:
            save_tensors(self.folder / BEST, self.kept.state_dict())
        self._stop_when_patience_is_over()

    def on_train_start(self) -> None:
        """A run that was killed after its last epoch has nothing left to do."""
        self.train()
        self._updates = self.global_step
        self._stop_when_patience_is_over()

    def best_epoch(self) -> int:
        """The best epoch so far; the first of equals."""
        choice = self.phase.choice
        values = [record[f"val_{choice.metric}"] for record in self.history]
        sign = 1 if choice.higher_is_better else -1
        finite = [sign * value if math.isfinite(value) else -math.inf for value in values]
        return int(np.argmax(finite))

    def _stop_when_patience_is_over(self) -> None:
        patience = self.phase.choice.patience
        if patience is not None and self.history:
            self.trainer.should_stop |= len(self.history) - 1 - self.best_epoch() >= patience

    def _score(self) -> dict[str, float]:
        scores: dict[str, float] = {}
        if self.trainer.is_global_zero:
            was_training = self.training
            self.eval()
            with torch.no_grad(), alone():  # the other processes wait for the scores
                scores = self.phase.choice.score(self.kept, self.phase.val)
            self.train(was_training)
        return self.trainer.strategy.broadcast(scores)

    def on_save_checkpoint(self, checkpoint: Json) -> None:
        """Lightning's hook."""
        checkpoint["history"] = self.history

    def on_load_checkpoint(self, checkpoint: Json) -> None:
        """Lightning's hook."""
        self.history = checkpoint["history"]


def _average(parts: nn.ModuleDict, decay: float) -> AveragedModel:
    def follow(average: Tensor, weight: Tensor, updates: Tensor | int) -> Tensor:
        count = int(updates)
        return torch.lerp(weight, average, min(decay, (1 + count) / (10 + count)))

    averaged = AveragedModel(parts, avg_fn=follow)
    averaged.requires_grad_(False)
    return averaged
