"""How much does each ingredient of ``crossbeat`` gain, with all labels and with 10 % of them?

Cost: about 40 minutes on 2 cores.
Expected: with few labels, nearly all of the gain comes from the teacher's probabilities for
unlabelled pairs; with all labels, half comes from these and half from views; the contrast gains
nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from choices import chosen
from common import patients
from curves import curve

from crossbeat.recipes.cromotex import Cromotex
from crossbeat.recipes.presets import demo
from crossbeat.study import Study

SHARES = (0.1, 1.0)
SELF_SUPERVISION = demo(Cromotex()).self_supervision


def models(*, small: bool) -> Iterator[tuple[str, str, Any]]:
    """The name, recipe name and settings of each model."""
    whole = chosen("crossbeat", small=small)
    yield "direct", "direct", chosen("direct", small=small)
    yield "crossbeat", "crossbeat", whole
    changes: dict[str, dict[str, Any]] = {
        "no-xray": {"trust": 0.0, "contrast": 0.0},
        "teacher-alone": {"trust": 1.0},
        "half-trust": {"trust": 0.5},
        "contrast": {"contrast": 0.1},
        "contrast-no-penalty": {"contrast": 0.1, "hardness": "none"},
        "no-views": {"label_views": None},
        "ssl": {"self_supervision": SELF_SUPERVISION},
        "no-self-training": {"self_training": None},
        "no-average": {
            phase: replace(getattr(whole, phase), average=0.0)
            for phase in ("transfer", "self_training")
        },
        "per-lead": {"ecg": replace(whole.ecg, normalisation="min_max")},
    }
    for name, change in changes.items():
        yield f"crossbeat-{name}", "crossbeat", replace(whole, **change)


def study(*, small: bool) -> Study:
    """Crossbeat without each of its ingredients."""
    return curve(
        question="How much does each ingredient of crossbeat gain?",
        axis="share of pairs with a label",
        cohorts=lambda seed: {
            share: patients(seed, small=small, labelled=max(share, 0.3) if small else share)
            for share in SHARES
        },
        models=tuple(models(small=small)),
        small=small,
    )
