"""The local loss within a patient: its definition as a loop, its laws, and what it leaves out."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from crossbeat.objectives import embed_segments, temporal_alignment

TARGETS = ["one-hot", "circular"]


def both(num_frames: int = 6, *, noise: float = 0.3, dtype=torch.float64):
    """Three patients, whose segments look like their frames."""
    generator = torch.Generator().manual_seed(0)
    frames, other = torch.randn(2, 3, num_frames, 5, generator=generator, dtype=dtype)
    return frames + noise * other, frames


def slow(segments, frames, temperature, wanted):
    total = 0.0
    for segment, frame in zip(segments, frames, strict=True):
        logits = F.cosine_similarity(segment[:, None], frame, dim=2) / temperature
        for s, q in ((logits, wanted), (logits.T, wanted.T)):
            for t in range(len(s)):
                log_sum = math.log(sum(math.exp(x) for x in s[t].tolist()))
                surprise = [log_sum - x for x in s[t].tolist()]
                total += sum(w * x for w, x in zip(q[t].tolist(), surprise, strict=True)) / len(s)
    return total / (2 * len(segments))


def slow_circle(num_frames, width):
    rows = []
    for t in range(num_frames):
        apart = [min(abs(t - u), num_frames - abs(t - u)) for u in range(num_frames)]
        row = [math.exp(-(d**2) / (2 * width**2)) for d in apart]
        rows.append([value / sum(row) for value in row])
    return torch.tensor(rows)


# --- the definition


@pytest.mark.parametrize(
    ("targets", "width"), [("one-hot", 1.0), ("circular", 0.5), ("circular", 1.5)]
)
def test_it_is_its_definition_as_a_loop(targets, width):
    segments, frames = both(7)
    loss = temporal_alignment(segments, frames, temperature=0.3, targets=targets, width=width)
    wanted = slow_circle(7, width) if targets == "circular" else torch.eye(7)
    assert loss.item() == pytest.approx(slow(segments, frames, 0.3, wanted), rel=1e-6)


def test_by_hand_two_frames_at_right_angles():
    """Own cosine 1, other 0: log(e + 1) - 1 each way."""
    square = torch.eye(2).expand(4, 2, 2)
    loss = temporal_alignment(square, square, temperature=1.0)
    assert loss.item() == pytest.approx(math.log(math.e + 1) - 1)


# --- laws


@pytest.mark.parametrize("targets", TARGETS)
def test_one_segment_tells_nothing(targets):
    segments, frames = both(1)
    segments = segments.requires_grad_()
    loss = temporal_alignment(segments, frames, temperature=0.01, targets=targets)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-9)
    assert segments.grad.abs().max() == pytest.approx(0, abs=1e-9)


def test_no_square_of_patients_is_made():
    """4,000 patients: a square of them alone would have 16 million values."""
    segments = torch.randn(4000, 2, 3, requires_grad=True)
    largest = 0

    def note(values):
        nonlocal largest
        largest = max(largest, values.numel())
        return values

    with torch.autograd.graph.saved_tensors_hooks(note, lambda values: values):
        temporal_alignment(segments, segments.detach(), temperature=0.1).backward()
    assert 0 < largest <= segments.numel()


# --- what is left out


def test_patients_without_segments_or_frames_do_not_count():
    segments, frames = both()
    few = temporal_alignment(segments[1:2], frames[1:2], temperature=0.1).item()
    segments[0, 2, 3] = math.nan
    frames[2] = math.nan
    segments.requires_grad_()
    loss = temporal_alignment(segments, frames, temperature=0.1)
    loss.backward()
    assert loss.item() == pytest.approx(few)
    assert segments.grad[1].abs().max() > 0
    assert segments.grad[[0, 2]].abs().max() == 0


def test_it_is_0_with_a_gradient_if_nobody_is_left():
    segments, frames = both()
    segments = torch.full_like(segments, math.nan).requires_grad_()
    loss = temporal_alignment(segments, frames, temperature=0.1)
    loss.backward()
    assert loss.item() == 0
    assert segments.grad.abs().max() == 0


def test_segments_are_projected_means_of_steps():
    steps = torch.randn(2, 4, 3)
    shares = torch.tensor([[0.5, 0.5, 0, 0], [0, 0, 0.25, 0.75]])
    found = embed_segments(steps, shares.expand(2, -1, -1), lambda values: 2 * values)
    torch.testing.assert_close(found[:, 0], steps[:, 0] + steps[:, 1])
    torch.testing.assert_close(found[:, 1], (steps[:, 2] + 3 * steps[:, 3]) / 2)


def test_a_record_without_beats_makes_no_gradient_nan():
    torch.manual_seed(0)
    steps = torch.randn(3, 4, 5, requires_grad=True)
    head = nn.Linear(5, 5)
    shares = torch.rand(3, 6, 4).softmax(dim=2)
    shares[1] = math.nan
    segments = embed_segments(steps, shares, head)
    assert segments.isnan().all(dim=2).all(dim=1).tolist() == [False, True, False]
    temporal_alignment(segments, torch.randn(3, 6, 5), temperature=0.1).backward()
    assert steps.grad[1].abs().max() == 0
    assert steps.grad[[0, 2]].abs().amin() > 0
    for weights in head.parameters():
        assert weights.grad.isfinite().all()
        assert weights.grad.abs().max() > 0


# --- numbers


@pytest.mark.parametrize("targets", TARGETS)
def test_gradients_are_finite_at_the_coldest_temperature(targets):
    segments, frames = both(50, dtype=torch.float32)
    segments, temperature = segments.requires_grad_(), torch.tensor(0.005, requires_grad=True)
    temporal_alignment(-segments, frames, temperature=temperature, targets=targets).backward()
    for gradient in (segments.grad, temperature.grad):
        assert gradient.isfinite().all()
        assert gradient.abs().max() > 0


def test_low_precision_is_worked_out_in_float32():
    segments, frames = both(dtype=torch.float32)
    low, same = segments.bfloat16(), frames.bfloat16()
    exact = temporal_alignment(low.float(), same.float(), temperature=0.01)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = temporal_alignment(low, same, temperature=0.01)
    assert loss.dtype == torch.float32
    assert loss.item() == exact.item()


# --- what is refused


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["temperature", "width"])
def test_temperature_and_width_must_be_above_0(name, value):
    with pytest.raises(ValueError, match=f"{name} must be finite and above 0, got {value}"):
        temporal_alignment(*both(), **({"temperature": 0.1} | {name: value}))


def test_there_must_be_a_frame_for_every_segment():
    segments, frames = both()
    with pytest.raises(ValueError, match="got 6 segments and 5 frames"):
        temporal_alignment(segments, frames[:, :5], temperature=0.1)
