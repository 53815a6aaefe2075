"""Masked modelling as the first phases of a recipe: encoders learn to predict masked patches."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import nn

from crossbeat.data.info import CohortInfo
from crossbeat.encoders.cine import FrameEncoder, VolumeEncoder
from crossbeat.encoders.masked import (
    LeadPatchDecoder,
    SquareDecoder,
    fill_in_cine,
    fill_in_ecg,
    lead_patches,
    moments,
    random_patches,
    squares,
    tubes,
)
from crossbeat.encoders.vit import MmclTransformer
from crossbeat.errors import ConfigError
from crossbeat.modalities import EcgModel, OtherModel
from crossbeat.models import entering, seeded
from crossbeat.objectives import masked_error
from crossbeat.recipes.phases import VcgViews, by_step_loss, unchanged, view_of
from crossbeat.recipes.sources import Goal, without_targets
from crossbeat.recipes.steps import Losses
from crossbeat.training import Batch, Optimisation, Phase
from crossbeat.training.phase import Step
from crossbeat.views import View


@dataclass(frozen=True, kw_only=True)
class Masking:
    """Settings of masked modelling.

    Args:
        share: share of the patches that is masked, above 0 and below 1.
        hide: for cines, mask the same squares in every frame (``tubes``) or whole frames
            (``moments``).
        over: compute the loss over the masked patches, or over all patches.
        correlation: weight of one minus the correlation in the loss, 0 to 1; squared error has the
            rest.
    """

    share: float = 0.75
    hide: Literal["tubes", "moments"] = "tubes"
    over: Literal["masked", "all"] = "masked"
    correlation: float = 0.1


def add_ecg_decoder(parts: nn.ModuleDict, seed: int) -> None:
    """Add ``ecg_decoder`` to the parts.

    Raises:
        ConfigError: the ECG encoder cannot leave out patches.
    """
    encoder = parts["ecg_encoder"]
    if not isinstance(encoder, MmclTransformer):
        raise ConfigError(
            "masked modelling of ECGs must have an encoder of patches (mmcl-tiny, mmcl-small), "
            f"got {type(encoder).__name__}; set --recipe.ecg.encoder, or --recipe.masked_ecg null"
        )
    parts["ecg_decoder"] = seeded(seed, "ecg_decoder", partial(LeadPatchDecoder, encoder))


def add_cine_decoder(parts: nn.ModuleDict, info: CohortInfo, seed: int, column: str) -> None:
    """Add the decoder of a column's cines, such as ``cine_decoder``, to the parts.

    Raises:
        ConfigError: the cine encoder has no feature map of each frame, does not read all frames, or
            has a map that does not divide the frame into squares.
    """
    encoder = parts[f"{column}_encoder"]
    if not isinstance(encoder, FrameEncoder | VolumeEncoder):
        raise ConfigError(
            "masked modelling of cines must have an encoder with a map of each frame, got "
            f"{type(encoder).__name__}; set --recipe.cine.encoder, or --recipe.masked_cine null"
        )
    if encoder.num_frames != info.frames:
        raise ConfigError(
            f"masked modelling of cines must see all {info.frames} frames, got "
            f"{encoder.num_frames}; leave --recipe.cine.phases empty, or set "
            "--recipe.masked_cine null"
        )
    was_training = encoder.training
    with torch.no_grad():
        empty = torch.zeros(1, info.frames, info.cine_size, info.cine_size)
        rows = encoder.eval().maps(empty).shape[3]
    encoder.train(was_training)
    if rows < 2 or info.cine_size % rows:
        raise ConfigError(
            "masked modelling must divide a frame into squares, at least 2 by 2, one for each "
            f"place of the encoder's map, got {info.cine_size} pixels for {rows} by {rows} places; "
            "prepare the cohort with another --cine_size, or set --recipe.cine.encoder"
        )
    name = f"{column}_decoder"
    decoder = partial(SquareDecoder, encoder, side=info.cine_size // rows)
    parts[name] = seeded(seed, name, decoder)


def mask_ecg(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    view: View,
    masking: Masking,
) -> Losses:
    """The error of the predicted patches of each ECG."""
    encoder, decoder = parts["ecg_encoder"], parts["ecg_decoder"]
    assert isinstance(encoder, MmclTransformer)
    assert isinstance(decoder, LeadPatchDecoder)
    values = entering(view(batch.ecg, generator), model)
    wanted = lead_patches(values, encoder.stem.patch)
    hidden = random_patches(
        len(values), encoder.stem.num_tokens, share=masking.share, generator=generator
    ).to(values.device)
    told = fill_in_ecg(encoder, decoder, values, hidden)
    where = hidden.unflatten(1, (wanted.shape[1], wanted.shape[2]))
    return {"loss": _error(told, wanted, where, masking)}


def mask_cine(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: OtherModel,
    masking: Masking,
) -> Losses:
    """The error of the predicted squares of each cine."""
    encoder = parts[f"{model.modality}_encoder"]
    decoder = parts[f"{model.modality}_decoder"]
    assert isinstance(encoder, FrameEncoder | VolumeEncoder)
    assert isinstance(decoder, SquareDecoder)
    cine = entering(batch.of(model.modality), model)
    wanted = squares(cine, decoder.side)
    hide = tubes if masking.hide == "tubes" else moments
    hidden = hide(*wanted.shape[:3], share=masking.share, generator=generator).to(cine.device)
    told = fill_in_cine(encoder, decoder, cine, hidden)
    return {"loss": _error(told, wanted, hidden, masking)}


def _error(
    told: torch.Tensor, wanted: torch.Tensor, hidden: torch.Tensor, masking: Masking
) -> torch.Tensor:
    return masked_error(told, wanted, hidden, over=masking.over, correlation=masking.correlation)


@runtime_checkable
class StartsMasked(Protocol):
    """The settings of a recipe that can begin with masked modelling."""

    @property
    def ecg(self) -> EcgModel: ...
    @property
    def cine(self) -> OtherModel: ...
    @property
    def views(self) -> VcgViews | None: ...
    @property
    def masking(self) -> Masking: ...
    @property
    def masked_ecg(self) -> Optimisation | None: ...
    @property
    def masked_cine(self) -> Optimisation | None: ...


def masked_start(goal: Goal, recipe: StartsMasked) -> Iterator[Phase]:
    """Masked modelling of both encoders; yields no phase that the recipe leaves out."""
    if recipe.masked_ecg is not None:
        yield masked_ecg_phase(
            goal, recipe.ecg, recipe.masked_ecg, views=recipe.views, masking=recipe.masking
        )
    if recipe.masked_cine is not None:
        yield masked_cine_phase(goal, recipe.cine, recipe.masked_cine, masking=recipe.masking)


def masked_ecg_phase(
    goal: Goal,
    model: EcgModel,
    optimisation: Optimisation,
    *,
    views: VcgViews | None,
    masking: Masking,
) -> Phase:
    """Train the ECG encoder and its decoder to predict masked patches."""
    step = partial(mask_ecg, model=model, masking=masking)
    view = view_of(views, goal.cohort.info.unit)
    both = partial(step, view=view), partial(step, view=unchanged)
    return _phase(goal, "ecg", both, optimisation)


def masked_cine_phase(
    goal: Goal, model: OtherModel, optimisation: Optimisation, *, masking: Masking
) -> Phase:
    """Train the encoder and decoder of the cines of an axis to predict masked squares."""
    fill = partial(mask_cine, model=model, masking=masking)
    return _phase(goal, model.modality, (fill, fill), optimisation)


def _phase(goal: Goal, name: str, step: tuple[Step, Step], optimisation: Optimisation) -> Phase:
    train, val = map(without_targets, goal.sources(name))
    return Phase(
        name=f"masked-{name.replace('_', '-')}",
        train=train,
        val=val,
        step=step[0],
        trains={f"{name}_encoder": 1.0, f"{name}_decoder": 1.0},
        choice=by_step_loss(step[1], optimisation),
        optimisation=optimisation,
    )
