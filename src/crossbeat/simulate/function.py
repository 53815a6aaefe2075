"""The work of each virtual heart: its cardiac MRI phenotypes, and when it empties and fills.

Healthy means and spreads by sex are those of Petersen et al. 2017, J Cardiovasc Magn Reson 19:18
(UK Biobank, 1.5 T, papillary muscles counted as blood). Volumes and mass vary about them by body
size, age, the latent disease and the person.

====================  ==========================================================================
effect                reason and source
====================  ==========================================================================
size -> everything    volumes and mass follow body surface area (Petersen et al. 2017; area by
                      Mosteller 1987, N Engl J Med 317:1098)
age -> volumes        ventricles shrink with age, mass hardly does (Petersen et al. 2017)
dilatation -> LVEDV   what the latent state means by it; the wall of a dilated ventricle adds mass
hypertrophy -> LVM    what the latent state means by it
EF -> LVESV           the latent ejection fraction, exactly
LVSV -> RVSV          both sides pump the same blood, but for shunts, leaking valves and error
right heart -> RVEDV  what the latent state means by it; at the same stroke volume the ejection
                      fraction of a large right ventricle is low
infarct -> RVEDV      the right coronary artery feeds the right ventricle too (Kinch and Ryan
                      1994, N Engl J Med 330:1211)
left atrium -> LAV    what the latent state means by it
rate -> systole       electromechanical systole shortens linearly with the rate (Weissler et al.
                      1968, Circulation 37:149)
EF -> ejection        the weaker the ventricle, the longer it takes to open the valve and the
                      shorter it ejects (Garrard et al. 1970, Circulation 42:455)
pressure -> filling   the mitral valve opens early, filling is quick, and little is left to the
                      atrium (Nishimura and Tajik 1997, J Am Coll Cardiol 30:8)
age -> atrial share   early filling slows with age, and the atrium adds more (Benjamin et al. 1992,
                      Am J Cardiol 70:508)
fibrillation          the atrium adds nothing
rate -> diastasis     what a quick heart lacks in time is the pause between both fillings
block, pacing         the septum contracts first and the lateral wall last; ejection is late
                      (Grines et al. 1989, Circulation 79:845)
====================  ==========================================================================

The sources give means, spreads, directions and the times of systole. The other sizes are ours,
those of the cycle within the ranges that textbooks print.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float32

from crossbeat.measurements import MEASUREMENTS as KNOWN
from crossbeat.simulate.electrical import electrical
from crossbeat.simulate.patient import Patients, Trait
from crossbeat.simulate.streams import Draws, spans

PHENOTYPES: Mapping[str, str] = {name: phenotype.unit for name, phenotype in KNOWN.items()}
"""The phenotypes and their units: volumes at end diastole and end systole, stroke volume, ejection
fraction and muscle mass of the left (LV) and right (RV) ventricle, and the largest volume of the
left atrium."""

Phenotypes = dict[str, Trait]
Times = Float32[np.ndarray, "patient time"]

_HEALTHY: Mapping[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "LVEDV": ((124, 21), (166, 32)),
    "LVM": ((70, 13), (103, 21)),
    "RVEDV": ((130, 24), (182, 36)),
    "LVSV": ((75, 14), (96, 20)),
    "LAV": ((62, 17), (71, 19)),
}
"""Mean and standard deviation of women and men, ml or g."""

_AREA = (1.68, 1.95)
"""Body surface area of these women and men, m2: their mean mass over their mean indexed mass."""

_AGE = 59.0  # years: the middle of the ages of these women and men


def phenotypes(patients: Patients, seed: int) -> Phenotypes:
    """The true cardiac MRI phenotypes of each patient.

    Args:
        patients: as ``draw_patients`` gives them, or changed copies.
        seed: of the healthy differences that no other modality shows; 0 or more.

    Returns:
        One array per name of ``PHENOTYPES``, in its unit.
    """
    blocks = spans(len(patients))
    made = [phenotype_block(patients.rows(rows), block, seed) for block, rows in blocks]
    return {name: np.concatenate([one[name] for one in made]) for name in PHENOTYPES}


def phenotype_block(patients: Patients, block: int, seed: int) -> Phenotypes:
    """The phenotypes of the patients of one block."""
    draws = Draws(seed, block, len(patients), "cine")
    left = _left(patients, draws)
    right = _right(patients, draws, left["LVSV"])
    atrium = np.exp(0.22 * patients.left_atrium + 0.17 * draws.normal("LAV"))
    made = left | right | {"LAV": _typical("LAV", patients) * atrium}
    return {name: made[name].astype(np.float32) for name in PHENOTYPES}


def _left(patients: Patients, draws: Draws) -> Phenotypes:
    """Volumes of the left ventricle follow from its size and its ejection fraction."""
    wide, thick = patients.dilatation, patients.hypertrophy
    size = 0.17 * wide - 0.0045 * (patients.age - _AGE) + 0.09 * draws.normal("LVEDV")
    mass = 0.13 * thick + 0.05 * wide - 0.001 * (patients.age - _AGE) + 0.1 * draws.normal("LVM")
    end_diastole = _typical("LVEDV", patients) * np.exp(size)
    end_systole = end_diastole * (1 - patients.ejection_fraction / 100)
    stroke = end_diastole - end_systole
    return {
        "LVEDV": end_diastole,
        "LVESV": end_systole,
        "LVSV": stroke,
        "LVEF": 100 * stroke / end_diastole,
        "LVM": _typical("LVM", patients) * np.exp(mass),
    }


def _right(patients: Patients, draws: Draws, left_stroke: Trait) -> Phenotypes:
    """The right ventricle pumps what the left one does, from a size of its own."""
    stroke = left_stroke * (1 + 0.03 * draws.normal("RVSV"))
    output = 0.7 * np.log(stroke / _typical("LVSV", patients))
    own = 0.12 * patients.right_heart + 0.1 * patients.infarct_inferior
    own = own + 0.08 * draws.normal("RVEDV")
    end_diastole = _typical("RVEDV", patients) * np.exp(output + own)
    end_diastole = np.clip(end_diastole, stroke / 0.78, stroke / 0.12)
    return {
        "RVEDV": end_diastole,
        "RVESV": end_diastole - stroke,
        "RVSV": stroke,
        "RVEF": 100 * stroke / end_diastole,
    }


def _typical(name: str, patients: Patients) -> Trait:
    """The median of healthy people of this sex, body size and shared variation of heart size."""
    mean, spread = np.where(patients.male, *(np.array(of)[:, None] for of in _HEALTHY[name][::-1]))
    median = mean * np.exp(-0.5 * (spread / mean) ** 2)
    area = np.sqrt(patients.height * 100 * (patients.bmi * patients.height**2) / 3600)
    person = 0.7 * np.log(area / np.where(patients.male, _AREA[1], _AREA[0]))
    return (median * np.exp(person + 0.08 * patients.variation("heart"))).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cycle:
    """The beat of each patient, in seconds after the R peak.

    Args:
        length: from one R peak to the next.
        ejection: the aortic valve opens.
        end_systole: it closes; the ventricle is smallest from here to ``filling``.
        filling: the mitral valve opens.
        early: how long early filling takes.
        atrial: how long the atrium contracts, up to the next R peak.
        kick: share of the stroke volume that the atrium adds, 0 to 1.
        spread: by how much the lateral wall is later than the septum.
        right_delay: by how much the right ventricle empties later than the left.
    """

    length: Trait
    ejection: Trait
    end_systole: Trait
    filling: Trait
    early: Trait
    atrial: Trait
    kick: Trait
    spread: Trait
    right_delay: Trait

    def rows(self, rows: slice) -> "Cycle":
        """The cycle of some of the patients."""
        return Cycle(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def cardiac_cycle(patients: Patients) -> Cycle:
    """The beat that follows from the latent heart, at the mean rate of its ECG."""
    seen = electrical(patients)
    length = 60 / seen.rate
    made = {"length": length} | _systole(patients, seen.rate, seen.qrs / 1000)
    made |= _diastole(patients, length, made["end_systole"], seen.pr / 1000)
    late = patients.left_block | patients.paced
    made["spread"] = 0.11 * late * np.sqrt(length / 0.8)
    made["right_delay"] = np.where(patients.right_block, 0.04, np.where(late, -0.03, 0.0))
    return Cycle(**{name: value.astype(np.float32) for name, value in made.items()})


def _systole(patients: Patients, rate: Trait, qrs: Trait) -> dict[str, np.ndarray]:
    total = np.where(patients.male, 546 - 2.1 * rate, 549 - 2.0 * rate) / 1000
    ratio = np.clip((1.125 - patients.ejection_fraction / 100) / 1.25, 0.28, 0.85)
    wide = 0.9 * np.maximum(qrs - 0.09, 0) * (patients.left_block | patients.paced)
    before_peak = 0.45 * qrs
    end = np.minimum(total - before_peak + wide, 0.62 * 60 / rate)
    ejection = end - total / (1 + ratio)
    return {"ejection": np.clip(ejection, 0.03, end - 0.1), "end_systole": end}


def _diastole(patients: Patients, length: Trait, end: Trait, pr: Trait) -> dict[str, np.ndarray]:
    pressure, stiff = patients.wedge_pressure - 12, np.maximum(patients.hypertrophy, 0)
    relaxing = np.clip(
        0.085 * np.sqrt(length / 0.9) + 0.004 * stiff - 0.0015 * pressure, 0.045, 0.12
    )
    early = 0.25 + 0.0008 * (patients.age - 50) + 0.01 * stiff - 0.004 * pressure
    early, atrial = np.clip(early, 0.16, 0.34), np.clip(0.85 * pr, 0.1, 0.18)
    room = length - end - relaxing
    squeeze = np.minimum(1, room / (early + atrial))
    kick = 0.2 + 0.004 * (patients.age - 40) + 0.02 * stiff - 0.012 * pressure
    return {
        "filling": end + relaxing,
        "early": early * squeeze,
        "atrial": atrial * squeeze,
        "kick": np.where(patients.fibrillation, 0, np.clip(kick, 0.06, 0.45)),
    }


def right_cycle(cycle: Cycle) -> Cycle:
    """The beat of the right ventricle: late or early in emptying, not in its atrial kick."""
    late = ("ejection", "end_systole", "filling")
    return replace(cycle, **{name: getattr(cycle, name) + cycle.right_delay for name in late})


def emptied(cycle: Cycle, time: Times) -> Times:
    """How far the ventricle has emptied: 0 at end diastole, 1 at end systole.

    Times are seconds after the R peak, of this beat or any other.
    """
    at = {f.name: getattr(cycle, f.name)[:, None] for f in fields(cycle)}
    time = np.mod(time, at["length"])
    out = _flow((time - at["ejection"]) / (at["end_systole"] - at["ejection"]))
    rest = (1 - at["kick"]) * 0.94
    back = rest * _flow((time - at["filling"]) / at["early"])
    back += (1 - at["kick"] - rest) * np.clip(
        (time - at["filling"]) / (at["length"] - at["filling"]), 0, 1
    )
    kick = np.clip((time - at["length"] + at["atrial"]) / at["atrial"], 0, 1)
    return (out - back - at["kick"] * kick * kick * (3 - 2 * kick)).astype(np.float32)


def frame_times(cycle: Cycle, frames: int) -> Float32[np.ndarray, "patient frame"]:
    """Seconds after the R peak of each frame: frame f of F is at f / F of the cycle."""
    return cycle.length[:, None] * np.arange(frames, dtype=np.float32) / frames


def _flow(part: np.ndarray) -> np.ndarray:
    """From 0 to 1, fastest after a third of the way, as jets of ejection and filling are."""
    part = np.clip(part, 0, 1)
    return part * part * (6 - part * (8 - 3 * part))
