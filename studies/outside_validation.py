"""How many labelled validation patients are needed when no training pair has a label?

The same setting as in ``outside``, without any labelled training pair. The labels of the validation
patients choose the epoch and calibrate the teacher; with fewer of them, more patients are for
training.

Cost: about 20 minutes on 2 cores after ``outside_labels``, with which it shares one point.
Expected: 150 validation patients are as good as 600; with 60 a point is lost.
"""

from outside import SEEDS, cells, cohort_of

from crossbeat.study import Cell, Study

PATIENTS = {60: 0.01, 150: 0.025, 600: 0.1}
"""The share of the 6,000 patients by the number of validation patients."""

MODELS = ("teacher", "distillation", "crossbeat")


def study(*, small: bool) -> Study:
    """Models along the number of validation patients."""
    every: list[Cell] = []
    for seed in SEEDS[: 1 if small else 3]:
        for number, share in ({80: 0.2, 100: 0.25} if small else PATIENTS).items():
            cohort = cohort_of(seed, small=small, labelled=0.0, val=share)
            every += cells(seed, cohort, MODELS, small=small, point=float(number))
    return Study(
        question="How many labelled validation patients are needed without a labelled pair?",
        axis="labelled validation patients",
        cells=tuple(every),
        method="crossbeat",
        baseline="distillation",
    )
