"""What every saved model does with a single ECG, whatever it tells of it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn

from crossbeat.quality import FIRST, Length, require
from crossbeat.readers import Layout, read_ecg
from crossbeat.recipes.networks import EcgModel
from crossbeat.signal import Ecg, Ecgs, Preprocessing

Told = TypeVar("Told")


@dataclass(frozen=True)
class Answering(ABC, Generic[Told]):
    """A model that answers for single ECGs.

    Args:
        model: how the network is built.
        parts: the network, in eval mode.
        preprocessing: applied to every ECG.
    """

    model: EcgModel
    parts: nn.ModuleDict
    preprocessing: Preprocessing

    def predict(self, ecg: Ecg, source: str, length: Length = FIRST) -> list[Told]:
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
            return self._tell(Ecgs(torch.from_numpy(ready.values)[None], ready.leads, ready.fs))

    def predict_file(
        self, path: Path, *, layout: Layout | None = None, length: Length = FIRST
    ) -> list[Told]:
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

    @abstractmethod
    def _tell(self, ecg: Ecgs) -> list[Told]:
        """What it says of a batch of one ECG that is ready for the network."""
