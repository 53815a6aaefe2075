"""Does alignment in time add to alignment of patients?

``ptacl`` beside the same without the local term and with each cine's frames in another order, on
the five cohorts of the study ``ptacl`` and the five of the study ``cycle``.

Made when ``ptacl`` and ``global`` had been seen on all ten: with five of them the interval reached
from a loss to a gain, with the other five it did not. New are the shuffled frames on those.

Cost: about 20 minutes on 2 cores after ``ptacl`` and ``cycle``, with which it shares two models.
Expected of what was not known: shuffled frames lose what ``ptacl`` gains.
"""

from ptacl import patients, sized

from crossbeat.study import Cell, Study

MODELS = {
    "global": "ptacl-global",
    "ptacl": "ptacl",
    "ptacl-shuffled-frames": "ptacl-shuffled-frames",
}
"""Each model's recipe."""


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
