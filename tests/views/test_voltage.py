from functools import partial

import pytest
import torch

from crossbeat.leads import STANDARD
from crossbeat.signal import Ecgs
from crossbeat.views import jitter, scale, wander


def flat(batch: int = 40, num_samples: int = 500) -> Ecgs:
    return Ecgs(torch.zeros(batch, 12, num_samples, dtype=torch.float64), STANDARD, 50.0)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.mark.parametrize(
    "view", [partial(jitter, sd=0.0), partial(wander, most=0.0), partial(scale, most=1.0)]
)
def test_settings_that_change_nothing_give_the_identity_bit_for_bit(view) -> None:
    ecg = Ecgs(torch.randn(5, 12, 40, generator=seeded()), STANDARD, 50.0)
    assert torch.equal(view(ecg, seeded()).values, ecg.values)


def test_jitter_is_as_strong_in_each_kind_of_lead_as_said() -> None:
    sd = jitter(flat(), seeded(), sd=0.1).values.std(dim=(0, 2))
    expected = [2.0] * 3 + [1.5] * 3 + [4 / 3] * 6
    torch.testing.assert_close(
        sd, 0.1 * torch.tensor(expected, dtype=torch.float64).sqrt(), rtol=0.02, atol=0
    )


def test_leads_that_share_an_electrode_share_its_noise() -> None:
    seen = jitter(flat(), seeded()).values.movedim(1, 0).flatten(1)
    row = dict(zip(STANDARD, torch.corrcoef(seen), strict=True))
    assert row["I"][STANDARD.index("II")].item() == pytest.approx(0.5, abs=0.03)
    assert row["V1"][STANDARD.index("V6")].item() == pytest.approx(0.25, abs=0.03)
    assert row["I"][STANDARD.index("V1")].item() == pytest.approx(0, abs=0.03)


def test_jitter_is_white() -> None:
    seen = jitter(flat(), seeded(), sd=1.0).values
    assert (seen[..., 1:] * seen[..., :-1]).mean().abs() < 0.02


def test_wander_stays_within_its_band_and_amplitude() -> None:
    seen = wander(flat(num_samples=5000), seeded(), most=0.1, band=(0.2, 0.5)).values
    assert 0.1 < seen.abs().max() <= 0.2 + 1e-6
    power = torch.fft.rfft(seen * torch.hann_window(5000, dtype=seen.dtype)).abs().square()
    hertz = torch.fft.rfftfreq(5000, 1 / 50)
    inside = (hertz > 0.15) & (hertz < 0.55)
    assert power[..., inside].sum() / power.sum() > 0.999


def test_one_factor_scales_all_leads_and_neither_way_is_favoured() -> None:
    ecg = Ecgs(torch.ones(4000, 12, 2), STANDARD, 50.0)
    seen = scale(ecg, seeded(), most=2.0).values
    assert (seen == seen[:, :1, :1]).all()
    assert 0.5 <= seen.min() < 0.51
    assert 1.98 < seen.max() <= 2
    assert seen.log().mean().abs() < 0.02


def test_settings_out_of_range_are_errors() -> None:
    with pytest.raises(ValueError, match="sd must be at least 0"):
        jitter(flat(), seeded(), sd=-0.1)
    with pytest.raises(ValueError, match="most must be at least 0"):
        wander(flat(), seeded(), most=-1.0)
    for band in ((0.5, 0.1), (-0.1, 0.5)):
        with pytest.raises(ValueError, match="band must be 0 or more and in order"):
            wander(flat(), seeded(), band=band)
    with pytest.raises(ValueError, match="most must be at least 1"):
        scale(flat(), seeded(), most=0.5)
