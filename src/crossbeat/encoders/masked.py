"""Masked modelling: what is hidden of ECGs and cine MRI, and decoders that fill it in.

The encoder sees what is left; the decoder, which is light and used in training only, predicts what
is hidden. ``objectives.masked_error`` compares both. Frame encoders of cines are convolutional, so
hidden squares are not left out but shown as one learned square; their decoder looks at the maps of
neighbouring frames around the cycle.
"""

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from crossbeat.encoders.cine import Cines, FrameEncoder, VolumeEncoder, over_time
from crossbeat.encoders.vit import MmclTransformer, grid, near_blocks

Hidden = Bool[Tensor, "batch patch"]
Squares = Float[Tensor, "batch frame square value"]
HiddenSquares = Bool[Tensor, "batch frame square"]


def random_patches(batch: int, patches: int, *, share: float, generator: torch.Generator) -> Hidden:
    """Which patches of each sample are hidden: as many in every sample, drawn anew for each.

    Args:
        patches: of a sample, above 1.
        share: of the patches that is hidden, above 0 and below 1; rounded to patches, so that
            at least one is hidden and one is left.

    Raises:
        ValueError: ``share`` is not above 0 and below 1, or there are fewer than two patches.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be above 0 and below 1, got {share}")
    if patches < 2:
        raise ValueError(f"patches must be at least 2 to hide one and leave one, got {patches}")
    count = min(max(round(share * patches), 1), patches - 1)
    rank = torch.rand(batch, patches, generator=generator, device=generator.device)
    return rank.argsort(dim=1).argsort(dim=1) < count


def lead_patches(
    x: Float[Tensor, "batch lead time"], patch: int
) -> Float[Tensor, "batch lead step value"]:
    """The samples of each patch: the targets of a decoder.

    Args:
        x: normalised ECGs.
        patch: samples of a patch; a divisor of the number of samples.
    """
    return rearrange(x, "batch lead (step value) -> batch lead step value", value=patch)


class LeadPatchDecoder(nn.Module):
    """A light transformer over the seen tokens and one learned token in each hidden place.

    Args:
        encoder: the encoder whose tokens are decoded; gives leads, patches and token length.
        dim: length of a token in the decoder, a multiple of 4 and of ``head_dim``; by default
            two thirds of the encoder's, in whole heads.
        depth: number of blocks, above 0.
        head_dim: length of what one attention head sees, above 0.

    Deviation from the authors' code: the start of queries and keys (``look_near``).

    Source: He 2022 (MAE, arXiv:2111.06377) section 3; for ``mmcl-tiny`` the defaults are the
        published size (oetu/mae at 68851df): 256, in 8 heads.
    """

    positions: Tensor

    def __init__(
        self,
        encoder: MmclTransformer,
        *,
        dim: int | None = None,
        depth: int = 2,
        head_dim: int = 32,
    ) -> None:
        super().__init__()
        stem = encoder.stem
        if dim is None:
            dim = max(encoder.dim * 2 // 3 // head_dim, 1) * head_dim
        self.num_leads = stem.num_leads
        self.embed = nn.Linear(encoder.dim, dim)
        self.blank = nn.Parameter(torch.empty(1, 1, dim))
        nn.init.normal_(self.blank, std=0.02)
        places = grid(stem.num_leads, stem.num_tokens // stem.num_leads, dim)
        self.register_buffer("positions", places, persistent=False)
        self.blocks = near_blocks(depth, dim, heads=dim // head_dim)
        self.norm = nn.LayerNorm(dim)
        self.predict = nn.Linear(dim, stem.patch)

    def forward(
        self, seen: Float[Tensor, "batch seen dim"], hidden: Hidden
    ) -> Float[Tensor, "batch lead step value"]:
        """Predict the samples of every patch, hidden or not.

        Args:
            seen: the class token, then the tokens of the patches that are not hidden, in order.
            hidden: which patches the encoder did not see.
        """
        tokens = self.embed(seen)
        first, rest = tokens[:, :1], tokens[:, 1:]
        blank = self.blank.to(rest.dtype).expand(*hidden.shape, -1)
        patches = blank.masked_scatter(~hidden[:, :, None], rest) + self.positions
        mixed = self.norm(self.blocks(torch.cat([first, patches], dim=1)))
        values = self.predict(mixed[:, 1:])
        return rearrange(
            values, "batch (lead step) value -> batch lead step value", lead=self.num_leads
        )


def fill_in_ecg(
    encoder: MmclTransformer,
    decoder: LeadPatchDecoder,
    x: Float[Tensor, "batch lead time"],
    hidden: Hidden,
) -> Float[Tensor, "batch lead step value"]:
    """Predict every patch from the patches that are not hidden.

    Args:
        x: normalised ECGs.
        hidden: which patches, counted by lead and then by time; as many in every sample.
    """
    kept = (~hidden).nonzero()[:, 1].unflatten(0, (len(hidden), -1))
    return decoder(encoder.visible(x, kept), hidden)


def tubes(
    batch: int, frames: int, squares: int, *, share: float, generator: torch.Generator
) -> HiddenSquares:
    """Hides the same squares in every frame: they must be predicted from their surroundings.

    Source: Tong 2022 (VideoMAE, arXiv:2203.12602) section 3.3.
    """
    hidden = random_patches(batch, squares, share=share, generator=generator)
    return hidden[:, None].expand(-1, frames, -1)


def moments(
    batch: int, frames: int, squares: int, *, share: float, generator: torch.Generator
) -> HiddenSquares:
    """Hides whole frames: they must be predicted from the frames before and after."""
    hidden = random_patches(batch, frames, share=share, generator=generator)
    return hidden[:, :, None].expand(-1, -1, squares)


def squares(x: Cines, side: int) -> Squares:
    """The pixels of each square, whose side divides height and width: the targets of a decoder."""
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
        """The cines, 0 to 1, with the learned square in each hidden place, row by row."""
        rows, columns = x.shape[2] // self.side, x.shape[3] // self.side
        places = rearrange(hidden, "batch frame (row column) -> batch frame row column", row=rows)
        large = places.repeat_interleave(self.side, 2).repeat_interleave(self.side, 3)
        return torch.where(large, self.blank.repeat(rows, columns), x)

    def forward(self, maps: Float[Tensor, "batch frame dim row column"]) -> Squares:
        """Predict the pixels of every square, hidden or not."""
        values = self.predict(self.layers(maps.transpose(1, 2)))
        return rearrange(values, "batch value frame row column -> batch frame (row column) value")


class _Neighbours(nn.Module):
    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.space = nn.Conv3d(channels, dim, (1, 3, 3), padding=(0, 1, 1))
        self.time = over_time(dim, bias=True)

    def forward(
        self, x: Float[Tensor, "batch channel frame row column"]
    ) -> Float[Tensor, "batch dim frame row column"]:
        return nn.functional.gelu(self.time(self.space(x)))


def fill_in_cine(
    encoder: FrameEncoder | VolumeEncoder, decoder: SquareDecoder, x: Cines, hidden: HiddenSquares
) -> Squares:
    """Predict every square from the squares that are not hidden, counted row by row."""
    maps = encoder.maps(decoder.hide(x, hidden))
    if maps.shape[3] * maps.shape[4] != hidden.shape[2]:
        raise ValueError(
            f"the encoder's map must have one place for each of the {hidden.shape[2]} squares, "
            f"got {maps.shape[3]} by {maps.shape[4]}; take squares of another side"
        )
    return decoder(maps)
