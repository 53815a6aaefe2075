"""The spectrogram tokens of the BIOT encoder."""

import math

import pytest
import torch

from crossbeat.encoders.spectrogram import SpectrogramStem, sinusoids


def test_magnitudes_equal_the_short_time_fourier_transform_of_pytorch() -> None:
    x = torch.randn(2, 3, 1000, generator=torch.Generator().manual_seed(0))
    ours = SpectrogramStem(3, 1000).magnitudes(x)
    reference = torch.stft(
        x.flatten(0, 1), 200, 100, window=torch.ones(200), center=False, return_complex=True
    )
    # float32 sums of 200 products: magnitudes near 14 agree to a few 1e-5.
    expected = reference.abs().mT.unflatten(0, (2, 3))
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_a_pure_tone_stands_in_its_own_bin() -> None:
    tone = torch.sin(2 * math.pi * 5 * torch.arange(400) / 100)  # 5 Hz at 100 Hz
    magnitudes = SpectrogramStem(1, 400).magnitudes(tone[None, None])
    assert (magnitudes.argmax(dim=-1) == 10).all()  # bins of 0.5 Hz
    torch.testing.assert_close(magnitudes.amax(dim=-1), torch.full((1, 1, 3), 100.0))


def test_half_precision_leaves_the_spectrum_alone() -> None:
    x = torch.randn(1, 2, 400, generator=torch.Generator().manual_seed(0))
    stem = SpectrogramStem(2, 400)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        halved = stem.magnitudes(x)
    assert torch.equal(halved, stem.magnitudes(x))


def test_a_token_knows_its_lead_and_its_frame() -> None:
    stem = SpectrogramStem(3, 500)
    flat = stem(torch.zeros(1, 3, 500))[0]
    assert flat.shape == (3, 4, stem.dim)
    between_leads = flat[1] - flat[0]
    torch.testing.assert_close(between_leads, between_leads[:1].expand(4, -1))
    expected = sinusoids(4, stem.dim)
    torch.testing.assert_close(flat[0] - flat[0, 0], expected - expected[0], atol=1e-5, rtol=0)


def test_positions_follow_their_formula() -> None:
    positions = sinusoids(50, 8)
    for step in (0, 7, 49):
        for pair in range(4):
            angle = step / 10_000 ** (2 * pair / 8)
            assert positions[step, 2 * pair] == pytest.approx(math.sin(angle), abs=1e-5)
            assert positions[step, 2 * pair + 1] == pytest.approx(math.cos(angle), abs=1e-5)


def test_an_ecg_shorter_than_a_frame_is_refused() -> None:
    assert SpectrogramStem(12, 200).num_frames == 1
    with pytest.raises(ValueError, match="at least the window of 200, got 199"):
        SpectrogramStem(12, 199)
