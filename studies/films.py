"""How good must the X-rays be?

Noise of some grey levels (of 255) on every X-ray of 64 x 64 pixels. Labels stay: they are read from
the film before the noise.

Cost: about 15 minutes on 2 cores.
Expected: what the teacher knows falls with the noise, and what the ECG takes from it a little.
"""

from common import patients
from curves import curve, recipes

from crossbeat.study import Study

NOISE = (0.0, 60.0, 120.0)
MODELS = ("teacher", "direct", "cromotex", "clip", "distillation", "crossbeat")


def study(*, small: bool) -> Study:
    """Recipes over the noise on X-rays."""
    return curve(
        question="How good must the X-rays be?",
        axis="noise on X-rays in grey levels",
        cohorts=lambda seed: {
            noise: patients(seed, small=small, film_noise=noise)
            for noise in (NOISE[::2] if small else NOISE)
        },
        models=recipes(MODELS, small=small),
        small=small,
    )
