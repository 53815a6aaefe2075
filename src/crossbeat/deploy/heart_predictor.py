"""A saved model that tells measures of the heart of single ECGs."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from crossbeat.deploy.model import KEPT_OF_HEARTS
from crossbeat.deploy.saved import read_json, read_saved
from crossbeat.evaluation.phenotype_names import phenotype
from crossbeat.quality import FIRST, Length, require
from crossbeat.readers import Layout, read_ecg
from crossbeat.recipes.cine.networks import ecg_parts, ecg_phenotypes
from crossbeat.recipes.networks import EcgModel
from crossbeat.signal import Ecg, Ecgs, Preprocessing


@dataclass(frozen=True)
class Measure:
    """What the model says of one measure of the heart.

    Args:
        value: in its unit.
        unit: such as ml.
        error: standard deviation of the model's errors on the validation patients, in the unit.
    """

    phenotype: str
    value: float
    unit: str
    error: float


@dataclass(frozen=True)
class HeartPredictor:
    """A model from its folder.

    Args:
        model: how the network is built.
        parts: the network, in eval mode.
        preprocessing: applied to every ECG.
        phenotypes: in the order of the network's outputs.
        errors: of each on the validation patients.
    """

    model: EcgModel
    parts: nn.ModuleDict
    preprocessing: Preprocessing
    phenotypes: tuple[str, ...]
    errors: dict[str, float]

    @classmethod
    def open(cls, folder: Path) -> "HeartPredictor":
        """The model in a folder, or in the ``model`` folder of a run.

        Raises:
            CheckpointError: there is none, it is of another version or tells findings, or its
                weights are of another architecture than its settings.
        """
        saved = read_saved(folder, ("phenotypes", "ecg", "cohort"))
        phenotypes = tuple(saved.config["phenotypes"])
        errors = read_json(saved.folder / "errors.json", phenotypes)
        built = ecg_parts(saved.model, saved.shape, len(phenotypes), seed=0)
        parts = saved.load(nn.ModuleDict({name: built[name] for name in KEPT_OF_HEARTS}))
        return cls(saved.model, parts, saved.preprocessing, phenotypes, errors)

    def predict(self, ecg: Ecg, source: str, length: Length = FIRST) -> list[Measure]:
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
            values = ecg_phenotypes(self.parts, batch, self.model)[0].tolist()
        return [
            Measure(name, value, phenotype(name).unit, self.errors[name])
            for name, value in zip(self.phenotypes, values, strict=True)
        ]

    def predict_file(
        self, path: Path, *, layout: Layout | None = None, length: Length = FIRST
    ) -> list[Measure]:
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
