"""What fills the lung: vessels, congestion, oedema, consolidation; and the ribs over it.

As wedge pressure rises the vessels of the upper zones widen; then fluid blurs their edges and
spreads from the hilum as haze, with short septal lines at the base; then it fills alveoli (Ware and
Matthay 2005, N Engl J Med 353:2788; Chakko et al. 1991, Am J Med 90:353 on how often
these signs are missing at high pressure).
"""

import numpy as np

from crossbeat.simulate.canvas import Canvas, Grid, ball, bump, step, value
from crossbeat.simulate.latent import Patients
from crossbeat.simulate.soft_tissue import Lungs
from crossbeat.simulate.streams import Draws

_BRANCHES = (96, 12)
"""Cells of the vessel texture: around the hilum, outwards."""


def lung_markings(on: Canvas, seen: Lungs, patients: Patients, draws: Draws) -> Grid:
    """Vessels and whatever thickens the lung, in cm of tissue; to be shown where there is air."""
    dx, dy = np.abs(on.x) - 36, on.y - 8 * seen.right
    far = np.sqrt(dx * dx + dy * dy)
    water = value(np.clip(patients.lung_water - 6.5, 0, 14))
    pressure = value(np.clip((patients.wedge_pressure - 11) / 14, 0, 1))
    zone = np.clip(0.5 + on.y / 140, 0, 1)
    supply = zone + pressure * (1 - zone)
    texture = _branches(dx, dy, far, seen, draws)
    vessels = texture * np.exp(-far / 75) * (0.55 + supply)
    vessels = vessels * (1.5 + 0.9 * pressure + 0.06 * water)
    hila = np.exp(-((dx / 17) ** 2) - (dy / 26) ** 2) * (1.7 + pressure)
    return vessels + hila + _edema(on, seen, far, water, draws) + _patch(on, patients, draws)


def _branches(dx: Grid, dy: Grid, far: Grid, seen: Lungs, draws: Draws) -> Grid:
    """Streaks that run outwards from the hilum, different on either side."""
    around, outward = _BRANCHES
    bank = draws.normal("vessels", 2, around, outward)
    bank = bank + 0.6 * np.roll(bank, 1, axis=3)
    turn = (np.arctan2(dy, dx) * 0.5 / np.pi + 0.5) * around
    reach = np.clip(far * (outward / 200), 0, outward - 1)
    return _pick(bank, seen.right, turn, reach).clip(-0.6, 2.2)


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


def _edema(on: Canvas, seen: Lungs, far: Grid, water: Grid, draws: Draws) -> Grid:
    """Perihilar haze, alveolar clouds and septal lines, with the water in the lung."""
    haze = water * 0.34 * np.exp(-((far / 62) ** 2))
    haze = haze + water * 0.1 * (0.5 + np.clip(seen.height, 0, 1))
    bank = draws.normal("clouds", 2, 14, 14)
    row, column = np.clip((on.y + 110) / 22, 0, 12.9), np.clip(np.abs(on.x) / 13, 0, 12.9)
    cloud = np.clip(_smooth(bank, seen.right, row, column) + 0.15, 0, 2)
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


def _patch(on: Canvas, patients: Patients, draws: Draws) -> Grid:
    """Pneumonia or collapse in one lobe."""
    side = np.where(patients.consolidation < 0, -1, 1)
    place = draws.normal("patch", 3)
    x, y = value(side * (70 + 14 * place[:, 0])), value(45 + 35 * place[:, 1])
    wide = value(30 + 8 * np.abs(place[:, 2]))
    return value(6 * np.abs(patients.consolidation)) * ball(on, x, y, wide, wide * 0.8)


def ribs(on: Canvas, seen: Lungs, patients: Patients, half: np.ndarray) -> Grid:
    """Ribs behind and, fainter, in front; clavicles; the medial edges of the shoulder blades."""
    spacing = value(23 * patients.height / 1.69)
    side = np.clip(seen.side, 0, 1.02)
    behind = on.y - (30 * side * side - 10 * side)
    ahead = on.y + 62 * side * side - 5
    cage = step(1.05 - seen.side, 0.05) * seen.cage
    back = _bars(behind / spacing, 0.24) * step(seen.side - 0.1, 0.1)
    front = _bars(ahead / (spacing * 1.15) + 0.3, 0.22)
    front = front * step(seen.side - 0.35, 0.2)
    bone = cage * (1.15 * back + 0.55 * front)
    return bone + _collar(on, half) + _blade(on, seen)


def _bars(phase: Grid, width: float) -> Grid:
    """Bars of one per unit, a little denser at their edges, as cortical bone is."""
    distance = np.abs(phase - np.round(phase)) / width
    return step(1 - distance, 0.35) * (0.65 + 0.35 * distance)


def _collar(on: Canvas, half: np.ndarray) -> Grid:
    away = np.abs(on.x) / value(half)
    line = on.y + 78 + 26 * away - 7 * np.sin(away * 6)
    ends = step(away - 0.1, 0.05) * step(1.15 - away, 0.1)
    return 1.5 * bump(line, 7) * ends


def _blade(on: Canvas, seen: Lungs) -> Grid:
    line = seen.side - 0.93 - 0.0016 * (on.y + 20)
    ends = step(on.y + 85, 20) * step(45 - on.y, 20)
    blade = step(line, 0.06) * step(1.3 - seen.side, 0.2)
    return 0.8 * blade * ends
