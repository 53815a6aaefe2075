"""Read the folder of a saved model: settings, preprocessing and weights."""

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
    """Settings of a saved model.

    Args:
        config: contents of ``config.json``.
        model: settings of the network.
        preprocessing: applied to every ECG.
    """

    folder: Path
    config: dict[str, Any]
    model: EcgModel
    preprocessing: Preprocessing

    @property
    def shape(self) -> CohortInfo:
        """The properties of the cohort that the networks need."""
        return CohortInfo(
            name=self.config["cohort"]["name"],
            kind=self.config["cohort"]["kind"],
            findings=(),
            leads=self.preprocessing.leads,
            fs=self.preprocessing.fs,
            seconds=self.preprocessing.seconds,
        )

    def load(self, parts: nn.ModuleDict) -> nn.ModuleDict:
        """Load the weights into the parts and set them to eval mode.

        Raises:
            CheckpointError: the weights do not fit the settings.
        """
        weights, _ = load_tensors(self.folder / "model.safetensors")
        load_weights(parts, weights, str(self.folder / "model.safetensors"))
        return parts.eval()


def model_folder(folder: Path) -> Path:
    """The folder of the model: ``model`` in a run, or the folder itself.

    Raises:
        CheckpointError: the run has no ECG model.
    """
    if (folder / "model" / "config.json").is_file():
        return folder / "model"
    if (folder / RESULT).is_file():
        raise CheckpointError(
            f"{folder} must be a run with an ECG model, got a run that reads images or was stopped "
            "before its model was saved; run its train command again or name another run"
        )
    return folder


def read_saved(folder: Path, keys: tuple[str, ...]) -> Saved:
    """Read the settings of the model in a folder, or in the ``model`` folder of a run.

    Args:
        keys: keys that ``config.json`` must have.

    Raises:
        CheckpointError: there is no model, it has another format version, or it lacks a key.
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


def is_of_hearts(folder: Path) -> bool:
    """Whether the model in a folder predicts cardiac measurements.

    Raises:
        CheckpointError: there is no model.
    """
    return "phenotypes" in read_json(model_folder(folder) / "config.json", ())


def _ecg_model(values: dict[str, Any], path: Path) -> EcgModel:
    known = {field.name for field in fields(EcgModel)}
    if set(values) != known or values["encoder"] not in ENCODERS:
        raise CheckpointError(
            f"{path} must have {', '.join(sorted(known))} of an encoder that this version has, "
            f"got {values}; export the model again"
        )
    return EcgModel(**values | {"hidden": tuple(values["hidden"])})


def read_json(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    """Read a JSON file of a saved model.

    Raises:
        CheckpointError: the file is absent or damaged, or it lacks a key.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path} does not exist; give the folder of a finished run or of a saved model"
        ) from None
    except ValueError as error:
        raise CheckpointError(f"{path} must be JSON, got {error}; export the model again") from None
    if not isinstance(values, dict) or not set(keys) <= set(values):
        raise CheckpointError(
            f"{path} must have {', '.join(keys)}, got other contents; export the model again"
        )
    return values
