"""The one-dimensional residual networks."""

import pytest
import torch
from torch import nn

from crossbeat.encoders.resnet import BasicBlock, resnet18, resnet34


@pytest.mark.parametrize(("build", "layers"), [(resnet18, 18), (resnet34, 34)])
def test_ten_seconds_at_500_hz_give_313_steps_of_512(build: type, layers: int) -> None:
    with torch.device("meta"):
        encoder = build(12, 5000).eval()
        tokens = encoder.tokens(torch.empty(2, 12, 5000))
    assert tokens.shape == (2, 313, 512)
    deep = [
        module
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Conv1d) and "shortcut" not in name
    ]
    assert len(deep) == layers - 1  # the last layer is the classifier, which is no part of it


def test_a_block_whose_body_is_silent_passes_its_input() -> None:
    block = BasicBlock(4, 4, stride=1).eval()
    nn.init.zeros_(block.body[-1].weight)
    x = torch.randn(2, 4, 9)
    torch.testing.assert_close(block(x), x.relu())


def test_a_block_equals_its_formula() -> None:
    torch.manual_seed(0)
    block = BasicBlock(3, 6, stride=2).eval()
    x = torch.randn(2, 3, 9)
    conv_1, norm_1, _, conv_2, norm_2 = block.body
    conv, norm = block.shortcut
    body = norm_2(conv_2(norm_1(conv_1(x)).relu()))
    torch.testing.assert_close(block(x), (body + norm(conv(x))).relu())
    assert block(x).shape == (2, 6, 5)
