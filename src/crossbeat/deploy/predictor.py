"""A saved model that predicts findings from single ECGs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit
from torch import nn

from crossbeat.deploy.answering import Answering
from crossbeat.deploy.model import KEPT
from crossbeat.deploy.saved import is_number, predicted, read_saved, read_values
from crossbeat.errors import ConfigError
from crossbeat.recipes.networks import ecg_logits, ecg_parts
from crossbeat.signal import Ecgs

_NUMBERS = ("slope", "intercept", "threshold")


@dataclass(frozen=True)
class Answer:
    """The prediction of one finding.

    Args:
        probability: calibrated on the validation patients, 0 to 1.
        threshold: the probability with the best F1 on the validation patients, 0 to 1; it may be
            low for a rare finding.
        positive: whether the probability reaches the threshold.
    """

    finding: str
    probability: float
    threshold: float
    positive: bool


@dataclass(frozen=True)
class Predictor(Answering[Answer]):
    """A saved model of findings; ``Answering`` documents the other fields.

    Args:
        findings: names in the order of the logits.
        calibration: slope, intercept and threshold of each finding.
    """

    findings: tuple[str, ...]
    calibration: dict[str, dict[str, float | None]]

    @classmethod
    def open(cls, folder: Path) -> "Predictor":
        """Open the model in a folder, or in the ``model`` folder of a run.

        Raises:
            CheckpointError: there is no model, it has another format version, a file is not as it
                was written, or its weights do not fit its settings.
        """
        saved = read_saved(folder, ("findings",))
        findings = predicted(saved, "findings")
        path = saved.folder / "calibration.json"
        calibration = read_values(path, findings, _calibrates, f"finite {', '.join(_NUMBERS)}")
        built = ecg_parts(saved.model, saved.shape, len(findings), seed=0)
        parts = saved.load(nn.ModuleDict({name: built[name] for name in KEPT}))
        return cls(saved.model, parts, saved.preprocessing, findings, calibration)

    def _tell(self, ecg: Ecgs) -> list[Answer]:
        logits = ecg_logits(self.parts, ecg, self.model)[0].double().numpy()
        return [
            self._answer(finding, float(logit))
            for finding, logit in zip(self.findings, logits, strict=True)
        ]

    def _answer(self, finding: str, logit: float) -> Answer:
        values = self.calibration[finding]
        slope, intercept, threshold = values["slope"], values["intercept"], values["threshold"]
        if slope is None or intercept is None or threshold is None:
            raise ConfigError(
                f"{finding} must be calibrated, got only one class of it in the validation split; "
                "leave the finding out or train on a larger cohort"
            )
        probability, least = expit(slope * np.array([logit, threshold]) + intercept).tolist()
        return Answer(finding, probability, least, logit >= threshold)


def _calibrates(values: Any) -> bool:
    return (
        isinstance(values, dict)
        and set(values) == set(_NUMBERS)
        and all(value is None or is_number(value) for value in values.values())
    )
