"""The CroMoTEX ECG encoder against its published sizes and PyTorch's own transformer."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from crossbeat.encoders.transformer import ConvStem, EcgTransformer, cromotex


def test_sizes_are_the_published_ones_and_those_of_the_official_code(shared: Path) -> None:
    expected = json.loads((shared / "parity" / "expected.json").read_text())
    with torch.device("meta"):
        encoder = cromotex(12, 1000).eval()
        tokens = encoder.tokens(torch.empty(2, 12, 1000))
    stem = (12 * 5 * 128 + 3 * 128) + (128 * 5 * 256 + 3 * 256)
    block = (256 * 768 + 768) + (256 * 256 + 256) + (2 * 256 * 2048 + 2048 + 256) + 4 * 256
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    assert weights == stem + 256 + 197 * 256 + 4 * block == 5_483_648
    assert weights == expected["cromotex_ecg_encoder_parameters"]
    assert tokens.shape[1] == expected["cromotex_ecg_encoder_tokens_with_cls"]


def test_encoder_is_the_mean_over_all_tokens_of_a_pytorch_transformer() -> None:
    torch.manual_seed(0)
    stem = ConvStem(3, 60, widths=(6, 8), kernels=(5, 3), strides=(5, 1))
    encoder = EcgTransformer(stem, depth=2, heads=2, hidden=12, dropout=0.1).eval()
    x = torch.randn(4, 3, 60)

    norms = [module for module in stem.modules() if isinstance(module, nn.BatchNorm1d)]
    convs = [module for module in stem.modules() if isinstance(module, nn.Conv1d)]
    patches = x
    for conv, norm in zip(convs, norms, strict=True):
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
        patches = norm(conv(patches).relu())
    patches = patches.mT
    hidden = torch.cat([encoder.class_token.expand(4, 1, 8), patches], dim=1) + encoder.positions
    for block in encoder.blocks:
        layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True).eval()
        # Both list attention, then the rest; only the norms stand elsewhere.
        mine = block.state_dict()
        order = ["attention", "feed_forward", "norm_1", "norm_2"]
        values = [mine[key] for part in order for key in mine if key.startswith(part)]
        layer.load_state_dict(dict(zip(layer.state_dict(), values, strict=True)))
        hidden = layer(hidden)
    # float32 in another order of sums.
    torch.testing.assert_close(encoder(x), hidden.mean(dim=1), rtol=1e-5, atol=1e-5)


def test_class_token_stands_first_and_moves_with_its_position() -> None:
    torch.manual_seed(0)
    stem = ConvStem(2, 50, widths=(4, 4), kernels=(5, 1), strides=(5, 1))
    encoder = EcgTransformer(stem, depth=0, heads=1, hidden=4, dropout=0.0).eval()
    x = torch.randn(3, 2, 50)
    first = (encoder.class_token + encoder.positions)[0, 0]
    torch.testing.assert_close(encoder.tokens(x)[:, 0], first.expand(3, 4))
    torch.testing.assert_close(encoder.steps(x), stem(x) + encoder.positions[:, 1:])


def test_an_ecg_too_short_for_a_token_is_refused() -> None:
    assert ConvStem(12, 25).num_tokens == 1
    with pytest.raises(ValueError, match=r"enough for one token .* got 24"):
        ConvStem(12, 24)
