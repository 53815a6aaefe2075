"""Vision transformers on patches of single leads: the encoders of ECCL and of MMCL."""

import torch
from einops import rearrange
from jaxtyping import Float, Int64
from torch import Tensor, nn

from crossbeat.encoders.attention import (
    PreNormBlock,
    SelfAttention,
    Tokens,
    lead_mean,
    pre_norm_blocks,
    require_shape,
)


class LeadPatchStem(nn.Module):
    """Cuts each lead into patches and maps each patch to a token by one matrix for all leads.

    Args:
        num_leads: leads of an ECG, above 0.
        num_samples: samples of each lead; a multiple of ``patch``.
        patch: samples of a patch, above 0.
        dim: length of a token, above 0.

    Raises:
        ValueError: ``num_samples`` is not a multiple of ``patch``.

    Source: Dosovitskiy 2021 (arXiv:2010.11929) eq. 1, with patches of 1 lead.
    """

    def __init__(
        self, num_leads: int, num_samples: int, *, patch: int = 100, dim: int = 1024
    ) -> None:
        super().__init__()
        if num_samples < patch or num_samples % patch:
            raise ValueError(
                f"num_samples must be a multiple of the patch of {patch}, got {num_samples}; "
                "cut the ECG or choose another patch"
            )
        self.num_leads, self.num_samples, self.dim = num_leads, num_samples, dim
        self.patch = patch
        self.num_tokens = num_leads * (num_samples // patch)
        self.embed = nn.Linear(patch, dim)

    def centres(self) -> Float[Tensor, " step"]:
        """The middle of each patch of a lead, in samples from the start of the ECG."""
        return self.patch * (torch.arange(self.num_samples // self.patch) + 0.5)

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        require_shape(x, num_leads=self.num_leads, num_samples=self.num_samples)
        patches = "batch lead (step patch) -> batch (lead step) patch"
        return self.embed(rearrange(x, patches, patch=self.patch))


class LeadPatchTransformer(nn.Module):
    """A class token and patches of single leads, learned positions and pre-norm blocks.

    The pooled vector is the class token after the last normalisation.

    Deviation from the authors' code: the condition vector that is passed to their encoder is
    left out. Theirs does not read it either, but for a variant (``ECGEncoder_co.py``) that scales
    and shifts every token by it.

    Args:
        stem: turns a batch of ECGs into tokens, one per lead and patch.
        depth: number of blocks, above 0.
        heads: attention heads; a divisor of the stem's ``dim``.
        hidden: width of the feed-forward half of a block, above 0.
        dropout: probability in training, 0 to 1.

    Source: Dosovitskiy 2021 (arXiv:2010.11929) eq. 1 to 4; Ding 2024
        (arXiv:2411.13602; CardiacNets in its first version, later CardioNets) and its public code
        for the sizes and the pooling.
    """

    def __init__(
        self,
        stem: LeadPatchStem,
        *,
        depth: int = 24,
        heads: int = 16,
        hidden: int = 4096,
        dropout: float = 0.05,
    ) -> None:
        super().__init__()
        self.dim = stem.dim
        self.num_leads, self.num_samples = stem.num_leads, stem.num_samples
        self.stem = stem
        self.class_token = nn.Parameter(torch.empty(1, 1, stem.dim))
        self.positions = nn.Parameter(torch.empty(1, 1 + stem.num_tokens, stem.dim))
        for learned in (self.class_token, self.positions):
            nn.init.trunc_normal_(learned, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.blocks = pre_norm_blocks(depth, stem.dim, heads=heads, hidden=hidden, dropout=dropout)
        self.norm = nn.LayerNorm(stem.dim)

    def tokens(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """The class token, then all patches of the first lead, then the next lead's."""
        patches = self.stem(x)
        first = self.class_token.expand(x.shape[0], 1, self.dim)
        embedded = torch.cat([first, patches], dim=1) + self.positions
        return self.norm(self.blocks(self.dropout(embedded)))

    def steps(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """One token per patch of time, in the order of time: the mean of the leads' tokens."""
        return lead_mean(self.tokens(x)[:, 1:], self.num_leads)

    def centres(self) -> Float[Tensor, " step"]:
        return self.stem.centres()

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch dim"]:
        return self.tokens(x)[:, 0]


def eccl_large(num_leads: int, num_samples: int) -> LeadPatchTransformer:
    """The published ViT-L; made for 12 leads of 5000 samples at 500 Hz."""
    return LeadPatchTransformer(LeadPatchStem(num_leads, num_samples))


def eccl_small(num_leads: int, num_samples: int) -> LeadPatchTransformer:
    """The same design for training on a processor, without dropout."""
    stem = LeadPatchStem(num_leads, num_samples, dim=64)
    return LeadPatchTransformer(stem, depth=2, heads=4, hidden=128, dropout=0.0)


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
        self.blocks = near_blocks(depth, stem.dim, heads=heads)
        self.norm = nn.LayerNorm(stem.dim)

    def tokens(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """The class token, then all patches of the first lead, then the next lead's."""
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
        return lead_mean(self.tokens(x)[:, 1:], self.num_leads)

    def centres(self) -> Float[Tensor, " step"]:
        return self.stem.centres()

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch dim"]:
        return self.norm(self._mixed(self._embedded(x))[:, 1:].mean(dim=1))

    def _embedded(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        return self.stem(x) + self.positions

    def _mixed(self, embedded: Float[Tensor, "batch kept dim"]) -> Float[Tensor, "batch seen dim"]:
        first = self.class_token.expand(embedded.shape[0], 1, self.dim)
        return self.blocks(torch.cat([first, embedded], dim=1))


def near_blocks(depth: int, dim: int, *, heads: int) -> nn.Sequential:
    """Pre-norm blocks of hidden width 4 ``dim``, without dropout, that ``look_near`` at first."""
    blocks = pre_norm_blocks(depth, dim, heads=heads, hidden=4 * dim, dropout=0.0)
    for block in blocks:
        assert isinstance(block, PreNormBlock)
        look_near(block.attention)
    return blocks


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
        dim: length of a position, a multiple of 4.

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
