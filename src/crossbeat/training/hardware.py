"""On what a training runs: settings of the hardware, and checks that the machine has it."""

from dataclasses import dataclass
from typing import Literal

import torch

from crossbeat.errors import ConfigError
from crossbeat.training.phase import Optimisation


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
