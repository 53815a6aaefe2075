"""Studies along an axis: the same recipes on cohorts that differ in one thing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from choices import chosen
from common import long_enough

from crossbeat.data.sources.virtual import Virtual
from crossbeat.study import Cell, Study

Model = tuple[str, str, Any]
"""The name of a model in the results, the name of its recipe, and the recipe."""


def curve_seeds(*, small: bool) -> tuple[int, ...]:
    """Seeds of the cohorts of curves; the main study has other seeds."""
    return (11,) if small else (11, 12)


def recipes(names: Sequence[str], *, small: bool) -> tuple[Model, ...]:
    """Recipes under their own names, with their chosen settings."""
    return tuple((name, name, chosen(name, small=small)) for name in names)


def controls(*, small: bool) -> tuple[Model, ...]:
    """Crossbeat with labels only, and with X-rays of other patients."""
    whole = chosen("crossbeat", small=small)
    return (
        ("no-alignment", "crossbeat", replace(whole, trust=0.0, contrast=0.0)),
        ("shuffled", "crossbeat", replace(whole, shuffle_pairs=True)),
    )


def curve(
    *,
    question: str,
    axis: str,
    cohorts: Callable[[int], Mapping[float, Virtual]],
    models: Sequence[Model],
    differences: tuple[tuple[str, str], ...] = (),
    small: bool,
) -> Study:
    """Every model on the cohorts of every seed.

    Args:
        cohorts: the cohorts of a seed, by the point of the axis.
    """
    return Study(
        question=question,
        axis=axis,
        cells=tuple(
            Cell(
                model=model,
                recipe_name=name,
                recipe=long_enough(name, recipe, cohort),
                cohort=cohort,
                seed=seed,
                point=point,
            )
            for seed in curve_seeds(small=small)
            for point, cohort in cohorts(seed).items()
            for model, name, recipe in models
        ),
        method="crossbeat",
        baseline="direct",
        differences=differences,
    )
