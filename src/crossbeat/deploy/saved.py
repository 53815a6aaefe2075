"""The folder of a saved model: how it was built, what it takes, and its weights."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import nn

from crossbeat.data.info import CohortInfo
from crossbeat.deploy.model import FORMAT
from crossbeat.encoders import ENCODERS
from crossbeat.errors import CheckpointError
from crossbeat.recipes.networks import EcgModel
from crossbeat.recipes.record import RESULT
from crossbeat.signal import Preprocessing
from crossbeat.training.checkpoint import load_tensors, load_weights


@dataclass(frozen=True)
class Saved:
    """What a folder says of its model.

    Args:
        config: the contents of ``config.json``.
        model: how the network is built.
        preprocessing: applied to every ECG.
    """

    folder: Path
    config: dict[str, Any]
    model: EcgModel
    preprocessing: Preprocessing

    @property
    def shape(self) -> CohortInfo:
        """The cohort's info, as far as networks need it."""
        return CohortInfo(
            name=self.config["cohort"]["name"],
            kind=self.config["cohort"]["kind"],
            findings=(),
            leads=self.preprocessing.leads,
            fs=self.preprocessing.fs,
            seconds=self.preprocessing.seconds,
        )

    def load(self, parts: nn.ModuleDict) -> nn.ModuleDict:
        """The parts with their weights, in eval mode.

        Raises:
            CheckpointError: the weights are of another architecture than the settings.
        """
        weights, _ = load_tensors(self.folder / "model.safetensors")
        load_weights(parts, weights, str(self.folder / "model.safetensors"))
        return parts.eval()


def model_folder(folder: Path) -> Path:
    """The folder of the model: itself, or ``model`` in a run.

    Raises:
        CheckpointError: it is a run without one.
    """
    if (folder / "model" / "config.json").is_file():
        return folder / "model"
    if (folder / RESULT).is_file():
        raise CheckpointError(
            f"{folder} must be a run with an ECG model, got one that reads pictures or was "
            "stopped before its model was saved; run its train command again or name another"
        )
    return folder


def read_saved(folder: Path, keys: tuple[str, ...]) -> Saved:
    """What a folder, or the ``model`` folder of a run, says of its model.

    Args:
        keys: that its config must have.

    Raises:
        CheckpointError: there is none, it is of another version, or lacks a key.
    """
    folder = model_folder(folder)
    config = read_json(folder / "config.json", ("format",))
    if config.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder} must be a model of format {FORMAT}, got {config.get('format')}; "
            "export it again with this version of crossbeat"
        )
    config = read_json(folder / "config.json", keys)
    wanted = ("leads", "fs", "seconds", "baseline")
    values = read_json(folder / "preprocessing.json", wanted)
    preprocessing = Preprocessing.load({name: values[name] for name in wanted})
    return Saved(folder, config, _ecg_model(config["ecg"], folder / "config.json"), preprocessing)


def tells_of_hearts(folder: Path) -> bool:
    """Whether the model in a folder tells measures of the heart.

    Raises:
        CheckpointError: there is no model.
    """
    return "phenotypes" in read_json(model_folder(folder) / "config.json", ())


def _ecg_model(values: dict[str, Any], path: Path) -> EcgModel:
    known = {field.name for field in fields(EcgModel)}
    if set(values) != known or values["encoder"] not in ENCODERS:
        raise CheckpointError(
            f"{path} must tell {', '.join(sorted(known))} of an encoder that this version has, "
            f"got {values}; export the model again"
        )
    return EcgModel(**values | {"hidden": tuple(values["hidden"])})


def read_json(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    """The values of a file of a saved model.

    Raises:
        CheckpointError: it is absent or damaged, or lacks a key.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path} does not exist; name the folder of a finished run or of a saved model"
        ) from None
    except ValueError as error:
        raise CheckpointError(f"{path} must be JSON, got {error}; export the model again") from None
    if not isinstance(values, dict) or not set(keys) <= set(values):
        raise CheckpointError(
            f"{path} must tell {', '.join(keys)}, got other contents; export the model again"
        )
    return values
