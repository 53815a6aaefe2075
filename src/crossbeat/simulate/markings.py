"""The markings of the lung: vessels, congestion, oedema, consolidation; and the ribs over it.

As wedge pressure rises the vessels of the upper zones widen; then fluid blurs their edges and
spreads from the hilum as haze, with short septal lines at the base; then it fills alveoli (Ware and
Matthay 2005, N Engl J Med 353:2788; Chakko et al. 1991, Am J Med 90:353 on how often
these signs are missing at high pressure).
"""

import numpy as np

from crossbeat.simulate.canvas import Canvas, Grid, bump, step, value
from crossbeat.simulate.patient import Patients
from crossbeat.simulate.soft_tissue import Lungs
from crossbeat.simulate.streams import Draws

_BRANCHES = (30, 11)
"""Cells of the vessel texture: around the hilum, outwards."""


def lung_markings(on: Canvas, seen: Lungs, patients: Patients, draws: Draws) -> Grid:
    """Vessels and whatever thickens the lung, in cm of tissue; to be shown where there is air."""
    dx, dy = np.abs(on.x) - 36, on.y - 8 * seen.right
    far = np.sqrt(dx * dx + dy * dy)
    water = value(np.clip(patients.lung_water - 6.5, 0, 14))
    pressure = value(np.clip((patients.wedge_pressure - 11) / 14, 0, 1))
    zone = np.clip(0.5 + on.y / 140, 0, 1)
    supply = zone + pressure * (1 - zone)
    vessels = _branches(dx, dy, far, seen, draws) * np.exp(-far / 90) * (0.45 + supply)
    vessels = vessels * (1.6 + 0.8 * pressure + 0.05 * water)
    hila = np.exp(-((dx / 17) ** 2) - (dy / 26) ** 2) * (1.7 + pressure)
    cloud = _clouds(on, seen, draws)
    wet = _edema(on, seen, far, water, cloud)
    return vessels + hila + wet + _patch(on, cloud, patients, draws)


def _clouds(on: Canvas, seen: Lungs, draws: Draws) -> Grid:
    """Uneven filling of the air spaces, from 0 to 2, different on either side."""
    bank = draws.normal("clouds", 2, 14, 14)
    row, column = np.clip((on.y + 110) / 22, 0, 12.9), np.clip(np.abs(on.x) / 13, 0, 12.9)
    return np.clip(_smooth(bank, seen.right, row, column) + 0.15, 0, 2)


def _branches(dx: Grid, dy: Grid, far: Grid, seen: Lungs, draws: Draws) -> Grid:
    """Vessels that fork on their way from the hilum: where a field of noise, drawn out along the
    radius, crosses zero."""
    around, outward = _BRANCHES
    bank = draws.normal("vessels", 2, around, outward)
    turn = (np.arctan2(dy, dx) * 0.5 / np.pi + 0.5) * around
    reach = np.clip(np.log1p(far / 10) * 2.6, 0, outward - 2.01)
    turn = turn + 0.5 * np.sin(reach * 2.3 + 5 * seen.right)
    field = _smooth(bank, seen.right, turn, reach)
    width = np.clip(11 / (far + 14), 0.1, 0.6)
    return np.clip(1 - (field / width) ** 2, 0, 1)


def _pick(bank: np.ndarray, right: Grid, row: Grid, column: Grid) -> Grid:
    """The bank [patient side row column] read at fractional rows and the nearest column."""
    _, sides, rows, columns = bank.shape
    floor = np.floor(row)
    low, part = floor.astype(np.int32), row - floor
    side = right.astype(np.int32)
    start = np.arange(len(bank), dtype=np.int32)[:, None, None] * sides + side
    near = column.astype(np.int32)
    flat = bank.reshape(-1)
    first = flat[(start * rows + low % rows) * columns + near]
    second = flat[(start * rows + (low + 1) % rows) * columns + near]
    return first + (second - first) * part


def _edema(on: Canvas, seen: Lungs, far: Grid, water: Grid, cloud: Grid) -> Grid:
    """Perihilar haze, alveolar clouds and septal lines, with the water in the lung."""
    haze = water * 0.4 * np.exp(-((far / 62) ** 2))
    haze = haze + water * 0.15 * (0.5 + np.clip(seen.height, 0, 1))
    alveolar = np.clip(water - 2.5, 0, 12) * 0.3 * cloud
    alveolar = alveolar * np.exp(-far / 110)
    septal = bump(np.mod(on.y, 8) - 4, 1.6) * step(seen.side - 0.82, 0.05)
    septal = septal * step(on.y - 60, 30) * np.clip(water, 0, 5) * 0.12
    return haze + alveolar + septal


def _smooth(bank: np.ndarray, right: Grid, row: Grid, column: Grid) -> Grid:
    """The bank read at fractional rows and columns."""
    part = column - np.floor(column)
    first = _pick(bank, right, row, column)
    return first + (_pick(bank, right, row, column + 1) - first) * part


def _patch(on: Canvas, cloud: Grid, patients: Patients, draws: Draws) -> Grid:
    """Pneumonia or collapse in one lobe, with uneven air left in it."""
    side = np.where(patients.consolidation < 0, -1, 1)
    place = draws.normal("patch", 3)
    x, y = value(side * (75 + 14 * place[:, 0])), value(50 + 35 * place[:, 1])
    wide = value(26 + 7 * np.abs(place[:, 2]))
    gap = ((on.x - x) / wide) ** 2 + ((on.y - y) / (0.8 * wide)) ** 2
    return value(5 * np.abs(patients.consolidation)) * np.exp(-gap) * (0.5 + cloud)


def ribs(on: Canvas, seen: Lungs, patients: Patients, half: np.ndarray) -> Grid:
    """Ribs behind and, fainter, in front; clavicles; the medial edges of the shoulder blades."""
    spacing = value(25 * patients.height / 1.69)
    side = np.clip(seen.side, 0, 1.02)
    behind = on.y - (48 * side * side - 14 * side)
    ahead = on.y + 62 * side * side - 5
    cage = step(1.05 - seen.side, 0.05) * seen.cage
    back = _bars(behind / spacing, 0.2) * step(seen.side - 0.1, 0.1)
    front = _bars(ahead / (spacing * 1.15) + 0.3, 0.22)
    front = front * step(seen.side - 0.35, 0.2)
    bone = cage * (0.35 + 0.65 * seen.air) * (1.35 * back + 0.8 * front)
    return bone + _collar(on, half) + _blade(on, seen)


def _bars(phase: Grid, width: float) -> Grid:
    """Bars of one per unit, a little denser at their edges, as cortical bone is."""
    distance = np.abs(phase - np.round(phase)) / width
    return step(1 - distance, 0.35) * (0.65 + 0.35 * distance)


def _collar(on: Canvas, half: np.ndarray) -> Grid:
    away = np.abs(on.x) / value(half)
    line = on.y + 78 + 26 * away - 7 * np.sin(away * 6)
    ends = step(away - 0.1, 0.05) * step(1.15 - away, 0.1)
    return 2 * bump(line, 8) * ends


def _blade(on: Canvas, seen: Lungs) -> Grid:
    line = seen.side - 0.93 - 0.0016 * (on.y + 20)
    ends = step(on.y + 85, 20) * step(45 - on.y, 20)
    blade = step(line, 0.06) * step(1.3 - seen.side, 0.2)
    return 0.8 * blade * ends
