"""The BIOT encoder: spectrogram frames of each lead as tokens of one transformer."""

import math

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.encoders.attention import Tokens, lead_mean, pre_norm_blocks, require_shape


def sinusoids(num_steps: int, dim: int) -> Float[Tensor, "step dim"]:
    """Fixed positions: sines in the even places, cosines in the odd ones.

    out[t, 2i] = sin(t / 10000^(2i / dim)), out[t, 2i + 1] = cos(t / 10000^(2i / dim)).

    Args:
        dim: length of each, even.

    Source: Vaswani 2017 (arXiv:1706.03762) section 3.5.
    """
    rates = torch.exp(-math.log(10_000) * torch.arange(0, dim, 2) / dim)
    angles = torch.arange(num_steps)[:, None] * rates
    return rearrange([angles.sin(), angles.cos()], "part step half -> step (half part)")


class SpectrogramStem(nn.Module):
    """Magnitude spectra of overlapping frames, each lead on its own, made into tokens.

    token[lead, frame] = W |sum_n x[lead, frame hop + n] exp(-2 pi i f n / window)| + b
    + lead embedding + position of the frame. The frame is rectangular, and none reaches beyond
    the ends of the ECG. The transform is a product with two fixed matrices, so that every
    backend and ONNX can run it.

    Args:
        num_leads: leads of an ECG, above 0.
        num_samples: samples of each lead, at least ``window``.
        window: samples of a frame, even.
        hop: samples from one frame to the next, above 0.
        dim: length of a token, even.

    Raises:
        ValueError: the ECG is shorter than one frame.

    Source: Yang 2023 (BIOT, arXiv:2305.10351) and its public code.
    """

    cosines: Tensor
    sines: Tensor
    positions: Tensor

    def __init__(
        self, num_leads: int, num_samples: int, *, window: int = 200, hop: int = 100, dim: int = 256
    ) -> None:
        super().__init__()
        if num_samples < window:
            raise ValueError(
                f"num_samples must be at least the window of {window}, got {num_samples}; "
                "use longer ECGs or a shorter window"
            )
        self.num_leads, self.num_samples, self.dim = num_leads, num_samples, dim
        self.window, self.hop = window, hop
        self.num_frames = (num_samples - window) // hop + 1
        num_frequencies = window // 2 + 1
        turns = torch.outer(torch.arange(window), torch.arange(num_frequencies)) % window
        angles = turns.double() * (2 * math.pi / window)
        self.register_buffer("cosines", angles.cos().float(), persistent=False)
        self.register_buffer("sines", angles.sin().float(), persistent=False)
        self.register_buffer("positions", sinusoids(self.num_frames, dim), persistent=False)
        self.embed = nn.Linear(num_frequencies, dim)
        self.lead_embedding = nn.Parameter(torch.randn(num_leads, 1, dim))

    def magnitudes(
        self, x: Float[Tensor, "batch lead time"]
    ) -> Float[Tensor, "batch lead frame frequency"]:
        """The magnitude of each frame at 0, fs / window, ..., fs / 2."""
        # In half precision, rounding of the large slow waves would drown the small fast ones.
        with torch.autocast(x.device.type, enabled=False):
            frames = x.to(self.cosines.dtype).unfold(-1, self.window, self.hop)
            parts = torch.stack([frames @ self.cosines, frames @ self.sines], dim=-1)
            return torch.linalg.vector_norm(parts, dim=-1)

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch lead frame dim"]:
        require_shape(x, num_leads=self.num_leads, num_samples=self.num_samples)
        return self.embed(self.magnitudes(x)) + self.lead_embedding + self.positions


class SpectrogramTransformer(nn.Module):
    """All frames of all leads as tokens of one pre-norm transformer, pooled by their mean.

    Deviation from the authors' code: attention is standard softmax attention, there it is linear
    attention; at ten seconds there are too few tokens for the difference in speed to matter.

    Args:
        stem: turns a batch of ECGs into tokens, one per lead and frame.
        depth: number of blocks, above 0.
        heads: attention heads; a divisor of the stem's ``dim``.
        hidden: width of the feed-forward half of a block, above 0.
        dropout: probability in the blocks in training, 0 to 1.
        embedding_dropout: probability on the tokens before the first block, 0 to 1.

    Source: Yang 2023 (BIOT, arXiv:2305.10351) and its public code, whose defaults
        are made for EEG at 200 Hz.
    """

    def __init__(
        self,
        stem: SpectrogramStem,
        *,
        depth: int = 4,
        heads: int = 8,
        hidden: int = 1024,
        dropout: float = 0.2,
        embedding_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.dim = stem.dim
        self.num_leads, self.num_samples = stem.num_leads, stem.num_samples
        self.stem = stem
        self.dropout = nn.Dropout(embedding_dropout)
        self.blocks = pre_norm_blocks(depth, stem.dim, heads=heads, hidden=hidden, dropout=dropout)

    def tokens(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """One token per lead and frame: all frames of the first lead, then the next lead's."""
        frames = rearrange(self.stem(x), "batch lead frame dim -> batch (lead frame) dim")
        return self.blocks(self.dropout(frames))

    def steps(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """One token per frame, in the order of time: the mean of the leads' tokens."""
        return lead_mean(self.tokens(x), self.num_leads)

    def centres(self) -> Float[Tensor, " step"]:
        stem = self.stem
        return stem.window / 2 + stem.hop * torch.arange(stem.num_frames)

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


def biot(num_leads: int, num_samples: int) -> SpectrogramTransformer:
    """The published sizes."""
    return SpectrogramTransformer(SpectrogramStem(num_leads, num_samples))


def biot_small(num_leads: int, num_samples: int) -> SpectrogramTransformer:
    """The same design for training on a processor, without dropout."""
    return SpectrogramTransformer(
        SpectrogramStem(num_leads, num_samples, dim=64),
        depth=2,
        heads=4,
        hidden=128,
        dropout=0.0,
        embedding_dropout=0.0,
    )
