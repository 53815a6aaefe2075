"""What the studies share: virtual patients in the size of the demo, and recipes in that size.

Every seed is a cohort of its own. Seeds from 900 on served to find out what to build and to choose
settings (``studies/settings.py``); results are on seeds below, which nothing was chosen on.
"""

from dataclasses import fields, replace
from typing import Any

from crossbeat.data.virtual import Virtual
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.training import Optimisation

OTHER_PATIENTS = 1_000_003
"""Added to the seed: the limits learn from patients of their own."""

LEARN_FINDINGS = ("teacher", "fine_tuning", "distillation", "transfer", "self_training")
PATIENCE = 5
"""Epochs without a better validation AUROC before one of these phases stops."""

MOST_LONGER = 10
"""By what epochs grow at most where labels are few."""


def patients(seed: int, *, small: bool, **changes: Any) -> Virtual:
    """3,000 patients to learn from, 600 to choose on, 2,400 to measure on."""
    sizes: dict[str, Any] = {"num_patients": 6000, "val": 0.1, "test": 0.4}
    if small:
        sizes = {"num_patients": 400, "val": 0.25, "test": 0.35, "image_size": 32}
    return Virtual(seed=seed, **(sizes | changes))


def abundant(seed: int, *, small: bool) -> Virtual:
    """8,100 other patients with true labels, for the limits."""
    return Virtual(
        num_patients=400 if small else 9000,
        seed=seed + OTHER_PATIENTS,
        image_size=0,
        label_noise=0.0,
        val=0.25 if small else 0.1,
        test=0.0,
    )


def sized(name: str, *, small: bool, **changes: Any) -> Any:
    """A recipe by name in the size of the demo, with some settings changed.

    Args:
        small: every phase for one epoch.
    """
    recipe: Any = demo(RECIPES[name])
    phases = {
        field.name: getattr(recipe, field.name)
        for field in fields(recipe)
        if isinstance(getattr(recipe, field.name), Optimisation)
    }
    for phase in phases:
        if phase in LEARN_FINDINGS:
            phases[phase] = replace(phases[phase], patience=PATIENCE)
        if small:
            phases[phase] = replace(phases[phase], epochs=1, warmup_epochs=0.0)
    return replace(recipe, **phases, **changes)


def long_enough(name: str, recipe: Any, labelled: float) -> Any:
    """Phases that see labelled patients alone, for as many updates as with every label.

    Args:
        name: of the recipe.
        labelled: share of the training patients with a label, above 0 and at most 1.
    """
    phases = ["teacher", "fine_tuning"]
    phases += ["alignment"] if name in ("cromotex", "label-only") else []
    phases += ["transfer"] if name == "crossbeat" and not recipe.trust else []
    longer = min(MOST_LONGER, 1 / labelled)
    return replace(
        recipe,
        **{
            phase: replace(
                (was := getattr(recipe, phase)),
                epochs=round(longer * was.epochs),
                warmup_epochs=longer * was.warmup_epochs,
                decay_epochs=was.decay_epochs and longer * was.decay_epochs,
                patience=was.patience and round(longer * was.patience),
            )
            for phase in phases
            if hasattr(recipe, phase)
        },
    )
