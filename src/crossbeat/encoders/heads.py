"""What sits on an encoder: projections, classifiers for findings, regressors for measurements."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def projection(dim: int, out: int) -> nn.Linear:
    """Maps a pooled vector, or each token, to the space that modalities share.

    Source: CroMoTEX (arXiv:2506.19329), one linear map per modality.
    """
    return nn.Linear(dim, out)


def classifier(dim: int, findings: int) -> nn.Linear:
    """One logit per finding, linear in the pooled vector."""
    return nn.Linear(dim, findings)


def mlp_classifier(
    dim: int, findings: int, *, hidden: tuple[int, ...] = (256, 256, 256), dropout: float = 0.1
) -> nn.Sequential:
    """One logit per finding after hidden layers of linear map, LayerNorm, GELU and dropout.

    Args:
        dropout: probability in training, 0 to 1.

    Source: CroMoTEX (arXiv:2506.19329), the head of its fine-tuning.
    """
    layers = nn.Sequential()
    for width_in, width in zip((dim, *hidden[:-1]), hidden, strict=True):
        layers.extend(
            [nn.Linear(width_in, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout)]
        )
    layers.append(nn.Linear(hidden[-1], findings))
    return layers


def tabular_encoder(columns: int, out: int, *, hidden: int = 64) -> nn.Sequential:
    """Embed the values of a table in the space that modalities share."""
    return nn.Sequential(nn.Linear(columns, hidden), nn.GELU(), nn.Linear(hidden, out))


class Regressor(nn.Module):
    """One cardiac measurement per column, in its unit.

    The layers predict standard scores; ``center`` and ``spread`` turn them into units, so that all
    measurements are learned at the same rate. They are kept with the weights.

    Args:
        hidden: width of each hidden layer; none: linear in the pooled vector.
        dropout: in hidden layers, in training, 0 to 1.
    """

    center: Tensor
    spread: Tensor

    def __init__(
        self, dim: int, measurements: int, *, hidden: tuple[int, ...] = (), dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.layers: nn.Module = (
            mlp_classifier(dim, measurements, hidden=hidden, dropout=dropout)
            if hidden
            else classifier(dim, measurements)
        )
        self.register_buffer("center", torch.zeros(measurements))
        self.register_buffer("spread", torch.ones(measurements))

    def scale(
        self, center: Float[Tensor, " measurement"], spread: Float[Tensor, " measurement"]
    ) -> None:
        """Set mean and standard deviation of each measurement."""
        if not (spread > 0).all():
            raise ValueError(f"spread must be above 0, got {spread.tolist()}")
        self.center.copy_(center)
        self.spread.copy_(spread)

    def forward(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch measurement"]:
        return self.layers(x) * self.spread + self.center
