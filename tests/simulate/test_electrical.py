"""What the latent heart does to the parameters of the ECG, all else equal."""

from dataclasses import replace

import numpy as np
import pytest

from crossbeat.simulate import DETERMINANTS, draw_patients, ecg_determinants
from crossbeat.simulate.electrical import electrical

_PATIENTS = draw_patients(40, seed=4)
_YES, _NO = np.ones(40, dtype=bool), np.zeros(40, dtype=bool)


def _more(name: str, by: float) -> dict[str, np.ndarray]:
    return {name: getattr(_PATIENTS, name) + np.float32(by)}


@pytest.mark.parametrize(
    ("change", "sign", "shown"),
    [
        (_more("effusion_right", 800), -1, "voltage"),
        (_more("effusion_left", 800), -1, "voltage"),
        (_more("effusion_left", 800), -1, "left_lateral"),
        (_more("pericardial_fluid", 300), -1, "voltage"),
        (_more("lung_water", 8), -1, "voltage"),
        (_more("lung_water", 8), 1, "rate"),
        (_more("wedge_pressure", 15), 1, "rate"),
        (_more("bmi", 12), -1, "voltage"),
        (_more("bmi", 12), -1, "axis"),
        (_more("hypertrophy", 3), 1, "voltage"),
        (_more("hypertrophy", 3), 1, "t_angle"),
        (_more("hypertrophy", 3), -1, "axis"),
        (_more("ejection_fraction", -25), 1, "qrs"),
        (_more("ejection_fraction", -25), 1, "qtc"),
        (_more("dilatation", 3), 1, "rotation"),
        (_more("left_atrium", 2), 1, "p_duration"),
        (_more("left_atrium", 2), 1, "p_left"),
        (_more("age", 30), 1, "pr"),
        (_more("potassium", 2.5), 1, "t_voltage"),
        (_more("potassium", 2.5), 1, "qrs"),
        (_more("potassium", 2.5), -1, "p_right"),
        (_more("potassium", -1.5), 1, "u_voltage"),
    ],
)
def test_an_effect_goes_its_way(change: dict[str, np.ndarray], sign: int, shown: str) -> None:
    before = getattr(electrical(_PATIENTS), shown)
    after = getattr(electrical(replace(_PATIENTS, **change)), shown)
    assert np.all(sign * (after - before) >= 0)
    assert np.mean(sign * (after - before) > 0) > 0.7


@pytest.mark.parametrize(
    ("flag", "shown"),
    [
        ("left_block", "qrs"),
        ("right_block", "qrs"),
        ("paced", "qrs"),
        ("qt_drug", "qtc"),
        ("fibrillation", "irregularity"),
        ("lung_disease", "axis"),
        ("beta_blocker", "pr"),
    ],
)
def test_a_condition_raises_its_parameter(flag: str, shown: str) -> None:
    alone = replace(_PATIENTS, left_block=_NO, right_block=_NO, paced=_NO)
    before = getattr(electrical(replace(alone, **{flag: _NO})), shown)
    after = getattr(electrical(replace(alone, **{flag: _YES})), shown)
    assert np.all(after >= before)
    assert np.mean(after > before) > 0.9


def test_determinants_are_one_finite_column_per_name() -> None:
    columns = ecg_determinants(_PATIENTS)
    assert columns.shape == (40, len(DETERMINANTS))
    assert np.isfinite(columns).all()
    np.testing.assert_array_equal(
        columns[:, DETERMINANTS.index("rate")], electrical(_PATIENTS).rate
    )
