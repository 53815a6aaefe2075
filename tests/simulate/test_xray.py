"""X-rays of virtual patients."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crossbeat.simulate import draw_patients, xrays


def test_a_film_does_not_depend_on_how_many_are_drawn_nor_on_the_workers() -> None:
    few = xrays(draw_patients(3, seed=2), 5, 32)
    with ThreadPoolExecutor(2) as pool:
        shared = xrays(draw_patients(260, seed=2), 5, 32, pool)
    assert few.tobytes() == shared[:3].tobytes()


def test_a_film_of_too_few_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="16 pixels or more"):
        xrays(draw_patients(1, seed=2), 5, 8)
