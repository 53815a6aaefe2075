"""The true findings of a virtual patient: thresholds on the latent anatomy, without image noise.

How hard the cohort is was set once, from physiology, before any method was compared on it, and
is not to be touched to favour one. Two limits guided it, both measured by ``tests/simulate``:

- the *latent limit*: the noise-free ECG parameters (``electrical``) with true labels separate the
  findings above the 70 to 73 AUROC that a direct classifier reaches on report labels (by a summary
  of CroMoTEX, arXiv:2506.19329) and well below certainty; how far above is our choice;
- the *film limit*: what the film shows of the same state (``film.film_measures``) with a reader's
  error reaches the 90s, as published X-ray classifiers do.

What keeps the ECG below certainty is difference between people (habitus, position of the heart and
of the electrodes, healthy variation of every interval and amplitude) and other disease with the
same sign; truth is never flipped. Prevalences are those of a hospital cohort.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32

from crossbeat.simulate.electrical import electrical
from crossbeat.simulate.patient import Patients, Trait

FINDINGS = ("cardiomegaly", "pleural_effusion", "edema")
"""Findings of the chest X-ray, the labels of the cohort."""

CONDITIONS = (
    "atrial_fibrillation",
    "left_bundle_branch_block",
    "right_bundle_branch_block",
    "long_qt",
)
"""Conditions of the ECG, known as truth only."""

CARDIOMEGALY = 0.5
"""Cardiothoracic ratio above which a heart is large: the limit in common use.
Source: Danzer 1919, Am J Med Sci 157:513, for the ratio, not for the limit."""

EFFUSION = 200.0
"""Fluid on the larger side, ml, that blunts the costophrenic angle of an upright frontal film.
Source: Blackmore et al. 1996, Acad Radiol 3:103."""

EDEMA = 10.0
"""Extravascular lung water, ml per kg, from which there is edema.
Source: Kushimoto et al. 2012, Crit Care 16:R232; Tagami et al. 2010, Crit Care 14:R162, for what is
normal (7.4, standard deviation 3.3)."""

LONG_QT = (460.0, 450.0)
"""Corrected QT in ms, women and men. Source: Rautaharju et al. 2009, Circulation 119:e241."""


def heart_diameter(patients: Patients) -> Trait:
    """Transverse diameter of the cardiac silhouette in mm, on a film without magnification.

    Dilated chambers widen it most; a thick wall grows inwards first. Pericardial fluid counts, as
    on any film. Weight and an elevated diaphragm turn the heart across the chest.
    """
    chambers = (
        5.0 * np.maximum(patients.dilatation, -1)
        + 2.2 * patients.left_atrium
        + 3.0 * patients.right_heart
        + 1.8 * np.maximum(patients.hypertrophy, 0)
        + 0.05 * patients.pericardial_fluid
    )
    person = (
        126
        + 7 * patients.male
        + 45 * (patients.height - 1.69)
        + 0.75 * (patients.bmi - 27.5)
        + 0.12 * (patients.age - 63)
    )
    return (person + chambers + 4.5 * patients.variation("heart")).astype(np.float32)


def thorax_diameter(patients: Patients) -> Trait:
    """Largest inner diameter of the rib cage in mm, on a film without magnification."""
    person = 279 + 20 * patients.male + 70 * (patients.height - 1.69) + 0.8 * (patients.bmi - 27.5)
    habit = 11 * patients.lung_disease + 10 * patients.variation("thorax")
    return (person + habit).astype(np.float32)


def cardiothoracic_ratio(patients: Patients) -> Trait:
    """Heart over thorax diameter, as a posteroanterior film in full inspiration shows it."""
    return heart_diameter(patients) / thorax_diameter(patients)


def _cardiomegaly(patients: Patients) -> Bool[np.ndarray, " patient"]:
    return cardiothoracic_ratio(patients) > CARDIOMEGALY


def _pleural_effusion(patients: Patients) -> Bool[np.ndarray, " patient"]:
    return np.maximum(patients.effusion_left, patients.effusion_right) > EFFUSION


def _edema(patients: Patients) -> Bool[np.ndarray, " patient"]:
    return patients.lung_water > EDEMA


def _long_qt(patients: Patients) -> Bool[np.ndarray, " patient"]:
    return electrical(patients).qtc > np.where(patients.male, LONG_QT[1], LONG_QT[0])


_TRUTH: dict[str, Callable[[Patients], Bool[np.ndarray, " patient"]]] = {
    "cardiomegaly": _cardiomegaly,
    "pleural_effusion": _pleural_effusion,
    "edema": _edema,
    "atrial_fibrillation": lambda patients: patients.fibrillation,
    "left_bundle_branch_block": lambda patients: patients.left_block,
    "right_bundle_branch_block": lambda patients: patients.right_block,
    "long_qt": _long_qt,
}


def truth(patients: Patients) -> dict[str, Bool[np.ndarray, " patient"]]:
    """Whether each of ``FINDINGS`` and ``CONDITIONS`` is there."""
    return {name: of(patients) for name, of in _TRUTH.items()}


def severity(patients: Patients) -> dict[str, Float32[np.ndarray, " patient"]]:
    """How far beyond its threshold each of ``FINDINGS`` is; above 0 is there, 1 is pronounced.

    Cardiothoracic ratio per 0.05, fluid per doubling, lung water per 4 ml per kg.
    """
    fluid = np.maximum(patients.effusion_left, patients.effusion_right)
    return {
        "cardiomegaly": (cardiothoracic_ratio(patients) - CARDIOMEGALY) / 0.05,
        "pleural_effusion": np.log2((fluid + 20) / (EFFUSION + 20)),
        "edema": (patients.lung_water - EDEMA) / 4,
    }
