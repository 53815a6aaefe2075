"""Recipes: one published system or control per file, as settings, parts and phases."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol, runtime_checkable

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.recipes.controls import Clip, LabelContrast
from crossbeat.recipes.cromotex import Cromotex
from crossbeat.recipes.crossbeat import Crossbeat
from crossbeat.recipes.distillation import Distillation
from crossbeat.recipes.networks import EcgModel
from crossbeat.recipes.supervised import Direct, Teacher
from crossbeat.training import Phase


@runtime_checkable
class Recipe(Protocol):
    """What every recipe has, beside settings of its own; a frozen dataclass."""

    @property
    def findings(self) -> tuple[str, ...]:
        """What the model tells of each patient."""
        ...

    @property
    def labels(self) -> LabelPolicy:
        """What uncertain and missing labels count as."""
        ...

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """The networks by name, with random weights that depend on the seed alone."""
        ...

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """The phases in order; a later one may use what the parts learned before."""
        ...


RECIPES: dict[str, Recipe] = {
    "cromotex": Cromotex(),
    "cromotex-no-ssl": Cromotex(self_supervision=None),
    "cromotex-no-hard-negatives": Cromotex(hardness="none"),
    "shuffled": Cromotex(shuffle_pairs=True),
    "clip": Clip(),
    "label-only": LabelContrast(),
    "distillation": Distillation(),
    "direct": Direct(),
    "resnet1d": Direct(ecg=EcgModel(encoder="resnet18")),
    "biot": Direct(ecg=EcgModel(encoder="biot")),
    "eccl": replace(Clip(), ecg=EcgModel(encoder="eccl"), temperature=0.1),
    "teacher": Teacher(),
    "crossbeat": Crossbeat(),
    "no-alignment": Crossbeat(trust=0.0, contrast=0.0),
    "crossbeat-shuffled": Crossbeat(shuffle_pairs=True),
}
"""Every recipe by name, with its published settings."""

SUMMARIES: dict[str, str] = {
    "cromotex": "X-ray to ECG by supervised contrast with hard-negative weights (arXiv:2506.19329)",
    "cromotex-no-ssl": "CroMoTEX without self-supervised pre-training",
    "cromotex-no-hard-negatives": "CroMoTEX with every negative weighted alike",
    "shuffled": "CroMoTEX with X-rays of other patients: what does not come from the X-ray",
    "clip": "pairing with the X-ray without labels, then fine-tuning",
    "label-only": "CroMoTEX's contrast between views of the ECG: labels without the X-ray",
    "distillation": "the X-ray teacher's probabilities as targets",
    "direct": "the ECG alone, end to end",
    "resnet1d": "the ECG alone with a residual convolutional net",
    "biot": "the ECG alone with a spectrogram transformer",
    "eccl": "pairing with the X-ray, per-lead vision transformer",
    "teacher": "the X-ray alone: the upper bound of any transfer",
    "crossbeat": "what the X-ray teacher believes of every pair, with or without a report: ours",
    "no-alignment": "crossbeat with the labels alone: no X-ray",
    "crossbeat-shuffled": "crossbeat with X-rays of other patients",
}
"""One line about each recipe."""

__all__ = ["RECIPES", "SUMMARIES", "Recipe"]
