"""X-rays of virtual patients: how a film is taken, and what it shows."""

import numpy as np
import pytest
from virtual import but, more

from crossbeat.simulate import FINDINGS, draw_patients, film_measures, xrays
from crossbeat.simulate.film import canvas, fluid_height, take_film, thorax
from crossbeat.simulate.findings import cardiothoracic_ratio, shown
from crossbeat.simulate.patient import heart_diameter
from crossbeat.simulate.streams import Draws
from crossbeat.simulate.xray import develop, thickness

_NUM = 24
_SIZE = 96
_DRAWS = Draws(5, 0, _NUM, "film")


_ABSENT = ("paced", "lung_disease", "effusion_left", "effusion_right", "consolidation")
_HEALTHY = but(
    draw_patients(_NUM, seed=8), lung_water=5, wedge_pressure=8, **dict.fromkeys(_ABSENT, 0)
)
_EVEN = ("anteroposterior", "supine", "turned", "tilt", "right", "down", "exposure", "contrast")
_STANDARD = but(take_film(_HEALTHY, _DRAWS), breath=0.93, **dict.fromkeys(_EVEN, 0))
_ON = canvas(_STANDARD, _SIZE)
"""Where the pixels of the films of healthy patients lie, in mm."""


def _grey(patients, film):
    return develop(thickness(patients, film, _DRAWS, _SIZE), film)


def _change(after, film=_STANDARD):
    """How much brighter each pixel becomes than that of the healthy."""
    return _grey(after, film) - _grey(_HEALTHY, film)


def test_films_are_bytes_of_the_size_asked_for_and_use_their_range():
    made = xrays(draw_patients(20, seed=2), 5, 48)
    assert made.shape == (20, 48, 48)
    assert made.dtype == np.uint8
    assert np.percentile(made, 2) < 30
    assert np.percentile(made, 98) > 180


def test_a_film_of_too_few_pixels_is_refused():
    with pytest.raises(ValueError, match="16 pixels or more"):
        xrays(draw_patients(1, seed=2), 5, 8)


def test_the_heart_measured_on_the_film_is_the_latent_heart():
    made, on, space = _grey(_HEALTHY, _STANDARD), _ON, thorax(_HEALTHY, _STANDARD)
    widths = []
    for row in range(_NUM):
        x, y = on.x[row, 0], on.y[row, :, 0]
        part = made[row][(y > 10) & (y < space.dome_right[row] - 8)]
        dense = part > (np.percentile(part, 12) + np.median(part[:, np.abs(x) < 10])) / 2
        left = max(np.argmin(line[x > 0]) for line in dense)
        right = max(np.argmin(line[x < 0][::-1]) for line in dense)
        widths.append((left + right) * on.pixel[row, 0, 0])
    truth = heart_diameter(_HEALTHY)
    assert np.corrcoef(widths, truth)[0, 1] > 0.85
    assert abs(np.mean(widths - truth)) < 8


@pytest.mark.parametrize(("side", "name"), [(-1, "effusion_right"), (1, "effusion_left")])
def test_an_effusion_whitens_its_own_base(side, name):
    change, away = _change(but(_HEALTHY, **{name: 700})), np.abs(_ON.x)
    angle = thorax(_HEALTHY, _STANDARD).angle[:, None, None]
    base = (np.abs(_ON.y - angle + 30) < 12) & (away < 125) & (away > 95)
    same = base & (np.sign(_ON.x) == side)
    assert change[same].mean() > 15
    assert np.abs(change[base & ~same]).mean() < 1e-3


def test_an_effusion_veils_the_lung_of_a_patient_who_lies():
    change = _change(but(_HEALTHY, effusion_right=900), but(_STANDARD, supine=True))
    middle = (np.abs(_ON.y) < 25) & (_ON.x < -60) & (_ON.x > -95)
    assert change[middle].mean() > 5


def test_edema_whitens_the_lung_most_about_the_hilum():
    change, away = _change(more(_HEALTHY, lung_water=8)), np.abs(_ON.x)
    level = (_ON.y > -20) & (_ON.y < 30)
    hilum, edge = level & (away > 50) & (away < 70), level & (away > 95) & (away < 115)
    assert change[hilum].mean() > 20
    assert change[hilum].mean() > 1.3 * change[edge].mean() > 0


def test_congestion_fills_the_vessels_of_the_upper_zones():
    change, away = _change(more(_HEALTHY, wedge_pressure=15)), np.abs(_ON.x)
    upper = (_ON.y > -60) & (_ON.y < -30) & (away > 55) & (away < 85)
    assert change[upper].mean() > 0.5


def test_a_pacemaker_shines_on_the_patients_left():
    change = _change(but(_HEALTHY, paced=True))
    place = (np.abs(_ON.y + 62) < 14) & (np.abs(_ON.x - 104) < 14)
    assert change[place].mean() > 30
    assert np.abs(change[place & (_ON.x < 0)]).sum() == 0


# --- how it is taken

_PATIENTS = draw_patients(256, seed=7)
_FILM = take_film(_PATIENTS, Draws(1, 0, 256, "film"))


def test_the_ill_are_filmed_in_bed():
    acuity = _PATIENTS.acuity
    assert acuity[_FILM.anteroposterior].mean() > acuity.mean() + 0.3


def test_a_straight_film_in_full_inspiration_shows_the_latent_ratio():
    space = thorax(_PATIENTS, but(_FILM, anteroposterior=False, turned=0, breath=0.93))
    seen = (space.heart_left + space.heart_right) / (2 * space.half)
    np.testing.assert_allclose(seen, cardiothoracic_ratio(_PATIENTS), rtol=1e-3)


def test_a_bedside_film_and_a_shallow_breath_enlarge_the_heart():
    sizes, bedside = [], but(_FILM, anteroposterior=True)
    for film in (but(_FILM, anteroposterior=False), bedside, more(bedside, breath=-0.3)):
        space = thorax(_PATIENTS, film)
        sizes.append((space.heart_left + space.heart_right) / space.half)
    assert np.all(sizes[0] < sizes[1])
    assert np.all(sizes[1] < sizes[2])


def test_fluid_stands_higher_the_more_there_is():
    height = fluid_height(np.array([0, 200, 500, 2000], dtype=np.float32))
    assert height[0] == 0
    assert np.all(np.diff(height) > 0)


def test_an_effusion_is_less_visible_in_a_patient_who_lies():
    wet = more(_PATIENTS, effusion_left=400)
    flat, upright = (shown(wet, but(_FILM, supine=supine)) for supine in (True, False))
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
def test_a_cause_raises_what_the_film_shows(cause, by, finding):
    ill = more(_PATIENTS, **{cause: by})
    assert np.all(shown(ill, _FILM)[finding] > shown(_PATIENTS, _FILM)[finding])


def test_measures_are_one_finite_column_per_finding():
    measures = film_measures(draw_patients(300, seed=7), seed=1)
    assert measures.shape == (300, len(FINDINGS))
    assert np.isfinite(measures).all()
