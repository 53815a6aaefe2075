"""What of a cine an ECG meets: its mean, how much it changes over the cycle, or every frame."""

import torch
from small_recipes import SMALL_CINE
from torch import nn

from crossbeat.recipes.in_time import SPREAD, Anchors, anchors_of

PARTS = nn.ModuleDict({"cine_projection": nn.Linear(4, 3), SPREAD: nn.Linear(4, 3)})
FRAMES = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))


def anchors(frames: torch.Tensor, kind: Anchors) -> list[torch.Tensor]:
    return anchors_of(PARTS, frames, SMALL_CINE, kind)


def test_the_mean_knows_nothing_of_what_changes():
    still = FRAMES.mean(dim=1, keepdim=True).expand_as(FRAMES)
    moving, same = (anchors(each, "mean") for each in (FRAMES, still))
    assert len(moving) == 1
    assert torch.allclose(moving[0], same[0], atol=1e-6)
    assert torch.allclose(moving[0], PARTS["cine_projection"](FRAMES.mean(dim=1)))


def test_the_cycle_knows_how_much_changes_and_not_in_which_order():
    (cycle,) = anchors(FRAMES, "cycle")
    still = FRAMES.mean(dim=1, keepdim=True).expand_as(FRAMES)
    assert not torch.allclose(cycle, anchors(still, "cycle")[0], atol=1e-2)
    assert torch.allclose(cycle, anchors(FRAMES.flip(1), "cycle")[0], atol=1e-6)


def test_the_spread_of_a_still_heart_adds_a_constant_with_a_finite_gradient():
    still = FRAMES[:, :1].repeat(1, 5, 1).requires_grad_()
    (cycle,) = anchors(still, "cycle")
    (mean,) = anchors(still, "mean")
    assert torch.allclose(cycle - mean, PARTS[SPREAD].bias.expand_as(mean), atol=1e-6)
    cycle.sum().backward()
    assert still.grad is not None
    assert still.grad.isfinite().all()


def test_each_frame_is_an_anchor():
    each = anchors(FRAMES, "each")
    assert len(each) == 5
    assert torch.allclose(each[3], PARTS["cine_projection"](FRAMES[:, 3]))
