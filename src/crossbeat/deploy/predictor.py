"""A saved model, ready to answer for single ECGs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.special import expit
from torch import nn

from crossbeat.deploy.model import KEPT
from crossbeat.deploy.saved import read_json, read_saved
from crossbeat.errors import ConfigError
from crossbeat.quality import FIRST, Length, require
from crossbeat.readers import Layout, read_ecg
from crossbeat.recipes.networks import EcgModel, ecg_logits, ecg_parts
from crossbeat.signal import Ecg, Ecgs, Preprocessing


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
        saved = read_saved(folder, ("findings", "ecg", "cohort"))
        findings = tuple(saved.config["findings"])
        calibration = read_json(saved.folder / "calibration.json", findings)
        built = ecg_parts(saved.model, saved.shape, len(findings), seed=0)
        parts = saved.load(nn.ModuleDict({name: built[name] for name in KEPT}))
        return cls(saved.model, parts, saved.preprocessing, findings, calibration)

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
