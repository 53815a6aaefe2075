"""How a film is taken and what it shows."""

from dataclasses import replace

import numpy as np
import pytest

from crossbeat.simulate import draw_patients, film_measures
from crossbeat.simulate.film import fluid_height, take_film, thorax
from crossbeat.simulate.findings import FINDINGS, cardiothoracic_ratio, shown
from crossbeat.simulate.streams import Draws

_PATIENTS = draw_patients(60, seed=7)
_FILM = take_film(_PATIENTS, Draws(1, 0, 60, "film"))


def test_the_ill_are_filmed_in_bed() -> None:
    patients = draw_patients(256, seed=7)
    film = take_film(patients, Draws(1, 0, 256, "film"))
    assert patients.acuity[film.anteroposterior].mean() > patients.acuity.mean() + 0.3


def test_a_straight_film_in_full_inspiration_shows_the_latent_ratio() -> None:
    none = np.zeros(60, dtype=np.float32)
    straight = replace(_FILM, anteroposterior=none > 1, turned=none, breath=none + 0.93)
    space = thorax(_PATIENTS, straight)
    seen = (space.heart_left + space.heart_right) / (2 * space.half)
    np.testing.assert_allclose(seen, cardiothoracic_ratio(_PATIENTS), rtol=1e-3)


def test_a_bedside_film_and_a_shallow_breath_enlarge_the_heart() -> None:
    yes = np.ones(60, dtype=bool)
    sizes = []
    for film in (
        replace(_FILM, anteroposterior=~yes),
        replace(_FILM, anteroposterior=yes),
        replace(_FILM, anteroposterior=yes, breath=_FILM.breath - 0.3),
    ):
        space = thorax(_PATIENTS, film)
        sizes.append((space.heart_left + space.heart_right) / space.half)
    assert np.all(sizes[0] < sizes[1])
    assert np.all(sizes[1] < sizes[2])


def test_fluid_stands_higher_the_more_there_is() -> None:
    height = fluid_height(np.array([0, 200, 500, 2000], dtype=np.float32))
    assert height[0] == 0
    assert np.all(np.diff(height) > 0)


def test_an_effusion_is_less_visible_in_a_patient_who_lies() -> None:
    wet = replace(_PATIENTS, effusion_left=_PATIENTS.effusion_left + 400)
    flat = shown(wet, replace(_FILM, supine=np.ones(60, dtype=bool)))
    upright = shown(wet, replace(_FILM, supine=np.zeros(60, dtype=bool)))
    assert np.all(flat["pleural_effusion"] < upright["pleural_effusion"])


@pytest.mark.parametrize(
    ("cause", "by", "finding"),
    [
        ("dilatation", 3, "cardiomegaly"),
        ("pericardial_fluid", 400, "cardiomegaly"),
        ("effusion_left", 3000, "pleural_effusion"),
        ("lung_water", 5, "edema"),
    ],
)
def test_a_cause_raises_what_the_film_shows(cause: str, by: float, finding: str) -> None:
    more = replace(_PATIENTS, **{cause: getattr(_PATIENTS, cause) + np.float32(by)})
    assert np.all(shown(more, _FILM)[finding] > shown(_PATIENTS, _FILM)[finding])


def test_measures_are_one_finite_column_per_finding() -> None:
    measures = film_measures(draw_patients(300, seed=7), seed=1)
    assert measures.shape == (300, len(FINDINGS))
    assert np.isfinite(measures).all()
