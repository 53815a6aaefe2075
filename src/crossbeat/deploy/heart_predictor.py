"""A saved model that tells measures of the heart of single ECGs."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from crossbeat.deploy.answering import Answering
from crossbeat.deploy.model import KEPT_OF_HEARTS
from crossbeat.deploy.saved import read_json, read_saved
from crossbeat.evaluation.phenotype_names import phenotype
from crossbeat.recipes.cine.networks import ecg_parts, ecg_phenotypes
from crossbeat.signal import Ecgs


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
class HeartPredictor(Answering[Measure]):
    """A model from its folder; see ``Answering`` for the rest of its fields.

    Args:
        phenotypes: in the order of the network's outputs.
        errors: of each on the validation patients.
    """

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

    def _tell(self, ecg: Ecgs) -> list[Measure]:
        values = ecg_phenotypes(self.parts, ecg, self.model)[0].tolist()
        return [
            Measure(name, value, phenotype(name).unit, self.errors[name])
            for name, value in zip(self.phenotypes, values, strict=True)
        ]
