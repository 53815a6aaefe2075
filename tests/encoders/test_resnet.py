"""The one-dimensional residual networks."""

import torch
from torch import nn

from crossbeat.encoders.resnet import BasicBlock


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
