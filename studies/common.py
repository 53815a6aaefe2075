"""Code that studies share: virtual patients and recipes in the size of the demo.

Every seed has its own cohort. Seeds from 900 were used to develop methods and to choose settings
(``studies/settings.py``). Results use lower seeds, which were not used for any choice.
"""

from dataclasses import fields, replace
from typing import Any

from crossbeat.data.sources.virtual import Virtual
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.training import Optimisation

OTHER_PATIENTS = 1_000_003
"""Number added to the seed, so that the limits learn from other patients."""

LEARN_FINDINGS = ("teacher", "fine_tuning", "distillation", "transfer", "self_training")
PATIENCE = 5
"""One of these phases stops after this many epochs without a better validation AUROC."""

MOST_LONGER = 10
"""Maximum factor by which the number of epochs grows when there are few labels."""

TRAINING_PATIENTS = 3000
"""Training patients of ``patients``; the presets have the right number of epochs for them."""

MOST_FILMS = 5
"""The teacher trains for fewer epochs with more than this times ``TRAINING_PATIENTS`` X-rays."""


def patients(seed: int, *, small: bool, **changes: Any) -> Virtual:
    """3,000 patients for training, 600 for validation and 2,400 for testing."""
    sizes: dict[str, Any] = {"num_patients": 6000, "val": 0.1, "test": 0.4}
    if small:
        sizes = {"num_patients": 400, "val": 0.25, "test": 0.35, "image_size": 32}
    return Virtual(seed=seed, **(sizes | changes))


def abundant(seed: int, *, small: bool) -> Virtual:
    """8,100 other patients with true labels for the upper limits."""
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
        small: train every phase for one epoch.
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
    """A recipe with as many updates per phase as if every pair had a report.

    Phases that use only labelled patients need more epochs if few pairs have a label. The
    teacher uses the labelled pairs and all outside X-rays; with very many X-rays it needs fewer
    epochs.

    Args:
        name: name of the recipe.
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
    """The phase with more epochs for a share below 1, and with fewer for a share far above 1.

    Args:
        share: number of training samples divided by the usual number; 0 or more.
    """
    times = min(MOST_LONGER, 1 / max(share, 1e-9)) if share < 1 else min(1, MOST_FILMS / share)
    return replace(
        phase,
        epochs=max(1, round(times * phase.epochs)),
        warmup_epochs=times * phase.warmup_epochs,
        decay_epochs=phase.decay_epochs and times * phase.decay_epochs,
        patience=phase.patience and max(1, round(times * phase.patience)),
    )
