"""``crossbeat demo``: what an X-ray teacher adds to an ECG model, with controls and a limit.

Few pairs of ECG and X-ray have labels; the teacher has also seen many labelled X-rays of other
patients, who have no ECG.
"""

from dataclasses import replace

from crossbeat.cli.demo_runs import LIMIT_PATIENTS, MEASURING, PATIENTS, REPORT, Asked, Script
from crossbeat.data.sources.virtual import Virtual
from crossbeat.evaluation.names import CLEAN
from crossbeat.recipes import Recipe, settings_in, with_settings
from crossbeat.recipes.crossbeat import GENTLE
from crossbeat.recipes.presets import Preset
from crossbeat.recipes.settings import recipe_named
from crossbeat.study.grid import PROBE, Cell, Reading, Study
from crossbeat.training import Optimisation

METHOD, BASELINE = "crossbeat", "direct"
MODELS = ("teacher", BASELINE, "cromotex", METHOD, "crossbeat-shuffled")

_LABELLED = 0.1
_ABUNDANT = 9000
_OTHER_PATIENTS = 1_000_003
"""Added to the seed: the limits learn from patients of their own."""
_LONGER = 5
"""Times as many epochs where only labelled pairs teach: there are few of them."""
_TEACHER_EPOCHS = 6
"""Enough for the many X-rays that the teacher sees; chosen on validation patients."""
_PATIENCE = 5

_SECONDS = {
    PATIENTS: 20.0,
    LIMIT_PATIENTS: 12.0,
    "teacher": 20.0,
    CLEAN: 30.0,
    METHOD: 30.0,
    "cromotex": 45.0,
    "crossbeat-shuffled": 23.0,
    BASELINE: 11.0,
    MEASURING: 10.0,
    REPORT: 15.0,
}
_WORDS = {
    "teacher": "the X-ray teacher on {labelled_xrays:,} X-rays",
    CLEAN: "the limit on {ecgs:,} ECGs with true labels",
    METHOD: "crossbeat on {pairs:,} pairs",
    "cromotex": "CroMoTEX on {labelled_pairs:,} labelled pairs",
    "crossbeat-shuffled": "crossbeat with X-rays of other patients",
    BASELINE: "the ECG model without X-rays on {labelled_pairs:,} ECGs",
}


def script(asked: Asked) -> Script:
    """The models of the demo, and a limit that learns from many other patients."""
    outside = 2 * asked.patients if asked.outside is None else asked.outside
    paired = Virtual(
        num_patients=asked.patients,
        seed=asked.seed,
        val=0.1,
        test=0.4,
        labelled=_LABELLED,
        outside=outside,
    )
    many = Virtual(
        num_patients=_ABUNDANT if asked.abundant is None else asked.abundant,
        seed=asked.seed + _OTHER_PATIENTS,
        image_size=0,
        label_noise=0.0,
        val=0.1,
        test=0.0,
    )
    cells = [_cell(asked, name, paired) for name in MODELS]
    limit = replace(
        _cell(asked, BASELINE, many, longer=1),
        model=CLEAN,
        test=paired,
        readings=(),
        latent_limit=True,
    )
    films = f" and {outside:,} X-rays of other patients" if outside else ""
    return Script(
        study=Study(
            question="What does an X-ray teacher add to an ECG model when few pairs have labels?",
            cells=(*cells, limit),
            method=METHOD,
            baseline=BASELINE,
            limits=(CLEAN,),
        ),
        words={
            PATIENTS: f"Simulating {paired.num_patients:,} patients{films}",
            LIMIT_PATIENTS: f"Simulating {many.num_patients:,} patients with true labels for the "
            "limit",
            **_WORDS,
        },
        seconds=_SECONDS,
    )


def _cell(asked: Asked, name: str, cohort: Virtual, *, longer: int = _LONGER) -> Cell:
    """A model, with linear probes of its ECG encoder: CroMoTEX's before fine-tuning."""
    recipe = recipe_of(name, asked.preset, longer=longer)
    after: dict[str, str | None] = {PROBE: None} if name in (BASELINE, METHOD) else {}
    if name == "cromotex":
        after = {PROBE: "alignment", f"{PROBE} of self-supervision": "self-supervision"}
    readings = [
        Reading(name=called, findings=recipe.targets.findings, after=phase)
        for called, phase in after.items()
    ]
    return Cell(
        model=name,
        recipe_name=name,
        recipe=recipe,
        cohort=cohort,
        seed=asked.seed,
        readings=tuple(readings),
    )


def recipe_of(name: str, preset: Preset, *, longer: int = 1) -> Recipe:
    """A recipe with the settings of the demo.

    All models read ECGs in millivolts, see the same views of them and average their weights.

    Args:
        name: of the recipe.
        preset: brings it to size.
        longer: times as many epochs of the phases that see labelled pairs alone, at least 1.
    """
    recipe = preset(recipe_named(name))
    has = settings_in(recipe)
    times = {"alignment": longer, "fine_tuning": longer, "transfer": 1, "self_training": 1}
    changes = {
        phase: _timed(has[phase], by, average=0.0 if phase == "alignment" else 0.99)
        for phase, by in times.items()
        if phase in has
    }
    if "teacher" in has:
        epochs = min(has["teacher"].epochs, _TEACHER_EPOCHS)
        changes["teacher"] = replace(has["teacher"], epochs=epochs, patience=_PATIENCE)
    seen = {"ecg": replace(has["ecg"], normalisation="none")} if "ecg" in has else {}
    views = {"label_views": GENTLE} if "label_views" in has else {}
    return with_settings(recipe, changes | seen | views)


def _timed(usual: Optimisation, longer: int, *, average: float) -> Optimisation:
    return replace(
        usual,
        epochs=longer * usual.epochs,
        warmup_epochs=longer * usual.warmup_epochs,
        average=average,
        patience=longer * _PATIENCE,
    )
