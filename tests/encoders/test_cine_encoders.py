"""Laws that every cine encoder keeps, and what each knows of the other frames."""

import pytest
import torch
from torch import Tensor, nn

from crossbeat.encoders import CINE_ENCODERS
from crossbeat.encoders.cine import TemporalAttention, phases

NAMES = sorted(CINE_ENCODERS)
SMALL = [name for name in NAMES if "resnet50" not in name]
LONELY = ["frames-small", "frames-resnet50"]
SIZE = 48


def num_frames(name: str) -> int:
    return 3 if name == "mmcl-resnet50" else 12 if "small" in name else 2


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    return CINE_ENCODERS[name](num_frames(name))


def batch(name: str, size: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(size, num_frames(name), SIZE, SIZE, generator=generator)


def settled(name: str) -> nn.Module:
    """An encoder in use, whose batch normalisation has seen a batch."""
    encoder = build(name).train()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.momentum = 1.0
    with torch.no_grad():
        encoder(batch(name))
    return encoder.eval()


@pytest.mark.parametrize("name", NAMES)
def test_tokens_and_vector_have_the_promised_shape(name: str) -> None:
    encoder, x = build(name).eval(), batch(name)
    with torch.no_grad():
        tokens, pooled = encoder.tokens(x), encoder(x)
    count = num_frames(name) if encoder.per_frame else 2 * 2
    assert tokens.shape == (2, count, encoder.dim)
    torch.testing.assert_close(pooled, tokens.mean(dim=1))
    assert pooled.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    encoder = build(name).train()
    pooled = encoder(batch(name))
    weights = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(2))
    (pooled * weights).sum().backward()
    silent = [
        key
        for key, parameter in encoder.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_patients_do_not_see_each_other(name: str) -> None:
    x = batch(name).requires_grad_()
    pooled = build(name).eval()(x)[0]
    (pooled * torch.linspace(-1, 1, len(pooled))).sum().backward()
    assert x.grad is not None
    assert x.grad[0].abs().max() > 0
    assert x.grad[1].abs().max() == 0


@pytest.mark.parametrize("name", NAMES)
def test_another_number_of_frames_is_refused(name: str) -> None:
    count = num_frames(name)
    with pytest.raises(ValueError, match=f"built for cines of {count} frames, got {count + 1}"):
        build(name).tokens(torch.zeros(1, count + 1, SIZE, SIZE))


@pytest.mark.parametrize("name", SMALL)
def test_a_token_moves_with_its_own_frame(name: str) -> None:
    """Most or next to it, and it alone where frames do not see one another."""
    encoder, x = settled(name), batch(name)
    changed = x.clone()
    changed[:, 5] = 1 - changed[:, 5]
    with torch.no_grad():
        moved = (encoder.tokens(changed) - encoder.tokens(x)).norm(dim=2).mean(dim=0)
    assert moved.argmax() in (4, 5, 6)
    assert moved[5] > 0.01
    assert (moved.count_nonzero() == 1) == (name in LONELY)


@pytest.mark.parametrize("name", ["frames-small", "volume-small"])
def test_a_cine_that_starts_later_gives_the_same_tokens_later(name: str) -> None:
    """So no token can tell the number of its frame."""
    encoder, x = settled(name), batch(name)
    with torch.no_grad():
        later = encoder.tokens(x.roll(3, dims=1))
        torch.testing.assert_close(later, encoder.tokens(x).roll(3, dims=1))


def test_attention_between_frames_tells_their_numbers() -> None:
    encoder = settled("frames-small-temporal")
    same = batch("frames-small-temporal")[:, :1].expand(-1, 12, -1, -1)
    with torch.no_grad():
        tokens = encoder.tokens(same)
    assert (tokens[:, 0] - tokens[:, 6]).norm() > 0.1


def test_a_volume_token_sees_the_frames_around_it_and_across_the_end() -> None:
    encoder, x = settled("volume-small"), batch("volume-small").requires_grad_()
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


@pytest.mark.parametrize(("name", "channels"), [("frames-resnet50", 1), ("mmcl-resnet50", 3)])
def test_resnet50_has_the_published_size(name: str, channels: int) -> None:
    """25,557,032 weights with torchvision's three channels and its layer of 1000 classes."""
    features = 25_557_032 - 1000 * (2048 + 1) - (3 - channels) * 64 * 7 * 7
    with torch.device("meta"):
        encoder = build(name)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == features


@pytest.mark.parametrize("name", ["frames-small", "frames-small-temporal"])
def test_an_exported_encoder_takes_any_batch(name: str) -> None:
    encoder = build(name).eval()
    any_batch = ({0: torch.export.Dim("batch", min=1)},)
    graph = torch.export.export(encoder, (batch(name),), dynamic_shapes=any_batch).module()
    x = batch(name, size=5)
    with torch.no_grad():
        torch.testing.assert_close(graph(x), encoder(x))
