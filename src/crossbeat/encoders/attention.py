"""Transformer blocks that the token encoders share, and the check of their input."""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

Tokens = Float[Tensor, "batch token dim"]


def require_shape(x: Tensor, *, num_leads: int, num_samples: int) -> None:
    """Refuses a batch of ECGs of another shape than the encoder was built for."""
    if x.shape[1:] != (num_leads, num_samples):
        raise ValueError(
            f"this encoder was built for {num_leads} leads of {num_samples} samples, "
            f"got {x.shape[1]} leads of {x.shape[2]} samples; "
            "resample or cut the ECG, or build the encoder for this shape"
        )


class SelfAttention(nn.Module):
    """Multi-head attention of all tokens to one another.

    out = W_out concat_h(softmax(q_h k_h^T / sqrt(dim / heads)) v_h) + b_out.

    Args:
        dim: length of a token; a multiple of ``heads``.
        heads: number of heads, above 0.
        dropout: probability of dropping an attention weight in training, 0 to 1.

    Raises:
        ValueError: ``dim`` is not a multiple of ``heads``.

    Source: Vaswani 2017 (arXiv:1706.03762) eq. 1 and section 3.2.2.
    """

    def __init__(self, dim: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim must be a multiple of heads, got dim {dim} and {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        # The same start as nn.MultiheadAttention, on which the published encoder is built.
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tokens) -> Tokens:
        q, k, v = rearrange(
            self.qkv(x),
            "batch token (part head dim) -> part batch head token dim",
            part=3,
            head=self.heads,
        )
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        return self.out(rearrange(mixed, "batch head token dim -> batch token (head dim)"))


class PostNormBlock(nn.Module):
    """The transformer block of 2017: each half is normalised after its residual sum.

    y = norm_1(x + attention(x)), out = norm_2(y + W_2 relu(W_1 y + b_1) + b_2).

    Args:
        dim: length of a token; a multiple of ``heads``.
        heads: number of heads, above 0.
        hidden: width of the feed-forward half, above 0.
        dropout: probability in training, 0 to 1; of attention weights, of hidden units
            and of the output of each half.

    Source: Vaswani 2017 (arXiv:1706.03762) section 3.1; equals nn.TransformerEncoderLayer.
    """

    def __init__(self, dim: int, *, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(dim, heads=heads, dropout=dropout)
        self.norm_1 = nn.LayerNorm(dim)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, dim)
        )
        self.norm_2 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tokens) -> Tokens:
        x = self.norm_1(x + self.dropout(self.attention(x)))
        return self.norm_2(x + self.dropout(self.feed_forward(x)))


class PreNormBlock(nn.Module):
    """The transformer block of vision transformers: each half is normalised before it.

    y = x + attention(norm_1(x)), out = y + W_2 gelu(W_1 norm_2(y) + b_1) + b_2.

    Args:
        dim: length of a token; a multiple of ``heads``.
        heads: number of heads, above 0.
        hidden: width of the feed-forward half, above 0.
        dropout: probability in training, 0 to 1; of hidden units and of the output of each
            half, not of attention weights.

    Source: Dosovitskiy 2021 (arXiv:2010.11929) eq. 2 and 3.
    """

    def __init__(self, dim: int, *, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, heads=heads, dropout=0.0)
        self.norm_2 = nn.LayerNorm(dim)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, dim)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tokens) -> Tokens:
        x = x + self.dropout(self.attention(self.norm_1(x)))
        return x + self.dropout(self.feed_forward(self.norm_2(x)))


def pre_norm_blocks(
    depth: int, dim: int, *, heads: int, hidden: int, dropout: float
) -> nn.Sequential:
    """A stack of ``depth`` blocks."""
    return nn.Sequential(
        *(PreNormBlock(dim, heads=heads, hidden=hidden, dropout=dropout) for _ in range(depth))
    )


def lead_mean(tokens: Tokens, num_leads: int) -> Float[Tensor, "batch step dim"]:
    """The mean over leads of tokens that go lead by lead: one per step, in the order of time."""
    by_lead = "batch (lead step) dim -> batch lead step dim"
    return rearrange(tokens, by_lead, lead=num_leads).mean(dim=1)
