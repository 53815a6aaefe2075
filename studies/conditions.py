"""Does alignment erase from the ECG what no X-ray shows?

Linear probes on frozen encoders, trained with true labels, for conditions of the ECG that an X-ray
does not show, beside probes for the findings that it shows, trained with report labels. ``start``
is the encoder before any alignment, after self-supervision alone.

Cost: about 25 minutes on 2 cores; less where ``transfer`` has run, with which it shares phases.
Expected: alignment keeps or improves the findings and loses some of the conditions, most of all
long QT, which tells nothing about the chest.
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
    """The probes of an encoder as a phase left it."""
    return (
        Reading(name="findings", findings=CHEXPERT_FINDINGS, after=after),
        Reading(name="conditions", findings=CONDITIONS, after=after, true_labels=True),
    )


def cells(*, small: bool) -> Iterator[Cell]:
    """The start, and what every recipe made of it."""
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
    """Probes of every encoder against those of the start."""
    return Study(
        question="Does alignment erase from the ECG what no X-ray shows?",
        cells=tuple(cells(small=small)),
        method="crossbeat",
        baseline="start",
    )
