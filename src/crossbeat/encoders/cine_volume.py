"""An encoder of cine MRI that sees frames together: convolutions over space and time."""

from itertools import pairwise

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.encoders.attention import Tokens
from crossbeat.encoders.cine import Cines, require_frames


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
            nn.Conv3d(
                channels,
                channels,
                (3, 1, 1),
                padding=(1, 0, 0),
                padding_mode="circular",
                bias=False,
            ),
            nn.BatchNorm3d(channels),
            nn.ReLU(),
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
        """The map of each frame.

        Args:
            x: cines, 0 to 1.

        Raises:
            ValueError: the cines have another number of frames than the encoder.
        """
        require_frames(x, num_frames=self.num_frames)
        return self.stages(x[:, None]).transpose(1, 2)

    def tokens(self, x: Cines) -> Tokens:
        """One token per frame, in the order of time.

        Args:
            x: cines, 0 to 1.

        Raises:
            ValueError: the cines have another number of frames than the encoder.
        """
        return self.maps(x).mean(dim=(3, 4))

    def forward(self, x: Cines) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


def volume_small(num_frames: int) -> VolumeEncoder:
    """Five stages, for training on a processor."""
    return VolumeEncoder(num_frames)
