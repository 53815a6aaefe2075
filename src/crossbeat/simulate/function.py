"""The cardiac MRI phenotypes of each virtual patient: volumes, function and mass.

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
====================  ==========================================================================

The sources give means, spreads and directions. The sizes of the effects of disease are ours.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float32

from crossbeat.phenotypes import PHENOTYPES as KNOWN
from crossbeat.simulate.patient import Patients, Trait
from crossbeat.simulate.streams import Draws, spans

PHENOTYPES: Mapping[str, str] = MappingProxyType(
    {name: phenotype.unit for name, phenotype in KNOWN.items()}
)
"""The phenotypes and their units: volumes at end diastole and end systole, stroke volume, ejection
fraction and muscle mass of the left (LV) and right (RV) ventricle, and the largest volume of the
left atrium."""

Phenotypes = dict[str, Float32[np.ndarray, " patient"]]

_HEALTHY: Mapping[str, tuple[tuple[float, float], tuple[float, float]]] = MappingProxyType(
    {
        "LVEDV": ((124, 21), (166, 32)),
        "LVM": ((70, 13), (103, 21)),
        "RVEDV": ((130, 24), (182, 36)),
        "LVSV": ((75, 14), (96, 20)),
        "LAV": ((62, 17), (71, 19)),
    }
)
"""Mean and standard deviation of women and men, ml or g."""

_AREA = (1.68, 1.95)
"""Body surface area of these women and men, m2: their mean mass over their mean indexed mass."""

_AGE = 59.0
"""Years: the middle of the ages of these women and men."""


def phenotypes(patients: Patients, seed: int) -> Phenotypes:
    """The true cardiac MRI phenotypes of each patient.

    Args:
        patients: as ``draw_patients`` gives them, or changed copies.
        seed: of the healthy differences that no other modality shows; 0 or more.

    Returns:
        One array per name of ``PHENOTYPES``, in its unit.
    """
    made = [
        phenotype_block(patients.rows(rows), block, seed) for block, rows in spans(len(patients))
    ]
    return {name: np.concatenate([one[name] for one in made]) for name in PHENOTYPES}


def phenotype_block(patients: Patients, block: int, seed: int) -> Phenotypes:
    """The phenotypes of the patients of one block."""
    draws = Draws(seed, block, len(patients), "cine")
    left = _left(patients, draws)
    right = _right(patients, draws, left["LVSV"])
    made = left | right | {"LAV": _atrium(patients, draws)}
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


def _atrium(patients: Patients, draws: Draws) -> Trait:
    size = 0.22 * patients.left_atrium + 0.17 * draws.normal("LAV")
    return _typical("LAV", patients) * np.exp(size)


def _typical(name: str, patients: Patients) -> Trait:
    """The median of healthy people of this sex, body size and shared variation of heart size."""
    mean, spread = np.where(patients.male, *(np.array(of)[:, None] for of in _HEALTHY[name][::-1]))
    median = mean * np.exp(-0.5 * (spread / mean) ** 2)
    weight = patients.bmi * patients.height**2
    area = np.sqrt(patients.height * 100 * weight / 3600)
    person = 0.7 * np.log(area / np.where(patients.male, _AREA[1], _AREA[0]))
    return (median * np.exp(person + 0.08 * patients.variation("heart"))).astype(np.float32)
