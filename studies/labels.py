"""How many labels are needed, if there are pairs?

3,000 pairs, of which a share has a report that was coded; the others have an ECG and an X-ray and
no label. The teacher learns from the labelled ones alone, as everything else does.

Cost: about 30 minutes on 2 cores.
Expected: where labels are few, whatever learns from the X-rays of unlabelled pairs gains most; at
one in ten the teacher is worth 3 points.
"""

from common import patients
from curves import controls, curve, recipes

from crossbeat.study import Study

SHARES = (0.01, 0.1, 0.3, 1.0)
MODELS = ("teacher", "direct", "cromotex", "clip", "distillation", "crossbeat")


def study(*, small: bool) -> Study:
    """Recipes over the share of pairs that have a label."""
    return curve(
        question="How many labels are needed, if there are pairs?",
        axis="share of pairs with a label",
        cohorts=lambda seed: {
            share: patients(seed, small=small, labelled=share)
            for share in (SHARES[2:] if small else SHARES)
        },
        models=recipes(MODELS, small=small) + controls(small=small),
        small=small,
    )
