"""The heart as one dipole that turns and grows through each beat: the vectorcardiogram.

Each wave is a Gaussian in time that points in one direction in space, in the spirit of McSharry
et al. 2003 (IEEE Trans Biomed Eng 50:289) and, in three dimensions, Sameni et al. 2007
(EURASIP J Adv Signal Process 2007:43407). Axes: X to the left, Y to the feet, Z to the back.

The QRS is a septal wave to the right and front, a main wave down the axis, a wave to the
back, and a basal one up and right. In left bundle branch block the septum is crossed from the
right, so the first wave is lost and two wide ones remain; in right bundle branch block a late wave
to the right and front is added. A scar removes the early forces of its wall. T points
nearly with the main wave and turns from it with disease. ``electrical`` has reasons and sources.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from crossbeat.simulate.electrical import Electrical

MAIN_AXIS = 42.0
"""Frontal axis in degrees of the QRS vectors as they are written here, before they are turned."""

Vector = Float32[np.ndarray, "patient 3"]
Column = Float32[np.ndarray, " patient"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Wave:
    """One Gaussian of every patient.

    Args:
        centre: seconds after the R peak.
        width: standard deviation in seconds.
        vector: mV along X, Y, Z at the centre.
    """

    centre: Column
    width: Column
    vector: Vector


@dataclass(frozen=True, kw_only=True, eq=False)
class Loops:
    """The waves of a beat by what times them: the atria, the ventricles, repolarisation.

    Args:
        atrial: P, measured from the R peak that follows.
        ventricular: QRS of a conducted beat.
        ectopic: QRS and T of a premature ventricular beat.
        recovery: ST, T and U, measured from the R peak before.
    """

    atrial: tuple[Wave, ...]
    ventricular: tuple[Wave, ...]
    ectopic: tuple[Wave, ...]
    recovery: tuple[Wave, ...]


def loops(seen: Electrical) -> Loops:
    """The waves that follow from the parameters."""
    return Loops(
        atrial=_atrial(seen),
        ventricular=_ventricular(seen),
        ectopic=_ectopic(seen),
        recovery=_recovery(seen),
    )


def turn(vector: np.ndarray, seen: Electrical) -> Vector:
    """Ventricular vectors turned to the frontal axis, and about the vertical."""
    x, y, z = vector.T
    frontal, level = np.radians(seen.axis - MAIN_AXIS), np.radians(seen.rotation)
    x, y = x * np.cos(frontal) - y * np.sin(frontal), x * np.sin(frontal) + y * np.cos(frontal)
    x, z = x * np.cos(level) - z * np.sin(level), x * np.sin(level) + z * np.cos(level)
    return np.stack([x, y, z], axis=1).astype(np.float32)


def _point(x: float, y: float, z: float, size: np.ndarray) -> Vector:
    return (size[:, None] * np.array([x, y, z])).astype(np.float32)


def _wave(centre: np.ndarray, width: np.ndarray, vector: np.ndarray) -> Wave:
    return Wave(
        centre=centre.astype(np.float32),
        width=width.astype(np.float32),
        vector=vector.astype(np.float32),
    )


def _atrial(seen: Electrical) -> tuple[Wave, ...]:
    there = (seen.fibrillation == 0) * seen.voltage
    long = seen.p_duration / 1000
    start = -seen.pr / 1000 - 0.45 * seen.qrs / 1000
    right = _point(0.5, 0.9, -0.5, seen.p_right * there)
    left = _point(0.8, 0.55, 0.62, seen.p_left * there)
    return (
        _wave(start + 0.36 * long, 0.17 * long, right),
        _wave(start + 0.64 * long, 0.17 * long, left),
    )


def _ventricular(seen: Electrical) -> tuple[Wave, ...]:
    qrs, left, right = seen.qrs / 1000, seen.left_block, seen.right_block
    narrow = qrs * (1 - 0.3 * right)
    normal = (1 - left) * seen.voltage
    shift = -0.12 * right * qrs
    scar = seen.scar_anterior[:, None] * np.array([0, 0, 0.9]) + seen.scar_inferior[
        :, None
    ] * np.array([0.1, -0.9, 0])
    septal = _point(-0.22, -0.06, -0.42, normal) + scar * normal[:, None]
    parts = [
        (shift - 0.25 * narrow, 0.095 * narrow, turn(septal, seen)),
        (shift, 0.105 * narrow, turn(_point(0.95, 0.83, 0.1, normal), seen)),
        (shift + 0.2 * narrow, 0.11 * narrow, turn(_point(0.3, 0.05, 0.9, normal), seen)),
        (shift + 0.36 * narrow, 0.09 * narrow, turn(_point(-0.2, -0.2, 0.2, normal), seen)),
    ]
    slow = left * seen.voltage
    parts += [
        (-0.17 * qrs, 0.17 * qrs, turn(_point(0.75, 0.5, 0.95, slow), seen)),
        (0.17 * qrs, 0.15 * qrs, turn(_point(0.85, 0.35, 0.55, slow), seen)),
    ]
    late = _point(-0.55, -0.05, -0.75, right * seen.voltage)
    parts.append((0.33 * qrs, 0.13 * qrs, late))
    spike = _point(0.3, -1.0, 0.1, seen.paced)
    parts.append((-0.5 * qrs - 0.012, np.full_like(qrs, 0.0011), spike))
    return tuple(_wave(*part) for part in parts)


def _ectopic(seen: Electrical) -> tuple[Wave, ...]:
    size, wide = seen.voltage, np.full_like(seen.voltage, 0.15)
    first = turn(_point(-0.3, 1.1, -0.9, size), seen)
    second = turn(_point(-0.3, 1.0, -0.3, size), seen)
    return (
        _wave(-0.1 * wide, 0.18 * wide, first),
        _wave(0.25 * wide, 0.16 * wide, second),
        _wave(0 * wide + 0.3, 0 * wide + 0.055, -0.4 * first),
    )


def _recovery(seen: Electrical) -> tuple[Wave, ...]:
    angle, qrs = np.radians(seen.t_angle)[:, None], seen.qrs / 1000
    along = np.array([[0.82, 0.5, -0.28]])
    away = np.array([[-0.55, -0.2, -0.81]])
    away = away - (away * along).sum() * along / (along**2).sum()
    away = away / np.sqrt((away**2).sum())
    direction = np.cos(angle) * along + np.sin(angle) * away
    voltage = (seen.t_voltage * np.sqrt(seen.voltage))[:, None]
    width = 0.044 * np.sqrt(60 / seen.rate) * seen.t_width
    end = seen.qt / 1000 - 0.5 * qrs
    peak = end - 2 * width
    st = -(seen.st * np.sqrt(seen.voltage))[:, None] * np.array([[0.8, 0.5, 0.35]])
    mid = 0.5 * qrs + 0.35 * (peak - 0.5 * qrs)
    return (
        _wave(peak - 0.9 * width, 1.35 * width, 0.4 * voltage * direction),
        _wave(peak, width, 0.75 * voltage * direction),
        _wave(mid, np.maximum(0.4 * (peak - 0.5 * qrs), 0.02), st),
        _wave(end + 0.07, np.full_like(end, 0.035), seen.u_voltage[:, None] * along),
    )
