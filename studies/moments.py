"""Which ECG segment should be aligned with which frame, and with what targets?

PTACL's abstract does not say. Each model is the method of the study ``ptacl`` with one change: hard
targets, only the beat in the middle, the whole record without R peaks, or segments and frames
without subtracting their mean over the cycle.

Cost: about 35 minutes on 2 cores after ``ptacl``, with which it shares two models.
Expected: soft targets and the mean over beats are better, because frames 30 ms apart look the same
and each beat has noise; without R peaks or without centring, the model does not learn to align
segments with frames.
"""

from collections.abc import Iterator
from typing import Any

from ptacl import patients, sized

from crossbeat.study import Cell, Study


def models(*, small: bool) -> Iterator[tuple[str, str, Any]]:
    """The name, recipe name and settings of each model."""
    yield "global", "ptacl-global", sized("ptacl-global", small=small)
    for model, changes in (
        ("ptacl", {}),
        ("ptacl-one-hot", {"frame_targets": "one-hot"}),
        ("ptacl-single-beat", {"correspondence": "single_beat"}),
        ("ptacl-linear", {"correspondence": "linear"}),
        ("ptacl-not-centred", {"centred": False}),
    ):
        yield model, "ptacl", sized("ptacl", small=small, **changes)


def study(*, small: bool) -> Study:
    """All models on the cohorts of the study ``ptacl``."""
    return Study(
        question="Which ECG segment should be aligned with which frame, and with what targets?",
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
