"""The heads."""

import torch
from torch import nn

from crossbeat.encoders.heads import mlp_classifier, projection


def test_one_projection_serves_vectors_and_tokens() -> None:
    head = projection(8, 5)
    tokens = torch.randn(2, 7, 8)
    torch.testing.assert_close(head(tokens)[:, 3], head(tokens[:, 3]))
    assert head(tokens).shape == (2, 7, 5)


def test_mlp_classifier_has_four_layers_with_normalisation_between() -> None:
    head = mlp_classifier(1024, 3)
    shapes = [tuple(layer.weight.shape) for layer in head if isinstance(layer, nn.Linear)]
    assert shapes == [(256, 1024), (256, 256), (256, 256), (3, 256)]
    kinds = [type(layer) for layer in head]
    assert kinds == [nn.Linear, nn.LayerNorm, nn.GELU, nn.Dropout] * 3 + [nn.Linear]
    assert head(torch.randn(2, 1024)).shape == (2, 3)
