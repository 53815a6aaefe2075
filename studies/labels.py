"""How many labelled pairs are needed?

There are 3,000 pairs of ECG and X-ray. A share of them has a label from a report; the others have
no label. The teacher learns only from the labelled pairs.

Cost: about 30 minutes on 2 cores.
Expected: with few labels, recipes that learn from the X-rays of unlabelled pairs gain most; with
10 % labelled pairs, the teacher gains 3 points.
"""

from common import patients
from curves import controls, curve, recipes

from crossbeat.study import Study

SHARES = (0.01, 0.1, 0.3, 1.0)
MODELS = ("teacher", "direct", "cromotex", "clip", "distillation", "crossbeat")


def study(*, small: bool) -> Study:
    """Recipes along the share of pairs that have a label."""
    return curve(
        question="How many labelled pairs are needed?",
        axis="share of pairs with a label",
        cohorts=lambda seed: {
            share: patients(seed, small=small, labelled=share)
            for share in (SHARES[2:] if small else SHARES)
        },
        models=recipes(MODELS, small=small) + controls(small=small),
        small=small,
    )
