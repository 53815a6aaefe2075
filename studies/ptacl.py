"""How much does cine MRI teach the ECG model, and what does alignment in time add?

All models of a seed use the same cohort: 3,000 pairs of ECG and cine, of which 10 % have
measurements, because most scans are never contoured. The cine encoder is trained by masked
modelling and then frozen. ``ptacl`` aligns by patient and in time, ``global`` only by patient. In
``ptacl-no-masked`` the cine encoder is frozen with random weights.

Cost: about an hour on 2 cores.
Expected: ``global`` gains on ``direct``; ``ptacl`` gains on ``global`` on volumes or ejection
fraction and on retrieval; shuffled frames lose this gain, and shuffled pairs lose all gains.
Without masked modelling the cine teaches less.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.evaluation.names import ALL_MEASURED
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.study import Cell, Study, demos
from crossbeat.training import Optimisation


def patients(seed: int, *, small: bool) -> VirtualHearts:
    """3,000 patients for training, 600 for validation and 2,400 for testing."""
    if small:
        return VirtualHearts(
            num_patients=300, seed=seed, frames=6, cine_size=32, val=0.25, test=0.35, measured=0.5
        )
    return demos.patients_with_cines(6000, seed)


def sized(name: str, *, small: bool, **changes: Any) -> Any:
    """A recipe in the size of the demo."""
    recipe: Any = demo(RECIPES[name])
    if small:
        names = ("masked_cine", "alignment", "regression", "fine_tuning", "teacher")
        short = Optimisation(learning_rate=1e-3, epochs=1, batch_size=32)
        kept = [each for each in names if getattr(recipe, each, None) is not None]
        changes = dict.fromkeys(kept, short) | changes
    return replace(recipe, **changes)


def models(*, small: bool) -> Iterator[tuple[str, str, Any]]:
    """The name, recipe name and settings of each model."""
    for model, name in demos.MODELS_OF_HEARTS.items():
        yield model, name, sized(name, small=small)
    yield "ptacl-no-masked", "ptacl", sized("ptacl", small=small, masked_cine=None)


def cells(*, small: bool) -> Iterator[Cell]:
    """All models, then the limits."""
    seeds = (1, 2) if small else (1, 2, 3, 4, 5)
    for seed in seeds:
        for model, name, recipe in models(small=small):
            yield Cell(
                model=model,
                recipe_name=name,
                recipe=recipe,
                cohort=patients(seed, small=small),
                seed=seed,
            )
    for seed in seeds:
        yield Cell(
            model=ALL_MEASURED,
            recipe_name="direct-heart",
            recipe=sized("direct-heart", small=small),
            cohort=demos.all_measured(patients(seed, small=small)),
            test=patients(seed, small=small),
            seed=seed,
            latent_limit=True,
        )


def study(*, small: bool) -> Study:
    """All models on five cohorts."""
    return Study(
        question="How much does cine MRI teach the ECG model, and what does alignment in time add?",
        cells=tuple(cells(small=small)),
        method="ptacl",
        baseline="direct",
        differences=demos.DIFFERENCES_OF_HEARTS,
        limits=(ALL_MEASURED,),
    )
