"""Does aligning ECGs with changes over the heart cycle improve ejection fraction?

The first results of the study ``ptacl``, on two of its seeds, showed that the mean over the frames
lacks ejection fraction. With ``anchors="cycle"`` an ECG is aligned with the mean and the spread
over the cycle. The idea came from those patients, so this study tests it on other patients, with
the method and settings of ``ptacl``.

Cost: about 45 minutes on 2 cores.
Expected: ``global-cycle`` explains more of ejection fraction than ``global`` and as much of the
volumes and mass; ``ptacl-cycle`` no more than ``global-cycle``.
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
"""The recipe of each model and its changed settings."""


def study(*, small: bool) -> Study:
    """Five models on five cohorts that were not used for any choice."""
    seeds = (6, 7) if small else (6, 7, 8, 9, 10)
    return Study(
        question="Does aligning ECGs with changes over the heart cycle improve ejection fraction?",
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
