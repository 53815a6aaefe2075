"""How much does a teacher with many more X-rays teach the ECG model?

3,000 pairs of ECG and X-ray, of which 300 have a report. The X-ray teacher also learns from 12,000
X-rays with reports of other patients, who have no ECG. The method and the settings of every recipe
are those of the other studies; nothing was chosen on these cohorts.

Cost: about 1 hour on 2 cores. The curves are in ``outside_films``, ``outside_labels`` and
``outside_validation``, which share cohorts and phases with this study: run this one first.
Expected, written before it was run: ``crossbeat`` at least 4 points above ``direct``, with the
lower end of the interval above 3; ``shuffled`` far below ``direct``; ``cromotex`` above ``direct``
by about 1 point; ``cromotex-believed`` as good as ``crossbeat``.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from choices import chosen
from common import abundant, long_enough, patients

from crossbeat.data.sources.virtual import Virtual
from crossbeat.evaluation.names import CLEAN
from crossbeat.recipes import RECIPES
from crossbeat.recipes.cromotex import Cromotex
from crossbeat.study import Cell, Study

SEEDS = (21, 22, 23, 24, 25)
LABELLED = 0.1
OUTSIDE = 12_000


def cohort_of(seed: int, *, small: bool, **changes: Any) -> Virtual:
    """The patients of a seed; some settings may differ."""
    settings: dict[str, Any] = {"labelled": LABELLED, "outside": OUTSIDE}
    if small:
        settings = {"labelled": 0.4, "outside": 100}
    return patients(seed, small=small, **(settings | changes))


def models(*, small: bool) -> Iterator[tuple[str, str, Any]]:
    """The name, recipe name and settings of each model."""
    crossbeat = chosen("crossbeat", small=small)
    cromotex = chosen("cromotex", small=small)
    yield "teacher", "teacher", chosen("teacher", small=small)
    yield "direct", "direct", chosen("direct", small=small)
    yield "no-alignment", "crossbeat", replace(crossbeat, trust=0.0, contrast=0.0)
    yield "shuffled", "crossbeat", replace(crossbeat, shuffle_pairs=True)
    yield "clip", "clip", chosen("clip", small=small)
    yield "cromotex", "cromotex", cromotex
    yield "cromotex-believed", "cromotex-believed", believed(cromotex)
    yield "distillation", "distillation", chosen("distillation", small=small)
    yield "crossbeat", "crossbeat", crossbeat


def believed(cromotex: Any) -> Cromotex:
    """The recipe with the settings that it shares with ``cromotex``."""
    own = ("trust", "alignment_positives", "fine_tuning_positives")
    published = RECIPES["cromotex-believed"]
    return replace(cromotex, **{name: getattr(published, name) for name in own})


def cells(
    seed: int, cohort: Virtual, names: tuple[str, ...], *, small: bool, point: float | None = None
) -> Iterator[Cell]:
    """Some of the models on the patients of a seed."""
    for model, name, recipe in models(small=small):
        if model in names:
            yield Cell(
                model=model,
                recipe_name=name,
                recipe=long_enough(name, recipe, cohort),
                cohort=cohort,
                seed=seed,
                point=point,
            )


def limit(seed: int, *, small: bool) -> Cell:
    """Direct training on other patients with true labels."""
    return Cell(
        model=CLEAN,
        recipe_name="direct",
        recipe=chosen("direct", small=small),
        cohort=abundant(seed, small=small),
        test=cohort_of(seed, small=small),
        seed=seed,
        latent_limit=True,
    )


def study(*, small: bool) -> Study:
    """All models and both limits on five cohorts."""
    seeds = SEEDS[:2] if small else SEEDS
    every = tuple(model for model, _, _ in models(small=small))
    return Study(
        question="How much does a teacher with many more X-rays teach the ECG model?",
        cells=tuple(
            cell
            for seed in seeds
            for cell in (
                *cells(seed, cohort_of(seed, small=small), every, small=small),
                limit(seed, small=small),
            )
        ),
        method="crossbeat",
        baseline="direct",
        differences=(
            ("shuffled", "no-alignment"),
            ("cromotex-believed", "cromotex"),
            ("cromotex", "no-alignment"),
            ("distillation", "no-alignment"),
        ),
        limits=(CLEAN,),
    )
