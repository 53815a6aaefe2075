"""Temporal alignment within one patient: each segment of an ECG with its cine frame."""

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from crossbeat.objectives.supervised import at_least_float32, require_above_0

Segments = Float[Tensor, "batch segment dim"]
Frames = Float[Tensor, "batch frame dim"]
Scalar = Float[Tensor, ""]


def temporal_alignment(
    segments: Segments,
    frames: Frames,
    *,
    temperature: float | Scalar,
    targets: Literal["one-hot", "circular"] = "one-hot",
    width: float = 1.0,
) -> Scalar:
    """Surprise of each segment at its own frame among the frames of its patient, and back.

    With s_tu = cos(segment_t, frame_u) / temperature within a patient, the mean over patients of
    half of CE(s, q) + CE(s^T, q), each the mean over its rows. One-hot: q is the identity.
    Circular: q_tu is proportional to exp(-d^2 / (2 width^2)), with d the distance of t and u
    around the cycle. It has no weights, and other patients have no part in it.

    Args:
        segments: embedded ECG segments; segment t belongs to frame t. Patients with a NaN here
            or among their frames do not count; if all have, the loss is 0.
        frames: embedded frames of one cycle, in the order of time; as many as segments.
        temperature: divides the cosines; above 0.
        targets: whether a segment's frame alone is right, or its neighbours in part.
        width: standard deviation of the circular targets in frames; above 0.

    Raises:
        ValueError: ``temperature`` or ``width`` is not above 0, or there are not as many
            segments as frames.

    Source: the local alignment of PTACL (arXiv:2506.20683), whose formula is not public: that
        the frames of a patient are the candidates, in both directions, is our reading, and the
        circular targets are ours.
    """
    require_above_0("temperature", temperature)
    require_above_0("width", width)
    if segments.shape[1] != frames.shape[1]:
        raise ValueError(
            f"segments and frames must be as many, got {segments.shape[1]} segments "
            f"and {frames.shape[1]} frames"
        )
    told = ~(_any_nan(segments) | _any_nan(frames))
    with torch.autocast(segments.device.type, enabled=False):
        ecg = F.normalize(at_least_float32(segments[told]), dim=2)
        cine = F.normalize(at_least_float32(frames[told]), dim=2)
        logits = ecg @ cine.mT / temperature
    num_frames = frames.shape[1]
    wanted = _near(num_frames, width) if targets == "circular" else torch.eye(num_frames)
    right = (wanted.to(logits) * logits).sum(dim=2)
    surprise = (logits.logsumexp(dim=2) + logits.logsumexp(dim=1)) / 2 - right
    return surprise.mean(dim=1).sum() / told.sum().clamp(min=1)


def embed_segments(
    steps: Float[Tensor, "batch step dim"],
    correspondence: Float[Tensor, "batch segment step"],
    project: Callable[[Segments], Segments],
) -> Segments:
    """Embedded segments: the projected mean of the steps that each one is made of.

    A patient whose correspondence is not known has NaN throughout, as ``temporal_alignment``
    leaves out, and no gradient. (A NaN that went through the projection itself would make the
    gradient of its weights NaN, though nothing counts on it.)

    Args:
        steps: tokens of an ECG encoder, in the order of time.
        correspondence: the share of each step in each segment; rows sum to 1; NaN throughout a
            patient where it is not known.
        project: maps tokens to the space that modalities share.
    """
    unknown = _any_nan(correspondence)
    embedded = project(correspondence.nan_to_num().to(steps.dtype) @ steps)
    return embedded.masked_fill(unknown[:, None, None], math.nan)


def _any_nan(values: Float[Tensor, "batch row column"]) -> Tensor:
    return values.isnan().flatten(1).any(dim=1)


def _near(num_frames: int, width: float) -> Float[Tensor, "frame frame"]:
    frame = torch.arange(num_frames)
    apart = (frame[:, None] - frame).abs()
    apart = torch.minimum(apart, num_frames - apart)
    return (-(apart**2) / (2 * width**2)).softmax(dim=1)
