"""The latent heart."""

from dataclasses import fields

import numpy as np
import pytest

from crossbeat.simulate import Patients, draw_patients


def test_a_patient_does_not_depend_on_how_many_are_drawn() -> None:
    few, many = draw_patients(100, seed=3), draw_patients(600, seed=3)
    for field in fields(Patients):
        assert getattr(few, field.name).tobytes() == getattr(many, field.name)[:100].tobytes()


def test_blocks_hold_different_patients() -> None:
    age = draw_patients(512, seed=3).age
    assert not np.array_equal(age[:256], age[256:])


def test_another_seed_draws_other_patients() -> None:
    assert not np.array_equal(draw_patients(9, seed=3).age, draw_patients(9, seed=4).age)


def test_rows_select_patients() -> None:
    patients = draw_patients(30, seed=3)
    np.testing.assert_array_equal(patients.rows(slice(5, 9)).bmi, patients.bmi[5:9])


def test_no_patients_is_refused() -> None:
    with pytest.raises(ValueError, match="num must be 1 or more, got 0"):
        draw_patients(0, seed=3)


@pytest.mark.parametrize(
    ("cause", "effect"),
    [
        ("hypertension", "hypertrophy"),
        ("infarct_anterior", "dilatation"),
        ("left_atrium", "fibrillation"),
        ("wedge_pressure", "lung_water"),
        ("wedge_pressure", "effusion_right"),
        ("kidney_disease", "potassium"),
        ("dilatation", "left_block"),
    ],
)
def test_disease_brings_its_consequence(cause: str, effect: str) -> None:
    patients = draw_patients(4000, seed=3)
    pair = np.corrcoef(getattr(patients, cause), getattr(patients, effect))
    assert pair[0, 1] > 0.08
