"""What sits on an encoder: projections for contrastive losses, classifiers for findings."""

from torch import nn


def projection(dim: int, out: int) -> nn.Linear:
    """Maps a pooled vector, or each token, to the space that modalities share.

    Args:
        dim: length of the encoder's vector, above 0.
        out: length of the shared vector, above 0.

    Source: CroMoTEX (arXiv:2506.19329), one linear map per modality.
    """
    return nn.Linear(dim, out)


def classifier(dim: int, findings: int) -> nn.Linear:
    """One logit per finding, linear in the pooled vector.

    Args:
        dim: length of the encoder's vector, above 0.
        findings: number of findings, above 0.
    """
    return nn.Linear(dim, findings)


def mlp_classifier(
    dim: int, findings: int, *, hidden: tuple[int, ...] = (256, 256, 256), dropout: float = 0.1
) -> nn.Sequential:
    """One logit per finding after hidden layers of linear map, LayerNorm, GELU and dropout.

    Args:
        dim: length of the encoder's vector, above 0.
        findings: number of findings, above 0.
        hidden: width of each hidden layer.
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
