"""The latent heart: what disease brings, and the work that the heart then does."""

import numpy as np
import pytest
from virtual import more

from crossbeat.simulate import PHENOTYPES, draw_patients, phenotypes

# Petersen et al. 2017: mean and standard deviation of healthy women and men.
_REFERENCE = {
    "LVEDV": ((124, 21), (166, 32)),
    "LVESV": ((49, 11), (69, 16)),
    "LVSV": ((75, 14), (96, 20)),
    "LVM": ((70, 13), (103, 21)),
    "RVEDV": ((130, 24), (182, 36)),
    "RVESV": ((55, 15), (85, 22)),
    "RVEF": ((58, 6), (54, 6)),
    "LAV": ((62, 17), (71, 19)),
}


@pytest.fixture(name="hospital", scope="module")
def _hospital():
    return draw_patients(4000, seed=1)


def test_rows_select_patients():
    patients = draw_patients(30, seed=3)
    np.testing.assert_array_equal(patients.rows(slice(5, 9)).bmi, patients.bmi[5:9])


def test_no_patients_is_refused():
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
def test_disease_brings_its_consequence(hospital, cause, effect):
    pair = np.corrcoef(getattr(hospital, cause), getattr(hospital, effect))
    assert pair[0, 1] > 0.08


# --- phenotypes


@pytest.mark.parametrize("name", list(_REFERENCE))
def test_healthy_people_have_the_published_means_and_spreads(hospital, name):
    ill = hospital.hypertension | hospital.kidney_disease | hospital.lung_disease
    ill |= hospital.fibrillation | (hospital.infarct_anterior + hospital.infarct_inferior > 0)
    ill |= (hospital.ejection_fraction < 50) | (hospital.bmi > 30)
    healthy = ~ill & (hospital.age > 45) & (hospital.age < 74)
    values = phenotypes(hospital, seed=1)[name]
    for sex, (mean, spread) in zip((False, True), _REFERENCE[name], strict=True):
        some = values[healthy & (hospital.male == sex)]
        np.testing.assert_allclose(some.mean(), mean, rtol=0.12)
        assert 0.65 * spread < some.std() < 1.35 * spread


def test_volumes_of_both_ventricles_agree_with_one_another(hospital):
    made = phenotypes(hospital, seed=1)
    assert tuple(made) == tuple(PHENOTYPES)
    assert all(values.dtype == np.float32 for values in made.values())
    np.testing.assert_allclose(made["LVEF"], hospital.ejection_fraction, atol=0.01)
    for side in ("LV", "RV"):
        end_diastole, stroke = made[f"{side}EDV"], made[f"{side}SV"]
        np.testing.assert_allclose(end_diastole - made[f"{side}ESV"], stroke, rtol=1e-4)
        np.testing.assert_allclose(made[f"{side}EF"], 100 * stroke / end_diastole, rtol=1e-4)
        assert made[f"{side}ESV"].min() > 0
    assert 0.02 < np.std(made["RVSV"] / made["LVSV"]) < 0.05


@pytest.mark.parametrize(
    ("cause", "by", "higher", "lower", "same"),
    [
        ("dilatation", 2, "LVEDV", None, "LAV"),
        ("hypertrophy", 2, "LVM", None, "LVEDV"),
        ("ejection_fraction", -5, "LVESV", "RVSV", "LVEDV"),
        ("left_atrium", 2, "LAV", None, "LVEDV"),
        ("right_heart", 2, "RVEDV", "RVEF", "LVEDV"),
        ("infarct_inferior", 0.5, "RVESV", "RVEF", "LVM"),
        ("age", 20, None, "LVEDV", "LAV"),
        ("height", 0.1, "LVM", None, "LVEF"),
    ],
)
def test_a_cause_changes_what_it_should_and_nothing_else(cause, by, higher, lower, same):
    before = draw_patients(64, seed=2)
    was, made = phenotypes(before, seed=3), phenotypes(more(before, **{cause: by}), seed=3)
    assert higher is None or np.all(made[higher] > was[higher])
    assert lower is None or np.all(made[lower] < was[lower])
    np.testing.assert_allclose(made[same], was[same], rtol=1e-5)


def test_another_seed_is_another_person_of_the_same_disease():
    patients = draw_patients(64, seed=2)
    one, other = phenotypes(patients, seed=5), phenotypes(patients, seed=6)
    np.testing.assert_allclose(one["LVEF"], other["LVEF"], rtol=1e-4)
    assert np.all(one["LVEDV"] != other["LVEDV"])
    assert np.corrcoef(one["LVEDV"], other["LVEDV"])[0, 1] > 0.7
