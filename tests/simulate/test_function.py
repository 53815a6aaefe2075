"""Phenotypes of virtual patients."""

from dataclasses import replace

import numpy as np
import pytest

from crossbeat.simulate import PHENOTYPES, Patients, draw_patients, phenotype_block, phenotypes

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
def _hospital() -> Patients:
    return draw_patients(4000, seed=1)


def _few() -> Patients:
    return draw_patients(64, seed=2)


@pytest.mark.parametrize("name", list(_REFERENCE))
def test_healthy_people_have_the_published_means_and_spreads(hospital: Patients, name: str) -> None:
    ill = hospital.hypertension | hospital.kidney_disease | hospital.lung_disease
    ill |= hospital.fibrillation | (hospital.infarct_anterior + hospital.infarct_inferior > 0)
    ill |= (hospital.ejection_fraction < 50) | (hospital.bmi > 30)
    healthy = ~ill & (hospital.age > 45) & (hospital.age < 74)
    values = phenotypes(hospital, seed=1)[name]
    for sex, (mean, spread) in zip((False, True), _REFERENCE[name], strict=True):
        some = values[healthy & (hospital.male == sex)]
        np.testing.assert_allclose(some.mean(), mean, rtol=0.12)
        assert 0.65 * spread < some.std() < 1.35 * spread


def test_volumes_of_a_ventricle_agree_with_one_another(hospital: Patients) -> None:
    made = phenotypes(hospital, seed=1)
    assert tuple(made) == tuple(PHENOTYPES)
    np.testing.assert_allclose(made["LVEF"], hospital.ejection_fraction, atol=0.01)
    for side in ("LV", "RV"):
        end_diastole, stroke = made[f"{side}EDV"], made[f"{side}SV"]
        np.testing.assert_allclose(end_diastole - made[f"{side}ESV"], stroke, rtol=1e-4)
        np.testing.assert_allclose(made[f"{side}EF"], 100 * stroke / end_diastole, rtol=1e-4)
        assert made[f"{side}ESV"].min() > 0


def test_both_ventricles_pump_the_same_but_for_a_few_percent(hospital: Patients) -> None:
    made = phenotypes(hospital, seed=1)
    assert 0.02 < np.std(made["RVSV"] / made["LVSV"]) < 0.05


@pytest.mark.parametrize(
    ("cause", "by", "more", "less", "same"),
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
def test_a_cause_changes_what_it_should_and_nothing_else(
    cause: str, by: float, more: str | None, less: str | None, same: str
) -> None:
    before = _few()
    after = replace(before, **{cause: getattr(before, cause) + np.float32(by)})
    was, made = phenotypes(before, seed=3), phenotypes(after, seed=3)
    assert more is None or np.all(made[more] > was[more])
    assert less is None or np.all(made[less] < was[less])
    np.testing.assert_allclose(made[same], was[same], rtol=1e-5)


def test_phenotypes_of_a_patient_do_not_depend_on_how_many_are_drawn() -> None:
    many = draw_patients(258, seed=2)
    whole = phenotypes(many, seed=5)
    last = phenotype_block(many.rows(slice(256, 258)), 1, 5)
    for name, values in phenotypes(draw_patients(3, seed=2), seed=5).items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, whole[name][:3])
        np.testing.assert_array_equal(last[name], whole[name][256:])


def test_another_seed_is_another_person_of_the_same_disease() -> None:
    one, other = phenotypes(_few(), seed=5), phenotypes(_few(), seed=6)
    np.testing.assert_allclose(one["LVEF"], other["LVEF"], rtol=1e-4)
    assert np.all(one["LVEDV"] != other["LVEDV"])
    assert np.corrcoef(one["LVEDV"], other["LVEDV"])[0, 1] > 0.7
