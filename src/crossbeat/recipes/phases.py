"""Training phases that recipes share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from crossbeat.data.loaders import balance
from crossbeat.errors import ConfigError
from crossbeat.recipes import scores, steps
from crossbeat.recipes.networks import EcgModel, XrayModel
from crossbeat.recipes.sources import (
    Goal,
    batch_ecg_logits,
    batch_xray_logits,
    once,
    teacher_logits,
    with_teacher,
    without_targets,
)
from crossbeat.recipes.steps import TEACHER_PROBABILITY
from crossbeat.signal import Ecgs
from crossbeat.training import Choice, Optimisation, Phase, Source
from crossbeat.training.phase import Step
from crossbeat.views import View, compose, mask_time_per_lead, rotate_vcg


@dataclass(frozen=True, kw_only=True)
class VcgViews:
    """Random changes of the ECG: rotate and stretch its vectorcardiogram, and mask time.

    Args:
        angle: maximum angle of each rotation in degrees; at least 0.
        scale: maximum factor by which an axis is stretched; at least 1.
        mask: share of the time that is masked in each lead; 0 to 1.
    """

    angle: float = 45.0
    scale: float = 1.5
    mask: float = 0.25

    def view(self, unit: str) -> View:
        """The view with these settings.

        Args:
            unit: unit of the ECGs in the cohort.

        Raises:
            ConfigError: the settings rotate or stretch ECGs that are not in millivolts.
        """
        if unit != "mV" and (self.angle > 0 or self.scale > 1):
            raise ConfigError(
                f"ECGs must be in mV for views that rotate or stretch, got ECGs in {unit}; "
                "set --recipe.views.angle 0 --recipe.views.scale 1"
            )
        return compose(
            partial(rotate_vcg, angle=self.angle, scale=self.scale),
            partial(mask_time_per_lead, share=self.mask),
        )


def unchanged(ecg: Ecgs, generator: torch.Generator) -> Ecgs:
    """The view that changes nothing."""
    return ecg


def view_of(views: VcgViews | None, unit: str) -> View:
    """The view of the settings; without settings, the view that changes nothing."""
    return unchanged if views is None else views.view(unit)


def _sampling(source: Source, positive_share: float | None) -> Float[np.ndarray, " row"] | None:
    return None if positive_share is None else balance(source.targets.numpy(), positive_share)


def teacher_phase(
    goal: Goal, model: XrayModel, optimisation: Optimisation, *, encoder_scale: float
) -> Phase:
    """Train the X-ray encoder and its classifier on labelled X-rays."""
    train, val = map(once, goal.sources("xray", labelled=True))
    return Phase(
        name="teacher",
        train=train,
        val=val,
        step=partial(steps.classify_xray, model=model),
        trains={"xray_encoder": encoder_scale, "xray_classifier": 1.0},
        choice=Choice(
            score=partial(scores.classification, logits=partial(batch_xray_logits, model=model)),
            metric="auroc",
            higher_is_better=True,
            patience=optimisation.patience,
        ),
        optimisation=optimisation,
    )


def fine_tuning_phase(
    goal: Goal,
    model: EcgModel,
    optimisation: Optimisation,
    *,
    views: VcgViews | None = None,
    positive_share: float | None = None,
    sources: tuple[Source, Source] | None = None,
) -> Phase:
    """Train the ECG encoder and a new classifier on labels, or on the targets of ``sources``."""
    view = view_of(views, goal.cohort.info.unit)
    train, val = sources or goal.sources("ecg", labelled=True)
    return Phase(
        name="fine-tuning",
        train=train,
        val=val,
        step=partial(steps.classify_ecg, model=model, view=view),
        trains={"ecg_encoder": 1.0, "ecg_classifier": 1.0},
        choice=by_ecg_auroc(model, optimisation),
        optimisation=optimisation,
        weights=_sampling(train, positive_share),
    )


def distillation_phase(
    goal: Goal,
    parts: nn.ModuleDict,
    models: tuple[EcgModel, XrayModel],
    optimisation: Optimisation,
    *,
    temperature: float,
    views: VcgViews | None = None,
) -> Phase:
    """Train the ECG encoder and a new classifier on the teacher's probabilities."""
    ecg, xray = models
    train, val = (
        with_teacher(source, TEACHER_PROBABILITY, teacher_logits(parts, source, xray).sigmoid())
        for source in goal.sources("ecg", "xray")
    )
    return Phase(
        name="distillation",
        train=train,
        val=val,
        step=partial(
            steps.distil,
            model=ecg,
            view=view_of(views, goal.cohort.info.unit),
            temperature=temperature,
        ),
        trains={"ecg_encoder": 1.0, "ecg_classifier": 1.0},
        choice=by_ecg_auroc(ecg, optimisation),
        optimisation=optimisation,
    )


def by_ecg_auroc(model: EcgModel, optimisation: Optimisation) -> Choice:
    """Choose the epoch with the highest AUROC on the validation ECGs."""
    return Choice(
        score=partial(scores.classification, logits=partial(batch_ecg_logits, model=model)),
        metric="auroc",
        higher_is_better=True,
        patience=optimisation.patience,
    )


def by_step_loss(step: Step, optimisation: Optimisation) -> Choice:
    """Choose the epoch with the lowest validation loss of a step."""
    return Choice(
        score=partial(scores.step_loss, step=step, size=optimisation.batch_size),
        metric="loss",
        higher_is_better=False,
        patience=optimisation.patience,
    )


@runtime_checkable
class StartsFromViews(Protocol):
    """The settings of a recipe that can train the ECG encoder without labels first."""

    @property
    def ecg(self) -> EcgModel: ...
    @property
    def views(self) -> VcgViews: ...
    @property
    def self_temperature(self) -> float: ...
    @property
    def projection_scale(self) -> float: ...
    @property
    def self_supervision(self) -> Optimisation | None: ...


def self_supervised_start(goal: Goal, recipe: StartsFromViews) -> Iterator[Phase]:
    """Train the ECG encoder without labels: two random views of an ECG get similar embeddings.

    Yields no phase if the recipe leaves it out.
    """
    if recipe.self_supervision is None:
        return
    train, val = goal.sources("ecg")
    step = partial(
        steps.contrast_views,
        model=recipe.ecg,
        view=recipe.views.view(goal.cohort.info.unit),
        temperature=recipe.self_temperature,
    )
    yield Phase(
        name="self-supervision",
        train=once(without_targets(train)),
        val=once(without_targets(val)),
        step=step,
        trains={"ecg_encoder": 1.0, "ecg_projection": recipe.projection_scale},
        choice=by_step_loss(step, recipe.self_supervision),
        optimisation=recipe.self_supervision,
    )


def alignment_phase(
    sources: tuple[Source, Source],
    optimisation: Optimisation,
    *,
    step: Callable[[View], Step],
    views: VcgViews,
    trains: dict[str, float],
    positive_share: float | None = None,
) -> Phase:
    """Align ECGs with the frozen teacher's embeddings, or with other views, in a shared space.

    Args:
        step: makes the training step from the view of the ECGs; validation uses unchanged ECGs.
    """
    train, val = sources
    return Phase(
        name="alignment",
        train=train,
        val=val,
        step=step(views.view(train.cohort.info.unit)),
        trains=trains,
        choice=by_step_loss(step(unchanged), optimisation),
        optimisation=optimisation,
        weights=_sampling(train, positive_share),
    )
