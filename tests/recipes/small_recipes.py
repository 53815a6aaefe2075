"""Recipes in a size that trains within a second on the cohort ``tiny``."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from crossbeat.data.cohort import Cohort
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.recipes.run import Plan, Run, train
from crossbeat.training import Optimisation, TrainerSettings

QUIET = TrainerSettings(accelerator="cpu", progress=False)


def small(name: str, *, epochs: int = 1, **changes: Any) -> Any:
    """A recipe with small encoders, the findings of ``tiny`` and phases of a few batches."""
    recipe: Any = demo(RECIPES[name])
    short = {
        field.name: replace(
            getattr(recipe, field.name), epochs=epochs, batch_size=24, warmup_epochs=0.5
        )
        for field in fields(recipe)
        if isinstance(getattr(recipe, field.name), Optimisation)
    }
    given: dict[str, Any] = {"findings": ("large", "silent")} | short | changes
    return replace(recipe, **given)


def run_of(
    recipe: Any, cohort: Cohort, folder: Path, *, name: str, seed: int = 0, shared: Any = None
) -> Run:
    plan = Plan(name=name, recipe=recipe, seed=seed)
    return train(plan, cohort, folder, trainer=QUIET, shared=shared)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two networks have the same names and, bit for bit, the same values."""
    ours, theirs = one.state_dict(), other.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[k], theirs[k]) for k in ours)
