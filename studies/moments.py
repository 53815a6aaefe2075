"""Which part of the ECG answers to which frame, and how surely?

PTACL's abstract leaves it open. The method of the study ``ptacl`` with one thing changed: hard
targets, the beat in the middle alone, the record as a whole without R peaks, or moments that are
compared with what is the same at all of them.

Cost: about 35 minutes on 2 cores after ``ptacl``, with which it shares two models.
Expected: soft targets and the mean over beats are better, as frames 30 ms apart look the same and
beats have noise of their own; without R peaks or without centring nothing is learned of moments.
"""

from collections.abc import Iterator
from typing import Any

from ptacl import patients, sized

from crossbeat.study import Cell, Study


def models(*, small: bool) -> Iterator[tuple[str, str, Any]]:
    """Each model's name, its recipe's name and its settings."""
    yield "global", "ptacl-global", sized("ptacl-global", small=small)
    for model, changes in (
        ("ptacl", {}),
        ("ptacl-one-hot", {"targets": "one-hot"}),
        ("ptacl-single-beat", {"correspondence": "single_beat"}),
        ("ptacl-linear", {"correspondence": "linear"}),
        ("ptacl-not-centred", {"centred": False}),
    ):
        yield model, "ptacl", sized("ptacl", small=small, **changes)


def study(*, small: bool) -> Study:
    """The cohorts of the study ``ptacl``."""
    return Study(
        question="Which part of the ECG answers to which frame, and how surely?",
        cells=tuple(
            Cell(
                model=model,
                recipe_name=name,
                recipe=recipe,
                cohort=patients(seed, small=small),
                seed=seed,
            )
            for seed in ((1, 2) if small else (1, 2, 3, 4, 5))
            for model, name, recipe in models(small=small)
        ),
        method="ptacl",
        baseline="global",
    )
