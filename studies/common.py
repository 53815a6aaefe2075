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

TRAINING_PATIENTS = 3000
"""Of ``patients``; the epochs of the presets are made for this number."""

MOST_FILMS = 5
"""Times ``TRAINING_PATIENTS``: with more X-rays the teacher makes fewer epochs."""


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


def long_enough(name: str, recipe: Any, cohort: Virtual) -> Any:
    """A recipe whose phases make as many updates as they would with a report for every pair.

    Phases that see labelled patients only need more epochs where few pairs have a label. The
    teacher sees the labelled pairs and all outside X-rays; with very many X-rays it needs fewer
    epochs.

    Args:
        name: of the recipe.
    """
    labelled = cohort.labelled
    phases = [] if name == "cromotex-believed" else ["fine_tuning"]
    phases += ["alignment"] if name in ("cromotex", "label-only") else []
    phases += ["transfer"] if name == "crossbeat" and not recipe.trust else []
    changed = dict.fromkeys(phases, labelled)
    changed["teacher"] = labelled + cohort.outside / TRAINING_PATIENTS
    return replace(
        recipe,
        **{
            phase: _longer(getattr(recipe, phase), share)
            for phase, share in changed.items()
            if hasattr(recipe, phase)
        },
    )


def _longer(phase: Optimisation, share: float) -> Optimisation:
    """The phase with more epochs for a share below 1, and with fewer for one far above.

    Args:
        share: of the usual number of training samples; 0 or more.
    """
    times = min(MOST_LONGER, 1 / max(share, 1e-9)) if share < 1 else min(1, MOST_FILMS / share)
    return replace(
        phase,
        epochs=max(1, round(times * phase.epochs)),
        warmup_epochs=times * phase.warmup_epochs,
        decay_epochs=phase.decay_epochs and times * phase.decay_epochs,
        patience=phase.patience and max(1, round(times * phase.patience)),
    )
