"""A saved model, ready to answer for single ECGs."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import nn

from crossbeat.data.info import CohortInfo
from crossbeat.deploy.model import FORMAT, KEPT
from crossbeat.encoders import ENCODERS
from crossbeat.errors import CheckpointError, ConfigError
from crossbeat.quality import FIRST, Length, require
from crossbeat.readers import Layout, read_ecg
from crossbeat.recipes.networks import EcgModel, ecg_logits, ecg_parts
from crossbeat.recipes.record import RESULT
from crossbeat.signal import Ecg, Ecgs, Preprocessing
from crossbeat.training.checkpoint import load_tensors, load_weights


@dataclass(frozen=True)
class Answer:
    """What the model says of one finding.

    Args:
        probability: calibrated on the validation patients, 0 to 1.
        threshold: the probability with the best F1 on the validation patients, 0 to 1; of a rare
            finding it may be low.
        positive: whether the threshold is reached.
    """

    finding: str
    probability: float
    threshold: float
    positive: bool


@dataclass(frozen=True)
class Predictor:
    """A model from its folder.

    Args:
        model: how the network is built.
        parts: the network, in eval mode.
        preprocessing: applied to every ECG.
        findings: in the order of the logits.
        calibration: for each finding slope, intercept and threshold.
    """

    model: EcgModel
    parts: nn.ModuleDict
    preprocessing: Preprocessing
    findings: tuple[str, ...]
    calibration: dict[str, dict[str, float | None]]

    @classmethod
    def open(cls, folder: Path) -> "Predictor":
        """The model in a folder, or in the ``model`` folder of a run.

        Raises:
            CheckpointError: there is none, it is of another version, or its weights are of
                another architecture than its settings.
        """
        if (folder / "model" / "config.json").is_file():
            folder = folder / "model"
        elif (folder / RESULT).is_file():
            raise CheckpointError(
                f"{folder} must be a run with an ECG model, got one that reads X-rays or was "
                "stopped before its model was saved; run its train command again or name another"
            )
        config = _read(folder / "config.json", ("format",))
        if config.get("format") != FORMAT:
            raise CheckpointError(
                f"{folder} must be a model of format {FORMAT}, got {config.get('format')}; "
                "export it again with this version of crossbeat"
            )
        config = _read(folder / "config.json", ("findings", "ecg", "cohort"))
        wanted = ("leads", "fs", "seconds", "baseline")
        values = _read(folder / "preprocessing.json", wanted)
        preprocessing = Preprocessing.load({name: values[name] for name in wanted})
        findings = tuple(config["findings"])
        calibration = _read(folder / "calibration.json", findings)
        model = _ecg_model(config["ecg"], folder / "config.json")
        shape = CohortInfo(
            name=config["cohort"]["name"],
            kind=config["cohort"]["kind"],
            findings=findings,
            leads=preprocessing.leads,
            fs=preprocessing.fs,
            seconds=preprocessing.seconds,
        )
        parts = nn.ModuleDict(
            {name: ecg_parts(model, shape, len(findings), seed=0)[name] for name in KEPT}
        )
        weights, _ = load_tensors(folder / "model.safetensors")
        load_weights(parts, weights, str(folder / "model.safetensors"))
        parts.eval()
        return cls(model, parts, preprocessing, findings, calibration)

    def predict(self, ecg: Ecg, source: str, length: Length = FIRST) -> list[Answer]:
        """What the model says of one ECG.

        Args:
            ecg: millivolts; any lead order and rate, eight leads suffice.
            source: names the ECG in messages.
            length: what becomes of a longer or shorter ECG.

        Raises:
            DataError: the ECG lacks a lead, is too short, flat, not in millivolts or not finite.
        """
        ready = self.preprocessing.apply(require(ecg, source, self.preprocessing.seconds, length))
        with torch.no_grad():
            batch = Ecgs(torch.from_numpy(ready.values)[None], ready.leads, ready.fs)
            logits = ecg_logits(self.parts, batch, self.model)[0].double().numpy()
        return [
            self._answer(finding, float(logit))
            for finding, logit in zip(self.findings, logits, strict=True)
        ]

    def predict_file(
        self, path: Path, *, layout: Layout | None = None, length: Length = FIRST
    ) -> list[Answer]:
        """What the model says of the ECG in a file.

        Args:
            path: a file of any of the formats of ``read_ecg``.
            layout: of a CSV or NumPy file.
            length: what becomes of a longer or shorter ECG.

        Raises:
            DataError: the file is no ECG that can be read, or see ``predict``.
            ConfigError: a CSV or NumPy file comes without a layout.
        """
        return self.predict(read_ecg(path, layout), str(path), length)

    def _answer(self, finding: str, logit: float) -> Answer:
        values = self.calibration[finding]
        slope, intercept, threshold = values["slope"], values["intercept"], values["threshold"]
        if slope is None or intercept is None or threshold is None:
            raise ConfigError(
                f"{finding} must be calibrated, but the validation split had only one class of "
                "it; leave the finding out or train on a larger cohort"
            )
        probability, least = expit(slope * np.array([logit, threshold]) + intercept).tolist()
        return Answer(finding, probability, least, logit >= threshold)


def _ecg_model(values: dict[str, Any], path: Path) -> EcgModel:
    known = {field.name for field in fields(EcgModel)}
    if set(values) != known or values["encoder"] not in ENCODERS:
        raise CheckpointError(
            f"{path} must tell {', '.join(sorted(known))} of an encoder that this version has, "
            f"got {values}; export the model again"
        )
    return EcgModel(**values | {"hidden": tuple(values["hidden"])})


def _read(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
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
