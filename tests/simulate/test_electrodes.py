"""Lead field and electrode noise."""

from dataclasses import replace

import numpy as np
import pytest

from crossbeat.leads import INDEPENDENT, INVERSE_DOWER, STANDARD
from crossbeat.simulate import draw_patients
from crossbeat.simulate.ecg import DOWER, ELECTRODES, lead_field, noise, wire
from crossbeat.simulate.electrical import electrical
from crossbeat.simulate.streams import Draws


def test_the_inverse_dower_transform_undoes_the_lead_field() -> None:
    np.testing.assert_allclose(INVERSE_DOWER @ DOWER, np.eye(3), atol=0.03)


def test_every_recording_has_its_own_lead_field_near_that_of_dower() -> None:
    seen = electrical(draw_patients(200, seed=6))
    ones = np.ones(200, dtype=np.float32)
    field = lead_field(replace(seen, precordial=ones, left_lateral=ones), Draws(1, 0, 200, "ecg"))
    assert np.all(field.std(axis=0) > 0)
    np.testing.assert_allclose(field.mean(axis=0), DOWER, atol=0.12)


def test_fluid_on_the_left_weakens_the_left_lateral_leads_only() -> None:
    seen = electrical(draw_patients(5, seed=6))
    weak = replace(seen, left_lateral=seen.left_lateral / 2)
    draws = Draws(1, 0, 5, "ecg")
    ratio = lead_field(weak, draws)[:, :, 0] / lead_field(seen, draws)[:, :, 0]
    expected = [0.5 if lead in ("I", "V5", "V6") else 1.0 for lead in INDEPENDENT]
    np.testing.assert_allclose(ratio, np.tile(expected, (5, 1)), rtol=1e-5)


def test_a_potential_common_to_all_electrodes_is_not_recorded() -> None:
    heart = np.zeros((1, 8, 4), dtype=np.float32)
    np.testing.assert_allclose(wire(heart, np.ones((1, 9, 4), dtype=np.float32)), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("electrode", "limbs"),
    [
        ("RA", {"I": -3, "II": -3, "III": 0, "aVR": 3, "aVL": -1.5, "aVF": -1.5}),
        ("LA", {"I": 3, "II": 0, "III": -3, "aVR": -1.5, "aVL": 3, "aVF": -1.5}),
        ("LL", {"I": 0, "II": 3, "III": 3, "aVR": -1.5, "aVL": -1.5, "aVF": 3}),
    ],
)
def test_noise_on_a_limb_reaches_its_leads_as_wired(
    electrode: str, limbs: dict[str, float]
) -> None:
    heart = np.zeros((1, 8, 1), dtype=np.float32)
    electrodes = np.zeros((1, 9, 1), dtype=np.float32)
    electrodes[0, ELECTRODES.index(electrode)] = 3
    rows = dict(zip(STANDARD, wire(heart, electrodes)[0, :, 0].tolist(), strict=True))
    assert rows == limbs | {f"V{n}": -1 for n in range(1, 7)}


def test_noise_is_small_beside_a_heart_beat() -> None:
    made = noise(Draws(1, 0, 40, "ecg"), np.zeros((40, 5000), dtype=np.float32), 500)
    assert made.shape == (40, 9, 5000)
    fast = np.diff(made, axis=2).std(axis=2)
    assert 0.002 < np.median(fast) < 0.03
    assert np.median(made.std(axis=2)) < 0.2
