"""Chest X-ray encoders: DenseNet-121 with published weights, and a small convolutional net."""

import re
from itertools import pairwise
from pathlib import Path

import safetensors
import safetensors.torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from crossbeat.encoders.attention import Tokens
from crossbeat.errors import CheckpointError, reason

XRV_HEAD = ("classifier.weight", "classifier.bias", "op_threshs")
"""The keys of a torchxrayvision DenseNet that belong to its 18 findings, not to its features."""

_LAYER = re.compile(r"(denselayer\d+)\.")
_SHOWN = 5


class XrayDenseNet(nn.Module):
    """DenseNet-121 on one channel: the features after ReLU, pooled by their mean.

    Tokens are the positions of the last feature map, 1/32 of the image in height and width.

    Source: Huang 2017 (arXiv:1608.06993) table 1, from MONAI; ReLU and pooling as in
        torchxrayvision.
    """

    def __init__(self) -> None:
        super().__init__()
        # MONAI takes longer to import than everything else, and only X-rays need it.
        from monai.networks.nets.densenet import DenseNet121

        net = DenseNet121(spatial_dims=2, in_channels=1, out_channels=1)
        self.features = net.features
        self.relu = nn.ReLU()
        self.dim = net.get_parameter("class_layers.out.weight").shape[1]

    def tokens(self, x: Float[Tensor, "batch 1 height width"]) -> Tokens:
        """One token per position of the feature map, row by row.

        Args:
            x: X-rays of at least 32 by 32; in [-1024, 1024] for the weights of torchxrayvision.
        """
        maps = self.relu(self.features(x))
        return rearrange(maps, "batch dim height width -> batch (height width) dim")

    def forward(self, x: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


class SmallXray(nn.Module):
    """A ``small_net`` of four convolutions of stride 2 and one of stride 1, for small images.

    The last one widens what a position sees from 31 to 63 pixels, so that one position can compare
    the heart with the chest around it. Tokens are the positions of the last feature map, 1/16 of
    the image in height and width, pooled by their mean.

    Args:
        widths: channels after each convolution of stride 2; the last is the length of a token.
    """

    def __init__(self, *, widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        self.dim = widths[-1]
        self.stages = small_net((*widths, self.dim))

    def tokens(self, x: Float[Tensor, "batch 1 height width"]) -> Tokens:
        """One token per position of the feature map, row by row.

        Args:
            x: X-rays in [0, 1].
        """
        return rearrange(self.stages(x), "batch dim height width -> batch (height width) dim")

    def forward(self, x: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch dim"]:
        return self.tokens(x).mean(dim=1)


def small_net(widths: tuple[int, ...]) -> nn.Sequential:
    """Convolutions of kernel 3, of stride 2 up to the last, which has stride 1.

    Each is followed by batch normalisation and ReLU. Group normalisation would take an image's
    brightness and with it some of the size of a bright heart out of every map.
    """
    layers = nn.Sequential()
    for before, after in pairwise((1, *widths)):
        stride = 2 if len(layers) < len(widths) - 1 else 1
        conv = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        layers.append(nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU()))
    return layers


def load_xrv(path: Path) -> XrayDenseNet:
    """DenseNet-121 with the weights of torchxrayvision, from a local safetensors file.

    torchxrayvision publishes pickled modules, which are not read here. Where it is installed,
    ``safetensors.torch.save_file(model.state_dict(), path)`` of its ``DenseNet`` writes the file.
    It must have the names of that state dict: ``features.conv0.weight``,
    ``features.denseblock1.denselayer1.norm1.weight`` and so on to ``features.norm5.bias``.
    The keys of the classifier (``XRV_HEAD``) may be there and are left out.

    Args:
        path: the safetensors file.

    Raises:
        CheckpointError: the file cannot be read, lacks a key, has another, or has one of
            another shape.
    """
    try:
        loaded = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"weights must be a readable safetensors file, got {path}: {reason(error)}; "
            "save the state dict of a torchxrayvision DenseNet with safetensors"
        ) from error
    weights = {
        _LAYER.sub(r"\1.layers.", key): value
        for key, value in loaded.items()
        if key not in XRV_HEAD
    }
    encoder = XrayDenseNet()
    expected = encoder.state_dict()
    _require_same_keys(path, set(map(_xrv_name, expected)), set(loaded) - set(XRV_HEAD))
    reshaped = [_xrv_name(key) for key in expected if weights[key].shape != expected[key].shape]
    if reshaped:
        raise CheckpointError(
            f"weights must have the shapes of DenseNet-121 with one input channel, "
            f"{path} differs in {_some(reshaped)}; export that model"
        )
    encoder.load_state_dict(weights, strict=True)
    return encoder


def _xrv_name(key: str) -> str:
    return key.replace(".layers.", ".")


def _require_same_keys(path: Path, expected: set[str], found: set[str]) -> None:
    missing, unknown = sorted(expected - found), sorted(found - expected)
    if missing or unknown:
        raise CheckpointError(
            f"weights must have exactly the keys of a torchxrayvision DenseNet-121 "
            f"(features.conv0.weight to features.norm5.bias), {path} lacks {_some(missing)} "
            f"and has unknown {_some(unknown)}; export the state dict of that model"
        )


def _some(keys: list[str]) -> str:
    if not keys:
        return "none"
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more
