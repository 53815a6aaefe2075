"""One-dimensional residual networks of 18 and 34 layers."""

import math
from itertools import pairwise

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.encoders.attention import Tokens, require_shape


class BasicBlock(nn.Module):
    """Two convolutions of kernel 3 and a shortcut.

    out = relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)).

    Args:
        channels_in: channels of the input, above 0.
        channels: channels of the output, above 0.
        stride: of the first convolution; where it is above 1 or the channels change, the
            shortcut is a convolution of kernel 1, else the identity.

    Source: He 2016 (arXiv:1512.03385) fig. 2 and section 3.3, option B.
    """

    def __init__(self, channels_in: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(channels_in, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm1d(channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv1d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm1d(channels)
            )
        self.relu = nn.ReLU()

    def forward(self, x: Float[Tensor, "batch dim time"]) -> Float[Tensor, "batch dim2 time2"]:
        return self.relu(self.body(x) + self.shortcut(x))


class ResNet(nn.Module):
    """A stem of stride 2 and four stages; all but the first halve the time, double the width.

    Tokens are the time steps of the last stage, pooled by their mean.

    Args:
        num_leads: leads of an ECG, above 0.
        num_samples: samples of each lead, above 0.
        blocks: blocks in each of the four stages.
        width: channels of the stem and the first stage, above 0.

    Source: He 2016 (arXiv:1512.03385); the one-dimensional form, kernel 7 in the stem and no
        max-pooling, is that of MERL (arXiv:2403.06659).
    """

    def __init__(
        self, num_leads: int, num_samples: int, *, blocks: tuple[int, ...], width: int = 64
    ) -> None:
        super().__init__()
        self.num_leads, self.num_samples = num_leads, num_samples
        self.stem = nn.Sequential(
            nn.Conv1d(num_leads, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
        )
        self.stages = nn.Sequential()
        widths = [width] + [width * 2**stage for stage in range(len(blocks))]
        for (channels_in, channels), count in zip(pairwise(widths), blocks, strict=True):
            stride = 1 if channels == width else 2
            self.stages.append(BasicBlock(channels_in, channels, stride=stride))
            for _ in range(count - 1):
                self.stages.append(BasicBlock(channels, channels, stride=1))
        self.dim = widths[-1]
        self.apart = 2 ** len(blocks)

    def tokens(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """One token per time step of the last stage, in the order of time."""
        require_shape(x, num_leads=self.num_leads, num_samples=self.num_samples)
        return rearrange(self.stages(self.stem(x)), "batch dim token -> batch token dim")

    def steps(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        return self.tokens(x)

    def centres(self) -> Float[Tensor, " step"]:
        """The middle of what each step sees, in samples from the start of the ECG.

        Kernels are centred on every second sample of their input, its first one included.
        """
        apart = self.apart
        return 0.5 + apart * torch.arange(math.ceil(self.num_samples / apart))

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


def resnet18(num_leads: int, num_samples: int) -> ResNet:
    """Eighteen layers, as published for MERL with 5000 samples at 500 Hz."""
    return ResNet(num_leads, num_samples, blocks=(2, 2, 2, 2))


def resnet34(num_leads: int, num_samples: int) -> ResNet:
    """Thirty-four layers."""
    return ResNet(num_leads, num_samples, blocks=(3, 4, 6, 3))


def resnet18_small(num_leads: int, num_samples: int) -> ResNet:
    """Eighteen layers of a quarter of the published width, for training on a processor."""
    return ResNet(num_leads, num_samples, blocks=(2, 2, 2, 2), width=16)
