"""Training steps of recipes with cine MRI: they compute named losses from the parts and a batch.

Settings are bound with ``functools.partial``, so that they are part of the phase's fingerprint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.beats import Rule
from crossbeat.objectives import clip, temporal_alignment
from crossbeat.objectives.supervised import squared_error
from crossbeat.recipes.cine.networks import (
    REGRESSOR,
    SPREAD,
    Anchors,
    CineModel,
    Segments,
    Tokens,
    cine_frames,
    cine_measurements,
    ecg_measurements,
    ecg_steps,
    pooled,
    pooled_ecg,
)
from crossbeat.recipes.cine.sources import FRAMES, ORDER, SEGMENTS, TABULAR
from crossbeat.recipes.networks import EcgModel, Embeddings
from crossbeat.recipes.steps import Losses
from crossbeat.signal import Ecgs
from crossbeat.training import Batch, gather
from crossbeat.views import View

Shared = Float[Tensor, "batch shared"]


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """Settings of the alignment of ECGs with cines; see ``HeartContrast``."""

    temperature: float
    anchors: Anchors
    local_weight: float
    local_temperature: float
    centred: bool
    correspondence: Rule
    targets: Literal["one-hot", "circular"]
    width: float


def _ecg(batch: Batch) -> Ecgs:
    if batch.ecg is None:
        raise ValueError("this step needs ECGs; let the phase's source read 'ecg'")
    return batch.ecg


def frames_of(parts: nn.ModuleDict, batch: Batch, model: CineModel) -> Tokens:
    """The tokens of each frame, from a frozen encoder or the one in training."""
    if FRAMES in batch.extra:
        frames = batch.extra[FRAMES]
    elif batch.cine is not None:
        frames = cine_frames(parts, batch.cine, model)
    else:
        raise ValueError("this step needs cines; let the phase's source read 'cine'")
    if ORDER not in batch.extra:
        return frames
    return frames.take_along_dim(batch.extra[ORDER][:, :, None], dim=1)


def _contrast(pairs: Sequence[tuple[Embeddings, Embeddings]], how: Alignment) -> Tensor:
    """CLIP loss between embeddings of the same patient: the mean over pairs of modalities."""
    losses = [clip(one, other, temperature=how.temperature) for one, other in pairs]
    return torch.stack(losses).mean()


def anchors_of(parts: nn.ModuleDict, frames: Tokens, anchors: Anchors) -> list[Shared]:
    """The vectors of a cine in the shared space: one for each cine, or one for each frame.

    Args:
        frames: a token for each frame.
        anchors: see ``HeartContrast``.
    """
    project = parts["cine_projection"]
    if anchors == "each":
        return [project(frame) for frame in frames.unbind(dim=1)]
    if anchors == "mean":
        return [project(pooled(frames))]
    return [project(pooled(frames)) + parts[SPREAD](frames.std(dim=1))]


def moments(tokens: Tokens, *, centred: bool) -> Tokens:
    """The tokens that the local loss compares.

    Args:
        tokens: projected segments or frames.
        centred: subtract their mean over the cycle, which is the same for all frames.
    """
    return tokens - tokens.mean(dim=1, keepdim=True) if centred else tokens


def segments_of(batch: Batch, steps: Tokens) -> Segments:
    """The ECG segment that belongs to each frame; NaN if no beat was found.

    Args:
        steps: a token for each time step of each ECG.
    """
    which = batch.extra[SEGMENTS]
    found = ~which.isnan().flatten(1).any(dim=1)
    segments = which.nan_to_num() @ steps  # NaN in the product would reach the gradient of steps
    return torch.where(found[:, None, None], segments, torch.nan)


def regress_ecg(
    parts: nn.ModuleDict, batch: Batch, generator: torch.Generator, *, model: EcgModel, view: View
) -> Losses:
    """Squared error of the measurements predicted from the ECG, in standard deviations."""
    estimates = ecg_measurements(parts, view(_ecg(batch), generator), model)
    return {"loss": _error(parts, "ecg", batch, estimates)}


def regress_cine(
    parts: nn.ModuleDict, batch: Batch, generator: torch.Generator, *, model: CineModel
) -> Losses:
    """Squared error of the measurements predicted from the cine, in standard deviations."""
    if batch.cine is None:
        raise ValueError("this step needs cines; let the phase's source read 'cine'")
    return {"loss": _error(parts, "cine", batch, cine_measurements(parts, batch.cine, model))}


def _error(parts: nn.ModuleDict, modality: str, batch: Batch, estimates: Tensor) -> Tensor:
    spread = parts[REGRESSOR[modality]].spread
    assert isinstance(spread, Tensor)
    return squared_error(gather(estimates), gather(batch.targets), spread=spread)


def align_hearts(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    models: tuple[EcgModel, CineModel],
    view: View,
    how: Alignment,
) -> Losses:
    """Align ECGs with cines by patient, and ECG segments with frames in time.

    Both losses use the same projections; the local loss has no weights of its own.
    """
    steps = ecg_steps(parts, view(_ecg(batch), generator), models[0])
    frames = frames_of(parts, batch, models[1])
    ecg, cine = parts["ecg_projection"], parts["cine_projection"]
    told = gather(ecg(pooled_ecg(steps, models[0])))
    pairs = [(told, gather(anchor)) for anchor in anchors_of(parts, frames, how.anchors)]
    losses = {"global": _contrast(pairs, how)}
    if TABULAR in batch.extra:
        table = gather(parts["tabular_encoder"](batch.extra[TABULAR]))
        losses["tabular"] = _contrast([(told, table), (pairs[0][1], table)], how)
    if how.local_weight:
        segments = ecg(segments_of(batch, steps))
        losses["local"] = how.local_weight * temporal_alignment(
            gather(moments(segments, centred=how.centred)),
            gather(moments(cine(frames), centred=how.centred)),
            temperature=how.local_temperature,
            targets=how.targets,
            width=how.width,
        )
    return losses
