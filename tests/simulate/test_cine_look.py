"""How a cine looks."""

import numpy as np
from virtual import but

from crossbeat.simulate import draw_patients
from crossbeat.simulate.cine_look import labels, look, picture
from crossbeat.simulate.cine_shape import hearts
from crossbeat.simulate.cine_view import pose, short_axis
from crossbeat.simulate.streams import Draws

_NUM = 5


def _stack(row, slices, *, size=64):
    """The sections of one patient, and how they look without noise."""
    patients = draw_patients(_NUM, seed=2)
    draws = Draws(5, 0, _NUM, "cine image")
    seen = look(patients, draws, None)
    beating = hearts(patients, 0, 5, 8)
    made = list(short_axis(beating.one(row), pose(draws), row, size, slices))
    return made, but(seen, noise=0)


def _shown(section, seen, row):
    return picture(seen, np.random.default_rng(0), section, row).astype(float)


def test_noise_is_that_of_a_magnitude():
    (section,), seen = _stack(0, 1)
    assert not _shown(section, but(seen, gain=0), 0).any()
    made = _shown(section, but(seen, gain=0, noise=0.1), 0) / 255
    np.testing.assert_allclose(made.mean(), 0.1 * np.sqrt(np.pi / 2), rtol=0.03)
    np.testing.assert_allclose(made.std(), 0.1 * np.sqrt(2 - np.pi / 2), rtol=0.03)


def test_what_lies_around_the_heart_does_not_move():
    for row in range(_NUM):
        (section,), seen = _stack(row, 1)
        made = _shown(section, seen, row)
        moves = np.ptp(made, axis=0) > 1
        far = section.place.radius > section.drawn.right.max() + 15
        assert not moves[far].any()
        assert moves[section.place.radius < section.shape.outer.max()].mean() > 0.3


def test_papillary_muscles_are_seen_in_the_middle_and_counted_as_blood():
    dark = {"base": 0.0, "middle": 0.0}
    for row in range(_NUM):
        sections, seen = _stack(row, 8)
        for name, section in (("base", sections[0]), ("middle", sections[4])):
            made, there = _shown(section, seen, row)[0], labels(section)[0] == 1
            inside = there & (section.place.radius < 0.85 * section.shape.cavity[0].min())
            dark[name] += np.mean(made[inside] < 0.65 * np.median(made[inside])) / _NUM
    assert dark["base"] < 0.005
    assert 0.02 < dark["middle"] < 0.2


def test_the_apex_is_brighter_than_the_base():
    for row in range(_NUM):
        sections, seen = _stack(row, 5)
        blood = [
            np.median(_shown(one, seen, row)[0][labels(one)[0] == 1])
            for one in (sections[0], sections[3])
        ]
        assert blood[1] > 1.1 * blood[0]


def test_the_same_heart_looks_alike_at_any_size():
    pictures = []
    for size in (32, 96):
        (section,), seen = _stack(1, 1, size=size)
        made = _shown(section, seen, 1)[0]
        pictures.append(made.reshape(32, size // 32, 32, size // 32).mean(axis=(1, 3)))
    assert np.corrcoef(pictures[0].ravel(), pictures[1].ravel())[0, 1] > 0.95
