"""How good must the X-rays be?

Every X-ray of 64 x 64 pixels gets noise of some grey levels (of 255). Labels do not change: they
are read from the image without noise.

Cost: about 15 minutes on 2 cores.
Expected: with noise the teacher gets worse, and the ECG model a little worse.
"""

from common import patients
from curves import curve, recipes

from crossbeat.study import Study

NOISE = (0.0, 60.0, 120.0)
MODELS = ("teacher", "direct", "cromotex", "clip", "distillation", "crossbeat")


def study(*, small: bool) -> Study:
    """Recipes along the noise on X-rays."""
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
