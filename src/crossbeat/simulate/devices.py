"""Devices on or in the chest of a patient in hospital, and the marker on the film.

A pacemaker belongs to the heart that the ECG shows paced; monitoring and lines belong to the ill;
wires in the sternum to those operated on for coronary disease.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from crossbeat.simulate.film import Canvas, Film, Grid, Thorax, Value, bump, step, value
from crossbeat.simulate.patient import Patients
from crossbeat.simulate.streams import Draws

Jitter = np.ndarray
Point = tuple[Value, Value]


def devices(on: Canvas, space: Thorax, patients: Patients, film: Film, draws: Draws) -> Grid:
    """Thickness of all devices and of the side marker, in cm of water."""
    seen = np.zeros(np.broadcast_shapes(on.x.shape, on.y.shape), dtype=np.float32)
    chance, jitter = draws.uniform("devices", 5), draws.normal("device places", 8)
    ill = patients.acuity + 0.6 * film.anteroposterior
    scar = np.maximum(patients.infarct_anterior, patients.infarct_inferior) > 0
    parts: tuple[tuple[np.ndarray, Callable[[Canvas, Value, Jitter], Grid]], ...] = (
        (patients.paced, _pacemaker),
        (film.anteroposterior & (chance[:, 0] < 0.6), _electrodes),
        ((ill > 1.2) & (chance[:, 1] < 0.5), _central_line),
        ((ill > 2.1) & (chance[:, 2] < 0.7), _airway),
        (scar & (chance[:, 3] < 0.35), _sternal_wires),
        (chance[:, 4] < 0.7, _marker),
    )
    for there, draw in parts:
        rows = np.flatnonzero(there)
        if len(rows):
            seen[rows] += draw(on.only(there), value(space.half[rows]), jitter[rows])
    return seen


def _line(on: Canvas, points: list[Point], width: float) -> Grid:
    """A tube or wire through points, ``width`` mm thick, no thinner than the film can show."""
    nearest = None
    for (x, y), (to_x, to_y) in pairwise(points):
        across, down = to_x - x, to_y - y
        length = across * across + down * down
        along = np.clip(((on.x - x) * across + (on.y - y) * down) / length, 0, 1)
        gap = (on.x - x - along * across) ** 2 + (on.y - y - along * down) ** 2
        nearest = gap if nearest is None else np.minimum(nearest, gap)
    assert nearest is not None
    reach = np.maximum(width, 0.6 * on.pixel)
    return bump(np.sqrt(nearest), reach) * (width / reach)


def _disc(on: Canvas, x: Value, y: Value, radius: float) -> Grid:
    gap = np.sqrt((on.x - x) ** 2 + (on.y - y) ** 2)
    return step(radius - gap, np.maximum(2.0, on.pixel))


def _pacemaker(on: Canvas, half: Value, jitter: Jitter) -> Grid:
    x, y = half * 0.72 + 6 * value(jitter[:, 0]), -62 + 6 * value(jitter[:, 1])
    box = step(1 - (np.abs(on.x - x) / 25) ** 4 - (np.abs(on.y - y) / 20) ** 4, 0.3)
    lead: list[Point] = [
        (x - 10, y - 18),
        (0.35 * half, y - 26),
        (-0.12 * half, y + 20),
        (-0.22 * half, 0 * x + 55),
        (0.28 * half, 0 * x + 92 + 4 * value(jitter[:, 2])),
    ]
    return 18 * box + 6 * _line(on, lead, 1.6)


def _electrodes(on: Canvas, half: Value, jitter: Jitter) -> Grid:
    spots: list[Point] = [
        (-0.75 * half + 8 * value(jitter[:, 0]), -70 + 10 * value(jitter[:, 1])),
        (0.75 * half + 8 * value(jitter[:, 2]), -66 + 10 * value(jitter[:, 3])),
        (0.8 * half + 8 * value(jitter[:, 4]), 95 + 12 * value(jitter[:, 5])),
    ]
    box: Point = (0.1 * half + 20 * value(jitter[:, 6]), 0 * half + 190)
    seen = np.zeros_like(on.x + on.y)
    for x, y in spots:
        seen += 4 * _disc(on, x, y, 5.5) + 2.5 * _line(on, [(x, y), box], 0.9)
    return seen


def _central_line(on: Canvas, half: Value, jitter: Jitter) -> Grid:
    level = 22 + 8 * value(jitter[:, 7])
    way: list[Point] = [
        (-0.3 * half, 0 * half - 150),
        (-0.26 * half, 0 * half - 70),
        (-0.15 * half, 0 * half - 35),
        (-0.15 * half, level),
    ]
    return 3 * _line(on, way, 1.2)


def _airway(on: Canvas, half: Value, jitter: Jitter) -> Grid:
    tip = -26 + 6 * value(jitter[:, 6])
    return 2 * _line(on, [(0 * half, 0 * half - 170), (0 * half + 1, tip)], 2.5)


def _sternal_wires(on: Canvas, half: Value, jitter: Jitter) -> Grid:
    seen = np.zeros_like(on.x + on.y)
    for number in range(6):
        y = 0 * half - 48 + 23 * number + value(jitter[:, number])
        seen += _line(on, [(0 * half - 6, y - 2), (0 * half + 6, y + 2)], 1.0)
    return 6 * seen


def _marker(on: Canvas, half: Value, jitter: Jitter) -> Grid:
    x, y = half + 22 + 6 * value(jitter[:, 5]), -128 + 10 * value(jitter[:, 6])
    stem = _line(on, [(x, y - 7), (x, y + 7)], 1.8)
    return 14 * (stem + _line(on, [(x, y + 7), (x + 8, y + 7)], 1.8))
