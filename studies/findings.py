"""Is one model for all findings as good as one for each, as in CroMoTEX's paper?

Cost: about 30 minutes on 2 cores.
Expected: no difference beyond noise; one model for each finding costs three times as much.
"""

from collections.abc import Iterator
from dataclasses import replace

from choices import chosen
from common import patients
from curves import curve_seeds

from crossbeat.recipes.cromotex import CHEXPERT_FINDINGS
from crossbeat.study import Cell, Study

NAMES = ("direct", "cromotex", "distillation", "crossbeat")


def cells(*, small: bool) -> Iterator[Cell]:
    """Every recipe with one model for all findings, and with one model for each."""
    for seed in curve_seeds(small=small):
        cohort = patients(seed, small=small)
        for name in NAMES:
            recipe = chosen(name, small=small)
            yield Cell(model=name, recipe_name=name, recipe=recipe, cohort=cohort, seed=seed)
            for finding in CHEXPERT_FINDINGS:
                yield Cell(
                    model=f"{name}-each",
                    recipe_name=name,
                    recipe=replace(recipe, findings=(finding,)),
                    cohort=cohort,
                    seed=seed,
                )


def study(*, small: bool) -> Study:
    """Compare joint models with models of one finding."""
    return Study(
        question="Is one model for all findings as good as one for each?",
        cells=tuple(cells(small=small)),
        method="crossbeat",
        baseline="direct",
        differences=tuple((f"{name}-each", name) for name in NAMES if name != "direct"),
    )
