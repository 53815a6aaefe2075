"""The findings of a virtual patient: what is true, what the film shows, and what a report says.

Truth is a threshold on the latent anatomy, without image noise.
How hard the cohort is was set once, from physiology, before any method was compared on it, and
is not to be touched to favour one. Two limits guided it, both measured by ``tests/simulate``:

- the *latent limit*: the noise-free ECG parameters (``electrical``) with true labels separate the
  findings above the 70 to 73 AUROC that a direct classifier reaches on report labels (by a summary
  of CroMoTEX, arXiv:2506.19329) and well below certainty; how far above is our choice;
- the *film limit*: what the film shows of the same state (``film_measures``) with a reader's
  error reaches the 90s, as published X-ray classifiers do.

What keeps the ECG below certainty is difference between people (habitus, position of the heart and
of the electrodes, healthy variation of every interval and amplitude) and other disease with the
same sign; truth is never flipped. Prevalences are those of a hospital cohort.

A reader sees the film (``shown``) with an error of their own, and writes. What is clear is stated;
what is near the threshold is hedged or left out; most of what is absent is never mentioned. A
program then codes the text. How far readers err is ours; that they do is known, for instance of
supine films, where three of them missed a third of the effusions (Ruskin et al. 1987, Am J
Roentgenol 148:681). The rules of coding are those of CheXpert (Irvin et al. 2019, AAAI 33:590),
whose labeller agrees with people better on what is stated than on what is hedged; absent findings
are mentioned about as rarely as in MIMIC-CXR-JPG (Johnson et al. 2019, arXiv:1901.07042).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int8

from crossbeat.simulate.electrical import electrical
from crossbeat.simulate.film import Film, take_film, thorax
from crossbeat.simulate.patient import Patients, Trait, heart_diameter, thorax_diameter
from crossbeat.simulate.streams import Draws, spans

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


def cardiothoracic_ratio(patients: Patients) -> Trait:
    """Heart over thorax diameter, as a posteroanterior film in full inspiration shows it."""
    return heart_diameter(patients) / thorax_diameter(patients)


def truth(patients: Patients) -> dict[str, Bool[np.ndarray, " patient"]]:
    """Whether each of ``FINDINGS`` and ``CONDITIONS`` is there."""
    return {
        "cardiomegaly": cardiothoracic_ratio(patients) > CARDIOMEGALY,
        "pleural_effusion": np.maximum(patients.effusion_left, patients.effusion_right) > EFFUSION,
        "edema": patients.lung_water > EDEMA,
        "atrial_fibrillation": patients.fibrillation,
        "left_bundle_branch_block": patients.left_block,
        "right_bundle_branch_block": patients.right_block,
        "long_qt": electrical(patients).qtc > np.where(patients.male, LONG_QT[1], LONG_QT[0]),
    }


def severity(patients: Patients) -> dict[str, Trait]:
    """How far beyond its threshold each of ``FINDINGS`` is; above 0 is there, 1 is pronounced."""
    fluid = np.maximum(patients.effusion_left, patients.effusion_right)
    return _beyond(cardiothoracic_ratio(patients), fluid, patients.lung_water)


def _beyond(ratio: np.ndarray, fluid: np.ndarray, water: np.ndarray) -> dict[str, Trait]:
    made = (
        (ratio - CARDIOMEGALY) / 0.05,
        np.log2((fluid + 20) / (EFFUSION + 20)),
        (water - EDEMA) / 4,
    )
    return {name: far.astype(np.float32) for name, far in zip(FINDINGS, made, strict=True)}


def shown(patients: Patients, film: Film) -> dict[str, Trait]:
    """How far beyond its threshold the film shows each finding, in the units of ``severity``.

    A reader allows for the usual magnification and breath of a bedside film, not for its actual
    ones. Overinflated lungs hide edema; shallow breath and a thick chest wall imitate it; a
    collapsed lobe looks like fluid.
    """
    space = thorax(patients, film)
    ratio = (space.heart_left + space.heart_right) / (2 * space.half)
    allowed = np.where(film.anteroposterior, 0.06, 0.0)
    hidden = np.where(film.supine, 0.55, 1.0)
    fluid = np.maximum(patients.effusion_left, patients.effusion_right) * hidden
    fluid = fluid + 150 * np.abs(patients.consolidation)
    hazy = 4 * (0.86 - film.breath) + 0.04 * (patients.bmi - 27.5) - 0.8 * patients.lung_disease
    return _beyond(ratio - allowed, fluid, patients.lung_water + hazy)


def film_measures(patients: Patients, seed: int) -> Float32[np.ndarray, "patient finding"]:
    """``shown`` for each of ``FINDINGS`` on the films of this seed."""
    made = [np.stack(list(film.values()), axis=1) for _, film in _films(patients, seed)]
    return np.concatenate(made)


def _films(patients: Patients, seed: int) -> Iterator[tuple[Draws, dict[str, Trait]]]:
    for block, rows in spans(len(patients)):
        some = patients.rows(rows)
        draws = Draws(seed, block, len(some), "film")
        yield draws, shown(some, take_film(some, draws))


POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED = 1, 0, -1, -2
"""The codes of a label. CheXpert leaves a finding that is not mentioned blank."""

Labels = dict[str, Int8[np.ndarray, " patient"]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """How one finding is reported."""

    error: float  # standard deviation of a reader's error, in the units of ``severity``
    hedge: float  # half-width of the band about the threshold in which a reader doubts
    doubt: float  # how often a reader in doubt writes so, rather than deciding
    omit: float  # how often a mild positive, one severity above the threshold or less, is left out
    negate: float  # how often an absent finding is stated as absent
    miscode: float  # how often the program codes a statement as the opposite or a hedge as certain


REPORTS = {
    "cardiomegaly": Report(error=0.45, hedge=0.4, doubt=0.2, omit=0.2, negate=0.1, miscode=0.03),
    "pleural_effusion": Report(
        error=1.0, hedge=0.5, doubt=0.25, omit=0.15, negate=0.18, miscode=0.03
    ),
    "edema": Report(error=0.5, hedge=0.4, doubt=0.4, omit=0.2, negate=0.15, miscode=0.03),
}
"""How each of ``FINDINGS`` is reported; set once, as the difficulty of the cohort was."""


def report_labels(patients: Patients, seed: int) -> Labels:
    """The label of each finding that is read from the report on each film.

    Args:
        patients: as ``draw_patients`` gives them, or changed copies.
        seed: of the film and its report: the same as given to ``xrays``.
    """
    made = [
        [code(film[name], REPORTS[name], draws, name) for name in FINDINGS]
        for draws, film in _films(patients, seed)
    ]
    columns = np.concatenate([np.array(block) for block in made], axis=1)
    return dict(zip(FINDINGS, columns, strict=True))


def flipped_truth(patients: Patients, seed: int, share: float) -> Labels:
    """The true findings with some labels flipped at random, unlike the errors of reports.

    A label that is wrong at one share is wrong at every higher one.

    Args:
        patients: as ``draw_patients`` gives them, or changed copies.
        seed: of the choice of wrong labels; 0 or more.
        share: chance of each label to be wrong, 0 to 0.5.

    Raises:
        ValueError: ``share`` is out of its range.
    """
    if not 0 <= share <= 0.5:
        raise ValueError(f"share must be 0 to 0.5, got {share}")
    chances = [
        [Draws(seed, block, rows.stop - rows.start, "flip").uniform(name) for name in FINDINGS]
        for block, rows in spans(len(patients))
    ]
    wrong = dict(zip(FINDINGS, np.concatenate(chances, axis=1) < share, strict=True))
    there = truth(patients)
    return {name: (there[name] ^ wrong[name]).astype(np.int8) for name in FINDINGS}


def code(
    severity: Trait, report: Report, draws: Draws, finding: str
) -> Int8[np.ndarray, " patient"]:
    """One finding's labels, given how far beyond its threshold the film shows it."""
    read = severity + report.error * draws.normal(f"{finding} reader")
    chance = draws.uniform(f"{finding} report", 4)
    positive = read > 0
    doubted = (np.abs(read) < report.hedge) & (chance[:, 0] < report.doubt)
    left_out = positive & (read < 1) & (chance[:, 1] < report.omit)
    silent = np.where(positive, left_out, chance[:, 1] >= report.negate)
    wrong = chance[:, 2] < report.miscode
    stated = np.where(positive ^ wrong, POSITIVE, NEGATIVE)
    hedged = np.where(wrong, POSITIVE, UNCERTAIN)
    label = np.where(doubted, hedged, np.where(silent, NOT_MENTIONED, stated))
    return label.astype(np.int8)
