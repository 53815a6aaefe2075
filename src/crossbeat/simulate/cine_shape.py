"""The beating ventricles as shapes whose volumes are exactly those of the phenotypes.

Both surfaces of the left ventricle are cut ellipsoids about one axis, from the apex to the base.
The apex stays and the base comes down, as in life. The wall is a volume of muscle that stays the
same, so it thickens as the cavity shrinks. The right ventricle is a crescent about the septum. In every
slice the cross-sections have the areas that these bodies have there; how they are spread over the
angles is what infarcts and late walls change.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32

from crossbeat.simulate.cycle import Cycle, cardiac_cycle, emptied, frame_times
from crossbeat.simulate.function import Phenotypes, phenotype_block
from crossbeat.simulate.latent import Patients, Trait
from crossbeat.simulate.streams import Draws

DENSITY = 1.05
"""Of heart muscle, g per ml."""

ANGLES = 360
"""Directions in which each outline is known: from the lateral wall by way of the anterior one."""

_WIDEST = 0.6
"""Where a ventricle is widest: share of the way from its apex to its base."""

_FULL = 1 - (_WIDEST**3 + (1 - _WIDEST) ** 3) / (3 * _WIDEST**2)
"""Volume over that of the cylinder of greatest width and same length."""

_APEX = 0.7
"""Thickness of the wall at the apex over that at the widest place."""

_RIGHT_APEX = 0.12
"""Where the right ventricle begins: share of the way from apex to base."""

Curve = Float32[np.ndarray, "patient frame"]
Outline = Float32[np.ndarray, "frame level angle"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Hearts:
    """The ventricles of the patients of a block over one beat.

    Args:
        cycle: their beat.
        left: volume of the left ventricle, ml.
        right: volume of the right ventricle, ml.
        atrium: volume of the left atrium, ml.
        length: of the left cavity from its apex to the base, mm.
        radius: of the left cavity where it is widest, mm.
        wall: thickness of the wall where the cavity is widest, mm.
    """

    patients: Patients
    cycle: Cycle
    left: Curve
    right: Curve
    atrium: Curve
    length: Curve
    radius: Curve
    wall: Curve

    def one(self, row: int) -> "Hearts":
        """The ventricles of one patient."""
        rows = slice(row, row + 1)
        curves = {f.name: getattr(self, f.name)[rows] for f in fields(self)[2:]}
        return Hearts(patients=self.patients.rows(rows), cycle=self.cycle.rows(rows), **curves)

    @property
    def base(self) -> Curve:
        """Height of the base over the apex, mm."""
        return self.length + _APEX * self.wall


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlines:
    """Distances in mm from the axis of the left ventricle, where 0 is: nothing there.

    Args:
        cavity: to the inner surface of the left ventricle.
        outer: to its outer surface.
        right: to the far wall of the right ventricle, where it is, else to ``outer``.
    """

    cavity: Outline
    outer: Outline
    right: Outline


def hearts(patients: Patients, block: int, seed: int, frames: int) -> Hearts:
    """The ventricles of the patients of one block at each frame."""
    draws, values = (
        Draws(seed, block, len(patients), "cine"),
        phenotype_block(patients, block, seed),
    )
    cycle = cardiac_cycle(patients)
    time = frame_times(cycle, frames)
    out = emptied(cycle, time)
    left = values["LVEDV"][:, None] - values["LVSV"][:, None] * out
    later = emptied(cycle, time - cycle.right_delay[:, None])
    later -= emptied(cycle, -cycle.right_delay[:, None])
    right = values["RVEDV"][:, None] - values["RVSV"][:, None] * later
    length = _length(patients, draws, values)[:, None] * (1 - _shortening(values)[:, None] * out)
    radius = np.sqrt(left * 1000 / (np.pi * _FULL * length))
    wall = _wall(radius, length, values["LVM"][:, None] / DENSITY * 1000)
    return Hearts(
        patients=patients,
        cycle=cycle,
        left=left,
        right=right,
        atrium=values["LAV"][:, None] * (1 - 0.5 * (1 - out)),
        length=length,
        radius=radius,
        wall=wall,
    )


def _length(patients: Patients, draws: Draws, values: Phenotypes) -> Trait:
    """Of the left cavity at end diastole, mm; a dilated ventricle is rounder."""
    slender = 1.73 * np.exp(-0.05 * patients.dilatation + 0.06 * draws.normal("slender"))
    radius = np.cbrt(values["LVEDV"] * 1000 / (np.pi * _FULL * 2 * slender))
    return 2 * slender * radius


def _shortening(values: Phenotypes) -> Trait:
    return 0.0026 * values["LVEF"]


def _wall(radius: Curve, length: Curve, muscle: Trait) -> Curve:
    """The thickness that gives the wall its volume in mm3, by Newton's method."""
    full = radius**2 * length + muscle / (np.pi * _FULL)
    thick = np.full_like(radius, 8)
    for _ in range(6):
        wide, long = radius + thick, length + _APEX * thick
        thick = thick - (wide**2 * long - full) / (2 * wide * long + _APEX * wide**2)
    return thick


def outlines(heart: Hearts, height: Float32[np.ndarray, " level"], angles: int) -> Outlines:
    """The cross-sections of one patient's ventricles.

    Args:
        heart: of one patient.
        height: of each section over the apex, mm.
        angles: how many directions, from the lateral wall by way of the anterior one.
    """
    turn = np.arange(angles, dtype=np.float32) * np.float32(2 * np.pi / angles)
    radius, wall, length = (one[0][:, None] for one in (heart.radius, heart.wall, heart.length))
    part = height / (heart.base[0, 0])
    cavity = radius**2 * _width((height - _APEX * wall) / length)
    muscle = (radius + wall) ** 2 * _width(height / (length + _APEX * wall)) - cavity
    scar = _scar(heart.patients, part, turn)
    inner = np.sqrt(cavity)[:, :, None] * _pattern(heart, scar, turn)
    thin = 1 - 0.35 * scar
    thin /= thin.mean(axis=-1, keepdims=True)
    outer = np.sqrt(inner**2 + muscle[:, :, None] * thin)
    return Outlines(cavity=inner, outer=outer, right=_right(heart, height, outer, turn))


def _width(part: np.ndarray) -> np.ndarray:
    """Square of the width of a cut ellipsoid at a share of its length, over the greatest one."""
    inside = (part > 0) & (part <= 1)
    return np.where(inside, 1 - ((part - _WIDEST) / _WIDEST) ** 2, 0).astype(np.float32)


def _scar(patients: Patients, part: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """How much of the wall is scar, at each level and angle; the apex is the anterior artery's."""
    anterior = _around(turn, 115, 85) * np.clip(1.3 - 0.5 * part, 0, 1)[:, None]
    anterior = np.maximum(anterior, np.clip(1 - 2.5 * part, 0, 1)[:, None])
    inferior = _around(turn, 262, 75) * np.clip(0.4 + 0.9 * part, 0, 1)[:, None]
    scar = patients.infarct_anterior * anterior + patients.infarct_inferior * inferior
    return np.clip(scar, 0, 1)


def _around(turn: np.ndarray, centre: float, reach: float) -> np.ndarray:
    """1 about an angle, 0 from ``reach`` degrees on either side."""
    away = np.abs(np.mod(np.degrees(turn) - centre + 180, 360) - 180)
    part = np.clip(1.5 * (1 - away / reach), 0, 1)
    return part * part * (3 - 2 * part)


def _pattern(heart: Hearts, scar: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """How far the cavity reaches in each direction, over a circle of the same area."""
    cycle, frames = heart.cycle, heart.left.shape[1]
    late = 0.5 * cycle.spread * np.cos(turn)
    time = frame_times(cycle, frames)[0][:, None] - late
    out = emptied(cycle, time.reshape(1, -1)).reshape(frames, 1, len(turn))
    moves = 1 - 1.05 * scar
    first, second = moves.mean(axis=-1), (moves**2).mean(axis=-1)
    shrunk = 1 - (heart.radius.min() / heart.radius[0, 0]) ** 2
    pull = (first - np.sqrt(np.maximum(first**2 - second * shrunk, 0))) / second
    made = 1 - (pull[:, None] * moves) * out
    return made / np.sqrt((made**2).mean(axis=-1, keepdims=True))


def _right(heart: Hearts, height: np.ndarray, outer: Outline, turn: np.ndarray) -> Outline:
    """The crescent whose area is that of the right ventricle at each level."""
    tall = heart.base[0][:, None] * (1 - _RIGHT_APEX)
    part = 1 - (heart.base[0][:, None] - height) / tall
    area = _width(part) * heart.right[0][:, None] * 1000 / (_FULL * tall)
    half = np.radians(52 + 26 * np.clip(part, 0, 1))[:, :, None]
    bump = np.clip(1 - ((turn - np.pi) / half) ** 2, 0, 1) ** 0.6
    step = 2 * np.pi / len(turn)
    first, second = (outer * bump).sum(axis=-1) * step, (bump**2).sum(axis=-1) * step
    wide = (np.sqrt(first**2 + 2 * second * area) - first) / second
    return outer + (wide[:, :, None] * bump).astype(np.float32)
