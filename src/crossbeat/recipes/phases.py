"""Training phases that recipes share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from crossbeat.data.loaders import balance
from crossbeat.errors import ConfigError
from crossbeat.modalities import EcgModel, Model
from crossbeat.recipes import scores, steps
from crossbeat.recipes.sources import (
    Goal,
    once,
    teacher_outputs,
    with_teacher,
    without_targets,
)
from crossbeat.recipes.steps import TEACHER_PROBABILITY, Losses
from crossbeat.signal import Ecgs
from crossbeat.targets import Targets
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


GENTLE = VcgViews(angle=15.0, scale=1.15, mask=0.1)
"""Weak views that do not change the findings of an ECG, for training on labels."""


def unchanged(ecg: Ecgs, generator: torch.Generator) -> Ecgs:
    """The view that changes nothing."""
    return ecg


def view_of(views: VcgViews | None, unit: str) -> View:
    """The view of the settings; without settings, the view that changes nothing."""
    return unchanged if views is None else views.view(unit)


def _sampling(
    goal: Goal, source: Source, positive_share: float | None
) -> Float[np.ndarray, " row"] | None:
    findings = goal.targets.findings
    if positive_share is None or not findings:
        return None
    return balance(source.targets[:, : len(findings)].numpy(), positive_share)


def teacher_phase(
    goal: Goal,
    parts: nn.ModuleDict,
    other: Model,
    optimisation: Optimisation,
    *,
    encoder_scale: float = 1.0,
) -> Phase:
    """Train the encoder of another modality and its heads on labelled recordings."""
    name = "teacher" if other.modality == "xray" else f"{other.modality}-teacher"
    sources = map(once, goal.sources(other.modality, labelled=True))
    return _supervised(name, goal, parts, other, optimisation, tuple(sources), encoder_scale)


def fine_tuning_phase(
    goal: Goal,
    parts: nn.ModuleDict,
    model: EcgModel,
    optimisation: Optimisation,
    *,
    views: VcgViews | None = None,
    positive_share: float | None = None,
    encoder_scale: float = 1.0,
    sources: tuple[Source, Source] | None = None,
) -> Phase:
    """Train the ECG encoder and new heads on targets, or on the targets of ``sources``.

    Args:
        positive_share: share of rows with a finding in an epoch; None keeps that of the data.
        encoder_scale: learning rate of the encoder divided by that of the heads.
    """
    name = "fine-tuning" if goal.targets.findings else "regression"
    both = sources or goal.sources("ecg", labelled=True)
    view = view_of(views, goal.cohort.info.unit)
    phase = _supervised(name, goal, parts, model, optimisation, both, encoder_scale, view)
    return replace(phase, weights=_sampling(goal, both[0], positive_share))


def _supervised(
    name: str,
    goal: Goal,
    parts: nn.ModuleDict,
    model: Model,
    optimisation: Optimisation,
    sources: tuple[Source, ...],
    encoder_scale: float,
    view: View | None = None,
) -> Phase:
    goal.begin(parts, model.modality)
    train, val = sources
    heads = [f"{model.modality}_{kind.head}" for kind, _, _ in goal.targets.kinds()]
    return Phase(
        name=name,
        train=train,
        val=val,
        step=partial(steps.learn, model=model, targets=goal.targets, view=view),
        trains={f"{model.modality}_encoder": encoder_scale, **dict.fromkeys(heads, 1.0)},
        choice=by_targets(model, goal.targets, optimisation),
        optimisation=optimisation,
    )


def distillation_phase(
    goal: Goal,
    parts: nn.ModuleDict,
    models: tuple[EcgModel, Model],
    optimisation: Optimisation,
    *,
    temperature: float,
    views: VcgViews | None = None,
) -> Phase:
    """Train the ECG encoder and a new classifier on the teacher's probabilities."""
    ecg, other = models
    train, val = (
        with_teacher(
            source,
            other,
            TEACHER_PROBABILITY,
            teacher_outputs(parts, source, other, goal.targets).sigmoid(),
        )
        for source in goal.sources("ecg", other.modality)
    )
    view = view_of(views, goal.cohort.info.unit)
    phase = fine_tuning_phase(goal, parts, ecg, optimisation, sources=(train, val))
    step = partial(
        steps.distil, model=ecg, targets=goal.targets, view=view, temperature=temperature
    )
    return replace(phase, name="distillation", step=step)


def by_targets(model: Model, targets: Targets, optimisation: Optimisation) -> Choice:
    """Choose the epoch that predicts the targets of the validation patients best."""
    several = len(list(targets.kinds())) > 1
    return Choice(
        score=partial(scores.of_targets, model=model, targets=targets),
        metric=scores.SEVERAL if several else targets.kind.leads,
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
    goal: Goal,
    sources: tuple[Source, Source],
    optimisation: Optimisation,
    *,
    step: Callable[..., Losses],
    views: VcgViews | None,
    trains: Mapping[str, float],
    positive_share: float | None = None,
) -> Phase:
    """Align ECGs with another modality, or with other views, in a shared space.

    Args:
        step: the training step without its ``view``; validation uses unchanged ECGs.
        positive_share: share of rows with a finding in an epoch; None keeps that of the data.
    """
    train, val = sources
    return Phase(
        name="alignment",
        train=train,
        val=val,
        step=partial(step, view=view_of(views, goal.cohort.info.unit)),
        trains=trains,
        choice=by_step_loss(partial(step, view=unchanged), optimisation),
        optimisation=optimisation,
        weights=_sampling(goal, train, positive_share),
    )
