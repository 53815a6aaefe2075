"""Recipes: published methods, controls and our own, as settings, networks and phases."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol, runtime_checkable

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.errors import ConfigError
from crossbeat.recipes.cine.contrast import DUAL_PHASE, GIRLANDA, MMCL, HeartContrast
from crossbeat.recipes.cine.eccl import Eccl
from crossbeat.recipes.cine.supervised import CineTeacher, DirectHeart
from crossbeat.recipes.controls import Clip, LabelContrast
from crossbeat.recipes.cromotex import Cromotex
from crossbeat.recipes.cromotex_believed import CromotexBelieved
from crossbeat.recipes.crossbeat import Crossbeat
from crossbeat.recipes.distillation import Distillation
from crossbeat.recipes.networks import EcgModel
from crossbeat.recipes.supervised import Direct, Teacher
from crossbeat.training import Phase


@runtime_checkable
class Recipe(Protocol):
    """The interface of every recipe; a recipe is a frozen dataclass of settings."""

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks by name; their random weights depend only on the seed."""
        ...

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Yield the phases in order; a later phase may use the networks of an earlier phase."""
        ...


@runtime_checkable
class FindingsRecipe(Recipe, Protocol):
    """A recipe whose model predicts findings."""

    @property
    def findings(self) -> tuple[str, ...]:
        """The findings that the model predicts."""
        ...

    @property
    def labels(self) -> LabelPolicy:
        """How to treat uncertain and missing labels."""
        ...


@runtime_checkable
class HeartRecipe(Recipe, Protocol):
    """A recipe whose model predicts cardiac measurements."""

    @property
    def measurements(self) -> tuple[str, ...]:
        """The cardiac measurements that the model predicts."""
        ...


def predicted_names(recipe: Recipe) -> tuple[str, ...]:
    """The names of the findings or cardiac measurements that a recipe's model predicts."""
    if isinstance(recipe, HeartRecipe):
        return recipe.measurements
    return with_findings(recipe).findings


def with_findings(recipe: Recipe) -> FindingsRecipe:
    """Return the recipe if its model predicts findings.

    Raises:
        ConfigError: the model predicts cardiac measurements.
    """
    if isinstance(recipe, FindingsRecipe):
        return recipe
    raise ConfigError(
        f"recipe must predict findings, got {type(recipe).__name__}, which predicts cardiac "
        "measurements; choose another recipe"
    )


RECIPES: dict[str, Recipe] = {
    "cromotex": Cromotex(),
    "cromotex-no-ssl": Cromotex(self_supervision=None),
    "cromotex-no-hard-negatives": Cromotex(hardness="none"),
    "cromotex-believed": CromotexBelieved(),
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
    "ptacl": HeartContrast(),
    "ptacl-global": HeartContrast(local_weight=0.0),
    "ptacl-shuffled-frames": HeartContrast(shuffle_frames=True),
    "ptacl-shuffled": HeartContrast(shuffle_pairs=True),
    "mmcl": MMCL,
    "girlanda": GIRLANDA,
    "dual-phase": DUAL_PHASE,
    "eccl-heart": Eccl(),
    "direct-heart": DirectHeart(),
    "cine-teacher": CineTeacher(),
}
"""Every recipe by name, with its published settings."""

SUMMARIES: dict[str, str] = {
    "cromotex": "supervised contrast with X-rays and hard-negative weights (arXiv:2506.19329)",
    "cromotex-no-ssl": "CroMoTEX without self-supervised pre-training",
    "cromotex-no-hard-negatives": "CroMoTEX with equal weights for all negatives",
    "cromotex-believed": "our CroMoTEX for pairs with and without labels",
    "shuffled": "control: CroMoTEX with X-rays of other patients",
    "clip": "contrast with X-rays without labels, then fine-tuning",
    "label-only": "control: CroMoTEX's contrast between two views of the ECG, without X-rays",
    "distillation": "the ECG model learns the probabilities of the X-ray teacher",
    "direct": "findings from the ECG alone, end to end",
    "resnet1d": "findings from the ECG alone, with a residual network",
    "biot": "findings from the ECG alone, with a spectrogram transformer",
    "eccl": "contrast with X-rays, with a vision transformer for each lead",
    "teacher": "findings from the X-ray alone: how much the X-ray shows",
    "crossbeat": "our method: an X-ray teacher labels pairs with and without reports",
    "no-alignment": "control: crossbeat with labels only, without X-rays",
    "crossbeat-shuffled": "control: crossbeat with X-rays of other patients",
    "ptacl": "alignment of ECG and cardiac MRI by patient and in time (arXiv:2506.20683)",
    "ptacl-global": "PTACL without alignment in time",
    "ptacl-shuffled-frames": "control: PTACL with the frames of every cine in random order",
    "ptacl-shuffled": "control: PTACL with cines of other patients",
    "mmcl": "masked modelling of the ECG, then contrast with cardiac MRI (arXiv:2308.05764)",
    "girlanda": "contrast between ECG, cardiac MRI and tabular data (arXiv:2411.05900)",
    "dual-phase": "contrast with the end-diastolic and end-systolic frames (arXiv:2602.12883)",
    "eccl-heart": "contrast with frozen encoders of short- and long-axis MRI (arXiv:2411.13602)",
    "direct-heart": "cardiac measurements from the ECG alone, end to end",
    "cine-teacher": "cardiac measurements from the cine alone: how much the cine shows",
}
"""A one-line summary of each recipe."""

__all__ = [
    "RECIPES",
    "SUMMARIES",
    "FindingsRecipe",
    "HeartRecipe",
    "Recipe",
    "predicted_names",
    "with_findings",
]
