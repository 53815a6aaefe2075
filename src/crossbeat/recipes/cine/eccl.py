"""ECCL: an ECG encoder aligned with two frozen encoders of cardiac MRI, short and long axis.

Ding et al., "Cross-Modality Cardiac Insight Transfer" (MICCAI 2024), after the public code of
CardiacNets (arXiv:2411.13602; Yukui-1999/ECG-CMR at 4e1b5ba). The recipe's page lists the
differences.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from crossbeat.data.cohort import CineColumn, Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.errors import ConfigError
from crossbeat.objectives import clip
from crossbeat.recipes.cine.contrast import HEART_ECG, HEART_VIEWS, MEASUREMENTS, REGRESSION
from crossbeat.recipes.cine.masked import (
    Masking,
    add_cine_decoder,
    add_ecg_decoder,
    masked_cine_phase,
    masked_ecg_phase,
)
from crossbeat.recipes.cine.networks import (
    CineModel,
    cine_encoder,
    ecg_parts,
    ecg_steps,
    pooled,
    pooled_ecg,
)
from crossbeat.recipes.cine.phases import regression_phase
from crossbeat.recipes.cine.sources import HeartGoal, frame_tokens
from crossbeat.recipes.networks import EcgModel, add_projections
from crossbeat.recipes.phases import VcgViews, by_step_loss, unchanged, view_of
from crossbeat.recipes.steps import Losses, settings_of
from crossbeat.training import Batch, Optimisation, Phase, Source, gather
from crossbeat.training.phase import Step
from crossbeat.views import View

AXES: tuple[CineColumn, ...] = ("cine", "cine_long")
"""Columns of the short-axis and the long-axis cines."""


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
    """Contrast of ECGs with short- and long-axis cines read by frozen encoders, then measurements.

    Args:
        measurements: the cardiac measurements that one model predicts.
        cine: network of both cine encoders; each has its own weights.
        views: views of the ECGs during alignment; None uses unchanged ECGs.
        label_views: views of the ECGs while measurements are learned; None uses unchanged ECGs.
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
        encoder_scale: learning rate of the ECG encoder divided by that of the regressor in the
            last phase; above 0.

    Raises:
        ConfigError: ``short_share`` is out of its range.
    """

    frozen_cine: ClassVar[bool] = True
    centred: ClassVar[bool] = True  # evaluation reads both from every recipe with cines

    measurements: tuple[str, ...] = MEASUREMENTS
    ecg: EcgModel = replace(HEART_ECG, normalisation="min_max")
    cine: CineModel = CineModel()
    views: VcgViews | None = HEART_VIEWS
    label_views: VcgViews | None = HEART_VIEWS
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

    def parts(self, info: CohortInfo, seed: int) -> nn.ModuleDict:
        """Build the networks; their random weights depend only on the seed.

        Raises:
            ConfigError: the settings contradict each other or do not fit the cohort.
        """
        parts = ecg_parts(self.ecg, info, len(self.measurements), seed)
        for axis in AXES:
            parts[f"{axis}_encoder"] = cine_encoder(self.cine, info, seed, axis)
            add_cine_decoder(parts, info, seed, axis)
        if self.masked_ecg is not None:
            add_ecg_decoder(parts, seed)
        return add_projections(parts, self.shared_dim, seed)

    def phases(self, parts: nn.ModuleDict, cohort: Cohort, seed: int) -> Iterator[Phase]:
        """Masked modelling of all three encoders, alignment, regression."""
        goal = HeartGoal(cohort, self.measurements, seed)
        pairs = goal.shuffled(self.shuffle_pairs).sources("ecg", *AXES, measured=False)
        if self.masked_ecg is not None:
            masking = replace(self.masking, share=self.hidden_ecg)
            yield masked_ecg_phase(
                goal, self.ecg, self.masked_ecg, views=self.views, masking=masking
            )
        for axis in AXES:
            yield masked_cine_phase(goal, self.masked_cine, masking=self.masking, column=axis)
        yield self._alignment(parts, pairs, cohort.info.unit)
        yield regression_phase(
            goal,
            parts,
            self.ecg,
            self.regression,
            views=self.label_views,
            encoder_scale=self.encoder_scale,
        )

    def _alignment(self, parts: nn.ModuleDict, pairs: tuple[Source, Source], unit: str) -> Phase:
        train, val = (with_frozen_cines(parts, source, self.cine) for source in pairs)
        how = settings_of(Contrast, self)

        def step(view: View) -> Step:
            return partial(align_axes, model=self.ecg, view=view, how=how)

        trains = ("ecg_encoder", "ecg_projection", *(f"{axis}_projection" for axis in AXES))
        return Phase(
            name="alignment",
            train=train,
            val=val,
            step=step(view_of(self.views, unit)),
            trains=dict.fromkeys(trains, 1.0),
            choice=by_step_loss(step(unchanged), self.alignment),
            optimisation=self.alignment,
        )


def with_frozen_cines(parts: nn.ModuleDict, source: Source, model: CineModel) -> Source:
    """Replace the cines of a source by the frozen encoders' embeddings.

    They are computed only once. This is exact because the encoders are frozen and read cines
    without random views.
    """
    seen: dict[str, Tensor] = {
        axis: pooled(frame_tokens(parts, source, model, column=axis)) for axis in AXES
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
    assert batch.ecg is not None
    steps = ecg_steps(parts, view(batch.ecg, generator), model)
    told = gather(parts["ecg_projection"](pooled_ecg(steps, model)))
    shares = {"cine": how.short_share, "cine_long": 1 - how.short_share}
    seen = {axis: gather(parts[f"{axis}_projection"](batch.extra[axis])) for axis in AXES}
    return {
        axis: shares[axis] * clip(told, seen[axis], temperature=how.temperature) for axis in AXES
    }
