"""How many labelled pairs does the ECG model need when the teacher has outside X-rays?

The same setting as in ``outside``, with 0 to 3,000 of the 3,000 pairs labelled. Without any
labelled pair ``direct`` and ``cromotex`` cannot be trained; models that learn the teacher's
probabilities can. The baseline is ``distillation``, which exists at every point.

Cost: about 35 minutes on 2 cores after ``outside``, with which it shares one point.
Expected: ``crossbeat`` and ``distillation`` lose at most 1 point from 300 labelled pairs to none;
with 3,000 labelled pairs ``crossbeat`` gains less than 1 point on ``direct``.
"""

from outside import SEEDS, cells, cohort_of

from crossbeat.study import Cell, Study

PAIRS = {0: 0.0, 30: 0.01, 300: 0.1, 3000: 1.0}
"""The share of labelled pairs by their number among 3,000 pairs."""

TAUGHT = ("teacher", "cromotex-believed", "distillation", "crossbeat")
MODELS = (*TAUGHT, "direct", "cromotex")


def study(*, small: bool) -> Study:
    """Models along the number of labelled pairs."""
    every: list[Cell] = []
    for seed in SEEDS[: 1 if small else 3]:
        for pairs, share in ({0: 0.0, 64: 0.4} if small else PAIRS).items():
            cohort = cohort_of(seed, small=small, labelled=share)
            names = MODELS if share else TAUGHT
            every += cells(seed, cohort, names, small=small, point=float(pairs))
    return Study(
        question="How many labelled pairs does the ECG model need with outside X-rays?",
        axis="labelled pairs",
        cells=tuple(every),
        method="crossbeat",
        baseline="distillation",
        differences=(
            ("crossbeat", "direct"),
            ("distillation", "direct"),
            ("cromotex", "direct"),
            ("cromotex-believed", "direct"),
        ),
    )
