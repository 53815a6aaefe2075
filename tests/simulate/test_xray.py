"""X-rays of virtual patients."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from crossbeat.simulate import Patients, draw_patients, noisier, xray_block, xrays
from crossbeat.simulate.film import Canvas, Film, canvas, take_film, thorax
from crossbeat.simulate.patient import heart_diameter
from crossbeat.simulate.streams import Draws
from crossbeat.simulate.xray import develop, thickness

_NUM = 24
_SIZE = 96


def _healthy() -> Patients:
    patients, none = draw_patients(_NUM, seed=8), np.zeros(_NUM, dtype=np.float32)
    dry = {"effusion_left": none, "effusion_right": none, "consolidation": none}
    lungs = {"lung_water": none + 5, "wedge_pressure": none + 8}
    return replace(patients, paced=none > 1, lung_disease=none > 1, **dry, **lungs)


def _standard_film(patients: Patients) -> Film:
    film, none = take_film(patients, _draws()), np.zeros(_NUM, dtype=np.float32)
    upright = {"anteroposterior": none > 1, "supine": none > 1, "breath": none + 0.93}
    even = dict.fromkeys(("turned", "tilt", "right", "down", "exposure", "contrast"), none)
    return replace(film, **upright, **even)


def _draws() -> Draws:
    return Draws(5, 0, _NUM, "film")


def _grey(patients: Patients, film: Film) -> np.ndarray:
    return develop(thickness(patients, film, _draws(), _SIZE), film)


def _where(film: Film) -> Canvas:
    return canvas(film, _SIZE)


def test_a_film_does_not_depend_on_how_many_are_drawn_nor_on_the_workers() -> None:
    few = xrays(draw_patients(3, seed=2), 5, 32)
    many = draw_patients(260, seed=2)
    with ThreadPoolExecutor(2) as pool:
        shared = xrays(many, 5, 32, pool)
    assert few.tobytes() == shared[:3].tobytes()
    assert xray_block(many.rows(slice(256, 260)), 1, 5, 32).tobytes() == shared[256:].tobytes()


def test_films_are_bytes_of_the_size_asked_for_and_use_their_range() -> None:
    made = xrays(draw_patients(20, seed=2), 5, 48)
    assert made.shape == (20, 48, 48)
    assert made.dtype == np.uint8
    assert np.percentile(made, 2) < 30
    assert np.percentile(made, 98) > 180


def test_a_film_of_too_few_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="16 pixels or more"):
        xrays(draw_patients(1, seed=2), 5, 8)


def test_the_heart_measured_on_the_film_is_the_latent_heart() -> None:
    patients = _healthy()
    film = _standard_film(patients)
    made, on, space = _grey(patients, film), _where(film), thorax(patients, film)
    widths = []
    for row in range(_NUM):
        x, y = on.x[row, 0], on.y[row, :, 0]
        part = made[row][(y > 10) & (y < space.dome_right[row] - 8)]
        dense = part > (np.percentile(part, 12) + np.median(part[:, np.abs(x) < 10])) / 2
        left = max(np.argmin(line[x > 0]) for line in dense)
        right = max(np.argmin(line[x < 0][::-1]) for line in dense)
        widths.append((left + right) * on.pixel[row, 0, 0])
    truth = heart_diameter(patients)
    assert np.corrcoef(widths, truth)[0, 1] > 0.85
    assert abs(np.mean(widths - truth)) < 8


@pytest.mark.parametrize("side", [-1, 1])
def test_an_effusion_whitens_its_own_base(side: int) -> None:
    dry = _healthy()
    name = "effusion_left" if side > 0 else "effusion_right"
    film = _standard_film(dry)
    wet = replace(dry, **{name: np.full(_NUM, 700, dtype=np.float32)})
    change, on = _grey(wet, film) - _grey(dry, film), _where(film)
    space = thorax(dry, film)
    base = (np.abs(on.y - space.angle[:, None, None] + 30) < 12) & (np.abs(on.x) < 125)
    base = base & (np.abs(on.x) > 95)
    same = base & (np.sign(on.x) == side)
    assert change[same].mean() > 15
    assert np.abs(change[base & ~same]).mean() < 1e-3


def test_an_effusion_veils_the_lung_of_a_patient_who_lies() -> None:
    dry = _healthy()
    film = replace(_standard_film(dry), supine=np.ones(_NUM, dtype=bool))
    wet = replace(dry, effusion_right=np.full(_NUM, 900, dtype=np.float32))
    change, on = _grey(wet, film) - _grey(dry, film), _where(film)
    middle = (np.abs(on.y) < 25) & (on.x < -60) & (on.x > -95)
    assert change[middle].mean() > 5


def test_edema_whitens_the_lung_most_about_the_hilum() -> None:
    dry = _healthy()
    film = _standard_film(dry)
    wet = replace(dry, lung_water=dry.lung_water + np.float32(8))
    change, on = _grey(wet, film) - _grey(dry, film), _where(film)
    away = np.abs(on.x)
    level = (on.y > -20) & (on.y < 30)
    hilum, edge = level & (away > 50) & (away < 70), level & (away > 95) & (away < 115)
    assert change[hilum].mean() > 20
    assert change[hilum].mean() > 1.3 * change[edge].mean() > 0


def test_congestion_fills_the_vessels_of_the_upper_zones() -> None:
    dry = _healthy()
    film = _standard_film(dry)
    full = replace(dry, wedge_pressure=dry.wedge_pressure + np.float32(15))
    change, on = _grey(full, film) - _grey(dry, film), _where(film)
    upper = (on.y > -60) & (on.y < -30) & (np.abs(on.x) > 55) & (np.abs(on.x) < 85)
    assert change[upper].mean() > 0.5


def test_a_pacemaker_shines_on_the_patients_left() -> None:
    plain = _healthy()
    film = _standard_film(plain)
    paced = replace(plain, paced=np.ones(_NUM, dtype=bool))
    change, on = _grey(paced, film) - _grey(plain, film), _where(film)
    place = (np.abs(on.y + 62) < 14) & (np.abs(on.x - 104) < 14)
    assert change[place].mean() > 30
    assert np.abs(change[place & (on.x < 0)]).sum() == 0


def test_noise_depends_on_the_seed_the_block_and_the_patient_alone() -> None:
    films = np.full((9, 16, 16), 128, dtype=np.uint8)
    many = noisier(films, 2, 7, 10.0)
    assert many.dtype == np.uint8
    np.testing.assert_array_equal(noisier(films[:3], 2, 7, 10.0), many[:3])
    for block, seed in ((1, 7), (2, 8)):
        assert (noisier(films, block, seed, 10.0) != many).any()
