"""The same patients some hours later."""

import re
from dataclasses import fields
from inspect import getsource

import numpy as np
import pytest

from crossbeat.simulate import FINDINGS, Patients, draw_patients, patient, truth
from crossbeat.simulate.patient import TAU, kept

CHANGING = {
    "acuity",
    "wedge_pressure",
    "lung_water",
    "effusion_right",
    "effusion_left",
    "consolidation",
    "pericardial_fluid",
}


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def test_no_hours_later_patients_are_the_same() -> None:
    now, later = draw_patients(300, seed=3), draw_patients(300, seed=3, hours=0.0)
    for field in fields(Patients):
        assert getattr(now, field.name).tobytes() == getattr(later, field.name).tobytes()


def test_weeks_later_only_what_changes_within_days_has_changed() -> None:
    now, later = draw_patients(300, seed=3), draw_patients(300, seed=3, hours=1000.0)
    changed = {
        field.name
        for field in fields(Patients)
        if not np.array_equal(getattr(now, field.name), getattr(later, field.name))
    }
    assert changed == CHANGING


def test_the_state_has_less_in_common_the_more_hours_have_passed() -> None:
    now = draw_patients(3000, seed=3)
    after = [draw_patients(3000, seed=3, hours=hours) for hours in (6.0, 48.0, 400.0)]
    for name in CHANGING:
        common = [correlation(getattr(now, name), getattr(later, name)) for later in after]
        assert common[0] > 0.8, name
        assert common[0] > common[1] + 0.1 > common[2] + 0.2, name
    acuity = [correlation(now.acuity, later.acuity) for later in after]
    np.testing.assert_allclose(acuity, np.exp(-np.array([6, 48, 400]) / 72), atol=0.05)


def test_patients_are_no_more_and_no_less_ill_later() -> None:
    now, later = draw_patients(6000, seed=3), draw_patients(6000, seed=3, hours=100.0)
    known, after = truth(now), truth(later)
    for name in FINDINGS:
        assert after[name].mean() == pytest.approx(known[name].mean(), abs=0.015)
        assert np.mean(after[name] != known[name]) > 0.01
    for name in CHANGING:
        spread = getattr(now, name).std()
        assert getattr(later, name).std() == pytest.approx(spread, rel=0.1), name


def test_a_later_patient_does_not_depend_on_how_many_are_drawn() -> None:
    few, many = draw_patients(9, seed=3, hours=30.0), draw_patients(300, seed=3, hours=30.0)
    for field in fields(Patients):
        np.testing.assert_array_equal(getattr(few, field.name), getattr(many, field.name)[:9])


def test_everything_that_changes_is_drawn_for_the_latent_heart() -> None:
    drawn = set(re.findall(r'draws\.(?:normal|uniform)\("([^"]+)"', getsource(patient)))
    assert set(TAU) <= drawn


@pytest.mark.parametrize("hours", [-1.0, float("nan"), float("inf")])
def test_hours_that_are_none_are_refused(hours: float) -> None:
    with pytest.raises(ValueError, match="hours must be 0 or more and finite, got"):
        kept(hours)
