"""A saved model that predicts cardiac measurements from single ECGs."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from crossbeat.deploy.answering import Answering
from crossbeat.deploy.model import KEPT_OF_HEARTS
from crossbeat.deploy.saved import is_number, predicted, read_saved, read_values
from crossbeat.evaluation.measurement_names import measurement
from crossbeat.recipes.cine.networks import ecg_parts, ecg_measurements
from crossbeat.signal import Ecgs


@dataclass(frozen=True)
class Measure:
    """The prediction of one cardiac measurement.

    Args:
        value: predicted value in ``unit``.
        unit: unit of the value, such as ml.
        error: standard deviation of the model's errors on the validation patients, in ``unit``.
    """

    measurement: str
    value: float
    unit: str
    error: float


@dataclass(frozen=True)
class HeartPredictor(Answering[Measure]):
    """A saved model of cardiac measurements; ``Answering`` documents the other fields.

    Args:
        measurements: names in the order of the network's outputs.
        errors: standard deviation of the errors of each on the validation patients.
    """

    measurements: tuple[str, ...]
    errors: dict[str, float]

    @classmethod
    def open(cls, folder: Path) -> "HeartPredictor":
        """Open the model in a folder, or in the ``model`` folder of a run.

        Raises:
            CheckpointError: there is no model, it has another format version, it predicts
                findings, a file is not as it was written, or its weights do not fit its settings.
        """
        saved = read_saved(folder, ("measurements",))
        measurements = predicted(saved, "measurements")
        errors = read_values(saved.folder / "errors.json", measurements, _is_error, "an error")
        built = ecg_parts(saved.model, saved.shape, len(measurements), seed=0)
        parts = saved.load(nn.ModuleDict({name: built[name] for name in KEPT_OF_HEARTS}))
        return cls(saved.model, parts, saved.preprocessing, measurements, errors)

    def _tell(self, ecg: Ecgs) -> list[Measure]:
        values = ecg_measurements(self.parts, ecg, self.model)[0].tolist()
        return [
            Measure(name, value, measurement(name).unit, self.errors[name])
            for name, value in zip(self.measurements, values, strict=True)
        ]


def _is_error(value: object) -> bool:
    return isinstance(value, int | float) and is_number(value) and value >= 0
