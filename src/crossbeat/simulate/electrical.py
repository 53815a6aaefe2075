"""The effect of the latent heart on the ECG: intervals, voltages, rhythm, and the waves of a beat.

====================  ==========================================================================
effect                reason and source
====================  ==========================================================================
mass -> voltage       more muscle, more dipole; sensitivity is poor, since habitus, age and sex
                      change voltage as much (Sokolow and Lyon 1949, Am Heart J 37:161; Levy et
                      al. 1990, Circulation 81:815)
mass -> ST, T         repolarisation turns against the QRS: strain (Hancock et al. 2009,
                      Circulation 119:e251)
dilatation -> loop    intracavitary blood augments radial forces (Brody 1956, Circ Res 4:731);
                      the transition in V1 to V6 moves left
weakness -> QRS       the weaker the ventricle, the wider the QRS (Kashani and Barold 2005, J Am
                      Coll Cardiol 46:2183): scar and stretched fibres lengthen the way
fluid -> voltage      oedema, pleural and pericardial fluid shunt current and move electrodes away
                      (Madias et al. 2001, J Am Coll Cardiol 38:756)
obesity -> voltage    distance lowers limb and chest voltage; a high diaphragm turns the axis left
                      (Fraley et al. 2005, Obes Rev 6:275)
lungs -> axis         overinflated lungs lower voltage and turn the axis down
left atrium -> P      longer P, terminal negativity in V1 (Morris et al. 1964, Circulation 30:242)
congestion -> rate    sympathetic drive holds the output of a failing ventricle (Francis et al.
                      1984, Ann Intern Med 101:370)
block -> QRS, T       bundle branch block widens the QRS (Surawicz et al. 2009, Circulation
                      119:e235), and so does pacing of the ventricle
scar -> Q             the wall opposite the scar is left unopposed
potassium -> T        high: tall narrow T, wide QRS, flat P; low: flat T, long QT (Surawicz 1967,
                      Am Heart J 73:814)
rate -> QT            by the cube root of RR (Fridericia 1920, Acta Med Scand 53:469)
====================  ==========================================================================

The sources give the direction; rows without one are textbook knowledge. The sizes are ours, kept
within the healthy and diseased ranges that textbooks print. See ``findings`` on how hard this makes
the cohort.

From these parameters follows the heart as one dipole that turns and grows through each beat: the
vectorcardiogram. Each wave is a Gaussian in time that points in one direction in space, in the
spirit of McSharry et al. 2003 (IEEE Trans Biomed Eng 50:289) and, in three dimensions, Sameni et
al. 2007 (EURASIP J Adv Signal Process 2007:43407). Axes: X to the left, Y to the feet, Z to the
back.

The QRS is a septal wave to the right and front, a main wave down the axis, a wave to the back, and
a basal one up and right. In left bundle branch block the septum is crossed from the right, so the
first wave is lost and two wide ones remain; in right bundle branch block a late wave to the right
and front is added. A scar removes the early forces of its wall. T points nearly with the main wave
and turns from it with disease.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32

from crossbeat.simulate.patient import Patients, Trait


@dataclass(frozen=True, kw_only=True, eq=False)
class Electrical:
    """The ECG of each patient in parameters, before electrodes are placed and noise is added."""

    rate: Trait  # mean ventricular rate, beats per minute
    irregularity: Trait  # standard deviation of RR over its mean
    ectopy: Trait  # share of beats that are premature ventricular
    fibrillation: Trait  # 1 if fibrillation waves replace the P wave, else 0
    p_duration: Trait  # ms
    p_right: Trait  # voltage of the right atrium's part of P, mV
    p_left: Trait  # voltage of the left atrium's part of P, mV
    pr: Trait  # ms, from the start of P to the start of QRS
    qrs: Trait  # duration, ms
    left_block: Trait  # share of the left bundle branch block pattern in the QRS, 0 to 1
    right_block: Trait  # share of the right bundle branch block pattern, 0 to 1
    paced: Trait  # 1 if a spike stands before each QRS, else 0
    qt: Trait  # ms, at this rate
    qtc: Trait  # ms, at 60 beats per minute
    voltage: Trait  # factor on every lead
    precordial: Trait  # further factor on V1 to V6
    left_lateral: Trait  # further factor on I, V5 and V6, which pleural fluid on the left lowers
    axis: Trait  # of the QRS in the frontal plane, degrees, positive downwards
    rotation: Trait  # of the QRS about the vertical axis, degrees, positive backwards
    scar_anterior: Trait  # share of the anterior forces lost
    scar_inferior: Trait  # share of the inferior forces lost
    t_voltage: Trait  # mV
    t_angle: Trait  # of T from its healthy direction, away from the left ventricle, degrees
    t_width: Trait  # factor on the width of T
    st: Trait  # depression over the left ventricle, mV
    u_voltage: Trait  # mV


DETERMINANTS = tuple(f.name for f in fields(Electrical))
"""The columns of ``ecg_determinants``."""


def ecg_determinants(patients: Patients) -> Float32[np.ndarray, "patient determinant"]:
    """The noise-free ECG parameters of each patient: the limit of any model."""
    seen = electrical(patients)
    return np.stack([getattr(seen, name) for name in DETERMINANTS], axis=1)


def electrical(patients: Patients) -> Electrical:
    """The ECG parameters that follow from the latent heart."""
    state = _atria(patients) | _ventricles(patients) | _voltages(patients) | _rhythm(patients)
    state |= _repolarisation(patients, state["qrs"], state["rate"])
    return Electrical(**{name: value.astype(np.float32) for name, value in state.items()})


def _weak(patients: Patients) -> Trait:
    return (61 - patients.ejection_fraction) / 10


def _rhythm(patients: Patients) -> dict[str, np.ndarray]:
    drive = (
        0.45 * np.maximum(0, patients.wedge_pressure - 12)
        + 0.8 * np.maximum(0, patients.lung_water - 7)
        + 6 * patients.acuity
        + 3 * _weak(patients)
    )
    calm = 8 * patients.beta_blocker + 0.1 * (patients.age - 63)
    spread = np.where(patients.fibrillation, 16, 11) * patients.variation("rate")
    rate = np.clip(75 + 11 * patients.fibrillation + drive - calm + spread, 38, 165)
    sinus = 0.035 * np.exp(0.5 * patients.variation("irregularity") - 0.012 * (patients.age - 63))
    sinus = sinus * np.exp(-0.01 * drive)
    fibrillating = 0.21 * np.exp(0.15 * patients.variation("irregularity"))
    irregular = np.where(patients.fibrillation, fibrillating, sinus) * ~patients.paced
    score = patients.variation("ectopy") + 0.25 * _weak(patients) + 0.01 * (patients.age - 63)
    return {
        "rate": rate,
        "irregularity": np.where(patients.paced, 0.008, irregular),
        "ectopy": 0.08 * np.clip(score - 1.3, 0, 2.5),
        "fibrillation": patients.fibrillation,
        "paced": patients.paced,
    }


def _atria(patients: Patients) -> dict[str, np.ndarray]:
    flat = np.clip(1 - 0.35 * np.maximum(0, patients.potassium - 5.3), 0.15, 1)
    atrial = flat * np.exp(0.22 * patients.variation("p_voltage"))
    slow = 10 * patients.beta_blocker + 0.35 * (patients.age - 63) + 3 * patients.left_atrium
    p = 104 + 6.5 * patients.left_atrium + 7 * patients.variation("p_duration")
    return {
        "p_duration": np.clip(p, 75, 170),
        "p_right": 0.09 * atrial * np.exp(0.2 * patients.right_heart),
        "p_left": 0.075 * atrial * np.exp(0.2 * patients.left_atrium),
        "pr": np.clip(158 + slow + 18 * patients.variation("pr"), 110, 340),
    }


def _ventricles(patients: Patients) -> dict[str, np.ndarray]:
    weak, hyper = _weak(patients), np.maximum(patients.hypertrophy, 0)
    salt = 14 * np.maximum(0, patients.potassium - 5.8)
    narrow = 86 + 6 * patients.male + 3 * hyper + 2.2 * weak + 2 * patients.dilatation + salt
    narrow = narrow + 6.5 * patients.variation("qrs")
    left = np.maximum(patients.left_block, patients.paced)
    wide = narrow + 54 * left + 42 * patients.right_block + 12 * patients.paced
    return {
        "qrs": np.clip(wide, 66, 220),
        "left_block": left + 0.0,
        "right_block": patients.right_block + 0.0,
        "scar_anterior": patients.infarct_anterior,
        "scar_inferior": patients.infarct_inferior,
        "axis": _axis(patients),
        "rotation": 5 * patients.dilatation
        + 9 * patients.lung_disease
        + 4 * patients.right_heart
        + 12 * patients.variation("rotation"),
    }


def _axis(patients: Patients) -> np.ndarray:
    turned = (
        34
        - 0.45 * (patients.age - 63)
        - 1.3 * (patients.bmi - 27.5)
        - 6 * np.maximum(patients.hypertrophy, 0)
        - 22 * patients.left_block
        - 85 * patients.paced
        + 18 * patients.lung_disease
        + 7 * patients.right_heart
    )
    return np.clip(turned + 22 * patients.variation("axis"), -90, 150)


def _voltages(patients: Patients) -> dict[str, np.ndarray]:
    fluid = 0.02 * (patients.lung_water - 5.5) + patients.effusion_right / 4000
    distance = 0.013 * (patients.bmi - 27.5) + 0.15 * patients.lung_disease
    fluid = fluid + patients.effusion_left / 3000 + patients.pericardial_fluid / 900
    scar = patients.infarct_anterior + patients.infarct_inferior
    muscle = 0.1 * patients.hypertrophy - 0.25 * scar
    person = 0.05 * patients.male - 0.002 * (patients.age - 63)
    own = 0.29 * patients.variation("voltage")
    lateral = 0.17 * patients.variation("lateral") - patients.effusion_left / 3500
    chest = 0.05 * patients.dilatation + 0.16 * patients.variation("precordial")
    return {
        "voltage": np.exp(np.clip(muscle + person + own - fluid - distance, -1.4, 0.9)),
        "precordial": np.exp(chest + 0.1 * patients.male),
        "left_lateral": np.exp(lateral),
    }


def _repolarisation(patients: Patients, qrs: np.ndarray, rate: np.ndarray) -> dict[str, np.ndarray]:
    weak, hyper = _weak(patients), np.maximum(patients.hypertrophy, 0)
    low, high = np.maximum(0, 3.6 - patients.potassium), np.maximum(0, patients.potassium - 5.3)
    qtc = 408 + 9 * ~patients.male + 0.1 * (patients.age - 63) + 0.5 * np.maximum(0, qrs - 95)
    qtc = qtc + 3 * hyper + 3.5 * weak + 30 * patients.qt_drug + 25 * low - 10 * high
    qtc = np.clip(qtc + 15 * patients.variation("qt"), 340, 640)
    strain = np.maximum(0, patients.hypertrophy - 1)
    angle = 14 + 26 * strain + 11 * weak + 0.3 * (patients.age - 63) + 25 * patients.left_block
    size = 0.25 * patients.variation("t_voltage") - 0.12 * strain - 0.06 * weak + 0.5 * high - low
    block = 0.1 * (patients.left_block | patients.paced)
    return {
        "qtc": qtc,
        "qt": qtc * np.cbrt(60 / rate),
        "t_voltage": 0.34 * np.exp(size),
        "t_angle": np.clip(angle + 20 * patients.variation("t_angle"), -60, 180),
        "t_width": np.exp(-0.2 * high),
        "st": np.clip(0.03 * strain + block + 0.02 * patients.variation("st"), -0.06, 0.3),
        "u_voltage": 0.02 + 0.12 * low,
    }


MAIN_AXIS = 42.0
"""Frontal axis in degrees of the QRS vectors as they are written here, before they are turned."""

Vector = Float32[np.ndarray, "patient 3"]


@dataclass(frozen=True, eq=False)
class Wave:
    """One Gaussian of every patient."""

    centre: Trait  # seconds after the R peak
    width: Trait  # standard deviation in seconds
    vector: Vector  # mV along X, Y, Z at the centre


@dataclass(frozen=True, eq=False)
class Loops:
    """The waves of a beat by what times them: the atria, the ventricles, repolarisation."""

    atrial: tuple[Wave, ...]  # P, measured from the R peak that follows
    ventricular: tuple[Wave, ...]  # QRS of a conducted beat
    ectopic: tuple[Wave, ...]  # QRS and T of a premature ventricular beat
    recovery: tuple[Wave, ...]  # ST, T and U, measured from the R peak before


def loops(seen: Electrical) -> Loops:
    """The waves that follow from the parameters."""
    return Loops(_atrial(seen), _ventricular(seen), _ectopic(seen), _recovery(seen))


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
    return Wave(*(each.astype(np.float32) for each in (centre, width, vector)))


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
    scar = seen.scar_anterior[:, None] * np.array([0, 0, 0.9])
    scar = scar + seen.scar_inferior[:, None] * np.array([0.1, -0.9, 0])
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
