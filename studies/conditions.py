"""Does alignment remove information about conditions that X-rays do not show?

Linear probes of frozen encoders predict ECG conditions that an X-ray does not show (trained on true
labels) and findings that it shows (trained on report labels). ``start`` is the encoder after
self-supervision, before any alignment.

Cost: about 25 minutes on 2 cores; less after ``transfer``, with which it shares phases.
Expected: alignment keeps or improves the findings and loses some of the conditions, above all
long QT, which is not related to the chest X-ray.
"""

from collections.abc import Iterator

from choices import chosen
from common import patients

from crossbeat.recipes.cromotex import CHEXPERT_FINDINGS
from crossbeat.simulate import CONDITIONS
from crossbeat.study import Cell, Reading, Study

SEEDS = (1, 2, 3)
AFTER = {
    "direct": "fine-tuning",
    "label-only": "alignment",
    "clip": "alignment",
    "cromotex": "alignment",
    "distillation": "distillation",
    "crossbeat": "self-training",
}


def readings(after: str) -> tuple[Reading, ...]:
    """The probes of the encoder after a phase."""
    return (
        Reading(name="findings", findings=CHEXPERT_FINDINGS, after=after),
        Reading(name="conditions", findings=CONDITIONS, after=after, true_labels=True),
    )


def cells(*, small: bool) -> Iterator[Cell]:
    """The start, and the encoder of every recipe."""
    for seed in SEEDS[:2] if small else SEEDS:
        cohort = patients(seed, small=small)
        yield Cell(
            model="start",
            recipe_name="cromotex",
            recipe=chosen("cromotex", small=small),
            cohort=cohort,
            seed=seed,
            readings=readings("self-supervision"),
        )
        for name, after in AFTER.items():
            yield Cell(
                model=name,
                recipe_name=name,
                recipe=chosen(name, small=small),
                cohort=cohort,
                seed=seed,
                readings=readings(after),
            )


def study(*, small: bool) -> Study:
    """Compare the probes of every encoder with those of the start."""
    return Study(
        question="Does alignment remove information about conditions that X-rays do not show?",
        cells=tuple(cells(small=small)),
        method="crossbeat",
        baseline="start",
    )
