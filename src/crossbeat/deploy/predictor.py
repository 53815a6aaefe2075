"""A saved model that predicts from single ECGs."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from crossbeat.deploy.model import read_saved
from crossbeat.modalities import EcgModel
from crossbeat.models import embed, told_by_heads
from crossbeat.quality import FIRST, NOTHING, Allow, Length, require
from crossbeat.readers import Layout, read_ecg
from crossbeat.signal import Ecg, Ecgs, Preprocessing
from crossbeat.targets import Answer, Chosen, Targets


@dataclass(frozen=True)
class Predictor:
    """A saved model with what was chosen for its targets.

    Args:
        model: settings of the network.
        parts: the network in eval mode.
        preprocessing: applied to every ECG.
        chosen: what was chosen for each target on the validation patients.
    """

    model: EcgModel
    parts: nn.ModuleDict
    preprocessing: Preprocessing
    targets: Targets
    chosen: dict[str, Chosen]

    @classmethod
    def open(cls, folder: Path) -> "Predictor":
        """Open the model in a folder, or in the ``model`` folder of a run.

        Raises:
            CheckpointError: there is no model, it has another format version, a file is not as it
                was written, or its weights do not fit its settings.
        """
        saved = read_saved(folder)
        parts = saved.load()
        return cls(saved.model, parts, saved.preprocessing, saved.targets, saved.chosen)

    def predict(
        self, ecg: Ecg, source: str, length: Length = FIRST, allow: Allow = NOTHING
    ) -> list[Answer]:
        """Predict from one ECG.

        Args:
            ecg: in millivolts, with any lead order and sampling rate; eight leads are enough.
            source: name of the ECG in error messages.
            length: what to do with a longer or shorter ECG.
            allow: faults with which the ECG is used all the same.

        Raises:
            DataError: the ECG lacks a lead, is too short, flat, upside down, not in millivolts or
                not finite, or has no heartbeat.
            ConfigError: a finding could not be calibrated.
        """
        seconds = self.preprocessing.seconds
        ready = self.preprocessing.apply(require(ecg, source, seconds, length, allow))
        with torch.no_grad():
            ecgs = Ecgs(torch.from_numpy(ready.values)[None], ready.leads, ready.fs)
            embedding = embed(self.parts, ecgs, self.model)
            outputs = told_by_heads(self.parts, embedding, "ecg", self.targets)[0].tolist()
        told = dict(zip(self.targets.names, outputs, strict=True))
        return [
            kind.answer(name, told[name], self.chosen[name])
            for kind, names, _ in self.targets.kinds()
            for name in names
        ]

    def predict_file(
        self,
        path: Path,
        *,
        layout: Layout | None = None,
        length: Length = FIRST,
        checksum: bool = True,
        allow: Allow = NOTHING,
    ) -> list[Answer]:
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
