"""How much does the X-ray teach the ECG model, and does our recipe gain more than others?

There are 3,000 pairs, each with a report, and three findings. The trained model uses the ECG alone.
Each of five seeds has its own cohort. The settings of every recipe were chosen by
``studies/settings.py`` on other patients.

Cost: about 1 hour 10 minutes on 2 cores.
Expected, written before it was run: ``crossbeat`` above ``direct`` by about 1 point, not below
``distillation``, at half of the way from ``direct`` to the clean-label limit or further;
``shuffled`` not above ``no-alignment``. Three points cannot be reached if every pair has a
report (``benchmarks/target_worth.py``).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from choices import chosen
from common import abundant, patients

from crossbeat.data.sources.virtual import Virtual
from crossbeat.evaluation.names import CLEAN
from crossbeat.study import Cell, Study

SEEDS = (1, 2, 3, 4, 5)
SLOW = ("label-only", "biot", "resnet1d", "eccl")
"""Models that run after all others."""


def models(*, small: bool) -> Iterator[tuple[str, str, Any]]:
    """The name, recipe name and settings of each model."""
    crossbeat = chosen("crossbeat", small=small)
    cromotex = chosen("cromotex", small=small)
    yield "teacher", "teacher", chosen("teacher", small=small)
    for name in ("direct", "clip"):
        yield name, name, chosen(name, small=small)
    yield "cromotex-no-ssl", "cromotex", replace(cromotex, self_supervision=None)
    yield "cromotex-no-hard-negatives", "cromotex", replace(cromotex, hardness="none")
    yield "cromotex", "cromotex", cromotex
    yield "distillation", "distillation", chosen("distillation", small=small)
    yield "no-alignment", "crossbeat", replace(crossbeat, trust=0.0, contrast=0.0)
    yield "shuffled", "crossbeat", replace(crossbeat, shuffle_pairs=True)
    yield "crossbeat", "crossbeat", crossbeat
    for name in SLOW:
        yield name, name, chosen(name, small=small)


def cells(cohort_of: Callable[[int], Virtual], *, small: bool) -> Iterator[Cell]:
    """Every model and the upper limit on the patients of every seed."""
    for seed in SEEDS[:2] if small else SEEDS:
        cohort = cohort_of(seed)
        for model, name, recipe in models(small=small):
            yield Cell(model=model, recipe_name=name, recipe=recipe, cohort=cohort, seed=seed)
        yield Cell(
            model=CLEAN,
            recipe_name="direct",
            recipe=chosen("direct", small=small),
            cohort=abundant(seed, small=small),
            test=cohort,
            seed=seed,
            latent_limit=True,
        )


def study(*, small: bool) -> Study:
    """Compare all recipes and controls on the same patients of each seed."""
    every = cells(lambda seed: patients(seed, small=small), small=small)
    return Study(
        question="How much does the X-ray teach the ECG model?",
        cells=tuple(sorted(every, key=lambda cell: cell.model in SLOW)),
        method="crossbeat",
        baseline="direct",
        differences=(
            ("shuffled", "no-alignment"),
            ("cromotex", "cromotex-no-ssl"),
            ("cromotex", "cromotex-no-hard-negatives"),
            ("cromotex", "distillation"),
            ("clip", "distillation"),
        ),
        limits=(CLEAN,),
    )
