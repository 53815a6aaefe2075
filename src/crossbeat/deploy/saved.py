"""Read the folder of a saved model: settings, preprocessing and weights."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

from torch import nn

from crossbeat.data.info import KINDS, CohortInfo
from crossbeat.deploy.model import FORMAT, WEIGHTS
from crossbeat.encoders import ENCODERS
from crossbeat.errors import CheckpointError, ConfigError, reason
from crossbeat.files import check_seal
from crossbeat.recipes.networks import EcgModel
from crossbeat.recipes.record import RESULT
from crossbeat.signal import NORMALISATIONS, Preprocessing
from crossbeat.training.checkpoint import load_tensors, load_weights

_PREPROCESSING = tuple(field.name for field in fields(Preprocessing))
_AGAIN = "copy the folder again, or run the train command of its run again"


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
        path = self.folder / WEIGHTS
        weights, _ = load_tensors(path)
        load_weights(parts, weights, str(path))
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
        CheckpointError: there is no model, it has another format version, a file is not as it was
            written, or a value is not allowed.
    """
    folder = model_folder(folder)
    path = folder / "config.json"
    config = read_json(path, ("format",))
    if config["format"] != FORMAT:
        raise CheckpointError(
            f"{folder} must be a model of format {FORMAT}, got {config['format']}; "
            "run the train command of its run again with this version of crossbeat"
        )
    check_seal(folder, needs=(WEIGHTS, "config.json", "preprocessing.json"), remedy=_AGAIN)
    config = read_json(path, (*keys, "ecg", "cohort"))
    model = _ecg_model(config["ecg"], path)
    kind = config["cohort"].get("kind") if isinstance(config["cohort"], dict) else None
    _require(kind in KINDS, path, f"a cohort whose kind is one of {', '.join(KINDS)}", kind)
    told = folder / "preprocessing.json"
    values = read_json(told, (*_PREPROCESSING, "unit", "normalisation"))
    expected = {"unit": "mV", "normalisation": model.normalisation}
    got = {name: values[name] for name in expected}
    _require(got == expected, told, f"{expected}, as the model does", got)
    try:
        preprocessing = Preprocessing.load({name: values[name] for name in _PREPROCESSING})
    except (ConfigError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{told} must be settings that fit together, got: {reason(error)}; {_AGAIN}"
        ) from error
    return Saved(folder, config, model, preprocessing)


def predicted(saved: Saved, key: str) -> tuple[str, ...]:
    """The names of what a model predicts, in the order of its outputs.

    Args:
        key: of ``config.json``.

    Raises:
        CheckpointError: they are not different names.
    """
    names = saved.config[key]
    good = isinstance(names, list) and all(isinstance(name, str) for name in names)
    good = good and 0 < len(set(names)) == len(names)
    _require(good, saved.folder / "config.json", f"different names as {key}", names)
    return tuple(names)


def read_values(
    path: Path, names: tuple[str, ...], good: Callable[[Any], bool], what: str
) -> dict[str, Any]:
    """The values of all that a model predicts.

    Args:
        names: what the model predicts.
        good: whether a value is allowed.
        what: names the values in errors.

    Raises:
        CheckpointError: the file has other names, or a value is not allowed.
    """
    values = read_json(path, ())
    _require(set(values) == set(names), path, f"exactly {', '.join(names)}", ", ".join(values))
    for name, value in values.items():
        _require(good(value), path, f"{what} of {name}", value)
    return values


def is_number(value: object) -> bool:
    """Whether a value from JSON is a finite number."""
    return isinstance(value, int | float) and type(value) is not bool and isfinite(value)


def is_of_hearts(folder: Path) -> bool:
    """Whether the model in a folder predicts cardiac measurements.

    Raises:
        CheckpointError: there is no model.
    """
    return "measurements" in read_json(model_folder(folder) / "config.json", ())


def _ecg_model(values: Any, path: Path) -> EcgModel:
    known = {field.name for field in fields(EcgModel)}
    good = isinstance(values, dict) and set(values) == known and values["encoder"] in ENCODERS
    good = good and values["normalisation"] in NORMALISATIONS and isinstance(values["hidden"], list)
    what = f"{', '.join(sorted(known))} of an encoder that this version has"
    _require(good, path, what, values)
    return EcgModel(**values | {"hidden": tuple(values["hidden"])})


def _require(good: bool, path: Path, what: str, got: object) -> None:
    if not good:
        raise CheckpointError(f"{path} must have {what}, got {got}; {_AGAIN}")


def read_json(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    """Read a JSON file of a saved model.

    Raises:
        CheckpointError: the file is absent or damaged, or it lacks a key.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{path} must be there, got none; give the folder of a finished run or of a saved model"
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} must be JSON, got: {reason(error)}; {_AGAIN}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} must be a JSON object, got other contents; {_AGAIN}")
    if not set(keys) <= set(values):
        raise CheckpointError(f"{path} must have {', '.join(keys)}, got other contents; {_AGAIN}")
    return values
