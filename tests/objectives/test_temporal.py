"""The local loss within a patient."""

import pytest
import torch
import torch.nn.functional as F

from crossbeat.objectives import temporal_alignment


def both(num_frames: int = 6):
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(3, num_frames, 5, generator=generator, dtype=torch.float64)
    return frames + 0.3 * torch.randn(frames.shape, generator=generator), frames


def test_it_is_cross_entropy_both_ways_within_each_patient() -> None:
    segments, frames = both()
    total = 0.0
    for segment, frame in zip(segments, frames, strict=True):
        logits = F.normalize(segment, dim=1) @ F.normalize(frame, dim=1).T / 0.2
        own = torch.arange(6)
        total += (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)).item() / 2
    assert temporal_alignment(segments, frames, temperature=0.2).item() == pytest.approx(total / 3)
