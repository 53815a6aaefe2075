"""DenseNet-121 with torchxrayvision's names, and what is refused when they do not match."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from crossbeat.encoders.xray import XrayDenseNet, load_xrv
from crossbeat.errors import CheckpointError

BLOCKS, GROWTH, STEM, BOTTLENECK = (6, 12, 24, 16), 32, 64, 128
Weights = dict[str, Tensor]


def norm_weights(name: str, channels: int, generator: torch.Generator) -> Weights:
    def around(centre: float) -> Tensor:
        return centre + 0.1 * torch.randn(channels, generator=generator)

    return {
        f"{name}.weight": around(1.0),
        f"{name}.bias": around(0.0),
        f"{name}.running_mean": around(0.0),
        f"{name}.running_var": around(1.0).abs(),
        f"{name}.num_batches_tracked": torch.tensor(7),
    }


def conv_weights(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    fan_in = shape[1] * shape[2] * shape[3]
    return torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5


@pytest.fixture(scope="module")
def published() -> Weights:
    """A state dict with torchxrayvision's names and shapes, worked out from the paper's table."""
    g = torch.Generator().manual_seed(0)
    weights = {"features.conv0.weight": conv_weights((STEM, 1, 7, 7), g)}
    weights |= norm_weights("features.norm0", STEM, g)
    channels = STEM
    for number, count in enumerate(BLOCKS, start=1):
        for layer in range(1, count + 1):
            name = f"features.denseblock{number}.denselayer{layer}"
            weights |= norm_weights(f"{name}.norm1", channels, g)
            weights[f"{name}.conv1.weight"] = conv_weights((BOTTLENECK, channels, 1, 1), g)
            weights |= norm_weights(f"{name}.norm2", BOTTLENECK, g)
            weights[f"{name}.conv2.weight"] = conv_weights((GROWTH, BOTTLENECK, 3, 3), g)
            channels += GROWTH
        if number < len(BLOCKS):
            name = f"features.transition{number}"
            weights |= norm_weights(f"{name}.norm", channels, g)
            weights[f"{name}.conv.weight"] = conv_weights((channels // 2, channels, 1, 1), g)
            channels //= 2
    weights |= norm_weights("features.norm5", channels, g)
    weights["classifier.weight"] = torch.randn(18, channels, generator=g)
    weights["classifier.bias"] = torch.randn(18, generator=g)
    weights["op_threshs"] = torch.rand(18, generator=g)
    return weights


def norm(x: Tensor, weights: Weights, name: str) -> Tensor:
    parts = ("running_mean", "running_var", "weight", "bias")
    return F.batch_norm(x, *(weights[f"{name}.{part}"] for part in parts))


def features_by_definition(x: Tensor, weights: Weights) -> Tensor:
    """The network of Huang 2017 table 1, read from the published names."""
    x = F.conv2d(x, weights["features.conv0.weight"], stride=2, padding=3)
    x = F.max_pool2d(norm(x, weights, "features.norm0").relu(), 3, stride=2, padding=1)
    for number, count in enumerate(BLOCKS, start=1):
        for layer in range(1, count + 1):
            name = f"features.denseblock{number}.denselayer{layer}"
            new = norm(x, weights, f"{name}.norm1").relu()
            new = F.conv2d(new, weights[f"{name}.conv1.weight"])
            new = norm(new, weights, f"{name}.norm2").relu()
            new = F.conv2d(new, weights[f"{name}.conv2.weight"], padding=1)
            x = torch.cat([x, new], dim=1)
        if number < len(BLOCKS):
            name = f"features.transition{number}"
            x = F.conv2d(norm(x, weights, f"{name}.norm").relu(), weights[f"{name}.conv.weight"])
            x = F.avg_pool2d(x, 2)
    return norm(x, weights, "features.norm5")


def test_published_weights_give_the_published_network(published: Weights, tmp_path: Path) -> None:
    save_file(published, tmp_path / "xrv.safetensors")
    encoder = load_xrv(tmp_path / "xrv.safetensors").eval()
    x = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps = features_by_definition(x, published).relu()
        assert maps.abs().max() > 1
        # 121 layers of float32 sums in another order.
        torch.testing.assert_close(encoder(x), maps.mean(dim=(2, 3)), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(encoder.tokens(x).mT, maps.flatten(2), rtol=1e-4, atol=1e-4)
    assert encoder.dim == 1024


def test_the_classifier_may_be_absent(published: Weights, tmp_path: Path) -> None:
    features = {key: value for key, value in published.items() if key.startswith("features.")}
    save_file(features, tmp_path / "features.safetensors")
    loaded = load_xrv(tmp_path / "features.safetensors").state_dict()
    assert len(loaded) == len(features)


def renamed(weights: Weights, old: str, new: str) -> Weights:
    return {key.replace(old, new): torch.zeros(1) for key in weights}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda all_: renamed(all_, "features.norm5.bias", "model.extra"),
            r"lacks features\.norm5\.bias and has unknown model\.extra;",
        ),
        (
            lambda all_: renamed(all_, "features.", "module.features."),
            r"features\.conv0\.weight,.* and 720 more and has",
        ),
        (
            lambda all_: renamed(all_, ".norm1.", ".layers.norm1."),
            r"lacks .*denselayer1\.norm1",
        ),
        (
            lambda all_: all_ | {"features.conv0.weight": torch.zeros(64, 3, 7, 7)},
            r"differs in features\.conv0\.weight;",
        ),
    ],
)
def test_weights_of_another_net_are_refused_and_named(
    tmp_path: Path, published: Weights, change: Callable[[Weights], Weights], message: str
) -> None:
    save_file(change(published), tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=message):
        load_xrv(tmp_path / "other.safetensors")


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"PK\x03\x04 a pickle")
    for name in (r"weights\.pt", r"absent\.safetensors"):
        with pytest.raises(CheckpointError, match=f"readable safetensors file, got .*{name}"):
            load_xrv(tmp_path / name.replace("\\", ""))


def test_an_image_of_224_gives_49_tokens() -> None:
    with torch.device("meta"):
        tokens = XrayDenseNet().eval().tokens(torch.empty(2, 1, 224, 224))
    assert tokens.shape == (2, 7 * 7, 1024)
