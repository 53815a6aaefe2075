"""Frontal chest X-rays of virtual patients.

Each film is thickness of tissue in cm of water: chest wall, lungs, diaphragm, heart, great vessels,
fluid, and the markings of the lung with the ribs over it, developed as film is.

As wedge pressure rises the vessels of the upper zones widen; then fluid blurs their edges and
spreads from the hilum as haze, with short septal lines at the base; then it fills alveoli (Ware and
Matthay 2005, N Engl J Med 353:2788; Chakko et al. 1991, Am J Med 90:353 on how often
these signs are missing at high pressure).
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from crossbeat.simulate.devices import devices
from crossbeat.simulate.film import (
    Canvas,
    Film,
    Grid,
    Number,
    Thorax,
    ball,
    bump,
    canvas,
    dome,
    step,
    take_film,
    thorax,
    value,
)
from crossbeat.simulate.patient import Patients
from crossbeat.simulate.streams import Draws, in_order, spans

Images = UInt8[np.ndarray, "patient height width"]


def xrays(patients: Patients, seed: int, size: int, executor: Executor | None = None) -> Images:
    """The chest X-ray of each patient, bright where dense, the patient's right on the left.

    Args:
        patients: as ``draw_patients`` gives them, or changed copies.
        seed: of the film: another seed is another film of the same chests.
        size: pixels per side, 16 or more.
        executor: shares the blocks out; by default they are made one after the other.

    Raises:
        ValueError: ``size`` is below 16.
    """
    return np.concatenate(list(xray_blocks(patients, seed, size, executor)))


def xray_blocks(
    patients: Patients, seed: int, size: int, executor: Executor | None = None
) -> Iterator[Images]:
    """The same films block by block, in order: memory stays that of a few blocks."""
    if size < 16:
        raise ValueError(f"size must be 16 pixels or more, got {size}")
    jobs = ((patients.rows(rows), block, seed, size) for block, rows in spans(len(patients)))
    return in_order(xray_block, jobs, executor)


def xray_block(patients: Patients, block: int, seed: int, size: int) -> Images:
    """The films of the patients of one block; a function that a process pool can call."""
    draws = Draws(seed, block, len(patients), "film")
    film = take_film(patients, draws)
    grey = develop(thickness(patients, film, draws, size), film)
    grain = draws.normal("film noise", size, size) * value(film.grain)
    return np.clip(grey + grain, 0, 255).astype(np.uint8)


def noisier(films: Images, block: int, seed: int, noise: float) -> Images:
    """The films of one block with further noise, the same for every patient, whoever is there.

    Args:
        films: of the first patients of the block, 0 to 255.
        block: which block.
        seed: of the noise; 0 or more.
        noise: standard deviation in grey levels, 0 or more; what leaves 0 to 255 is clipped.
    """
    grain = Draws(seed, block, len(films), "noisier film").normal("noise", *films.shape[1:])
    return np.clip(np.rint(films + noise * grain), 0, 255).astype(np.uint8)


def thickness(patients: Patients, film: Film, draws: Draws, size: int) -> Grid:
    """Tissue that the rays cross at each pixel, in cm of water."""
    on, space = canvas(film, size), thorax(patients, film)
    seen = lungs(on, space)
    around = body(on, space, patients, film)
    filled = lung_markings(on, seen, patients, draws) + fluid(space, seen)
    filled += heart(on, space, patients)
    room = np.clip(0.82 * around - 1.8, 0, None) * (1 - 0.9 * np.clip(seen.side, 0, 1) ** 7)
    around -= np.clip(room - filled, 0, None) * seen.air
    around += mediastinum(on, space) * (0.6 + 0.4 * seen.air) * step(around - 1, 2)
    around += ribs(on, seen, patients, space.half) + abdomen(on, space, seen, patients)
    around += breasts(on, space, patients)
    return np.clip(around, 0, None) + devices(on, space, patients, film, draws)


def develop(thick: Grid, film: Film) -> Grid:
    """Grey levels of the film, 0 to 255: its characteristic curve, exposure and contrast."""
    depth = value(11 * np.exp(-0.18 * film.exposure))
    lift = value(1.2 * np.exp(0.25 * film.contrast))
    return 250 * (1 - np.exp(-thick / depth)) ** lift


@dataclass(frozen=True, eq=False)
class Lungs:
    """Where the air is, and the coordinates that lung markings follow."""

    air: Grid  # 1 where the film shows aerated lung, 0 elsewhere
    cage: Grid  # 1 inside the rib cage, whatever fills it
    side: Grid  # distance from the midline over half the cage, 0 to 1 and beyond
    height: Grid  # 0 at the apex, 1 at the costophrenic angle
    right: Grid  # 1 on the patient's right, the image's left


def lungs(on: Canvas, space: Thorax) -> Lungs:
    """Both lungs above diaphragm and fluid; the heart is drawn over them."""
    half, apex, angle = value(space.half), value(space.apex), value(space.angle)
    soft = np.maximum(3.5, on.pixel)
    right = (on.x < 0).astype(np.float32)
    away = np.abs(on.x)
    height = (on.y - apex) / (angle - apex)
    inside = np.clip(height, 0, 1)
    reach = half * (1 - (1 - inside) ** 3) ** 0.52
    hilar = 16 + 26 * np.exp(-inside * 16)
    cage = step(reach - away, soft) * step(on.y - apex, soft)
    side = away / half
    floor = _floor(space, side, right)
    air = cage * step(floor - on.y, soft) * step(away - hilar, soft * 2)
    return Lungs(air, cage, side, height, right)


def _floor(space: Thorax, side: Grid, right: Grid) -> Grid:
    """Where air ends below: the diaphragm, or the fluid with its meniscus."""
    dome_at = np.where(right > 0, value(space.dome_right), value(space.dome_left))
    angle = value(space.angle)
    outward = np.clip((side - 0.42) / 0.58, 0, 1.2)
    inward = np.clip((0.42 - side) / 0.42, 0, 1)
    drop = (angle - dome_at) * (outward**2.2 + 0.3 * inward**2)
    fluid = np.where(right > 0, value(space.fluid_right), value(space.fluid_left))
    rise = np.minimum(fluid * 0.8, 26)
    surface = angle - fluid - rise * np.clip(side, 0, 1.2) ** 6
    filled = np.where(fluid > 1, surface, 1e4)
    return np.minimum(dome_at + drop, filled)


def heart(on: Canvas, space: Thorax, patients: Patients) -> Grid:
    """The cardiac silhouette; its widest points are ``heart_right`` and ``heart_left``.

    A dilated left ventricle reaches down and out; a thick one rounds the apex. Pericardial fluid
    makes it a flask. A large left atrium fills the waist below the pulmonary artery.
    """
    top, bottom = -12, value(space.dome_left) + 16
    along = (on.y - top) / (bottom - top)
    low = value(0.76 + 0.02 * patients.dilatation - 0.03 * np.maximum(patients.hypertrophy, 0))
    waist = value(0.95 - 0.08 * patients.left_atrium - patients.pericardial_fluid / 900)
    pedicle = value(space.pedicle)
    left = _border(along, low, np.clip(waist, 0.35, 1.3), value(space.heart_left), pedicle + 2)
    right = _border(along, 0.62, 0.7, value(space.heart_right), pedicle - 2)
    x = on.x - value(space.midline)
    soft = np.maximum(2, on.pixel)
    inside = step(left - x, soft) * step(x + right, soft) * step(along + 0.04, 0.1)
    inside *= step(1.12 - along, 0.15)
    offset = (x - (left - right) / 2) / ((left + right) / 2)
    return inside * (2.2 + 6.5 * dome(offset * offset))


def _border(along: Grid, low: Number, power: Number, reach: Number, start: Number) -> Grid:
    """Distance of one border of the heart from the midline: ``reach`` at ``low``, less beyond."""
    up = np.clip(along / low, 0, 1)
    down = np.clip((along - low) / (1.25 - low), 0, 1)
    swell = np.sin((np.pi / 2) * up ** (power + 0.25)) * np.sqrt(1 - down * down)
    return start + (reach - start) * swell


def mediastinum(on: Canvas, space: Thorax) -> Grid:
    """Great vessels with the aortic arch, spine with its vertebrae, and the air of the trachea."""
    x, soft = on.x - value(space.midline), np.maximum(4, on.pixel)
    pedicle = value(space.pedicle)
    vessels = step(pedicle - np.abs(x - 2), soft) * step(60 - on.y, 60)
    edge = value(space.midline) + pedicle
    arch = ball(on, edge - 2, -34, value(space.knob) + 8, 17)
    artery = ball(on, edge - 8, -4, 18, 20)
    spine = bump(on.x + 0, 24) * (1.6 + 0.25 * np.sin(on.y * 2 * np.pi / 23))
    windpipe = bump(on.x - value(space.midline) * 0.5, 10) * step(-8 - on.y, 14)
    return 2.6 * vessels + 3 * arch + 1.6 * artery + spine - 2.2 * windpipe


def body(on: Canvas, space: Thorax, patients: Patients, film: Film) -> Grid:
    """Chest wall, shoulders, neck, abdomen and, in bed, arms, without the air inside."""
    fat = np.clip(patients.bmi - 20, 0, 30)
    wall = value(space.half + 15 + 1.3 * fat)
    depth = value(14.5 + 0.26 * (patients.bmi - 27) + 0.8 * patients.male)
    away = np.abs(on.x)
    waist = wall * (1 - 0.08 * np.clip((60 - on.y) / 160, 0, 1))
    shoulder = value(space.apex) - 24 + 0.3 * np.clip(away - 50, 0, 400)
    top = np.maximum(step(on.y - shoulder, 22), 0.8 * step(52 - away, 24))
    chest = 0.2 * step(waist - away, 8) + 0.8 * dome((away / waist) ** 2)
    girdle = step(value(space.apex) + 85 - on.y + 0.4 * (away - wall), 110)
    girdle = girdle * 0.48 * step(away - waist + 30, 50)
    arm = dome(((away - wall - 46) / 40) ** 2) * step(on.y - value(space.apex) - 30, 60)
    arm = arm * value(0.5 * film.anteroposterior)
    return depth * top * np.clip(chest + np.maximum(girdle, arm), 0, 1)


def abdomen(on: Canvas, space: Thorax, seen: Lungs, patients: Patients) -> Grid:
    """The dense organs below the diaphragm, with the air of the stomach on the left."""
    dome_at = np.where(seen.right > 0, value(space.dome_right), value(space.dome_left))
    below = step(on.y - dome_at - 12 * seen.side, 24) * step(1.15 - seen.side, 0.2)
    air = np.clip(1.4 * patients.variation("thorax") + 0.8 * patients.variation("pedicle"), 0, 1.8)
    bubble = ball(on, 0.48 * value(space.half), value(space.dome_left) + 24, 30, 15)
    return 2.6 * below - 2.6 * value(air) * bubble


def breasts(on: Canvas, space: Thorax, patients: Patients) -> Grid:
    """Breast shadows, thicker with weight; slight in men."""
    size = np.where(patients.male, 0.25, 1.0) * (0.8 + 0.09 * np.clip(patients.bmi - 20, 0, 25))
    where = value(0.55 * space.half)
    low = value(space.dome_right - 30 + 0.8 * (patients.bmi - 27) + 0.2 * (patients.age - 60))
    wide = value(50 + 0.9 * np.clip(patients.bmi - 22, 0, 20))
    shape = ball(on, where, low, wide, wide) + ball(on, -where, low, wide, wide)
    return value(size) * shape


def fluid(space: Thorax, seen: Lungs) -> Grid:
    """Pleural fluid: free at the base, and as a veil behind the lung of a patient who lies."""
    veil = np.where(seen.right > 0, value(space.veil_right), value(space.veil_left))
    return seen.cage * veil * (0.6 + 0.5 * np.clip(seen.height, 0, 1))


_BRANCHES = (30, 11)  # cells of the vessel texture: around the hilum, outwards


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
