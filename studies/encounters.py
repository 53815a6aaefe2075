"""What if the X-ray was taken hours, days or months after the ECG?

The report and the labels describe the later X-ray, but the test asks what the patient had at the
time of the ECG. Chronic disease stays and fluid changes (``crossbeat.simulate.patient``).

Cost: about 20 minutes on 2 cores.
Expected: all recipes lose on effusion and edema as the labels do; recipes that use the X-ray lose
as much as recipes that use its label.
"""

from common import patients
from curves import curve, recipes

from crossbeat.study import Study

HOURS = (0.0, 24.0, 168.0, 2160.0)
MODELS = ("teacher", "direct", "cromotex", "clip", "distillation", "crossbeat")


def study(*, small: bool) -> Study:
    """Recipes along the hours between ECG and X-ray."""
    return curve(
        question="What if the X-ray was taken later than the ECG?",
        axis="hours from ECG to X-ray",
        cohorts=lambda seed: {
            hours: patients(seed, small=small, hours_apart=hours)
            for hours in (HOURS[::3] if small else HOURS)
        },
        models=recipes(MODELS, small=small),
        small=small,
    )
