"""Training phases that recipes with cine MRI share."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn

from crossbeat.recipes import scores
from crossbeat.recipes.cine import steps
from crossbeat.recipes.cine.networks import (
    SPREAD,
    CineModel,
    cine_measurements,
    ecg_measurements,
)
from crossbeat.recipes.cine.sources import (
    HeartGoal,
    with_frozen_frames,
    with_segments,
    with_shuffled_frames,
    with_tabular,
)
from crossbeat.recipes.networks import EcgModel
from crossbeat.recipes.phases import VcgViews, by_step_loss, unchanged, view_of
from crossbeat.training import Batch, Choice, Optimisation, Phase, Source
from crossbeat.training.phase import Step
from crossbeat.views import View


def batch_ecg_measurements(parts: nn.ModuleDict, batch: Batch, *, model: EcgModel) -> Tensor:
    """Measurements predicted from a batch's ECGs."""
    assert batch.ecg is not None
    return ecg_measurements(parts, batch.ecg, model)


def batch_cine_measurements(parts: nn.ModuleDict, batch: Batch, *, model: CineModel) -> Tensor:
    """Measurements predicted from a batch's cines."""
    assert batch.cine is not None
    return cine_measurements(parts, batch.cine, model)


def mean_r2(
    parts: nn.ModuleDict, source: Source, *, estimates: Callable[[nn.ModuleDict, Batch], Tensor]
) -> dict[str, float]:
    """The mean R² over measurements."""
    told = scores.over_batches(parts, source, lambda batch: estimates(parts, batch), size=64)
    measured = source.targets.double().numpy()
    errors = np.nansum((told.double().numpy() - measured) ** 2, axis=0)
    spread = np.nansum((measured - np.nanmean(measured, axis=0)) ** 2, axis=0)
    return {"r2": float(np.mean(1 - errors / spread))}


def regression_phase(
    goal: HeartGoal,
    parts: nn.ModuleDict,
    model: EcgModel,
    optimisation: Optimisation,
    *,
    views: VcgViews | None,
    encoder_scale: float = 1.0,
) -> Phase:
    """Train the ECG encoder and a new regressor on cardiac measurements.

    Args:
        encoder_scale: learning rate of the encoder divided by that of the regressor.
    """
    goal.scale(parts["ecg_regressor"])
    train, val = goal.sources("ecg", measured=True)
    return Phase(
        name="regression",
        train=train,
        val=val,
        step=partial(steps.regress_ecg, model=model, view=view_of(views, goal.cohort.info.unit)),
        trains={"ecg_encoder": encoder_scale, "ecg_regressor": 1.0},
        choice=_by_r2(partial(batch_ecg_measurements, model=model), optimisation),
        optimisation=optimisation,
    )


def cine_teacher_phase(
    goal: HeartGoal, parts: nn.ModuleDict, model: CineModel, optimisation: Optimisation
) -> Phase:
    """Train the cine encoder and its regressor on cardiac measurements."""
    goal.scale(parts["cine_regressor"])
    train, val = goal.sources("cine", measured=True)
    return Phase(
        name="cine-teacher",
        train=train,
        val=val,
        step=partial(steps.regress_cine, model=model),
        trains={"cine_encoder": 1.0, "cine_regressor": 1.0},
        choice=_by_r2(partial(batch_cine_measurements, model=model), optimisation),
        optimisation=optimisation,
    )


def _by_r2(
    estimates: Callable[[nn.ModuleDict, Batch], Tensor], optimisation: Optimisation
) -> Choice:
    return Choice(
        score=partial(mean_r2, estimates=estimates),
        metric="r2",
        higher_is_better=True,
        patience=optimisation.patience,
    )


@runtime_checkable
class AlignsHearts(Protocol):
    """The settings of a recipe that aligns ECG and cine; see ``HeartContrast``."""

    @property
    def ecg(self) -> EcgModel: ...
    @property
    def cine(self) -> CineModel: ...
    @property
    def tabular(self) -> tuple[str, ...]: ...
    @property
    def views(self) -> VcgViews | None: ...
    @property
    def frozen_cine(self) -> bool: ...
    @property
    def shuffle_pairs(self) -> bool: ...
    @property
    def shuffle_frames(self) -> bool: ...
    @property
    def alignment(self) -> Optimisation: ...


def heart_alignment_phase(
    goal: HeartGoal, parts: nn.ModuleDict, recipe: AlignsHearts, how: steps.Alignment
) -> Phase:
    """Align ECG and cine in a shared space, by patient and in time."""
    train, val = (
        _aligned(goal, parts, source, recipe, how)
        for source in goal.shuffled(recipe.shuffle_pairs).sources("ecg", "cine", measured=False)
    )

    def step(view: View) -> Step:
        models = (recipe.ecg, recipe.cine)
        return partial(steps.align_hearts, models=models, view=view, how=how)

    trains = ["ecg_encoder", "ecg_projection", "cine_projection"]
    trains += [] if recipe.frozen_cine else ["cine_encoder"]
    trains += [name for name in ("tabular_encoder", SPREAD) if name in parts]
    return Phase(
        name="alignment",
        train=train,
        val=val,
        step=step(view_of(recipe.views, goal.cohort.info.unit)),
        trains=dict.fromkeys(trains, 1.0),
        choice=by_step_loss(step(unchanged), recipe.alignment),
        optimisation=recipe.alignment,
    )


def _aligned(
    goal: HeartGoal,
    parts: nn.ModuleDict,
    source: Source,
    recipe: AlignsHearts,
    how: steps.Alignment,
) -> Source:
    """The source with all inputs of the alignment."""
    if recipe.frozen_cine:
        source = with_frozen_frames(parts, source, recipe.cine)
    if how.local_weight:
        source = with_segments(parts, source, how.correspondence)
    if recipe.tabular:
        source = with_tabular(source, goal.tabular(recipe.tabular))
    if not recipe.shuffle_frames:
        return source
    return with_shuffled_frames(source, goal.seed, recipe.cine.num_frames(goal.cohort.info))
