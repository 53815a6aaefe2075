"""Recipes: published methods, controls and our own, as settings, networks and phases."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Protocol, TypeVar, runtime_checkable

from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.measurements import MEASUREMENTS
from crossbeat.modalities import EcgModel, Model, OtherModel
from crossbeat.recipes.clip import Clip
from crossbeat.recipes.cromotex import Cromotex
from crossbeat.recipes.crossbeat import Crossbeat
from crossbeat.recipes.distillation import Distillation
from crossbeat.recipes.dual_phase import DUAL_PHASE
from crossbeat.recipes.eccl import Eccl
from crossbeat.recipes.girlanda import GIRLANDA
from crossbeat.recipes.mmcl import MMCL
from crossbeat.recipes.phases import GENTLE
from crossbeat.recipes.ptacl import CINE, IN_STEPS, REGRESSION, Ptacl
from crossbeat.recipes.supervised import Direct, Teacher
from crossbeat.targets import Targets
from crossbeat.training import Phase


@runtime_checkable
class Recipe(Protocol):
    """The interface of every recipe; a recipe is a frozen dataclass of settings."""

    @property
    def targets(self) -> Targets:
        """What the recipe's model predicts."""
        ...

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks by name; their random weights depend only on the seed."""
        ...

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Yield the phases in order; a later phase may use the networks of an earlier phase."""
        ...


AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


def settings_in(recipe: Recipe) -> dict[str, object]:
    """The settings of a recipe by name."""
    return {each.name: getattr(recipe, each.name) for each in fields(recipe)}  # type: ignore[arg-type]


def with_settings(recipe: AnyRecipe, changes: Mapping[str, object]) -> AnyRecipe:
    """The recipe with some settings changed."""
    return replace(recipe, **changes)  # type: ignore[type-var]


def models_in(recipe: Recipe) -> dict[str, Model]:
    """The networks of a recipe that read a modality, by its name."""
    values = settings_in(recipe).values()
    return {each.modality: each for each in values if isinstance(each, EcgModel | OtherModel)}


RECIPES: dict[str, Recipe] = {
    "cromotex": Cromotex(),
    "cromotex-no-ssl": Cromotex(self_supervision=None),
    "cromotex-no-hard-negatives": Cromotex(hardness="none"),
    "cromotex-believed": Cromotex(trust=0.75, alignment_positives=None, fine_tuning_positives=None),
    "shuffled": Cromotex(shuffle_pairs=True),
    "clip": Clip(),
    "label-only": Cromotex(partner="view"),
    "distillation": Distillation(),
    "direct": Direct(),
    "resnet1d": Direct(ecg=EcgModel(encoder="resnet18")),
    "biot": Direct(ecg=EcgModel(encoder="biot")),
    "eccl": Clip(ecg=EcgModel(encoder="eccl"), temperature=0.1),
    "teacher": Teacher(),
    "crossbeat": Crossbeat(),
    "no-alignment": Crossbeat(trust=0.0, contrast=0.0),
    "crossbeat-shuffled": Crossbeat(shuffle_pairs=True),
    "ptacl": Ptacl(),
    "ptacl-global": Ptacl(local_weight=0.0),
    "ptacl-shuffled-frames": Ptacl(shuffle_frames=True),
    "ptacl-shuffled": Ptacl(shuffle_pairs=True),
    "mmcl": MMCL,
    "girlanda": GIRLANDA,
    "dual-phase": DUAL_PHASE,
    "eccl-heart": Eccl(),
    "direct-heart": Direct(
        findings=(),
        measurements=tuple(MEASUREMENTS),
        ecg=IN_STEPS,
        label_views=GENTLE,
        positive_share=None,
        fine_tuning=REGRESSION,
    ),
    "cine-teacher": Teacher(
        findings=(),
        measurements=tuple(MEASUREMENTS),
        other=CINE,
        teacher_scale=1.0,
        teacher=REGRESSION,
    ),
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
    "AnyRecipe",
    "Recipe",
    "models_in",
    "settings_in",
    "with_settings",
]
