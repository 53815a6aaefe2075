"""How many pairs are needed, if there are ECGs?

A share of 3,000 patients has an X-ray with its report; the others have an ECG and nothing else,
which self-supervision and self-training see.

Cost: about 25 minutes on 2 cores.
Expected: every doubling of the pairs is worth about a point for every recipe; what the X-ray adds
to a label stays about the same.
"""

from common import patients
from curves import curve, recipes

from crossbeat.study import Study

SHARES = (0.1, 0.25, 0.5, 1.0)
MODELS = ("teacher", "direct", "cromotex", "clip", "distillation", "crossbeat")


def study(*, small: bool) -> Study:
    """Recipes over the share of patients with an X-ray."""
    return curve(
        question="How many pairs are needed, if there are ECGs?",
        axis="share of patients with an X-ray and its report",
        cohorts=lambda seed: {
            share: patients(seed, small=small, paired=share)
            for share in (SHARES[2:] if small else SHARES)
        },
        models=recipes(MODELS, small=small),
        small=small,
    )
