"""Which settings should each recipe have in the studies?

Every recipe has six candidates. For most recipes these are: as published in the demo's size, with
ECGs scaled per lead; ECGs in millivolts; weak views while labels are learned; a running average of
the weights; a low learning rate; and one candidate for this recipe only. ``crossbeat`` always has
millivolts, views and average, so its candidates are with and without self-supervision, contrast and
trust in labels. All candidates keep the phases that define their recipe.

There were two rounds. The first round had the first three candidates of each recipe; those of
``crossbeat`` had self-supervision. Self-supervision was then dropped, because others were as good
without it, and ``crossbeat`` got three more candidates. To give every recipe the same budget, the
others got three more candidates too.

Candidates are compared only on 1,500 validation patients, with the labels that a user would have.
No result uses their cohort.

Cost: about 45 minutes on 2 cores.
Expected: millivolts improve every recipe by points; the rest is within noise.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

from common import LEARN_FINDINGS, patients, sized

from crossbeat.recipes.cromotex import Cromotex
from crossbeat.recipes.phases import GENTLE
from crossbeat.recipes.presets import demo
from crossbeat.study import Cell, Search

SEED = 900
Change = Callable[[Any], Any]
"""A function from a published recipe in the demo's size to a candidate."""


def published(recipe: Any) -> Any:
    """Every lead scaled to [-1, 1]."""
    return recipe


def in_millivolts(recipe: Any) -> Any:
    """ECGs in millivolts."""
    return replace(recipe, ecg=replace(recipe.ecg, normalisation="none"))


def viewed(recipe: Any) -> Any:
    """Millivolts, and weak views while labels are learned."""
    return replace(in_millivolts(recipe), label_views=GENTLE)


def averaged(recipe: Any, *, rate: float | None = None, **more: Any) -> Any:
    """Millivolts, views, and a running average of the weights in phases that learn findings.

    Args:
        rate: another learning rate in these phases.
    """
    phases = {
        field.name: replace(getattr(recipe, field.name), average=0.99)
        for field in fields(recipe)
        if field.name in LEARN_FINDINGS and field.name != "teacher"
    }
    if rate is not None:
        phases = {name: replace(each, learning_rate=rate) for name, each in phases.items()}
    return replace(viewed(recipe), **phases, **more)


def with_linear_head(recipe: Any) -> Any:
    """``averaged``, with a head of one layer."""
    changed = averaged(recipe)
    return replace(changed, ecg=replace(changed.ecg, hidden=()))


LINEAR = ("millivolts, views, average, linear head", with_linear_head)


def _at(temperature: float) -> tuple[str, Change]:
    name = f"millivolts, views, average, temperature {temperature:g}"
    return name, partial(averaged, temperature=temperature)


OWN: dict[str, tuple[str, Change]] = {
    "direct": LINEAR,
    "distillation": _at(2.0),
    "cromotex": _at(0.3),
    "clip": _at(0.2),
    "label-only": _at(0.3),
    "biot": LINEAR,
    "resnet1d": LINEAR,
    "eccl": _at(0.3),
}
START = {"self_supervision": demo(Cromotex()).self_supervision}
OF_CROSSBEAT: dict[str, dict[str, Any]] = {
    "start, targets from teacher and label": START,
    "start, targets from the teacher alone": START | {"trust": 1.0},
    "start, targets and contrast": START | {"contrast": 0.1},
    "targets from teacher and label": {},
    "targets from the teacher alone": {"trust": 1.0},
    "targets and contrast": {"contrast": 0.1},
}


def candidates(name: str) -> Mapping[str, Change]:
    """The candidates of a recipe by name."""
    if name == "crossbeat":
        return {each: partial(replace, **changes) for each, changes in OF_CROSSBEAT.items()}
    own, change = OWN[name]
    return {
        "per lead, no views": published,
        "millivolts": in_millivolts,
        "millivolts, views": viewed,
        "millivolts, views, average": averaged,
        "millivolts, views, average, low rate": partial(averaged, rate=3e-4),
        own: change,
    }


def with_settings(name: str, candidate: str, *, small: bool) -> Any:
    """The candidate of a recipe with a name."""
    return candidates(name)[candidate](sized(name, small=small))


def cells(*, small: bool) -> Iterator[Cell]:
    """Every candidate of every recipe."""
    size = {} if small else {"num_patients": 4560, "val": 0.329, "test": 0.0132}
    cohort = patients(SEED, small=small, **size)
    for name in ("crossbeat", *OWN):
        for candidate in candidates(name):
            yield Cell(
                model=name,
                recipe_name=name,
                recipe=with_settings(name, candidate, small=small),
                cohort=cohort,
                seed=SEED,
                point=candidate,
            )


def study(*, small: bool) -> Search:
    """Compare six candidates of every recipe on validation patients."""
    return Search(question="Which settings does each recipe need?", cells=tuple(cells(small=small)))
