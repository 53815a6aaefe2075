"""Encoders of cine MRI that see one frame at a time: a token per frame, in the order of time."""

from itertools import pairwise

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.encoders.attention import Tokens

Cines = Float[Tensor, "batch frame height width"]
"""Frames of one cardiac cycle, from the R peak on; blood bright, 0 to 1."""


def require_frames(x: Cines, *, num_frames: int) -> None:
    """Refuses a batch with another number of frames than the encoder was built for.

    Raises:
        ValueError: the batch has another number of frames.
    """
    if x.shape[1] != num_frames:
        raise ValueError(
            f"this encoder was built for cines of {num_frames} frames, got {x.shape[1]} frames; "
            "take another number of frames, or build the encoder for this one"
        )


class FrameEncoder(nn.Module):
    """One two-dimensional net for every frame by itself; a token is the mean of a frame's map.

    Frames do not see one another, so a token says what the heart looks like at that moment and
    not which number the frame has. The pooled vector is the mean of the tokens.

    Args:
        net: maps frames [frame 1 height width] to [frame dim height width].
        dim: channels of what ``net`` gives.
        num_frames: frames of a cine, above 0.
    """

    def __init__(self, net: nn.Module, *, dim: int, num_frames: int) -> None:
        super().__init__()
        self.net = net
        self.dim, self.num_frames = dim, num_frames

    def tokens(self, x: Cines) -> Tokens:
        """One token per frame, in the order of time.

        Args:
            x: cines, 0 to 1.

        Raises:
            ValueError: the cines have another number of frames than the encoder.
        """
        require_frames(x, num_frames=self.num_frames)
        maps = self.net(rearrange(x, "batch frame height width -> (batch frame) 1 height width"))
        pooled = maps.mean(dim=(2, 3))
        return rearrange(pooled, "(batch frame) dim -> batch frame dim", batch=len(x))

    def forward(self, x: Cines) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


def small_net(widths: tuple[int, ...]) -> nn.Sequential:
    """Convolutions of kernel 3 and stride 2, and one of stride 1 at the end.

    Each is followed by batch normalisation and ReLU.

    Args:
        widths: channels after each convolution of stride 2.
    """
    layers = nn.Sequential()
    channels = (1, *widths, widths[-1])
    strides = (2,) * len(widths) + (1,)
    for (before, after), stride in zip(pairwise(channels), strides, strict=True):
        conv = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        layers.append(nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU()))
    return layers


def frames_small(num_frames: int) -> FrameEncoder:
    """Four convolutions of stride 2 and one of stride 1, for training on a processor."""
    widths = (16, 32, 64, 64)
    return FrameEncoder(small_net(widths), dim=widths[-1], num_frames=num_frames)
