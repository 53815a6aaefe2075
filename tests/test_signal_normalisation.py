"""Normalisations of a batch: laws that all share, and each by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbeat import leads, signal


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", signal.NORMALISATIONS)
def test_a_normalisation_keeps_shape_dtype_and_input(name: str) -> None:
    values = noise(2, 12, 100)
    before = values.clone()
    result = signal.NORMALISATIONS[name](values, leads.STANDARD)
    assert (result.shape, result.dtype) == (values.shape, values.dtype)
    assert torch.equal(values, before)


@pytest.mark.parametrize("name", ["min_max", "z", "group_z"])
@pytest.mark.parametrize("value", [0.0, 0.1, -1234.567])
def test_flat_leads_become_zero(name: str, value: float) -> None:
    flat = torch.full((2, 12, 101), value)
    assert torch.equal(signal.NORMALISATIONS[name](flat, leads.STANDARD), torch.zeros_like(flat))


@pytest.mark.parametrize("name", ["min_max", "z", "group_z"])
@settings(deadline=None)
@given(scale=st.floats(1e-3, 1e3), offset=st.floats(-10, 10))
def test_scale_and_offset_of_the_record_do_not_matter(
    name: str, scale: float, offset: float
) -> None:
    values = noise(1, 12, 64).double()
    normalise = signal.NORMALISATIONS[name]
    moved = normalise(values * scale + offset, leads.STANDARD)
    torch.testing.assert_close(moved, normalise(values, leads.STANDARD), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", signal.NORMALISATIONS)
def test_records_are_normalised_on_their_own(name: str) -> None:
    values = noise(3, 12, 64) * torch.tensor([[[1.0]], [[5.0]], [[9.0]]])
    normalise = signal.NORMALISATIONS[name]
    together = normalise(values, leads.STANDARD)
    for row in range(3):
        torch.testing.assert_close(
            together[row], normalise(values[row : row + 1], leads.STANDARD)[0]
        )


def test_none_changes_nothing() -> None:
    values = noise(2, 12, 10)
    assert torch.equal(signal.none(values, leads.STANDARD), values)


def test_min_max_by_hand() -> None:
    values = torch.tensor([[[0.0, 1.0, 4.0], [2.0, 0.0, 1.0]]])
    expected = torch.tensor([[[-1.0, -0.5, 1.0], [1.0, -1.0, 0.0]]])
    torch.testing.assert_close(signal.min_max(values, ("I", "II")), expected)


def test_z_by_hand() -> None:
    values = torch.tensor([[[1.0, 3.0], [0.0, 10.0]]])
    expected = torch.tensor([[[-1.0, 1.0], [-1.0, 1.0]]])
    torch.testing.assert_close(signal.z(values, ("I", "II")), expected)


def test_group_z_scales_the_leads_of_a_group_together() -> None:
    values = torch.tensor([[[1.0, 3.0], [9.0, 9.0], [-1.0, 1.0], [5.0, 7.0]]])
    result = signal.group_z(values, ("V1", "I", "V6", "II"))
    chest, limb = values[0, [0, 2]], values[0, [1, 3]]
    for rows, group in (([0, 2], chest), ([1, 3], limb)):
        expected = (group - group.mean()) / group.std(correction=0)
        torch.testing.assert_close(result[0, rows], expected)


def test_group_z_of_twelve_leads_equals_its_definition() -> None:
    values = noise(2, 12, 80) * torch.arange(1.0, 13.0)[:, None]
    result = signal.group_z(values, leads.MIMIC)
    for group in ({"I", "II", "III"}, {"aVR", "aVL", "aVF"}, {f"V{k}" for k in range(1, 7)}):
        rows = [row for row, lead in enumerate(leads.MIMIC) if lead in group]
        for record, got in zip(values, result, strict=True):
            together = record[rows]
            expected = (together - together.mean()) / together.std(correction=0)
            torch.testing.assert_close(got[rows], expected)


def test_group_z_keeps_the_relation_of_amplitudes_within_a_group() -> None:
    values = noise(1, 12, 200)
    values[:, leads.STANDARD.index("V2")] *= 10
    result = signal.group_z(values, leads.STANDARD)
    deviation = dict(zip(leads.STANDARD, result[0].std(dim=-1).tolist(), strict=True))
    assert deviation["V2"] / deviation["V3"] > 8
    assert 0.5 < deviation["aVL"] / deviation["aVF"] < 2


def test_group_z_refuses_a_lead_of_no_group() -> None:
    with pytest.raises(ValueError, match="got vx"):
        signal.group_z(torch.zeros(1, 2, 5), ("I", "vx"))


@pytest.mark.parametrize("name", ["min_max", "z", "group_z"])
def test_gradients_stay_finite_beside_a_flat_lead(name: str) -> None:
    values = noise(1, 12, 50)
    values[0, 6:] = 0
    values.requires_grad_()
    signal.NORMALISATIONS[name](values, leads.STANDARD).square().sum().backward()
    assert values.grad is not None
    assert torch.isfinite(values.grad).all()
