"""Masked modelling of cine MRI: which squares of which frames are hidden, and their decoder.

Frame encoders are convolutional, so hidden squares are not left out but shown as one learned
square; the decoder looks at the maps of neighbouring frames around the cycle.
"""

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from crossbeat.encoders.cine import Cines, FrameEncoder
from crossbeat.encoders.cine_volume import VolumeEncoder
from crossbeat.encoders.masked import random_patches

Squares = Float[Tensor, "batch frame square value"]
HiddenSquares = Bool[Tensor, "batch frame square"]


def tubes(
    batch: int, frames: int, squares: int, *, share: float, generator: torch.Generator
) -> HiddenSquares:
    """Hides the same squares in every frame: they must be predicted from their surroundings.

    Args:
        batch: number of cines.
        frames: of each, above 0.
        squares: of a frame, above 1.
        share: of the squares that is hidden, above 0 and below 1.
        generator: draws which.

    Raises:
        ValueError: ``share`` is not above 0 and below 1, or there are fewer than two squares.

    Source: Tong 2022 (VideoMAE, arXiv:2203.12602) section 3.3.
    """
    hidden = random_patches(batch, squares, share=share, generator=generator)
    return hidden[:, None].expand(-1, frames, -1)


def moments(
    batch: int, frames: int, squares: int, *, share: float, generator: torch.Generator
) -> HiddenSquares:
    """Hides whole frames: they must be predicted from the frames before and after.

    Args:
        batch: number of cines.
        frames: of each, above 1.
        squares: of a frame, above 0.
        share: of the frames that is hidden, above 0 and below 1.
        generator: draws which.

    Raises:
        ValueError: ``share`` is not above 0 and below 1, or there are fewer than two frames.
    """
    hidden = random_patches(batch, frames, share=share, generator=generator)
    return hidden[:, :, None].expand(-1, -1, squares)


def squares(x: Cines, side: int) -> Squares:
    """The pixels of each square: the targets of a decoder.

    Args:
        x: cines, 0 to 1.
        side: pixels of a square's side; a divisor of height and width.
    """
    cut = "batch frame (row height) (column width) -> batch frame (row column) (height width)"
    return rearrange(x, cut, height=side, width=side)


class SquareDecoder(nn.Module):
    """Two convolutions over space and time, then the pixels of each square.

    In time they reach two frames either way, and from the last frame on to the first.

    Args:
        encoder: the encoder whose maps are decoded; gives token length and number of frames.
        side: pixels of a square's side: how many the encoder's map has one place for.
        dim: channels of the decoder, above 0.
    """

    def __init__(
        self, encoder: FrameEncoder | VolumeEncoder, *, side: int = 16, dim: int = 64
    ) -> None:
        super().__init__()
        self.side = side
        self.blank = nn.Parameter(torch.full((side, side), 0.5))
        self.layers = nn.Sequential()
        for channels in (encoder.dim, dim):
            self.layers.append(_Neighbours(channels, dim))
        self.predict = nn.Conv3d(dim, side**2, 1)

    def hide(self, x: Cines, hidden: HiddenSquares) -> Cines:
        """The cines with the learned square in each hidden place.

        Args:
            x: cines, 0 to 1.
            hidden: which squares, row by row.
        """
        rows, columns = x.shape[2] // self.side, x.shape[3] // self.side
        places = rearrange(hidden, "batch frame (row column) -> batch frame row column", row=rows)
        large = places.repeat_interleave(self.side, 2).repeat_interleave(self.side, 3)
        return torch.where(large, self.blank.repeat(rows, columns), x)

    def forward(self, maps: Float[Tensor, "batch frame dim row column"]) -> Squares:
        """Predict the pixels of every square, hidden or not.

        Args:
            maps: of the encoder.
        """
        values = self.predict(self.layers(maps.transpose(1, 2)))
        return rearrange(values, "batch value frame row column -> batch frame (row column) value")


class _Neighbours(nn.Module):
    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.space = nn.Conv3d(channels, dim, (1, 3, 3), padding=(0, 1, 1))
        self.time = nn.Conv3d(dim, dim, (3, 1, 1), padding=(1, 0, 0), padding_mode="circular")

    def forward(
        self, x: Float[Tensor, "batch channel frame row column"]
    ) -> Float[Tensor, "batch dim frame row column"]:
        return nn.functional.gelu(self.time(self.space(x)))


def fill_in_cine(
    encoder: FrameEncoder | VolumeEncoder, decoder: SquareDecoder, x: Cines, hidden: HiddenSquares
) -> Squares:
    """Predict every square from the squares that are not hidden.

    Args:
        x: cines, 0 to 1.
        hidden: which squares, row by row.

    Raises:
        ValueError: the encoder's map has not one place for each square.
    """
    maps = encoder.maps(decoder.hide(x, hidden))
    if maps.shape[3] * maps.shape[4] != hidden.shape[2]:
        raise ValueError(
            f"the encoder's map must have one place for each of the {hidden.shape[2]} squares, "
            f"got {maps.shape[3]} by {maps.shape[4]}; take squares of another side"
        )
    return decoder(maps)
