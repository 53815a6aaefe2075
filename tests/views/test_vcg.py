import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from crossbeat.errors import DataError
from crossbeat.leads import INDEPENDENT, INVERSE_DOWER, MIMIC, STANDARD, complete, expansion, index
from crossbeat.signal import Ecgs
from crossbeat.views import project_vcg, rotate_vcg


def made_ecg(leads: tuple[str, ...] = STANDARD, batch: int = 4) -> Ecgs:
    independent = np.random.default_rng(1).standard_normal((batch, len(INDEPENDENT), 30))
    values = torch.from_numpy(expansion(leads) @ independent)
    assert values.dtype == torch.float64
    return Ecgs(values, leads, 100.0)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


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
def test_rotation_agrees_with_the_definition_one_ecg_at_a_time(leads: tuple[str, ...]) -> None:
    ecg = made_ecg(leads)
    seen = rotate_vcg(ecg, seeded()).values.numpy()
    np.testing.assert_allclose(seen, by_hand(ecg, keep_residual=True), atol=2e-6)


@pytest.mark.parametrize("leads", [STANDARD, MIMIC, INDEPENDENT])
def test_projection_agrees_with_the_definition_one_ecg_at_a_time(leads: tuple[str, ...]) -> None:
    ecg = made_ecg(leads)
    seen = project_vcg(ecg, seeded()).values.numpy()
    np.testing.assert_allclose(seen, by_hand(ecg, keep_residual=False), atol=2e-6)


@pytest.mark.parametrize("leads", [STANDARD, MIMIC])
def test_rotation_by_nothing_is_the_identity_bit_for_bit(leads: tuple[str, ...]) -> None:
    ecg = made_ecg(leads)
    assert torch.equal(rotate_vcg(ecg, seeded(), angle=0.0, scale=1.0).values, ecg.values)


def test_projection_by_nothing_loses_what_a_dipole_cannot_explain() -> None:
    ecg = made_ecg()
    seen = project_vcg(ecg, seeded(), angle=0.0, scale=1.0)
    assert (seen.values - ecg.values).abs().max() > 0.5
    again = project_vcg(seen, seeded(), angle=0.0, scale=1.0)
    torch.testing.assert_close(again.values, seen.values)


def test_rotation_keeps_what_a_dipole_cannot_explain() -> None:
    ecg = made_ecg(INDEPENDENT)
    dipole = torch.from_numpy(np.linalg.pinv(INVERSE_DOWER) @ INVERSE_DOWER)
    rest = torch.eye(8, dtype=torch.float64) - dipole
    seen = rotate_vcg(ecg, seeded())
    torch.testing.assert_close(rest @ seen.values, rest @ ecg.values)
    assert (dipole @ seen.values - dipole @ ecg.values).abs().max() > 0.1


def test_rotation_alone_keeps_the_length_of_the_heart_vector() -> None:
    ecg = made_ecg(INDEPENDENT)
    to_vcg = torch.from_numpy(INVERSE_DOWER)
    before = (to_vcg @ ecg.values).norm(dim=1)
    after = (to_vcg @ rotate_vcg(ecg, seeded(), scale=1.0).values).norm(dim=1)
    torch.testing.assert_close(after, before, rtol=1e-5, atol=0)


def test_scaling_alone_stretches_each_axis_between_one_and_the_most() -> None:
    ecg = made_ecg(INDEPENDENT, batch=200)
    to_vcg = torch.from_numpy(INVERSE_DOWER)
    seen = rotate_vcg(ecg, seeded(), angle=0.0, scale=1.5)
    factors = (to_vcg @ seen.values) / (to_vcg @ ecg.values)
    assert (factors.std(dim=2) < 1e-5).all()
    assert factors.min() >= 1 - 1e-6
    assert factors.max() <= 1.5 + 1e-6
    assert factors.mean().item() == pytest.approx(1.25, abs=0.03)


@pytest.mark.parametrize("view", [rotate_vcg, project_vcg])
def test_a_missing_independent_lead_is_an_error(view) -> None:
    with pytest.raises(DataError, match="must have lead V3"):
        view(made_ecg(tuple(lead for lead in STANDARD if lead != "V3")), seeded())


@pytest.mark.parametrize("view", [rotate_vcg, project_vcg])
def test_settings_out_of_range_are_errors(view) -> None:
    with pytest.raises(ValueError, match="angle must be at least 0"):
        view(made_ecg(), seeded(), angle=-1.0)
    with pytest.raises(ValueError, match="scale must be at least 1"):
        view(made_ecg(), seeded(), scale=0.9)
