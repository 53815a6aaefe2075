"""The studies that ``crossbeat demo`` runs: their patients, models and limits."""

from collections.abc import Mapping
from dataclasses import replace

from crossbeat.data.sources.virtual import Virtual
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.evaluation.names import ALL_MEASURED, CLEAN
from crossbeat.modalities import EcgModel
from crossbeat.recipes import Recipe, settings_in, with_settings
from crossbeat.recipes.phases import GENTLE
from crossbeat.recipes.presets import Preset
from crossbeat.recipes.settings import recipe_named
from crossbeat.study.grid import PROBE, Cell, Reading, Study
from crossbeat.training import Optimisation

MODELS_OF_XRAYS = ("teacher", "direct", "cromotex", "crossbeat", "crossbeat-shuffled")
"""Models and recipes of the study with X-rays."""

MODELS_OF_HEARTS: Mapping[str, str] = {
    "direct": "direct-heart",
    "global": "ptacl-global",
    "ptacl": "ptacl",
    "ptacl-shuffled-frames": "ptacl-shuffled-frames",
    "shuffled": "ptacl-shuffled",
    "teacher": "cine-teacher",
}
"""The recipe of each model of the study with beating hearts."""

DIFFERENCES_OF_HEARTS = (("global", "shuffled"), ("ptacl-shuffled-frames", "global"))
"""Further pairs of models to compare."""

_LABELLED = 0.1
_MEASURED = 0.1
_OTHER_PATIENTS = 1_000_003
"""Added to the seed: the limit with X-rays learns from patients of its own."""
_LONGER = 5
"""Times as many epochs where only labelled pairs teach: there are few of them."""
_TEACHER_EPOCHS = 6
"""Enough for the many X-rays that the teacher sees; chosen on validation patients."""
_PATIENCE = 5


def xrays(number: int, seed: int, preset: Preset, *, outside: int, abundant: int) -> Study:
    """Few pairs of ECG and X-ray have labels; the teacher has seen X-rays of other patients too.

    Args:
        number: of patients, half of them for training.
        outside: labelled X-rays of other patients, who have no ECG.
        abundant: other patients with true labels, from whom the limit learns.
    """
    paired = Virtual(
        num_patients=number, seed=seed, val=0.1, test=0.4, labelled=_LABELLED, outside=outside
    )
    many = Virtual(
        num_patients=abundant,
        seed=seed + _OTHER_PATIENTS,
        image_size=0,
        label_noise=0.0,
        val=0.1,
        test=0.0,
    )
    recipes = {name: recipe_of(name, preset, longer=_LONGER) for name in MODELS_OF_XRAYS}
    cells = [
        Cell(
            model=name,
            recipe_name=name,
            recipe=recipe,
            cohort=paired,
            seed=seed,
            readings=tuple(
                Reading(name=called, findings=recipe.targets.findings, after=phase)
                for called, phase in _PROBES.get(name, {}).items()
            ),
        )
        for name, recipe in recipes.items()
    ]
    limit = Cell(
        model=CLEAN,
        recipe_name="direct",
        recipe=recipe_of("direct", preset),
        cohort=many,
        test=paired,
        seed=seed,
        latent_limit=True,
    )
    return Study(
        question="What does an X-ray teacher add to an ECG model when few pairs have labels?",
        cells=(*cells, limit),
        method="crossbeat",
        baseline="direct",
        limits=(CLEAN,),
    )


_PROBES: Mapping[str, Mapping[str, str | None]] = {
    "direct": {PROBE: None},
    "crossbeat": {PROBE: None},
    "cromotex": {PROBE: "alignment", f"{PROBE} of self-supervision": "self-supervision"},
}
"""Linear probes of ECG encoders, by the phase after which they are taken; None: at the end."""


def recipe_of(name: str, preset: Preset, *, longer: int = 1) -> Recipe:
    """A recipe with the settings of the study with X-rays.

    All models read ECGs in millivolts, see the same views of them and average their weights.

    Args:
        name: of the recipe.
        preset: brings it to size.
        longer: times as many epochs of the phases that see labelled pairs alone, at least 1.
    """
    recipe = preset(recipe_named(name))
    changes: dict[str, object] = {}
    times = {"alignment": longer, "fine_tuning": longer, "transfer": 1, "self_training": 1}
    for setting, value in settings_in(recipe).items():
        if isinstance(value, EcgModel):
            changes[setting] = replace(value, normalisation="none")
        elif setting == "label_views":
            changes[setting] = GENTLE
        elif isinstance(value, Optimisation) and setting in times:
            changes[setting] = _timed(
                value, times[setting], average=0.0 if setting == "alignment" else 0.99
            )
        elif isinstance(value, Optimisation) and setting == "teacher":
            epochs = min(value.epochs, _TEACHER_EPOCHS)
            changes[setting] = replace(value, epochs=epochs, patience=_PATIENCE)
    return with_settings(recipe, changes)


def _timed(usual: Optimisation, longer: int, *, average: float) -> Optimisation:
    return replace(
        usual,
        epochs=longer * usual.epochs,
        warmup_epochs=longer * usual.warmup_epochs,
        average=average,
        patience=longer * _PATIENCE,
    )


def patients_with_cines(number: int, seed: int) -> VirtualHearts:
    """Patients of whom half are for training; 10 % of these have measurements."""
    return VirtualHearts(num_patients=number, seed=seed, val=0.1, test=0.4, measured=_MEASURED)


def all_measured(some: VirtualHearts) -> VirtualHearts:
    """The same patients, all with measurements; their cines are tiny and unused."""
    return replace(some, measured=1.0, frames=2, cine_size=16)


def hearts(number: int, seed: int, preset: Preset) -> Study:
    """All patients have an ECG and a cine MRI; few of those for training have measurements.

    The limit learns from the measurements of all of them.
    """
    cohort = patients_with_cines(number, seed)
    cells = [
        Cell(
            model=model,
            recipe_name=name,
            recipe=preset(recipe_named(name)),
            cohort=cohort,
            seed=seed,
        )
        for model, name in MODELS_OF_HEARTS.items()
    ]
    limit = replace(
        cells[0], model=ALL_MEASURED, cohort=all_measured(cohort), test=cohort, latent_limit=True
    )
    return Study(
        question=(
            "How much does cine MRI teach an ECG encoder when few patients have measurements, and "
            "how much of that comes from alignment in time?"
        ),
        cells=(*cells, limit),
        method="ptacl",
        baseline="direct",
        differences=DIFFERENCES_OF_HEARTS,
        limits=(ALL_MEASURED,),
    )
