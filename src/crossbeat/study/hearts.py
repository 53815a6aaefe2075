"""The study of virtual hearts that ``crossbeat demo`` runs: its patients, models and limits."""

from collections.abc import Mapping
from dataclasses import replace

from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.recipes.presets import Preset
from crossbeat.recipes.settings import recipe_named
from crossbeat.study.grid import Cell, Study

MODELS: Mapping[str, str] = {
    "direct": "direct-heart",
    "global": "ptacl-global",
    "ptacl": "ptacl",
    "ptacl-shuffled-frames": "ptacl-shuffled-frames",
    "shuffled": "ptacl-shuffled",
    "teacher": "cine-teacher",
}
"""The recipe of each model."""

LIMIT = "ecg-all-measures"
"""Direct training on the measurements of all patients; other limits use the same data."""

DIFFERENCES = (("global", "shuffled"), ("ptacl-shuffled-frames", "global"))
"""Further pairs of models to compare."""

MEASURED = 0.1


def patients(number: int, seed: int) -> VirtualHearts:
    """Patients of whom half are for training; 10 % of these have measurements."""
    return VirtualHearts(num_patients=number, seed=seed, val=0.1, test=0.4, measured=MEASURED)


def all_measured(some: VirtualHearts) -> VirtualHearts:
    """The same patients, all with measurements; their cines are tiny and unused."""
    return replace(some, measured=1.0, frames=2, cine_size=16)


def hearts(number: int, seed: int, preset: Preset) -> Study:
    """All models and limits on one cohort."""
    cohort = patients(number, seed)
    cells = [
        Cell(
            model=model,
            recipe_name=name,
            recipe=preset(recipe_named(name)),
            cohort=cohort,
            seed=seed,
        )
        for model, name in MODELS.items()
    ]
    limit = replace(
        cells[0], model=LIMIT, cohort=all_measured(cohort), test=cohort, latent_limit=True
    )
    return Study(
        question=(
            "How much does cine MRI teach an ECG encoder when few patients have measurements, and "
            "how much of that comes from alignment in time?"
        ),
        cells=(*cells, limit),
        method="ptacl",
        baseline="direct",
        differences=DIFFERENCES,
        limits=(LIMIT,),
    )
