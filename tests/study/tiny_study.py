"""A study that runs within seconds, with readings, limits and cohorts of its own for each seed."""

from dataclasses import fields, replace
from typing import Any

from crossbeat.data.virtual import Virtual
from crossbeat.recipes import RECIPES
from crossbeat.recipes.presets import demo
from crossbeat.study import Cell, Reading, Study
from crossbeat.training import Optimisation

FINDINGS = ("cardiomegaly", "edema")


def patients(seed: int, **changes: Any) -> Virtual:
    given = {"num_patients": 120, "seed": seed, "image_size": 16, "val": 0.3, "test": 0.3}
    return Virtual(**given | changes)


def short(name: str, **changes: Any) -> Any:
    """A recipe of one epoch with small encoders."""
    recipe: Any = demo(RECIPES[name])
    phases = {
        field.name: replace(getattr(recipe, field.name), epochs=1, batch_size=32)
        for field in fields(recipe)
        if isinstance(getattr(recipe, field.name), Optimisation)
    }
    return replace(recipe, **phases | {"findings": FINDINGS} | changes)


def cell(model: str, seed: int, *, recipe: str = "", **changes: Any) -> Cell:
    name = recipe or model
    given = {"recipe": short(name), "cohort": patients(seed)}
    return Cell(model=model, recipe_name=name, seed=seed, **given | changes)


def study(*, small: bool = False) -> Study:
    """Distillation against direct training on two seeds."""
    probe = Reading(name="probe", findings=("edema",))
    seeds = (0, 1) if not small else (0,)
    cells = [
        cell(name, seed, readings=(probe,)) for seed in seeds for name in ("direct", "distillation")
    ]
    return Study(
        question="Does distillation help?",
        cells=tuple(cells),
        method="distillation",
        baseline="direct",
    )
