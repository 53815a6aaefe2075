"""What each cine encoder knows of the other frames."""

import pytest
import torch
from torch import Tensor, nn

from crossbeat.encoders import CINE_ENCODERS
from crossbeat.encoders.cine import TemporalAttention, phases

SMALL = ["frames-small", "frames-small-temporal", "volume-small"]


def batch() -> Tensor:
    return torch.rand(2, 12, 48, 48, generator=torch.Generator().manual_seed(1))


def settled(name: str) -> nn.Module:
    """An encoder in use, whose batch normalisation has seen a batch."""
    torch.manual_seed(0)
    encoder = CINE_ENCODERS[name](12).train()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.momentum = 1.0
    with torch.no_grad():
        encoder(batch())
    return encoder.eval()


@pytest.mark.parametrize("name", SMALL)
def test_a_token_moves_with_its_own_frame(name: str) -> None:
    """Most or next to it, and it alone where frames do not see one another."""
    encoder, x = settled(name), batch()
    changed = x.clone()
    changed[:, 5] = 1 - changed[:, 5]
    with torch.no_grad():
        moved = (encoder.tokens(changed) - encoder.tokens(x)).norm(dim=2).mean(dim=0)
    assert moved.argmax() in (4, 5, 6)
    assert moved[5] > 0.01
    assert (moved.count_nonzero() == 1) == (name == "frames-small")


@pytest.mark.parametrize("name", ["frames-small", "volume-small"])
def test_a_cine_that_starts_later_gives_the_same_tokens_later(name: str) -> None:
    """So no token can tell the number of its frame."""
    encoder, x = settled(name), batch()
    with torch.no_grad():
        later = encoder.tokens(x.roll(3, dims=1))
        torch.testing.assert_close(later, encoder.tokens(x).roll(3, dims=1))


def test_attention_between_frames_tells_their_numbers() -> None:
    encoder = settled("frames-small-temporal")
    same = batch()[:, :1].expand(-1, 12, -1, -1)
    with torch.no_grad():
        tokens = encoder.tokens(same)
    assert (tokens[:, 0] - tokens[:, 6]).norm() > 0.1


def test_a_volume_token_sees_the_frames_around_it_and_across_the_end() -> None:
    encoder, x = settled("volume-small"), batch().requires_grad_()
    encoder.tokens(x)[:, 0].square().sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().amax(dim=(0, 2, 3)).nonzero().flatten().tolist()
    assert seen == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11]


def test_phases_close_the_circle() -> None:
    positions = phases(10, 8)
    apart = (positions[:, None] - positions).norm(dim=2)
    torch.testing.assert_close(apart[0, 9], apart[0, 1])
    torch.testing.assert_close(apart[0], apart[3].roll(-3), atol=1e-5, rtol=1e-5)
    angle = torch.tensor(2 * torch.pi * 3 / 10)
    torch.testing.assert_close(positions[3, :2], torch.stack([angle.sin(), angle.cos()]))
    assert apart.fill_diagonal_(9).min() > 1


def test_positions_are_no_weights() -> None:
    assert "positions" not in TemporalAttention(4, dim=8, depth=1, heads=2).state_dict()
