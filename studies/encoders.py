"""Do the gains from X-rays and from a better encoder add up?

In direct training, the residual network gains as much as our recipe does with the transformer. Here
our recipe trains the residual network with and without X-rays.

Cost: about 20 minutes on 2 cores after ``transfer``, with which it shares phases.
Expected: both gains mostly add up.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from choices import chosen
from common import patients

from crossbeat.study import Cell, Study

SEEDS = (1, 2, 3)


def models(*, small: bool) -> Iterator[tuple[str, str, Any]]:
    """The name, recipe name and settings of each model."""
    crossbeat = chosen("crossbeat", small=small)
    residual = chosen("resnet1d", small=small)
    with_residual = replace(crossbeat, ecg=residual.ecg)
    yield "direct", "direct", chosen("direct", small=small)
    yield "resnet1d", "resnet1d", residual
    yield "crossbeat", "crossbeat", crossbeat
    yield "no-alignment-resnet1d", "crossbeat", replace(with_residual, trust=0.0, contrast=0.0)
    yield "crossbeat-resnet1d", "crossbeat", with_residual


def study(*, small: bool) -> Study:
    """Both encoders, with direct training and with our recipe."""
    return Study(
        question="Do the gains from X-rays and from a better encoder add up?",
        cells=tuple(
            Cell(
                model=model,
                recipe_name=name,
                recipe=recipe,
                cohort=patients(seed, small=small),
                seed=seed,
            )
            for seed in (SEEDS[:2] if small else SEEDS)
            for model, name, recipe in models(small=small)
        ),
        method="crossbeat-resnet1d",
        baseline="direct",
        differences=(("no-alignment-resnet1d", "resnet1d"),),
    )
