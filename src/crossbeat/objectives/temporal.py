"""Alignment in time within one patient: each segment of an ECG with the frame of that moment."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from crossbeat.objectives.checks import require_above_0
from crossbeat.objectives.precision import at_least_float32

Steps = Float[Tensor, "batch step dim"]
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
    half of CE(s, q) + CE(s^T, q), each a mean over rows. One-hot: q is the identity. Circular:
    q_tu is proportional to exp(-d^2 / (2 width^2)), with d the distance of t and u around the
    cycle. Patients with a NaN on either side do not count; if none is left the loss is 0.

    Args:
        segments: embedded ECG segments; segment t answers to frame t.
        frames: embedded frames; as many as segments.
        temperature: divides the cosines; above 0.
        targets: whether neighbouring frames share in the target.
        width: standard deviation of the circular targets in frames; above 0.

    Raises:
        ValueError: ``temperature`` or ``width`` is not above 0, or there are not as many
            segments as frames.

    Source: the local alignment of PTACL (arXiv:2506.20683), whose formula is not public: the
        frames of a patient as candidates, both directions, are our reading.
    """
    require_above_0("temperature", temperature)
    require_above_0("width", width)
    if segments.shape[1] != frames.shape[1]:
        raise ValueError(
            f"segments and frames must be as many, got {segments.shape[1]} segments "
            f"and {frames.shape[1]} frames"
        )
    whole = ~(segments.isnan().flatten(1).any(dim=1) | frames.isnan().flatten(1).any(dim=1))
    with torch.autocast(segments.device.type, enabled=False):
        there = F.normalize(at_least_float32(segments[whole]), dim=-1)
        back = F.normalize(at_least_float32(frames[whole]), dim=-1)
        logits = there @ back.mT / temperature
    wanted = _near(logits.shape[1], width) if targets == "circular" else torch.eye(logits.shape[1])
    wanted = wanted.to(logits)
    surprise = logits.logsumexp(dim=2) + logits.logsumexp(dim=1) - 2 * (wanted * logits).sum(dim=2)
    return surprise.mean(dim=1).sum() / (2 * whole.sum().clamp(min=1))


def _near(num_frames: int, width: float) -> Float[Tensor, "frame frame"]:
    frame = torch.arange(num_frames)
    apart = (frame[:, None] - frame).abs()
    apart = torch.minimum(apart, num_frames - apart)
    return (-(apart**2) / (2 * width**2)).softmax(dim=1)
