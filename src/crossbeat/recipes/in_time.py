"""Alignment of ECGs with cines, by patient and in time: its data, its step, and what it aligned.

Settings are bound with ``functools.partial``, so that they are part of the phase's fingerprint.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.beats import Rule, correspondence, r_peaks
from crossbeat.modalities import EcgModel, Model, OtherModel, modality
from crossbeat.models import Embeddings, Tokens, in_moments, moments, num_steps, pooled
from crossbeat.objectives import clip, temporal_alignment
from crossbeat.recipes.outputs import frozen_outputs
from crossbeat.recipes.steps import Losses
from crossbeat.signal import Ecg
from crossbeat.training import Batch, Source, gather
from crossbeat.views import View

Segments = Float[Tensor, "batch segment dim"]
Shared = Float[Tensor, "batch shared"]
Anchors = Literal["mean", "cycle", "each"]
"""The parts of a cine with which an ECG is aligned; see ``Ptacl``."""

SPREAD = "cine_spread_projection"
"""Name of the projection of the spread of a cine's tokens over the cycle."""

FRAMES = "cine_frames"
"""Tokens of a frozen cine encoder, used instead of cines."""

ORDER = "frame_order"
"""The order of the frames."""

TABULAR = "tabular"
"""Standard scores of the patient's tabular data, and whether each value is known."""

SEGMENTS = "segments"
"""Weights of the ECG time steps in the segment that belongs to each frame."""


def frozen_moments(parts: nn.ModuleDict, source: Source, model: Model) -> Tensor:
    """The tokens that a frozen encoder makes of every recording of a source, in order of time."""
    name, value = model.modality, partial(in_moments, model=model)
    size = modality(name).at_once
    return frozen_outputs(parts, (f"{name}_encoder",), source, name, value, size=size)


def with_frozen_frames(parts: nn.ModuleDict, source: Source, model: OtherModel) -> Source:
    """Replace the cines of a source by the frozen encoder's tokens.

    They are computed only once. This is exact because the encoder is frozen and reads cines without
    random views.
    """
    tokens = frozen_moments(parts, source, model)
    reads = tuple(name for name in source.reads if name != model.modality)
    return replace(source, reads=reads, extra={**source.extra, FRAMES: tokens})


def with_shuffled_frames(source: Source, seed: int, num_frames: int) -> Source:
    """Put the frames of every patient in a random order, as a control."""
    random = np.random.default_rng(seed)
    frames = np.tile(np.arange(num_frames), (len(source), 1))
    order = torch.from_numpy(random.permuted(frames, axis=1))
    return replace(source, extra={**source.extra, ORDER: order})


def with_segments(parts: nn.ModuleDict, source: Source, rule: Rule) -> Source:
    """Add the ECG time steps that belong to each frame of the cine to the source."""
    info = source.cohort.info
    steps = num_steps(parts, info)  # a pass of the encoder, so not for every ECG
    segments = np.stack(
        [
            correspondence(
                r_peaks(ecg),
                rule=rule,
                segments=info.frames,
                steps=steps,
                seconds=info.seconds,
            )
            for ecg in _ecgs(source)
        ]
    )
    return replace(source, extra={**source.extra, SEGMENTS: torch.from_numpy(segments)})


def _ecgs(source: Source) -> list[Ecg]:
    alone = replace(source, reads=("ecg",), extra={})
    return [
        Ecg(values, batch.ecg.leads, batch.ecg.fs)
        for batch in alone.batches(modality("ecg").at_once)
        for values in batch.ecg.values.numpy()
    ]


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """Settings of the alignment of ECGs with cines; see ``Ptacl``."""

    temperature: float
    anchors: Anchors
    local_weight: float
    local_temperature: float
    centred: bool
    correspondence: Rule
    frame_targets: Literal["one-hot", "circular"]
    width: float


def frames_of(parts: nn.ModuleDict, batch: Batch, model: OtherModel) -> Tokens:
    """The tokens of each frame, from a frozen encoder or the one in training."""
    frames = batch.extra.get(FRAMES)
    if frames is None:
        frames = in_moments(parts, batch, model=model)
    if ORDER not in batch.extra:
        return frames
    return frames.take_along_dim(batch.extra[ORDER][:, :, None], dim=1)


def _contrast(pairs: Sequence[tuple[Embeddings, Embeddings]], how: Alignment) -> Tensor:
    """CLIP loss between embeddings of the same patient: the mean over pairs of modalities."""
    losses = [clip(one, other, temperature=how.temperature) for one, other in pairs]
    return torch.stack(losses).mean()


def anchors_of(
    parts: nn.ModuleDict, frames: Tokens, model: OtherModel, anchors: Anchors
) -> list[Shared]:
    """The vectors of a cine in the shared space: one for each cine, or one for each frame.

    Args:
        frames: a token for each frame.
        anchors: see ``Ptacl``.
    """
    project = parts[f"{model.modality}_projection"]
    if anchors == "each":
        return [project(frame) for frame in frames.unbind(dim=1)]
    if anchors == "mean":
        return [project(pooled(frames, model))]
    return [project(pooled(frames, model)) + parts[SPREAD](frames.std(dim=1))]


def centred_moments(tokens: Tokens, *, centred: bool) -> Tokens:
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


def align_in_time(
    parts: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    *,
    models: tuple[EcgModel, OtherModel],
    view: View,
    how: Alignment,
) -> Losses:
    """Align ECGs with cines by patient, and ECG segments with frames in time.

    Both losses use the same projections; the local loss has no weights of its own.
    """
    steps = moments(parts, view(batch.ecg, generator), models[0])
    frames = frames_of(parts, batch, models[1])
    ecg, cine = parts["ecg_projection"], parts[f"{models[1].modality}_projection"]
    told = gather(ecg(pooled(steps, models[0])))
    anchors = anchors_of(parts, frames, models[1], how.anchors)
    pairs = [(told, gather(anchor)) for anchor in anchors]
    losses = {"global": _contrast(pairs, how)}
    if TABULAR in batch.extra:
        table = gather(parts["tabular_encoder"](batch.extra[TABULAR]))
        losses["tabular"] = _contrast([(told, table), (pairs[0][1], table)], how)
    if how.local_weight:
        segments = ecg(segments_of(batch, steps))
        losses["local"] = how.local_weight * temporal_alignment(
            gather(centred_moments(segments, centred=how.centred)),
            gather(centred_moments(cine(frames), centred=how.centred)),
            temperature=how.local_temperature,
            targets=how.frame_targets,
            width=how.width,
        )
    return losses
