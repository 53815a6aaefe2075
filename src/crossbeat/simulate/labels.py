"""Labels that a program reads from simulated radiology reports, with the errors of both.

A reader sees the film (``film.shown``) with an error of their own, and writes. What is clear is
stated; what is near the threshold is hedged or left out; most of what is absent is never mentioned.
A program then codes the text. How far readers err is ours; that they do is known, for instance
of supine films, where three of them missed a third of the effusions (Ruskin et al. 1987, Am J
Roentgenol 148:681). The rules of coding are those of CheXpert (Irvin et al. 2019, AAAI 33:590),
whose labeller agrees with people better on what is stated than on what is hedged; absent findings
are mentioned about as rarely as in MIMIC-CXR-JPG (Johnson et al. 2019, arXiv:1901.07042).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int8

from crossbeat.simulate.film import shown, take_film
from crossbeat.simulate.findings import FINDINGS, truth
from crossbeat.simulate.patient import Patients, Trait
from crossbeat.simulate.streams import Draws, spans

POSITIVE, NEGATIVE, UNCERTAIN, NOT_MENTIONED = 1, 0, -1, -2
"""The codes of a label. CheXpert leaves a finding that is not mentioned blank."""

Labels = dict[str, Int8[np.ndarray, " patient"]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """How one finding is reported.

    Args:
        error: standard deviation of a reader's error, in the units of ``findings.severity``.
        hedge: half-width of the band about the threshold in which a reader doubts.
        doubt: how often a reader in doubt writes so, rather than deciding.
        omit: how often a mild positive, one severity above the threshold or less, is left out.
        negate: how often an absent finding is stated as absent.
        miscode: how often the program codes a statement as the opposite or a hedge as certain.
    """

    error: float
    hedge: float
    doubt: float
    omit: float
    negate: float
    miscode: float


REPORTS = {
    "cardiomegaly": Report(error=0.45, hedge=0.4, doubt=0.2, omit=0.2, negate=0.1, miscode=0.03),
    "pleural_effusion": Report(
        error=1.0, hedge=0.5, doubt=0.25, omit=0.15, negate=0.18, miscode=0.03
    ),
    "edema": Report(error=0.5, hedge=0.4, doubt=0.4, omit=0.2, negate=0.15, miscode=0.03),
}
"""How each of ``findings.FINDINGS`` is reported. Set once, see the module's docstring."""


def report_labels(patients: Patients, seed: int) -> Labels:
    """The label of each finding that is read from the report on each film.

    Args:
        patients: as ``draw_patients`` gives them, or changed copies.
        seed: of the film and its report: the same as given to ``xrays``.
    """
    made = []
    for block, rows in spans(len(patients)):
        some = patients.rows(rows)
        draws = Draws(seed, block, len(some), "film")
        film = shown(some, take_film(some, draws))
        made.append([code(film[name], REPORTS[name], draws, name) for name in FINDINGS])
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
