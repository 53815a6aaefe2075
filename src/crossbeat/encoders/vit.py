"""The ECCL encoder: a vision transformer on patches of single leads."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.encoders.attention import PreNormBlock, Tokens, require_shape


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
        self.blocks = nn.Sequential(
            *(
                PreNormBlock(stem.dim, heads=heads, hidden=hidden, dropout=dropout)
                for _ in range(depth)
            )
        )
        self.norm = nn.LayerNorm(stem.dim)

    def tokens(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """The class token, then all patches of the first lead, then the next lead's.

        Args:
            x: normalised ECGs.

        Raises:
            ValueError: the ECGs have another number of leads or samples than the encoder.
        """
        patches = self.stem(x)
        first = self.class_token.expand(x.shape[0], 1, self.dim)
        embedded = torch.cat([first, patches], dim=1) + self.positions
        return self.norm(self.blocks(self.dropout(embedded)))

    def steps(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """One token per patch of time, in the order of time: the mean of the leads' tokens."""
        by_lead = "batch (lead step) dim -> batch lead step dim"
        return rearrange(self.tokens(x)[:, 1:], by_lead, lead=self.num_leads).mean(dim=1)

    def centres(self) -> Float[Tensor, " step"]:
        """The middle of each step, in samples from the start of the ECG."""
        return self.stem.patch * (torch.arange(self.num_samples // self.stem.patch) + 0.5)

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch dim"]:
        return self.tokens(x)[:, 0]


def eccl_large(num_leads: int, num_samples: int) -> LeadPatchTransformer:
    """The published ViT-L; made for 12 leads of 5000 samples at 500 Hz."""
    return LeadPatchTransformer(LeadPatchStem(num_leads, num_samples))


def eccl_small(num_leads: int, num_samples: int) -> LeadPatchTransformer:
    """The same design for training on a processor, without dropout."""
    stem = LeadPatchStem(num_leads, num_samples, dim=64)
    return LeadPatchTransformer(stem, depth=2, heads=4, hidden=128, dropout=0.0)
