"""Weights and resumable states as safetensors: whole or absent, strict, never pickled."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from crossbeat.errors import CheckpointError, reason
from crossbeat.files import write_whole

BEST = "best.safetensors"
LAST = "last.safetensors"
DONE = "phase.json"
"""Files in the folder of a phase: its best epoch, the last one, and the record at its end."""


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named tensors to one safetensors file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_whole(path, save(plain, dict(metadata or {})))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; train the model first") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} must be a whole safetensors file, got: {reason(error)}; copy or train it again"
        ) from error


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Load weights into a module whose names, shapes and types they match exactly."""
    own = module.state_dict()
    problems = [f"missing {name}" for name in own if name not in weights]
    problems += [f"unknown {name}" for name in weights if name not in own]
    problems += [
        f"{name} is {list(weights[name].shape)} where the model has {list(own[name].shape)}"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    ]
    if problems:
        shown = "; ".join(problems[:3]) + (f"; and {len(problems) - 3} more" * (len(problems) > 3))
        raise CheckpointError(
            f"{source} holds weights of another architecture: {shown}; "
            "use the settings that it was trained with"
        )
    for name, value in weights.items():
        if value.dtype != own[name].dtype:
            raise CheckpointError(
                f"{source} must hold {name} as {own[name].dtype}, got {value.dtype}; copy or train "
                "it again"
            )
        if not torch.isfinite(value).all():
            raise CheckpointError(
                f"{source} must hold finite weights, got other values in {name}; copy or train it "
                "again"
            )
    module.load_state_dict(dict(weights))
