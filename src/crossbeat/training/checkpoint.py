"""Weights and resumable states as safetensors: whole or absent, strict, never pickled."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from crossbeat.errors import CheckpointError, reason
from crossbeat.files import Json, write_whole


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


def _split(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
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
        self, checkpoint: Json, path: Any, storage_options: Any | None = None
    ) -> None:
        """Write the state of a trainer, atomically."""
        tensors: dict[str, Tensor] = {}
        structure = json.dumps(_split(checkpoint, "", tensors))
        save_tensors(Path(path), tensors, {"structure": structure})

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> Json:
        """Read the state of a trainer."""
        tensors, metadata = load_tensors(Path(path))
        if map_location is not None and not callable(map_location):
            device = torch.device(map_location)
            tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        return _join(json.loads(metadata["structure"]), tensors)

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)
