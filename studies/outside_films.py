"""How many X-rays of other patients does the teacher need?

The same setting as in ``outside``, with 0 to 48,000 further X-rays with reports.

Cost: about 30 minutes on 2 cores after ``outside``, with which it shares one point.
Expected: without outside X-rays ``crossbeat`` gains about 3 points on ``direct``, as in ``scarce``;
with 3,000 it gains most of what it gains with 12,000; with 48,000 hardly more.
"""

from outside import SEEDS, cells, cohort_of

from crossbeat.study import Cell, Study

FILMS = (0, 3_000, 12_000, 48_000)
MODELS = ("teacher", "cromotex-believed", "distillation", "crossbeat")


def study(*, small: bool) -> Study:
    """Models along the number of outside X-rays; ``direct`` uses none of them."""
    every: list[Cell] = []
    for seed in SEEDS[: 1 if small else 3]:
        every += cells(seed, cohort_of(seed, small=small), ("direct",), small=small)
        for films in (0, 100) if small else FILMS:
            cohort = cohort_of(seed, small=small, outside=films)
            every += cells(seed, cohort, MODELS, small=small, point=float(films))
    return Study(
        question="How many X-rays of other patients does the teacher need?",
        axis="outside X-rays with report",
        cells=tuple(every),
        method="crossbeat",
        baseline="direct",
    )
