"""Which settings should each recipe have in the studies?

Every recipe gets three candidates, listed before any was run: as published in the demo's size, with
ECGs scaled per lead; ECGs in millivolts; millivolts with gentle views while labels are learned. Our
own, which has the latter two by design, is tried with and without contrast and trust in labels.
Candidates are compared on 1,500 validation patients alone, by the labels that a user would have; no
result sees their cohort.

Cost: about 25 minutes on 2 cores.
Expected: millivolts help every recipe by points; the rest is within noise.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from common import patients, sized

from crossbeat.recipes.crossbeat import GENTLE
from crossbeat.study import Cell, Search

SEED = 900
RECIPES = (
    "direct",
    "distillation",
    "crossbeat",
    "cromotex",
    "clip",
    "label-only",
    "biot",
    "resnet1d",
    "eccl",
)
OF_CROSSBEAT = {
    "targets from teacher and label": {},
    "targets from the teacher alone": {"trust": 1.0},
    "targets and contrast": {"contrast": 0.1},
}
OF_OTHERS: dict[str, dict[str, Any]] = {
    "per lead, no views": {},
    "millivolts": {"normalisation": "none"},
    "millivolts, views": {"normalisation": "none", "label_views": GENTLE},
}


def with_settings(name: str, candidate: str, *, small: bool) -> Any:
    """A candidate of a recipe, by their names."""
    recipe = sized(name, small=small)
    if name == "crossbeat":
        return replace(recipe, **OF_CROSSBEAT[candidate])
    changes = dict(OF_OTHERS[candidate])
    ecg = replace(recipe.ecg, normalisation=changes.pop("normalisation", "min_max"))
    return replace(recipe, ecg=ecg, **changes)


def cells(*, small: bool) -> Iterator[Cell]:
    """Every candidate of every recipe."""
    size = {} if small else {"num_patients": 4560, "val": 0.329, "test": 0.0132}
    cohort = patients(SEED, small=small, **size)
    for name in RECIPES:
        for candidate in OF_CROSSBEAT if name == "crossbeat" else OF_OTHERS:
            yield Cell(
                model=name,
                recipe_name=name,
                recipe=with_settings(name, candidate, small=small),
                cohort=cohort,
                seed=SEED,
                point=candidate,
            )


def study(*, small: bool) -> Search:
    """Three candidates of every recipe on validation patients."""
    return Search(question="Which settings does each recipe need?", cells=tuple(cells(small=small)))
