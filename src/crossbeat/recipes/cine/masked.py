"""Masked modelling as the first phases of a recipe: encoders learn to fill in what is hidden."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import nn

from crossbeat.encoders.cine import FrameEncoder
from crossbeat.encoders.cine_volume import VolumeEncoder
from crossbeat.encoders.masked import LeadPatchDecoder, fill_in_ecg, lead_patches, random_patches
from crossbeat.encoders.masked_cine import SquareDecoder, fill_in_cine, moments, squares, tubes
from crossbeat.encoders.mmcl import MmclTransformer
from crossbeat.errors import ConfigError
from crossbeat.objectives import masked_error
from crossbeat.recipes.cine.sources import HeartGoal
from crossbeat.recipes.networks import EcgModel, seeded
from crossbeat.recipes.phases import VcgViews, by_step_loss, unchanged, view_of
from crossbeat.recipes.steps import Losses
from crossbeat.signal import NORMALISATIONS
from crossbeat.training import Batch, Optimisation, Phase
from crossbeat.training.phase import Step
from crossbeat.views import View


@dataclass(frozen=True, kw_only=True)
class Masking:
    """What is hidden, and what counts.

    Args:
        share: of the patches that is hidden, above 0 and below 1.
        hide: of cines: the same squares in every frame (``tubes``), or whole frames (``moments``).
        over: whether the hidden patches count, or all.
        correlation: share of the loss that is one minus the correlation, 0 to 1; the rest is
            squared error.
    """

    share: float = 0.75
    hide: Literal["tubes", "moments"] = "tubes"
    over: Literal["masked", "all"] = "masked"
    correlation: float = 0.1


def add_ecg_decoder(parts: nn.ModuleDict, seed: int) -> None:
    """Join ``ecg_decoder`` to the parts.

    Raises:
        ConfigError: the ECG encoder is none that can leave patches out.
    """
    encoder = parts["ecg_encoder"]
    if not isinstance(encoder, MmclTransformer):
        raise ConfigError(
            "masked modelling of ECGs must have an encoder of patches (mmcl-tiny, mmcl-small), "
            f"got {type(encoder).__name__}; set --recipe.ecg.encoder, or --recipe.masked_ecg none"
        )
    parts["ecg_decoder"] = seeded(seed, "ecg_decoder", partial(LeadPatchDecoder, encoder))


def add_cine_decoder(parts: nn.ModuleDict, seed: int) -> None:
    """Join ``cine_decoder`` to the parts.

    Raises:
        ConfigError: the cine encoder has no map of each frame.
    """
    encoder = parts["cine_encoder"]
    if not isinstance(encoder, FrameEncoder | VolumeEncoder):
        raise ConfigError(
            "masked modelling of cines must have an encoder with a map of each frame, got "
            f"{type(encoder).__name__}; set --recipe.cine.encoder, or --recipe.masked_cine none"
        )
    parts["cine_decoder"] = seeded(seed, "cine_decoder", partial(SquareDecoder, encoder))


def mask_ecg(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    view: View,
    masking: Masking,
) -> Losses:
    """How far what is filled in is from the hidden patches of each ECG."""
    encoder, decoder = parts["ecg_encoder"], parts["ecg_decoder"]
    assert isinstance(encoder, MmclTransformer)
    assert isinstance(decoder, LeadPatchDecoder)
    assert batch.ecg is not None
    ecg = view(batch.ecg, generator)
    values = NORMALISATIONS[model.normalisation](ecg.values, ecg.leads)
    wanted = lead_patches(values, encoder.stem.patch)
    hidden = random_patches(
        len(values), encoder.stem.num_tokens, share=masking.share, generator=generator
    ).to(values.device)
    told = fill_in_ecg(encoder, decoder, values, hidden)
    where = hidden.unflatten(1, (wanted.shape[1], wanted.shape[2]))
    return {"loss": _error(told, wanted, where, masking)}


def mask_cine(
    parts: nn.ModuleDict, batch: Batch, generator: torch.Generator, *, masking: Masking
) -> Losses:
    """How far what is filled in is from the hidden squares of each cine."""
    encoder, decoder = parts["cine_encoder"], parts["cine_decoder"]
    assert isinstance(encoder, FrameEncoder | VolumeEncoder)
    assert isinstance(decoder, SquareDecoder)
    assert batch.cine is not None
    cine = batch.cine.float() / 255
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
    """The settings of a recipe whose encoders may first learn to fill in what is hidden."""

    @property
    def ecg(self) -> EcgModel: ...
    @property
    def views(self) -> VcgViews | None: ...
    @property
    def masking(self) -> Masking: ...
    @property
    def masked_ecg(self) -> Optimisation | None: ...
    @property
    def masked_cine(self) -> Optimisation | None: ...


def masked_start(goal: HeartGoal, recipe: StartsMasked) -> Iterator[Phase]:
    """Both encoders learn to fill in what is hidden; no phase where the recipe leaves it out."""
    if recipe.masked_ecg is not None:
        step = partial(mask_ecg, model=recipe.ecg, masking=recipe.masking)
        view = view_of(recipe.views, goal.cohort.info.unit)
        both = partial(step, view=view), partial(step, view=unchanged)
        yield _phase(goal, "ecg", both, recipe.masked_ecg)
    if recipe.masked_cine is not None:
        fill = partial(mask_cine, masking=recipe.masking)
        yield _phase(goal, "cine", (fill, fill), recipe.masked_cine)


def _phase(
    goal: HeartGoal, modality: str, step: tuple[Step, Step], optimisation: Optimisation
) -> Phase:
    train, val = goal.sources(modality, measured=False)
    return Phase(
        name=f"masked-{modality}",
        train=train,
        val=val,
        step=step[0],
        trains={f"{modality}_encoder": 1.0, f"{modality}_decoder": 1.0},
        choice=by_step_loss(step[1], optimisation),
        optimisation=optimisation,
    )
