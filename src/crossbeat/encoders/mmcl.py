"""The MMCL encoder: a vision transformer on patches of single leads, pooled by the mean."""

import torch
from einops import rearrange
from jaxtyping import Float, Int64
from torch import Tensor, nn

from crossbeat.encoders.attention import PreNormBlock, SelfAttention, Tokens
from crossbeat.encoders.vit import LeadPatchStem


class MmclTransformer(nn.Module):
    """A class token and patches of single leads, fixed positions and pre-norm blocks.

    The pooled vector is the mean over the patches after the blocks, normalised. The class token
    takes part in the blocks and is not pooled.

    Deviations from the authors' code: tokens are normalised too, by the same layer; theirs go
    into the projection head as they are, which then sees vectors of another scale than those it
    was trained on. Queries and keys start alike (``look_near``).

    Args:
        stem: turns a batch of ECGs into tokens, one per lead and patch; its ``dim`` is a
            multiple of 4.
        depth: number of blocks, above 0.
        heads: attention heads; a divisor of the stem's ``dim``.

    Source: Turgut 2025 (MMCL, arXiv:2308.05764); oetu/mae at 68851df, models_mae.py, and
        oetu/MMCL-ECG-CMR at 533409f, mmcl/models/ECGEncoder.py.
    """

    positions: Tensor

    def __init__(self, stem: LeadPatchStem, *, depth: int, heads: int) -> None:
        super().__init__()
        self.dim = stem.dim
        self.num_leads, self.num_samples = stem.num_leads, stem.num_samples
        self.stem = stem
        self.class_token = nn.Parameter(torch.empty(1, 1, stem.dim))
        nn.init.normal_(self.class_token, std=0.02)
        steps = stem.num_tokens // stem.num_leads
        self.register_buffer("positions", grid(stem.num_leads, steps, stem.dim), persistent=False)
        blocks = [
            PreNormBlock(stem.dim, heads=heads, hidden=4 * stem.dim, dropout=0.0)
            for _ in range(depth)
        ]
        for block in blocks:
            look_near(block.attention)
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(stem.dim)

    def tokens(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """The class token, then all patches of the first lead, then the next lead's.

        Args:
            x: normalised ECGs.

        Raises:
            ValueError: the ECGs have another number of leads or samples than the encoder.
        """
        return self.norm(self._mixed(self._embedded(x)))

    def visible(
        self, x: Float[Tensor, "batch lead time"], kept: Int64[Tensor, "batch kept"]
    ) -> Float[Tensor, "batch seen dim"]:
        """The class token, then the tokens of the patches that are kept, blind to the others.

        Args:
            x: normalised ECGs.
            kept: numbers of patches, counted as ``tokens`` orders them, from 0.
        """
        embedded = self._embedded(x).gather(1, kept[:, :, None].expand(-1, -1, self.dim))
        return self.norm(self._mixed(embedded))

    def steps(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """One token per patch of time, in the order of time: the mean of the leads' tokens."""
        by_lead = "batch (lead step) dim -> batch lead step dim"
        return rearrange(self.tokens(x)[:, 1:], by_lead, lead=self.num_leads).mean(dim=1)

    def centres(self) -> Float[Tensor, " step"]:
        """The middle of each step, in samples from the start of the ECG."""
        return self.stem.patch * (torch.arange(self.num_samples // self.stem.patch) + 0.5)

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch dim"]:
        return self.norm(self._mixed(self._embedded(x))[:, 1:].mean(dim=1))

    def _embedded(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        return self.stem(x) + self.positions

    def _mixed(self, embedded: Float[Tensor, "batch kept dim"]) -> Float[Tensor, "batch seen dim"]:
        first = self.class_token.expand(embedded.shape[0], 1, self.dim)
        return self.blocks(torch.cat([first, embedded], dim=1))


def look_near(attention: SelfAttention, *, own: float = 20.0) -> None:
    """Starts queries and keys alike, so that a token first looks at those with near positions.

    With random queries and keys of their own, all tokens are looked at alike, and masked modelling
    of an ECG of 600 patches does not begin to learn within hundreds of steps: then it must first
    find out which places belong together.

    Args:
        attention: fresh; its queries and keys are changed in place.
        own: about how much a token's logit for itself is above that for one unlike it; above 0.
    """
    with torch.no_grad():
        query, key, _ = attention.qkv.weight.chunk(3)
        head_dim = len(query) // attention.heads
        # A fresh query has a squared length of about half its dimensions.
        key.copy_(query.mul_((2 * own / head_dim**0.5) ** 0.5))


def grid(num_rows: int, num_columns: int, dim: int) -> Float[Tensor, "place dim"]:
    """Fixed positions of a grid, row by row: half of each encodes the column, half the row.

    Args:
        num_rows: above 0.
        num_columns: above 0.
        dim: length of a position, a multiple of 4.

    Raises:
        ValueError: ``dim`` is not a multiple of 4.

    Source: He 2022 (MAE, arXiv:2111.06377), its public code.
    """
    if dim % 4:
        raise ValueError(f"dim must be a multiple of 4 for positions on a grid, got {dim}")
    column, row = _waves(num_columns, dim // 2), _waves(num_rows, dim // 2)
    return torch.cat([column.repeat(num_rows, 1), row.repeat_interleave(num_columns, dim=0)], dim=1)


def _waves(num: int, dim: int) -> Float[Tensor, "place half"]:
    rates = 10_000 ** -(torch.arange(dim // 2) / (dim // 2))
    angles = torch.arange(num)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def mmcl_tiny(num_leads: int, num_samples: int) -> MmclTransformer:
    """The published size; made for 12 leads of 2500 samples at 500 Hz."""
    return MmclTransformer(LeadPatchStem(num_leads, num_samples, dim=384), depth=3, heads=6)


def mmcl_small(num_leads: int, num_samples: int) -> MmclTransformer:
    """The same design for training on a processor: patches of 0.2 s at 100 Hz."""
    stem = LeadPatchStem(num_leads, num_samples, patch=20, dim=64)
    return MmclTransformer(stem, depth=2, heads=4)
