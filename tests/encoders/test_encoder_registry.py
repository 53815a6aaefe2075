"""Laws that every encoder keeps."""

from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from crossbeat.encoders import CINE_ENCODERS, ENCODERS, XRAY_ENCODERS

LEADS, SAMPLES = 12, 1000
ECG_NAMES = sorted(set(ENCODERS) - {"eccl"})  # ViT-L has a test of its own, without memory
FRAMES = dict.fromkeys(CINE_ENCODERS, 12) | {"frames-resnet50": 2, "mmcl-resnet50": 3}
NAMES = [*ECG_NAMES, *sorted(XRAY_ENCODERS), *sorted(CINE_ENCODERS)]
TOKENS = {
    "cromotex": 197,
    "cromotex-small": 49 + 1,
    "fine-small": 196 + 1,
    "resnet18": 63,
    "resnet34": 63,
    "resnet18-small": 63,
    "biot": 12 * 9,
    "biot-small": 12 * 9,
    "eccl": 12 * 10 + 1,
    "eccl-small": 12 * 10 + 1,
    "mmcl-tiny": 12 * 10 + 1,
    "mmcl-small": 12 * 50 + 1,
    "densenet121": 2 * 2,
    "small": 4 * 4,
} | {name: frames if name != "mmcl-resnet50" else 2 * 2 for name, frames in FRAMES.items()}
STEPS = {
    "cromotex": 196,
    "cromotex-small": 49,
    "fine-small": 196,
    "biot": 9,
    "biot-small": 9,
    "eccl-small": 10,
    "mmcl-tiny": 10,
    "mmcl-small": 50,
}


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    if name in FRAMES:
        return CINE_ENCODERS[name](FRAMES[name])
    return ENCODERS[name](LEADS, SAMPLES) if name in ENCODERS else XRAY_ENCODERS[name]()


@cache
def in_use(name: str) -> nn.Module:
    """An encoder that no test changes."""
    return build(name).eval()


def batch(name: str, size: int = 2) -> Tensor:
    shape = (LEADS, SAMPLES) if name in ENCODERS else (FRAMES.get(name, 1), 64, 64)
    return torch.rand(size, *shape, generator=torch.Generator().manual_seed(1))


def output_only(call: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.no_grad():
        return call(x)


@pytest.mark.parametrize("name", NAMES)
def test_tokens_and_vector_have_the_promised_shape(name: str) -> None:
    encoder = in_use(name)
    tokens, pooled = output_only(encoder.tokens, batch(name)), output_only(encoder, batch(name))
    assert tokens.shape == (2, TOKENS[name], encoder.dim)
    assert pooled.shape == (2, encoder.dim)
    if name in FRAMES:
        assert encoder.num_frames == FRAMES[name]
        assert encoder.per_frame == (name != "mmcl-resnet50")
        torch.testing.assert_close(pooled, tokens.mean(dim=1))
    assert tokens.dtype == pooled.dtype == torch.float32
    assert pooled.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    encoder = build(name).train()
    pooled = encoder(batch(name))
    # A plain sum is constant after layer normalisation: weigh the places differently.
    weights = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(2))
    (pooled * weights).sum().backward()
    silent = [
        key
        for key, parameter in encoder.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_samples_do_not_see_each_other(name: str) -> None:
    encoder = in_use(name)
    x = batch(name).requires_grad_()
    pooled = encoder(x)[0]
    (pooled * torch.linspace(-1, 1, len(pooled))).sum().backward()
    assert x.grad is not None
    assert x.grad[0].abs().max() > 0
    assert x.grad[1].abs().max() == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_state_dict_restores_the_output(name: str) -> None:
    encoder, x = build(name).eval(), batch(name)
    for parameter in encoder.parameters():
        parameter.data.mul_(1.1)
    expected = output_only(in_use(name), x)
    assert not torch.equal(output_only(encoder, x), expected)
    encoder.load_state_dict(in_use(name).state_dict(), strict=True)
    assert torch.equal(output_only(encoder, x), expected)


@pytest.mark.parametrize("name", ECG_NAMES)
def test_another_number_of_samples_or_leads_is_refused(name: str) -> None:
    encoder = in_use(name)
    with pytest.raises(ValueError, match="built for 12 leads of 1000 samples, got 12 leads of 900"):
        encoder(torch.zeros(2, LEADS, 900))
    with pytest.raises(ValueError, match="got 8 leads of 1000 samples"):
        encoder.tokens(torch.zeros(2, 8, SAMPLES))


@pytest.mark.parametrize("name", FRAMES)
def test_another_number_of_frames_is_refused(name: str) -> None:
    count = FRAMES[name]
    with pytest.raises(ValueError, match=f"built for cines of {count} frames, got {count + 1}"):
        in_use(name).tokens(torch.zeros(1, count + 1, 48, 48))


@pytest.mark.parametrize("name", ECG_NAMES)
def test_other_leads_and_lengths_can_be_built(name: str) -> None:
    encoder = ENCODERS[name](1, 500).eval()
    assert output_only(encoder, torch.rand(2, 1, 500)).shape == (2, encoder.dim)


@pytest.mark.parametrize("name", ECG_NAMES)
def test_a_flat_ecg_gives_finite_vectors_and_gradients(name: str) -> None:
    encoder = build(name).train()
    x = torch.zeros(2, LEADS, SAMPLES, requires_grad=True)
    encoder(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())


@pytest.mark.parametrize("name", ECG_NAMES)
def test_steps_follow_time(name: str) -> None:
    """The centre of what moves a step in the input lies later for later steps."""
    encoder = in_use(name)
    x = batch(name).requires_grad_()
    steps = encoder.steps(x)
    assert steps.shape == (2, STEPS.get(name, TOKENS[name]), encoder.dim)
    weights = torch.randn(encoder.dim, generator=torch.Generator().manual_seed(3))
    centres = []
    for step in (0, steps.shape[1] // 2, -1):
        (gradient,) = torch.autograd.grad((steps[:, step] @ weights).sum(), x, retain_graph=True)
        energy = gradient.square().sum(dim=(0, 1))
        centres.append(float((energy * torch.arange(SAMPLES)).sum() / energy.sum()))
    assert centres[0] < 0.4 * SAMPLES < centres[1] < 0.6 * SAMPLES < centres[2]


@pytest.mark.parametrize("name", ECG_NAMES)
def test_centres_are_in_the_middle_of_what_steps_see(name: str) -> None:
    encoder = build(name).eval()
    if hasattr(encoder, "blocks"):
        encoder.blocks = nn.Identity()  # attention sees everything
    for weights in encoder.parameters():
        weights.data.abs_()  # no ReLU hides a sample
    x = batch(name).requires_grad_()
    steps, centres = encoder.steps(x), encoder.centres()
    assert centres.shape == (steps.shape[1],)
    weights = torch.rand(encoder.dim, generator=torch.Generator().manual_seed(3))
    middle = steps.shape[1] // 2
    for step in (middle, middle + 1, *([0, -1] if "resnet" not in name else [])):
        (gradient,) = torch.autograd.grad((steps[:, step] @ weights).sum(), x, retain_graph=True)
        seen = gradient.abs().sum(dim=(0, 1)).nonzero().flatten()
        assert centres[step].item() == (seen[0] + seen[-1] + 1).item() / 2


@pytest.mark.parametrize("name", [n for n in NAMES if "small" in n and n != "volume-small"])
def test_an_exported_encoder_takes_any_batch(name: str) -> None:
    encoder = in_use(name)
    any_batch = ({0: torch.export.Dim("batch", min=1)},)
    graph = torch.export.export(encoder, (batch(name),), dynamic_shapes=any_batch).module()
    x = batch(name, size=5)
    torch.testing.assert_close(output_only(graph, x), output_only(encoder, x))


def num_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_eccl_has_the_size_of_vit_large() -> None:
    samples, dim = 5000, 1024
    with torch.device("meta"):
        encoder = ENCODERS["eccl"](LEADS, samples).eval()
        tokens = encoder.tokens(torch.empty(2, LEADS, samples))
    assert tokens.shape == (2, 12 * 50 + 1, dim)
    block = 12 * dim**2 + 13 * dim
    around = (100 + 1) * dim + (1 + 600 + 1) * dim + 2 * dim
    assert num_parameters(encoder) == 24 * block + around


@pytest.mark.parametrize(("name", "channels"), [("frames-resnet50", 1), ("mmcl-resnet50", 3)])
def test_resnet50_has_the_published_size(name: str, channels: int) -> None:
    """25,557,032 weights with torchvision's three channels and its layer of 1000 classes."""
    features = 25_557_032 - 1000 * (2048 + 1) - (3 - channels) * 64 * 7 * 7
    with torch.device("meta"):
        assert num_parameters(build(name)) == features


@pytest.mark.parametrize(("name", "layers"), [("resnet18", 18), ("resnet34", 34)])
def test_resnets_give_313_steps_of_512_for_ten_seconds_at_500_hz(name: str, layers: int) -> None:
    with torch.device("meta"):
        encoder = ENCODERS[name](LEADS, 5000).eval()
        tokens = encoder.tokens(torch.empty(2, LEADS, 5000))
    assert tokens.shape == (2, 313, 512)
    deep = [
        module
        for key, module in encoder.named_modules()
        if isinstance(module, nn.Conv1d) and "shortcut" not in key
    ]
    assert len(deep) == layers - 1  # the last layer is the classifier, which is no part of it
