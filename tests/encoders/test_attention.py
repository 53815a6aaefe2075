"""The transformer blocks against PyTorch's own layers, version 2.13.0."""

import pytest
import torch
from torch import Tensor, nn

from crossbeat.encoders.attention import PostNormBlock, PreNormBlock, SelfAttention

Block = type[PostNormBlock] | type[PreNormBlock]
DIM, HEADS, HIDDEN = 16, 4, 24
NAMES = {
    "attention.qkv.weight": "self_attn.in_proj_weight",
    "attention.qkv.bias": "self_attn.in_proj_bias",
    "attention.out.weight": "self_attn.out_proj.weight",
    "attention.out.bias": "self_attn.out_proj.bias",
    "norm_1.weight": "norm1.weight",
    "norm_1.bias": "norm1.bias",
    "feed_forward.0.weight": "linear1.weight",
    "feed_forward.0.bias": "linear1.bias",
    "feed_forward.3.weight": "linear2.weight",
    "feed_forward.3.bias": "linear2.bias",
    "norm_2.weight": "norm2.weight",
    "norm_2.bias": "norm2.bias",
}


def random_tokens() -> Tensor:
    return torch.randn(3, 7, DIM, generator=torch.Generator().manual_seed(1))


def with_random_weights(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.5, generator=generator)
    return module


def copied(block: nn.Module, reference: nn.Module) -> nn.Module:
    source = reference.state_dict()
    block.load_state_dict({ours: source.pop(theirs) for ours, theirs in NAMES.items()})
    assert source == {}
    return block


def input_gradient(module: nn.Module) -> tuple[Tensor, Tensor]:
    x = random_tokens().requires_grad_()
    out = module(x)
    (gradient,) = torch.autograd.grad((out * torch.linspace(-1, 1, DIM)).sum(), x)
    return out.detach(), gradient


@pytest.mark.parametrize(
    ("kind", "activation", "norm_first"),
    [(PostNormBlock, "relu", False), (PreNormBlock, "gelu", True)],
)
def test_block_equals_the_layer_of_pytorch(kind: Block, activation: str, norm_first: bool) -> None:
    reference = with_random_weights(
        nn.TransformerEncoderLayer(
            DIM, HEADS, HIDDEN, 0.0, activation, batch_first=True, norm_first=norm_first
        )
    )
    block = copied(kind(DIM, heads=HEADS, hidden=HIDDEN, dropout=0.0), reference)
    for module in (block, reference):
        module.eval()
    # The same operations in the same order: no difference was seen; the default tolerance of
    # float32 leaves room for other processors.
    for mine, theirs in zip(input_gradient(block), input_gradient(reference), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_attention_equals_its_definition_as_a_loop() -> None:
    attention = with_random_weights(SelfAttention(DIM, heads=HEADS, dropout=0.0))
    x = random_tokens()
    size = DIM // HEADS
    q, k, v = attention.qkv(x).split(DIM, dim=-1)
    heads = []
    for first in range(0, DIM, size):
        part = slice(first, first + size)
        scores = q[..., part] @ k[..., part].mT / size**0.5
        heads.append(scores.softmax(dim=-1) @ v[..., part])
    torch.testing.assert_close(attention(x), attention.out(torch.cat(heads, dim=-1)))


@pytest.mark.parametrize(
    "module",
    [
        PostNormBlock(DIM, heads=HEADS, hidden=HIDDEN, dropout=0.5),
        PreNormBlock(DIM, heads=HEADS, hidden=HIDDEN, dropout=0.5),
        SelfAttention(DIM, heads=HEADS, dropout=0.5),
    ],
    ids=lambda module: type(module).__name__,
)
def test_dropout_acts_in_training_only(module: nn.Module) -> None:
    x = random_tokens()
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))


def test_dim_must_divide_into_heads() -> None:
    with pytest.raises(ValueError, match="multiple of heads, got dim 10 and 4 heads"):
        SelfAttention(10, heads=4, dropout=0.0)
