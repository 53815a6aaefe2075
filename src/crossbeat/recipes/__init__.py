"""Recipes: one published system or control per file, as settings, parts and phases."""

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
    """What every recipe has, beside settings of its own; a frozen dataclass."""

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """The networks by name, with random weights that depend on the seed alone."""
        ...

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """The phases in order; a later one may use what the parts learned before."""
        ...


@runtime_checkable
class FindingsRecipe(Recipe, Protocol):
    """A recipe whose model tells findings."""

    @property
    def findings(self) -> tuple[str, ...]:
        """What the model tells of each patient."""
        ...

    @property
    def labels(self) -> LabelPolicy:
        """What uncertain and missing labels count as."""
        ...


@runtime_checkable
class HeartRecipe(Recipe, Protocol):
    """A recipe whose model tells measures of the heart."""

    @property
    def phenotypes(self) -> tuple[str, ...]:
        """What the model tells of each patient."""
        ...


def tells(recipe: Recipe) -> tuple[str, ...]:
    """The findings or the measures of the heart that a recipe's model tells."""
    if isinstance(recipe, HeartRecipe):
        return recipe.phenotypes
    return telling_findings(recipe).findings


def telling_findings(recipe: Recipe) -> FindingsRecipe:
    """The recipe, if its model tells findings.

    Raises:
        ConfigError: it does not.
    """
    if isinstance(recipe, FindingsRecipe):
        return recipe
    raise ConfigError(
        f"this must have a recipe that tells findings, got {type(recipe).__name__}, which tells "
        "measures of the heart; choose another recipe"
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
    "cromotex": "X-ray to ECG by supervised contrast with hard-negative weights (arXiv:2506.19329)",
    "cromotex-no-ssl": "CroMoTEX without self-supervised pre-training",
    "cromotex-no-hard-negatives": "CroMoTEX with every negative weighted alike",
    "cromotex-believed": "CroMoTEX for pairs with and without labels: ours",
    "shuffled": "CroMoTEX with X-rays of other patients: what does not come from the X-ray",
    "clip": "pairing with the X-ray without labels, then fine-tuning",
    "label-only": "CroMoTEX's contrast between views of the ECG: labels without the X-ray",
    "distillation": "the X-ray teacher's probabilities as targets",
    "direct": "the ECG alone, end to end",
    "resnet1d": "the ECG alone with a residual convolutional net",
    "biot": "the ECG alone with a spectrogram transformer",
    "eccl": "pairing with the X-ray, per-lead vision transformer",
    "teacher": "findings from the X-ray alone: what there is to teach",
    "crossbeat": "what the X-ray teacher believes of every pair, with or without a report: ours",
    "no-alignment": "crossbeat with the labels alone: no X-ray",
    "crossbeat-shuffled": "crossbeat with X-rays of other patients",
    "ptacl": "cardiac MRI to ECG, patient by patient and moment by moment (arXiv:2506.20683)",
    "ptacl-global": "PTACL without the alignment in time",
    "ptacl-shuffled-frames": "PTACL with the frames of every cine in another order",
    "ptacl-shuffled": "PTACL with cines of other patients",
    "mmcl": "masked modelling of the ECG, then pairing with cardiac MRI (arXiv:2308.05764)",
    "girlanda": "ECG, cardiac MRI and a table in pairs (arXiv:2411.05900)",
    "dual-phase": "end diastole and end systole as two anchors of the ECG (arXiv:2602.12883)",
    "eccl-heart": "cardiac MRI of both axes, read by frozen encoders, to ECG (arXiv:2411.13602)",
    "direct-heart": "measures of the heart from the ECG alone, end to end",
    "cine-teacher": "measures of the heart from the cine alone: what there is to teach",
}
"""One line about each recipe."""

__all__ = [
    "RECIPES",
    "SUMMARIES",
    "FindingsRecipe",
    "HeartRecipe",
    "Recipe",
    "telling_findings",
    "tells",
]
