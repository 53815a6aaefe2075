"""Does ejection fraction pass when an ECG meets how much the heart changes?

The first results of the study ``ptacl``, on two of its seeds, showed that ejection fraction is
missing from the mean over the frames. With ``anchors="cycle"`` an ECG meets the mean and the spread
over the cycle. As the idea came from those hearts, it is measured on others here, with the method
and settings of that study.

Cost: about 45 minutes on 2 cores.
Expected: ``global-cycle`` explains more of ejection fraction than ``global`` and as much of the
sizes; ``ptacl-cycle`` no more than ``global-cycle``.
"""

from ptacl import patients, sized

from crossbeat.study import Cell, Study

MODELS = {
    "direct": ("direct-heart", {}),
    "global": ("ptacl-global", {}),
    "ptacl": ("ptacl", {}),
    "global-cycle": ("ptacl-global", {"anchors": "cycle"}),
    "ptacl-cycle": ("ptacl", {"anchors": "cycle"}),
}
"""Each model's recipe and what is changed in it."""


def study(*, small: bool) -> Study:
    """Five models on five cohorts that no choice was made on."""
    seeds = (6, 7) if small else (6, 7, 8, 9, 10)
    return Study(
        question="Does ejection fraction pass when an ECG meets how much the heart changes?",
        cells=tuple(
            Cell(
                model=model,
                recipe_name=name,
                recipe=sized(name, small=small, **changes),
                cohort=patients(seed, small=small),
                seed=seed,
            )
            for seed in seeds
            for model, (name, changes) in MODELS.items()
        ),
        method="global-cycle",
        baseline="direct",
        differences=(
            ("ptacl", "global"),
            ("ptacl", "direct"),
            ("ptacl-cycle", "ptacl"),
            ("ptacl-cycle", "global-cycle"),
        ),
    )
