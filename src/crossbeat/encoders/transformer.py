"""The CroMoTEX ECG encoder: convolutional patches of all leads, then a transformer."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.encoders.attention import PostNormBlock, Tokens, require_shape


class ConvStem(nn.Module):
    """Cuts an ECG into tokens with a stack of convolutions over all leads at once.

    Each layer is a convolution without padding, ReLU and batch normalisation, in this order.

    Args:
        num_leads: leads of an ECG, above 0.
        num_samples: samples of each lead, enough for one token.
        widths: channels after each layer; the last is the length of a token.
        kernels: kernel size of each layer, in its own input steps.
        strides: stride of each layer, in its own input steps.

    Raises:
        ValueError: the ECG is too short for one token.

    Source: CroMoTEX (arXiv:2506.19329), and MoRE (arXiv:2410.16239), whose patches it takes over.
    """

    def __init__(
        self,
        num_leads: int,
        num_samples: int,
        *,
        widths: tuple[int, ...] = (128, 256),
        kernels: tuple[int, ...] = (5, 5),
        strides: tuple[int, ...] = (5, 1),
    ) -> None:
        super().__init__()
        self.num_leads, self.num_samples, self.dim = num_leads, num_samples, widths[-1]
        self.layers = nn.Sequential()
        channels, steps = num_leads, num_samples
        for width, kernel, stride in zip(widths, kernels, strides, strict=True):
            conv = nn.Conv1d(channels, width, kernel, stride)
            self.layers.append(nn.Sequential(conv, nn.ReLU(), nn.BatchNorm1d(width)))
            channels, steps = width, (steps - kernel) // stride + 1
        if steps < 1:
            raise ValueError(
                f"num_samples must be enough for one token of kernels {kernels} and "
                f"strides {strides}, got {num_samples}; use longer ECGs or smaller strides"
            )
        self.num_tokens = steps
        self.kernels, self.strides = kernels, strides

    def centres(self) -> Float[Tensor, " token"]:
        """The middle of what each token sees, in samples from the start of the ECG."""
        middle, apart = 0.5, 1
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            middle += (kernel - 1) / 2 * apart
            apart *= stride
        return middle + apart * torch.arange(self.num_tokens)

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        require_shape(x, num_leads=self.num_leads, num_samples=self.num_samples)
        return rearrange(self.layers(x), "batch dim token -> batch token dim")


class EcgTransformer(nn.Module):
    """A class token and convolutional patches, learned positions and post-norm blocks.

    The pooled vector is the mean over all tokens, the class token included.

    Deviations from the authors' code: the layer that serves as template for the blocks is not
    kept (there it holds a quarter as many parameters again as the blocks, never used), and each
    block starts from its own random weights (there all start as copies of the template).

    Args:
        stem: turns a batch of ECGs into tokens.
        depth: number of blocks, above 0.
        heads: attention heads; a divisor of the stem's ``dim``.
        hidden: width of the feed-forward half of a block, above 0.
        dropout: probability in training, 0 to 1.

    Source: CroMoTEX (arXiv:2506.19329) and its public code, whose 4 heads run although its
        settings file says 8.
    """

    def __init__(
        self,
        stem: ConvStem,
        *,
        depth: int = 4,
        heads: int = 4,
        hidden: int = 2048,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.dim = stem.dim
        self.num_leads, self.num_samples = stem.num_leads, stem.num_samples
        self.stem = stem
        self.class_token = nn.Parameter(torch.randn(1, 1, stem.dim))
        self.positions = nn.Parameter(torch.randn(1, 1 + stem.num_tokens, stem.dim))
        self.blocks = nn.Sequential(
            *(
                PostNormBlock(stem.dim, heads=heads, hidden=hidden, dropout=dropout)
                for _ in range(depth)
            )
        )

    def tokens(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        """The class token, then one token per time step."""
        patches = self.stem(x)
        first = self.class_token.expand(x.shape[0], 1, self.dim)
        return self.blocks(torch.cat([first, patches], dim=1) + self.positions)

    def steps(self, x: Float[Tensor, "batch lead time"]) -> Tokens:
        return self.tokens(x)[:, 1:]

    def centres(self) -> Float[Tensor, " step"]:
        """The middle of what each step sees before attention, in samples from the start."""
        return self.stem.centres()

    def forward(self, x: Float[Tensor, "batch lead time"]) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


def cromotex(num_leads: int, num_samples: int) -> EcgTransformer:
    """The published encoder; made for 12 leads of 1000 samples at 100 Hz."""
    return EcgTransformer(ConvStem(num_leads, num_samples))


def cromotex_small(num_leads: int, num_samples: int) -> EcgTransformer:
    """The same design for training on a processor: a token per 0.2 s at 100 Hz, no dropout."""
    stem = ConvStem(num_leads, num_samples, widths=(32, 64), kernels=(10, 5), strides=(5, 4))
    return EcgTransformer(stem, depth=2, heads=4, hidden=128, dropout=0.0)


def fine_small(num_leads: int, num_samples: int) -> EcgTransformer:
    """The same design with a token per 0.05 s at 100 Hz: segments of a heartbeat stay separate."""
    stem = ConvStem(num_leads, num_samples, widths=(32, 64), kernels=(5, 5), strides=(5, 1))
    return EcgTransformer(stem, depth=2, heads=4, hidden=128, dropout=0.0)
