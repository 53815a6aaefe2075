"""Encoders of cine MRI: frame by frame, frames together, or frames as channels of one image."""

import math
from itertools import pairwise

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.encoders.attention import Tokens, pre_norm_blocks
from crossbeat.encoders.xray import small_net

Cines = Float[Tensor, "batch frame height width"]
"""Frames of one cardiac cycle, from the R peak on; 0 to 1."""


def require_frames(x: Cines, *, num_frames: int) -> None:
    """Refuses a batch with another number of frames than the encoder was built for."""
    if x.shape[1] != num_frames:
        raise ValueError(
            f"this encoder was built for cines of {num_frames} frames, got {x.shape[1]} frames; "
            "take as many frames, or build the encoder for these"
        )


class FrameEncoder(nn.Module):
    """One two-dimensional net for every frame by itself, and a layer that joins the frames.

    A token is the mean of a frame's map; the pooled vector is the mean of the tokens. Without
    ``temporal`` frames do not see one another: a token describes the heart in that frame and does
    not encode the number of the frame.

    Args:
        net: maps frames [frame 1 height width] to maps [frame dim row column].
        dim: channels of these maps.
        num_frames: frames of a cine, above 0.
        temporal: maps tokens [batch frame dim] to tokens; by default as they are.
    """

    per_frame = True

    def __init__(
        self, net: nn.Module, *, dim: int, num_frames: int, temporal: nn.Module | None = None
    ) -> None:
        super().__init__()
        # Convolutions on a processor are up to 1.5 times as fast with the channels last.
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.temporal = nn.Identity() if temporal is None else temporal
        self.dim, self.num_frames = dim, num_frames

    def maps(self, x: Cines) -> Float[Tensor, "batch frame dim row column"]:
        """The map of each frame, before frames are joined."""
        require_frames(x, num_frames=self.num_frames)
        frames = rearrange(x, "batch frame height width -> (batch frame) 1 height width")
        maps = self.net(frames.contiguous(memory_format=torch.channels_last))
        return maps.unflatten(0, (-1, self.num_frames))

    def tokens(self, x: Cines) -> Tokens:
        return self.temporal(self.maps(x).mean(dim=(3, 4)))

    def forward(self, x: Cines) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


class TemporalAttention(nn.Module):
    """Pre-norm transformer blocks over the frames of a cycle, whose positions are phases.

    position[f, 2k] = sin(2 pi (k + 1) f / F), position[f, 2k + 1] = cos(2 pi (k + 1) f / F):
    the last frame is as near to the first as to the one before it.

    Tokens then encode the number of their frame. A local loss can fall by that alone, without using
    the image of the heart.

    Args:
        num_frames: F, above 0.
        dim: length of a token, even; a multiple of ``heads``.
        depth: number of blocks, above 0.
        heads: attention heads, above 0.
    """

    positions: Tensor

    def __init__(self, num_frames: int, *, dim: int, depth: int, heads: int) -> None:
        super().__init__()
        self.register_buffer("positions", phases(num_frames, dim), persistent=False)
        self.blocks = pre_norm_blocks(depth, dim, heads=heads, hidden=2 * dim, dropout=0.0)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tokens) -> Tokens:
        return self.norm(self.blocks(x + self.positions))


def phases(num_frames: int, dim: int) -> Float[Tensor, "frame dim"]:
    """Fixed positions on a circle: sines in the even places, cosines in the odd ones."""
    angles = 2 * math.pi * torch.arange(num_frames)[:, None] / num_frames
    angles = angles * torch.arange(1, dim // 2 + 1)
    return rearrange([angles.sin(), angles.cos()], "part frame half -> frame (half part)")


class StackedFrames(nn.Module):
    """One two-dimensional net that takes the frames as channels of one image.

    Tokens are the positions of the last map, not frames; the pooled vector is their mean.

    Args:
        net: maps images [batch frame height width] to maps [batch dim row column].
        dim: channels of these maps.
        num_frames: frames of a cine, above 0.
    """

    per_frame = False

    def __init__(self, net: nn.Module, *, dim: int, num_frames: int) -> None:
        super().__init__()
        self.net = net
        self.dim, self.num_frames = dim, num_frames

    def tokens(self, x: Cines) -> Tokens:
        """One token per position of the last map, row by row."""
        require_frames(x, num_frames=self.num_frames)
        return rearrange(self.net(x), "batch dim row column -> batch (row column) dim")

    def forward(self, x: Cines) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


def over_time(channels: int, *, bias: bool) -> nn.Conv3d:
    """A convolution of kernel 3 over time: the frame after the last is the first."""
    return nn.Conv3d(
        channels, channels, (3, 1, 1), padding=(1, 0, 0), padding_mode="circular", bias=bias
    )


class Stage(nn.Module):
    """A convolution over space and one over time, each with batch normalisation and ReLU.

    Over space: kernel 3. Over time: kernel 3, stride 1, and the frame after the last is the
    first, since the heart beats on.

    Args:
        channels_in: channels of the input, above 0.
        channels: channels of the output, above 0.
        stride: in height and width.

    Source: Tran 2018 (arXiv:1711.11248), section 3.5, a convolution over space and time in two.
    """

    def __init__(self, channels_in: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.space = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.time = nn.Sequential(
            over_time(channels, bias=False), nn.BatchNorm3d(channels), nn.ReLU()
        )

    def forward(
        self, x: Float[Tensor, "batch dim frame row column"]
    ) -> Float[Tensor, "batch dim2 frame row2 column2"]:
        frames = rearrange(x, "batch dim frame row column -> (batch frame) dim row column")
        seen = self.space(frames).unflatten(0, (-1, x.shape[2])).transpose(1, 2)
        return self.time(seen)


class VolumeEncoder(nn.Module):
    """Stages of stride 2 in space, none in time, and one of stride 1 at the end.

    A token is the mean of a frame's map. It knows the frames around its own, as many on each
    side as there are stages, but not the number of its frame: a cine that starts later gives
    the same tokens, later.

    Args:
        num_frames: frames of a cine, above 0.
        widths: channels after each stage of stride 2; the last is the length of a token.
    """

    per_frame = True

    def __init__(self, num_frames: int, *, widths: tuple[int, ...] = (8, 16, 32, 64)) -> None:
        super().__init__()
        self.dim, self.num_frames = widths[-1], num_frames
        self.stages = nn.Sequential()
        channels = (1, *widths, self.dim)
        strides = (2,) * len(widths) + (1,)
        for (before, after), stride in zip(pairwise(channels), strides, strict=True):
            self.stages.append(Stage(before, after, stride=stride))

    def maps(self, x: Cines) -> Float[Tensor, "batch frame dim row column"]:
        require_frames(x, num_frames=self.num_frames)
        return self.stages(x[:, None]).transpose(1, 2)

    def tokens(self, x: Cines) -> Tokens:
        return self.maps(x).mean(dim=(3, 4))

    def forward(self, x: Cines) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


def resnet50_net(channels: int) -> nn.Sequential:
    """ResNet-50 up to its last map: 2048 channels, 1/32 of the image in height and width.

    Source: He 2016 (arXiv:1512.03385) table 1, from MONAI: the stride of a block is in its
        convolution of kernel 3, as in torchvision.
    """
    from monai.networks.nets.resnet import resnet50

    net = resnet50(
        pretrained=False,
        spatial_dims=2,
        n_input_channels=channels,
        conv1_t_stride=2,
        feed_forward=False,
        bias_downsample=False,
    )
    stages = (net.layer1, net.layer2, net.layer3, net.layer4)
    return nn.Sequential(net.conv1, net.bn1, net.act, net.maxpool, *stages)


_SMALL = (16, 32, 64, 64, 128)
_RESNET50 = 2048


def frames_small(num_frames: int) -> FrameEncoder:
    """Four convolutions of stride 2 and one of stride 1, for training on a processor."""
    return FrameEncoder(small_net(_SMALL), dim=_SMALL[-1], num_frames=num_frames)


def frames_small_temporal(num_frames: int) -> FrameEncoder:
    """The same net, then two blocks of attention between the frames."""
    dim = _SMALL[-1]
    temporal = TemporalAttention(num_frames, dim=dim, depth=2, heads=4)
    return FrameEncoder(small_net(_SMALL), dim=dim, num_frames=num_frames, temporal=temporal)


def frames_resnet50(num_frames: int) -> FrameEncoder:
    """ResNet-50 on every frame."""
    return FrameEncoder(resnet50_net(1), dim=_RESNET50, num_frames=num_frames)


def mmcl_resnet50(num_frames: int) -> StackedFrames:
    """ResNet-50 with the frames as its channels; three frames of 210 by 210 as published.

    Which three is not published.

    Source: Turgut 2025 (MMCL, arXiv:2308.05764); oetu/MMCL-ECG-CMR at 533409f.
    """
    return StackedFrames(resnet50_net(num_frames), dim=_RESNET50, num_frames=num_frames)


def volume_small(num_frames: int) -> VolumeEncoder:
    """Five stages, for training on a processor."""
    return VolumeEncoder(num_frames)
