"""The beating ventricles as shapes whose volumes are exactly those of the phenotypes.

Both surfaces of the left ventricle are cut ellipsoids about one axis, from the apex to the base.
The apex stays and the base comes down, as in life. The wall is a volume of muscle that stays the
same, so it thickens as the cavity shrinks. The right ventricle is a crescent about the septum. In
every slice the cross-sections have the areas that these bodies have there; infarcts and late walls
change how they are spread over the angles. The atria lie beyond the base, to be seen only.

====================  ==========================================================================
effect                reason and source
====================  ==========================================================================
EF -> base            the base comes down by a share of the length that goes with the ejection
                      fraction: 16 mm in the healthy, 7 mm in dilated cardiomyopathy (Carlsson et
                      al. 2007, Am J Physiol Heart Circ Physiol 292:H1452)
dilatation -> form    a dilated ventricle is rounder (Di Donato et al. 2006, Eur J Cardiothorac
                      Surg 29:S225)
infarct -> wall       the territory of the occluded artery does not move and is thin: anterior and
                      septal walls and the apex, or inferior walls (Cerqueira et al. 2002,
                      Circulation 105:539); the others do all of the work
block, pacing         the septum moves before the valve opens, the lateral wall when it has nearly
                      closed (``function``)
====================  ==========================================================================

The sources give the direction; the sizes are ours.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32

from crossbeat.simulate.function import (
    Cycle,
    Phenotypes,
    cardiac_cycle,
    emptied,
    frame_times,
    phenotype_block,
    right_cycle,
)
from crossbeat.simulate.patient import Patients, Trait
from crossbeat.simulate.streams import Draws

DENSITY = 1.05
"""Of heart muscle, g per ml."""

_WIDEST = 0.6  # where a ventricle is widest: share of the way from its apex to its base

_FULL = 1 - (_WIDEST**3 + (1 - _WIDEST) ** 3) / (3 * _WIDEST**2)
"""Volume over that of the cylinder of greatest width and same length."""

_APEX = 0.7  # thickness of the wall at the apex over that at the widest place
_RIGHT_APEX = 0.12  # where the right ventricle begins: share of the way from apex to base
_ATRIUM = 1.15  # length of the left atrium over its width

Curve = Float32[np.ndarray, "patient frame"]
Outline = Float32[np.ndarray, "frame *level angle"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Hearts:
    """The ventricles of the patients of a block over one beat."""

    patients: Patients
    cycle: Cycle  # their beat
    left: Curve  # volume of the left ventricle, ml
    right: Curve  # volume of the right ventricle, ml
    atrium: Curve  # volume of the left atrium, ml
    length: Curve  # of the left cavity from its apex to the base, mm
    radius: Curve  # of the left cavity where it is widest, mm
    wall: Curve  # thickness of the wall where the cavity is widest, mm
    narrowing: Trait  # share of its cross-section that the cavity loses in systole
    oval: Float32[np.ndarray, "patient 2"]  # how far from round, along and across the septum

    def one(self, row: int) -> "Hearts":
        """The ventricles of one patient."""
        rows = slice(row, row + 1)
        curves = {f.name: getattr(self, f.name)[rows] for f in fields(self)[2:]}
        return Hearts(patients=self.patients.rows(rows), cycle=self.cycle.rows(rows), **curves)

    @property
    def base(self) -> Curve:
        """Height of the base over the apex, mm."""
        return self.length + _APEX * self.wall


@dataclass(frozen=True, eq=False)
class Outlines:
    """Distances in mm from the axis of the left ventricle, where 0 is: nothing there."""

    cavity: Outline  # to the inner surface of the left ventricle
    outer: Outline  # to its outer surface
    right: Outline  # to the far wall of the right ventricle, where it is, else to ``outer``

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> "Outlines":
        """The three of them changed alike."""
        return Outlines(**{f.name: change(getattr(self, f.name)) for f in fields(self)})


def hearts(patients: Patients, block: int, seed: int, frames: int) -> Hearts:
    """The ventricles of the patients of one block at each frame."""
    draws = Draws(seed, block, len(patients), "cine")
    values = phenotype_block(patients, block, seed)
    cycle = cardiac_cycle(patients)
    time = frame_times(cycle, frames)
    out = emptied(cycle, time)
    left = values["LVEDV"][:, None] - values["LVSV"][:, None] * out
    right = values["RVEDV"][:, None] - values["RVSV"][:, None] * emptied(right_cycle(cycle), time)
    shortening = 0.0026 * values["LVEF"]
    length = _length(patients, draws, values)[:, None] * (1 - shortening[:, None] * out)
    radius = np.sqrt(left * 1000 / (np.pi * _FULL * length))
    wall = _wall(radius, length, values["LVM"] / DENSITY * 1000)
    return Hearts(
        patients=patients,
        cycle=cycle,
        left=left,
        right=right,
        atrium=values["LAV"][:, None] * (1 - _atrial_emptying(patients)[:, None] * (1 - out)),
        length=length,
        radius=radius,
        wall=wall,
        narrowing=1 - values["LVESV"] / values["LVEDV"] / (1 - shortening),
        oval=np.array([0.02, 0], dtype=np.float32) + 0.035 * draws.normal("oval", 2),
    )


def _atrial_emptying(patients: Patients) -> Trait:
    """Share of its volume that the left atrium gives away; less if large or fibrillating."""
    share = np.clip(0.55 - 0.05 * patients.left_atrium, 0.3, 0.65)
    return np.where(patients.fibrillation, 0.22, share).astype(np.float32)


def _length(patients: Patients, draws: Draws, values: Phenotypes) -> Trait:
    """Of the left cavity at end diastole, mm; a dilated ventricle is rounder."""
    slender = 1.73 * np.exp(-0.05 * patients.dilatation + 0.06 * draws.normal("slender"))
    radius = np.cbrt(values["LVEDV"] * 1000 / (np.pi * _FULL * 2 * slender))
    return 2 * slender * radius


def _wall(radius: Curve, length: Curve, muscle: Trait) -> Curve:
    """The thickness that gives the wall its volume in mm3, by Newton's method."""
    full = radius**2 * length + muscle[:, None] / (np.pi * _FULL)
    thick = np.full_like(radius, 8)
    for _ in range(6):
        wide, long = radius + thick, length + _APEX * thick
        thick = thick - (wide**2 * long - full) / (2 * wide * long + _APEX * wide**2)
    return thick


def outlines(heart: Hearts, height: Float32[np.ndarray, " level"], angles: int) -> Outlines:
    """The cross-sections of one patient's ventricles, at heights over the apex in mm.

    Angles are counted from the lateral wall by way of the anterior one.
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


def _around(turn: np.ndarray, centre: int, reach: int) -> np.ndarray:
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
    pull = (first - np.sqrt(np.maximum(first**2 - second * heart.narrowing, 0))) / second
    made = (1 - (pull[:, None] * moves) * out) * _at_rest(heart, turn)
    return made / np.sqrt((made**2).mean(axis=-1, keepdims=True))


def _at_rest(heart: Hearts, turn: np.ndarray) -> np.ndarray:
    """The form at end diastole: somewhat oval; a large right ventricle flattens the septum."""
    along, across = heart.oval[0]
    flat = 0.03 * np.clip(heart.patients.right_heart - 1, 0, 4) * _around(turn, 180, 70)
    return (1 + along * np.cos(2 * turn) + across * np.sin(2 * turn) - flat).astype(np.float32)


def _right(heart: Hearts, height: np.ndarray, outer: Outline, turn: np.ndarray) -> Outline:
    """The crescent whose area is that of the right ventricle at each level."""
    tall = heart.base[0][:, None] * (1 - _RIGHT_APEX)
    part = 1 - (heart.base[0][:, None] - height) / tall
    area = _width(part) * heart.right[0][:, None] * 1000 / (_FULL * tall)
    half = np.radians(54 + 28 * np.clip(part, 0, 1))[:, :, None]
    bump = np.clip(1 - ((turn - np.pi) / half) ** 2, 0, 1) ** 0.6
    step = 2 * np.pi / len(turn)
    first, second = (outer * bump).sum(axis=-1) * step, (bump**2).sum(axis=-1) * step
    wide = (np.sqrt(first**2 + 2 * second * area) - first) / second
    return outer + (wide[:, :, None] * bump).astype(np.float32)


def with_atria(heart: Hearts, height: Float32[np.ndarray, " level"], shape: Outlines) -> Outlines:
    """One patient's ``outlines`` at these heights, with the atria where the base has come down."""
    above = (height - heart.base[0][:, None])[:, :, None]
    radius = np.cbrt(heart.atrium[0] * 1000 * 3 / (4 * np.pi * _ATRIUM))[:, None, None]
    half = _ATRIUM * radius
    across = np.sqrt(np.clip(1 - ((above - 0.85 * half) / half) ** 2, 0, 1))
    turn = np.arange(shape.cavity.shape[-1]) * (2 * np.pi / shape.cavity.shape[-1])
    bump = np.clip(1 - ((turn - np.pi) / 1.2) ** 2, 0, 1) ** 0.6
    beyond, there = above > 0, across > 0
    cavity = np.where(beyond, radius * across, shape.cavity)
    outer = np.where(beyond, cavity + 2 * there, shape.outer)
    right = np.where(beyond, outer + 1.5 * radius * across * bump, shape.right)
    return Outlines(*(one.astype(np.float32) for one in (cavity, outer, right)))
