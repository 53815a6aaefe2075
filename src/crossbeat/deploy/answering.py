"""The common part of saved models that predict from single ECGs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn

from crossbeat.quality import FIRST, NOTHING, Allow, Length, require
from crossbeat.readers import Layout, read_ecg
from crossbeat.recipes.networks import EcgModel
from crossbeat.signal import Ecg, Ecgs, Preprocessing

Told = TypeVar("Told")


@dataclass(frozen=True)
class Answering(ABC, Generic[Told]):
    """A model that predicts from single ECGs.

    Args:
        model: settings of the network.
        parts: the network in eval mode.
        preprocessing: applied to every ECG.
    """

    model: EcgModel
    parts: nn.ModuleDict
    preprocessing: Preprocessing

    def predict(
        self, ecg: Ecg, source: str, length: Length = FIRST, allow: Allow = NOTHING
    ) -> list[Told]:
        """Predict from one ECG.

        Args:
            ecg: in millivolts, with any lead order and sampling rate; eight leads are enough.
            source: name of the ECG in error messages.
            length: what to do with a longer or shorter ECG.
            allow: faults with which the ECG is used all the same.

        Raises:
            DataError: the ECG lacks a lead, is too short, flat, upside down, not in millivolts or
                not finite, or has no heartbeat.
        """
        seconds = self.preprocessing.seconds
        ready = self.preprocessing.apply(require(ecg, source, seconds, length, allow))
        with torch.no_grad():
            return self._tell(Ecgs(torch.from_numpy(ready.values)[None], ready.leads, ready.fs))

    def predict_file(
        self,
        path: Path,
        *,
        layout: Layout | None = None,
        length: Length = FIRST,
        checksum: bool = True,
        allow: Allow = NOTHING,
    ) -> list[Told]:
        """Predict from the ECG in a file.

        Args:
            path: a file in any format that ``read_ecg`` supports.
            layout: how to read a CSV or NumPy file.
            length: what to do with a longer or shorter ECG.
            checksum: whether the checksums and first values that a WFDB header states must be
                right.
            allow: faults with which the ECG is used all the same.

        Raises:
            DataError: the file is not a readable ECG, or an error of ``predict`` occurs.
            ConfigError: a CSV or NumPy file has no layout.
        """
        ecg = read_ecg(path, layout, checksum=checksum)
        return self.predict(ecg, str(path), length, allow)

    @abstractmethod
    def _tell(self, ecg: Ecgs) -> list[Told]:
        """Predict from a batch of one preprocessed ECG."""
