"""How far apart may the ECG and the X-ray of a pair be?

The data are from a virtual hospital instead of ready pairs: patients come and go, fluid changes,
clocks are wrong, and labels are from the X-ray's report. A wide window gives more pairs, but with
labels of another day. All models are tested on the same patients: on ECGs that have an X-ray within
one hour.

Cost: about 25 minutes on 2 cores.
Expected: more pairs help up to a day or a week; beyond that, labels of another day harm.
"""

from choices import chosen
from curves import curve_seeds

from crossbeat.data.pairing import Pairing
from crossbeat.data.sources.mimic import VirtualHospital
from crossbeat.simulate.hospital import VirtualMimic
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
    """A virtual hospital with 1,000 to 3,000 training pairs, depending on the rule."""
    if small:
        return VirtualMimic(
            num_patients=300, seed=seed, image_size=32, film_size=16, val=0.25, test=0.35
        )
    return VirtualMimic(
        num_patients=5000, seed=seed, image_size=64, film_size=64, val=0.1, test=0.4
    )


def study(*, small: bool) -> Study:
    """Recipes along the rules of pairing."""
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
