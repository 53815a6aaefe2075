"""Views that change voltages: noise, gain, hidden parts and the electrical axis."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from crossbeat.errors import DataError
from crossbeat.leads import INDEPENDENT, INVERSE_DOWER, MIMIC, STANDARD, complete, expansion, index
from crossbeat.signal import Ecgs
from crossbeat.views import (
    jitter,
    keep_leads,
    mask_leads,
    mask_time,
    mask_time_per_lead,
    project_vcg,
    rotate_vcg,
    scale,
    wander,
)

NUM_SAMPLES = 60


def ones(batch: int = 200) -> Ecgs:
    return Ecgs(torch.ones(batch, 12, NUM_SAMPLES), STANDARD, 100.0)


def flat(batch: int = 40, num_samples: int = 500) -> Ecgs:
    return Ecgs(torch.zeros(batch, 12, num_samples, dtype=torch.float64), STANDARD, 50.0)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


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


# --- hidden parts


@pytest.mark.parametrize("view", [mask_time, mask_time_per_lead])
@pytest.mark.parametrize(
    ("share", "hidden"), [(0.0, 0), (0.25, 15), (0.5, 30), (0.51, 31), (1.0, 60)]
)
def test_every_lead_loses_the_share_of_time(view, share: float, hidden: int) -> None:
    seen = view(ones(), seeded(), share=share).values
    assert ((seen == 0).sum(dim=2) == hidden).all()


@pytest.mark.parametrize("view", [mask_time, mask_time_per_lead])
def test_what_is_hidden_is_one_circular_window_that_may_begin_anywhere(view) -> None:
    hidden = view(ones(), seeded()).values == 0
    begins = hidden & ~hidden.roll(1, dims=2)
    assert (begins.sum(dim=2) == 1).all()
    per_sample = begins[:, 0].sum(dim=0)
    assert (per_sample > 0).sum() > 0.8 * NUM_SAMPLES
    assert (hidden[:, 0, 0] & hidden[:, 0, -1]).any()


@pytest.mark.parametrize("keep", [1, 6, 12])
def test_exactly_so_many_leads_are_kept_and_each_as_often(keep: int) -> None:
    seen = keep_leads(ones(batch=600), seeded(), keep=keep).values
    assert (seen == seen[:, :, :1]).all()
    assert (seen[:, :, 0].sum(dim=1) == keep).all()
    assert seen[:, :, 0].mean(dim=0).sub(keep / 12).abs().max() < 0.08


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_leads_are_hidden_as_often_as_asked(probability: float) -> None:
    seen = mask_leads(ones(batch=600), seeded(), probability=probability).values
    assert (seen == seen[:, :, :1]).all()
    assert (seen[:, :, 0] == 0).float().mean().item() == pytest.approx(probability, abs=0.02)


@pytest.mark.parametrize("view", [mask_time, mask_time_per_lead, mask_leads])
def test_masks_hide_what_is_not_a_number(view) -> None:
    ecg = Ecgs(torch.full((8, 12, NUM_SAMPLES), torch.nan), STANDARD, 100.0)
    seen = view(ecg, seeded()).values
    assert (seen == 0).any()
    assert seen.isnan().any()


# --- the electrical axis


def made_ecg(leads: tuple[str, ...] = STANDARD, batch: int = 4) -> Ecgs:
    independent = np.random.default_rng(1).standard_normal((batch, len(INDEPENDENT), 30))
    values = torch.from_numpy(expansion(leads) @ independent)
    assert values.dtype == torch.float64
    return Ecgs(values, leads, 100.0)


def by_hand(ecg: Ecgs, *, keep_residual: bool) -> np.ndarray:
    """One ECG at a time, rotation by SciPy, limb leads by their equations, from the same draws."""
    generator = seeded()
    angles = (torch.rand(len(ecg.values), 3, generator=generator) * 2 - 1).numpy() * 45.0
    scales = torch.rand(len(ecg.values), 3, generator=generator).numpy() * 0.5 + 1
    back, result = np.linalg.pinv(INVERSE_DOWER), []
    for values, euler, stretch in zip(ecg.values.numpy(), angles, scales, strict=True):
        x = values[index(ecg.leads, INDEPENDENT)]
        turn = np.diag(stretch) @ Rotation.from_euler("zyx", euler, degrees=True).as_matrix()
        moved = back @ turn @ INVERSE_DOWER @ x
        if keep_residual:
            moved += x - back @ INVERSE_DOWER @ x
        result.append(complete(moved, INDEPENDENT, ecg.leads))
    assert len(result) == len(ecg.values)
    return np.stack(result)


@pytest.mark.parametrize("leads", [STANDARD, MIMIC, INDEPENDENT])
@pytest.mark.parametrize(("view", "keep_residual"), [(rotate_vcg, True), (project_vcg, False)])
def test_the_axis_turns_as_defined_one_ecg_at_a_time(
    view, keep_residual: bool, leads: tuple[str, ...]
) -> None:
    ecg = made_ecg(leads)
    seen = view(ecg, seeded()).values.numpy()
    np.testing.assert_allclose(seen, by_hand(ecg, keep_residual=keep_residual), atol=2e-6)


@pytest.mark.parametrize("view", [rotate_vcg, project_vcg])
def test_a_missing_independent_lead_is_an_error(view) -> None:
    with pytest.raises(DataError, match="must have lead V3"):
        view(made_ecg(tuple(lead for lead in STANDARD if lead != "V3")), seeded())
