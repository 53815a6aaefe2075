"""Masked modelling of ECGs: which patches are hidden, and a decoder that fills them in.

The encoder sees the patches that are left; the decoder, which is light and used in training only,
predicts the hidden ones. ``objectives.masked_error`` compares both.
"""

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from crossbeat.encoders.attention import PreNormBlock
from crossbeat.encoders.mmcl import MmclTransformer, grid, look_near

Hidden = Bool[Tensor, "batch patch"]


def random_patches(batch: int, patches: int, *, share: float, generator: torch.Generator) -> Hidden:
    """Which patches of each sample are hidden: as many in every sample, drawn anew for each.

    Args:
        batch: number of samples.
        patches: of a sample, above 1.
        share: of the patches that is hidden, above 0 and below 1; rounded to patches, so that
            at least one is hidden and one is left.
        generator: draws which.

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
        heads = dim // head_dim
        self.num_leads = stem.num_leads
        self.embed = nn.Linear(encoder.dim, dim)
        self.blank = nn.Parameter(torch.empty(1, 1, dim))
        nn.init.normal_(self.blank, std=0.02)
        places = grid(stem.num_leads, stem.num_tokens // stem.num_leads, dim)
        self.register_buffer("positions", places, persistent=False)
        blocks = [PreNormBlock(dim, heads=heads, hidden=4 * dim, dropout=0.0) for _ in range(depth)]
        for block in blocks:
            look_near(block.attention)
        self.blocks = nn.Sequential(*blocks)
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
