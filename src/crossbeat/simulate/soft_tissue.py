"""Chest wall, lungs, diaphragm, heart, great vessels and fluid, as thickness of tissue in cm."""

from dataclasses import dataclass

import numpy as np

from crossbeat.simulate.canvas import Canvas, Grid, Number, ball, bump, dome, step, value
from crossbeat.simulate.film import Film, Thorax
from crossbeat.simulate.patient import Patients


@dataclass(frozen=True, eq=False)
class Lungs:
    """Where the air is, and the coordinates that lung markings follow.

    Args:
        air: 1 where the film shows aerated lung, 0 elsewhere.
        cage: 1 inside the rib cage, whatever fills it.
        side: distance from the midline over half the cage, 0 to 1 and beyond.
        height: 0 at the apex, 1 at the costophrenic angle.
        right: 1 on the patient's right, the image's left.
    """

    air: Grid
    cage: Grid
    side: Grid
    height: Grid
    right: Grid


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
    arch = ball(
        on,
        value(space.midline) + pedicle - 2,
        -34,
        value(space.knob) + 8,
        17,
    )
    artery = ball(on, value(space.midline) + pedicle - 8, -4, 18, 20)
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
