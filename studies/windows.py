"""How far apart may the ECG and the X-ray of a pair be?

A virtual hospital instead of ready pairs: patients come and go, fluid with them, clocks are off,
and labels are those of the X-ray's report. A wide window gives more pairs, with labels of another
day. All are measured on the same patients: on ECGs that have an X-ray within the hour.

Cost: about 25 minutes on 2 cores.
Expected: more pairs win up to a day or a week, then labels of another day lose.
"""

from choices import chosen
from curves import curve_seeds

from crossbeat.data.pairing import Pairing
from crossbeat.data.virtual_hospital import VirtualHospital
from crossbeat.data.virtual_mimic import VirtualMimic
from crossbeat.study import Cell, Study

NEAR = Pairing(rule="nearest", window=1.0)
RULES = {
    "1 hour": NEAR,
    "stay": Pairing(rule="ed-stay"),
    "1 day": Pairing(rule="nearest", window=24.0),
    "7 days": Pairing(rule="nearest", window=168.0),
    "60 days": Pairing(rule="nearest", window=1440.0),
}
MODELS = ("teacher", "direct", "cromotex", "distillation", "crossbeat")


def hospital(seed: int, *, small: bool) -> VirtualMimic:
    """As many patients as give 1,000 to 3,000 pairs to learn from, by the rule."""
    if small:
        return VirtualMimic(
            num_patients=300, seed=seed, image_size=32, film_size=16, val=0.25, test=0.35
        )
    return VirtualMimic(
        num_patients=5000, seed=seed, image_size=64, film_size=64, val=0.1, test=0.4
    )


def study(*, small: bool) -> Study:
    """Recipes over the rules of pairing."""
    rules = {name: RULES[name] for name in ("stay", "60 days")} if small else RULES
    return Study(
        question="How far apart may the ECG and the X-ray of a pair be?",
        axis="rule of pairing",
        cells=tuple(
            Cell(
                model=name,
                recipe_name=name,
                recipe=chosen(name, small=small),
                cohort=VirtualHospital(patients=patients, pairing=rule),
                test=VirtualHospital(patients=patients, pairing=NEAR),
                seed=seed,
                point=point,
            )
            for seed in curve_seeds(small=small)
            for patients in [hospital(seed, small=small)]
            for point, rule in rules.items()
            for name in MODELS
        ),
        method="crossbeat",
        baseline="direct",
    )
