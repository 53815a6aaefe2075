"""How many pairs of ECG and X-ray are needed?

A share of 3,000 patients has an X-ray with its report. The others have only an ECG, which
self-supervision and self-training use.

Cost: about 25 minutes on 2 cores.
Expected: every recipe gains about one point with each doubling of the pairs; the gain from the
X-ray over the label stays about the same.
"""

from common import patients
from curves import curve, recipes

from crossbeat.study import Study

SHARES = (0.1, 0.25, 0.5, 1.0)
MODELS = ("teacher", "direct", "cromotex", "clip", "distillation", "crossbeat")


def study(*, small: bool) -> Study:
    """Recipes along the share of patients with an X-ray."""
    return curve(
        question="How many pairs of ECG and X-ray are needed?",
        axis="share of patients with an X-ray and its report",
        cohorts=lambda seed: {
            share: patients(seed, small=small, paired=share)
            for share in (SHARES[2:] if small else SHARES)
        },
        models=recipes(MODELS, small=small),
        small=small,
    )
