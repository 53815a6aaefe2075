"""How many wrong labels can each recipe tolerate?

Does supervised contrast with hard negatives suffer first? Labels for training and validation are
the true labels with a share of them flipped, instead of labels from reports. Self-supervision is
the same at every point and runs once.

Cost: about 35 minutes on 2 cores.
Expected: with true labels no recipe is much better than ``direct``, and penalised hard negatives
gain what the paper reports (0.5 to 1.5 points over no penalty); with more errors this gain becomes
a loss, while targets from the teacher gain more and more.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from choices import chosen
from common import patients
from curves import curve

from crossbeat.study import Study

LEVELS = (0.0, 0.1, 0.2, 0.4)


def models(*, small: bool) -> Iterator[tuple[str, str, Any]]:
    """The name, recipe name and settings of each model."""
    for name in ("direct", "clip", "distillation", "crossbeat"):
        yield name, name, chosen(name, small=small)
    cromotex = chosen("cromotex", small=small)
    yield "cromotex", "cromotex", cromotex
    for hardness in ("none", "linear", "exp"):
        yield f"cromotex-{hardness}", "cromotex", replace(cromotex, hardness=hardness)


def study(*, small: bool) -> Study:
    """Recipes and hard-negative strategies along the share of wrong labels."""
    return curve(
        question="How many wrong labels can each recipe tolerate?",
        axis="share of labels that are wrong",
        cohorts=lambda seed: {
            level: patients(seed, small=small, label_noise=level)
            for level in (LEVELS[::3] if small else LEVELS)
        },
        models=tuple(models(small=small)),
        differences=tuple(
            ("cromotex" if hardness == "topk" else f"cromotex-{hardness}", "cromotex-none")
            for hardness in ("topk", "linear", "exp")
        ),
        small=small,
    )
