"""The steps of recipes with cine MRI: from the parts and a batch to named losses.

Each is bound to its settings with ``functools.partial``, so that they are part of the phase's
fingerprint.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from crossbeat.beats import Rule
from crossbeat.objectives import clip, temporal_alignment
from crossbeat.objectives.supervised import squared_error
from crossbeat.recipes.cine.networks import (
    REGRESSOR,
    Segments,
    Tokens,
    cine_frames,
    cine_phenotypes,
    ecg_phenotypes,
    ecg_steps,
    pooled,
)
from crossbeat.recipes.cine.sources import FRAMES, ORDER, SEGMENTS
from crossbeat.recipes.networks import EcgModel
from crossbeat.recipes.steps import Losses
from crossbeat.signal import Ecgs
from crossbeat.training import Batch, gather
from crossbeat.views import View


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How patients meet, and segments of an ECG frames of a cine; see ``Ptacl`` for units."""

    temperature: float
    local_weight: float
    local_temperature: float
    correspondence: Rule
    targets: Literal["one-hot", "circular"]
    width: float


def _ecg(batch: Batch) -> Ecgs:
    if batch.ecg is None:
        raise ValueError("this step needs ECGs; let the phase's source read 'ecg'")
    return batch.ecg


def _frames(parts: nn.ModuleDict, batch: Batch) -> Tokens:
    """The tokens of each frame: of a frozen encoder, or of the one that learns."""
    if FRAMES in batch.extra:
        frames = batch.extra[FRAMES]
    elif batch.cine is not None:
        frames = cine_frames(parts, batch.cine)
    else:
        raise ValueError("this step needs cines; let the phase's source read 'cine'")
    if ORDER not in batch.extra:
        return frames
    return frames.take_along_dim(batch.extra[ORDER][:, :, None], dim=1)


def segments_of(batch: Batch, steps: Tokens) -> Segments:
    """The part of each ECG that answers to each frame; NaN where no beat was found.

    Args:
        steps: a token per time step of each ECG.
    """
    which = batch.extra[SEGMENTS]
    found = ~which.isnan().flatten(1).any(dim=1)
    segments = which.nan_to_num() @ steps  # NaN in the product would reach the gradient of steps
    return torch.where(found[:, None, None], segments, torch.nan)


def regress_ecg(
    parts: nn.ModuleDict, batch: Batch, generator: torch.Generator, *, model: EcgModel, view: View
) -> Losses:
    """Squared error of the ECG's phenotypes, in standard deviations."""
    estimates = ecg_phenotypes(parts, view(_ecg(batch), generator), model)
    return {"loss": _error(parts, "ecg", batch, estimates)}


def regress_cine(parts: nn.ModuleDict, batch: Batch, generator: torch.Generator) -> Losses:
    """Squared error of the cine's phenotypes, in standard deviations."""
    if batch.cine is None:
        raise ValueError("this step needs cines; let the phase's source read 'cine'")
    return {"loss": _error(parts, "cine", batch, cine_phenotypes(parts, batch.cine))}


def _error(parts: nn.ModuleDict, modality: str, batch: Batch, estimates: Tensor) -> Tensor:
    spread = parts[REGRESSOR[modality]].spread
    assert isinstance(spread, Tensor)
    return squared_error(gather(estimates), gather(batch.targets), spread=spread)


def align_hearts(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    model: EcgModel,
    view: View,
    how: Alignment,
) -> Losses:
    """Patients with patients, and each segment of an ECG with the frame of that moment.

    Both go through the same projections: the local term has no weights of its own.
    """
    steps = ecg_steps(parts, view(_ecg(batch), generator), model)
    frames = _frames(parts, batch)
    ecg, cine = parts["ecg_projection"], parts["cine_projection"]
    losses = {
        "global": clip(
            gather(ecg(pooled(steps))), gather(cine(pooled(frames))), temperature=how.temperature
        )
    }
    if how.local_weight:
        segments = segments_of(batch, steps)
        losses["local"] = how.local_weight * temporal_alignment(
            gather(ecg(segments)),
            gather(cine(frames)),
            temperature=how.local_temperature,
            targets=how.targets,
            width=how.width,
        )
    return losses
