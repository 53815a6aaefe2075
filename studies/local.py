"""Does alignment in time add to alignment of patients?

``ptacl`` is compared with ``global``, which has no local loss, and with ``ptacl`` with frames in
random order, on the five cohorts of the study ``ptacl`` and the five of the study ``cycle``.

This study was designed after ``ptacl`` and ``global`` had been seen on all ten cohorts. On five of
them the interval reached from a loss to a gain, on the other five it did not. Only the shuffled
frames on these other cohorts are new.

Cost: about 20 minutes on 2 cores after ``ptacl`` and ``cycle``, with which it shares two models.
Expected of the new runs: shuffled frames lose the gain of ``ptacl``.
"""

from ptacl import patients, sized

from crossbeat.study import Cell, Study

MODELS = {
    "global": "ptacl-global",
    "ptacl": "ptacl",
    "ptacl-shuffled-frames": "ptacl-shuffled-frames",
}
"""The recipe of each model."""


def study(*, small: bool) -> Study:
    """Three models on ten cohorts."""
    seeds = (1, 2) if small else tuple(range(1, 11))
    return Study(
        question="Does alignment in time add to alignment of patients?",
        cells=tuple(
            Cell(
                model=model,
                recipe_name=name,
                recipe=sized(name, small=small),
                cohort=patients(seed, small=small),
                seed=seed,
            )
            for seed in seeds
            for model, name in MODELS.items()
        ),
        method="ptacl",
        baseline="global",
    )
