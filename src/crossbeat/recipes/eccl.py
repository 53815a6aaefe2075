"""ECCL: an ECG encoder aligned with two frozen encoders of cardiac MRI, short and long axis.

Ding et al., "Cross-Modality Cardiac Insight Transfer" (MICCAI 2024), after the public code of
CardiacNets (arXiv:2411.13602; Yukui-1999/ECG-CMR at 4e1b5ba). The recipe's page lists the
differences.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.errors import ConfigError
from crossbeat.measurements import MEASUREMENTS
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.models import add_projections, embed, encoder, predicting_parts
from crossbeat.objectives import clip
from crossbeat.recipes.cromotex import PAPER_LABELS
from crossbeat.recipes.in_time import frozen_moments
from crossbeat.recipes.masked import (
    Masking,
    add_cine_decoder,
    add_ecg_decoder,
    masked_cine_phase,
    masked_ecg_phase,
)
from crossbeat.recipes.phases import GENTLE, VcgViews, alignment_phase, fine_tuning_phase
from crossbeat.recipes.ptacl import CINE, IN_STEPS, REGRESSION
from crossbeat.recipes.sources import Goal, without_targets
from crossbeat.recipes.steps import Losses, settings_of
from crossbeat.targets import Targets
from crossbeat.training import Batch, Optimisation, Phase, Source, gather
from crossbeat.views import View

AXES = ("cine", "cine_long")
"""The modalities of the short-axis and the long-axis cines."""


def _published(learning_rate: float, batch_size: int, patience: int | None = None) -> Optimisation:
    return Optimisation(
        learning_rate=learning_rate,
        epochs=400,
        batch_size=batch_size,
        weight_decay=0.05,
        warmup_epochs=40.0,
        edge=0.0,
        patience=patience,
    )


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Settings of the contrast between an ECG and both cines; see ``Eccl``."""

    temperature: float
    short_share: float


@dataclass(frozen=True, kw_only=True)
class Eccl:
    """Contrast of ECGs with short- and long-axis cines read by frozen encoders, then targets.

    Args:
        measurements: the cardiac measurements that one model predicts.
        findings: the findings that it predicts.
        labels: how to treat uncertain and missing labels of findings.
        cine: network of both cine encoders; each has its own weights.
        views: views of the ECGs during alignment; None uses unchanged ECGs.
        label_views: views of the ECGs while targets are learned; None uses unchanged ECGs.
        shared_dim: dimension of the shared space.
        temperature: divides the cosine similarities between patients; above 0.
        short_share: weight of the short axis in the loss, above 0 and below 1; the long axis has
            the rest.
        masking: settings of masked modelling.
        hidden_ecg: share of an ECG's patches that is masked, instead of the share in ``masking``;
            above 0 and below 1.
        masked_ecg: masked modelling of the ECG encoder as first phase; None leaves it out.
        masked_cine: the same for both cine encoders, which are frozen afterwards.
        shuffle_pairs: give every ECG the cines of another patient, as a control.
        encoder_scale: learning rate of the ECG encoder divided by that of the heads in the
            last phase; above 0.

    Raises:
        ConfigError: ``short_share`` is out of its range, or ``cine`` names another modality.
    """

    measurements: tuple[str, ...] = tuple(MEASUREMENTS)
    findings: tuple[str, ...] = ()
    labels: LabelPolicy = PAPER_LABELS
    ecg: EcgModel = replace(IN_STEPS, normalisation="min_max")
    cine: OtherModel = CINE
    views: VcgViews | None = GENTLE
    label_views: VcgViews | None = GENTLE
    shared_dim: int = 256
    temperature: float = 0.1
    short_share: float = 0.5
    masking: Masking = Masking(share=0.5, correlation=0.0)
    hidden_ecg: float = 0.8
    masked_ecg: Optimisation | None = _published(5e-5, 32)
    masked_cine: Optimisation = _published(1e-4, 64)
    shuffle_pairs: bool = False
    alignment: Optimisation = _published(2.5e-5, 64, patience=10)
    regression: Optimisation = REGRESSION
    encoder_scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.short_share < 1:
            raise ConfigError(
                f"short_share must be above 0 and below 1, got {self.short_share:g}; for one axis "
                "alone use ptacl-global with --recipe.frozen_cine true"
            )
        if self.cine.modality != AXES[0]:
            raise ConfigError(
                f"cine.modality must be {AXES[0]!r}, got {self.cine.modality!r}; leave it out: one "
                "encoder reads the short axis and another one the long axis"
            )

    @property
    def targets(self) -> Targets:
        """What the ECG model predicts."""
        return Targets(findings=self.findings, measurements=self.measurements, labels=self.labels)

    @property
    def _axes(self) -> tuple[OtherModel, ...]:
        return tuple(replace(self.cine, modality=axis) for axis in AXES)

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed.

        Raises:
            ConfigError: the settings contradict each other or do not fit the cohort.
        """
        parts = predicting_parts(self.ecg, self.targets, info, seed)
        for model in self._axes:
            parts[f"{model.modality}_encoder"] = encoder(model, info, seed)
            add_cine_decoder(parts, info, seed, model.modality)
        if self.masked_ecg is not None:
            add_ecg_decoder(parts, seed)
        return add_projections(parts, self.shared_dim, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Masked modelling of all three encoders, alignment, regression."""
        goal = Goal(cohort, self.targets, seed)
        paired = goal.shuffled(self.shuffle_pairs, "cine").sources("ecg", *AXES)
        if self.masked_ecg is not None:
            masking = replace(self.masking, share=self.hidden_ecg)
            yield masked_ecg_phase(
                goal, self.ecg, self.masked_ecg, views=self.views, masking=masking
            )
        for model in self._axes:
            yield masked_cine_phase(goal, model, self.masked_cine, masking=self.masking)
        train, val = (self._frozen(parts, without_targets(each)) for each in paired)
        trains = ("ecg_encoder", "ecg_projection", *(f"{axis}_projection" for axis in AXES))
        yield alignment_phase(
            goal,
            (train, val),
            self.alignment,
            step=partial(align_axes, model=self.ecg, how=settings_of(Contrast, self)),
            views=self.views,
            trains=dict.fromkeys(trains, 1.0),
        )
        yield fine_tuning_phase(
            goal,
            parts,
            self.ecg,
            self.regression,
            views=self.label_views,
            encoder_scale=self.encoder_scale,
        )

    def _frozen(self, parts: nn.ModuleDict, source: Source) -> Source:
        """Replace the cines of a source by the frozen encoders' embeddings, computed once."""
        seen = {
            model.modality: frozen_moments(parts, source, model).mean(dim=1) for model in self._axes
        }
        return replace(source, reads=("ecg",), extra=seen)


def align_axes(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    view: View,
    how: Contrast,
) -> Losses:
    """The weighted sum of the CLIP losses of the ECG with both cines.

    s CLIP(ECG, short axis) + (1 - s) CLIP(ECG, long axis), where s is ``short_share``.
    """
    told = gather(parts["ecg_projection"](embed(parts, view(batch.ecg, generator), model)))
    shares = {"cine": how.short_share, "cine_long": 1 - how.short_share}
    seen = {axis: gather(parts[f"{axis}_projection"](batch.extra[axis])) for axis in AXES}
    return {
        axis: shares[axis] * clip(told, seen[axis], temperature=how.temperature) for axis in AXES
    }
