"""``crossbeat demo``: what an X-ray teacher adds to an ECG model, with controls and a limit.

Few pairs of ECG and X-ray have labels; the teacher has also seen many labelled X-rays of other
patients, who have no ECG.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from crossbeat.cli.cohorts import built
from crossbeat.cli.demo_runs import Asked
from crossbeat.cli.evaluate import limits_of, save_model
from crossbeat.cli.illustrations import illustrate
from crossbeat.cli.probes import probe
from crossbeat.cli.progress import Line, one_line
from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.virtual import Virtual
from crossbeat.deploy import record_metrics
from crossbeat.evaluation.cautions import cautions
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.names import CLEAN
from crossbeat.evaluation.patients import patients_of
from crossbeat.evaluation.predictions import Predictions
from crossbeat.evaluation.report import write_report
from crossbeat.evaluation.results import write_results
from crossbeat.recipes import Recipe
from crossbeat.recipes.crossbeat import GENTLE
from crossbeat.recipes.record import RESULT, counted, described, versions
from crossbeat.recipes.run import Plan, Run, predictions, train
from crossbeat.recipes.settings import recipe_named
from crossbeat.training import Optimisation, TrainerSettings
from crossbeat.workers import Task, process_pool

METHOD, BASELINE = "crossbeat", "direct"
MODELS = ("teacher", BASELINE, "cromotex", METHOD, "crossbeat-shuffled")
SHARES = {"100 %": 1.0}
LABELLED = 0.1
ABUNDANT = 9000
OTHER_PATIENTS = 1_000_003
"""Added to the seed: the limits learn from patients of their own."""

_LONGER = 5
"""Times as many epochs where only labelled pairs teach: there are few of them."""
_TEACHER_EPOCHS = 6
"""Enough for the many X-rays that the teacher sees; chosen on validation patients."""
_PATIENCE = 5

_SECONDS = {
    "patients": 20.0,
    "patients of the limit": 12.0,
    "teacher": 20.0,
    CLEAN: 30.0,
    METHOD: 27.0,
    "cromotex": 40.0,
    "crossbeat-shuffled": 20.0,
    BASELINE: 8.0,
    "measuring": 30.0,
    "report": 15.0,
}
"""Of each step on two quiet cores; trainings run side by side, so half of their own seconds."""


@dataclass(frozen=True)
class _Patients:
    """Those of the demo, and those whom the limit learns from."""

    paired: Cohort
    abundant: Cohort


def xray_demo(asked: Asked) -> dict[str, Any]:
    """Simulate, train, compare and report; the results."""
    started = time.perf_counter()
    with one_line(_SECONDS) as line:
        patients = _simulate(asked, line)
        _train(asked, patients, line)
        return _report(asked, patients, line, started)


def recipe_of(name: str, preset: Callable[[Any], Recipe], *, longer: int = 1) -> Recipe:
    """A recipe with the settings of the demo.

    All models read ECGs in millivolts, see the same views of them and average their weights.

    Args:
        name: of the recipe.
        preset: brings it to size.
        longer: times as many epochs of the phases that see labelled pairs alone, at least 1.
    """
    recipe: Any = preset(recipe_named(name))
    times = {"alignment": longer, "fine_tuning": longer, "transfer": 1, "self_training": 1}
    changes: dict[str, Any] = {
        phase: _timed(getattr(recipe, phase), by, average=0.0 if phase == "alignment" else 0.99)
        for phase, by in times.items()
        if hasattr(recipe, phase)
    }
    if hasattr(recipe, "teacher"):
        epochs = min(recipe.teacher.epochs, _TEACHER_EPOCHS)
        changes["teacher"] = replace(recipe.teacher, epochs=epochs, patience=_PATIENCE)
    if name in (BASELINE, "cromotex"):
        changes["ecg"] = replace(recipe.ecg, normalisation="none")
        changes["label_views"] = GENTLE
    return replace(recipe, **changes)


def _timed(usual: Optimisation, longer: int, *, average: float) -> Optimisation:
    return replace(
        usual,
        epochs=longer * usual.epochs,
        warmup_epochs=longer * usual.warmup_epochs,
        average=average,
        patience=longer * _PATIENCE,
    )


def _simulate(asked: Asked, line: Line) -> _Patients:
    outside = 2 * asked.patients if asked.outside is None else asked.outside
    paired = Virtual(
        num_patients=asked.patients,
        seed=asked.seed,
        val=0.1,
        test=0.4,
        labelled=LABELLED,
        outside=outside,
    )
    many = Virtual(
        num_patients=ABUNDANT if asked.abundant is None else asked.abundant,
        seed=asked.seed + OTHER_PATIENTS,
        image_size=0,
        label_noise=0.0,
        val=0.1,
        test=0.0,
    )
    wanted: dict[str, tuple[str, Virtual]] = {
        "patients": ("cohort", paired),
        "patients of the limit": ("cohort-of-the-limits", many),
    }
    with process_pool(asked.workers) as pool:
        cohorts = []
        for step, (folder, settings) in wanted.items():
            line.say(_simulating(settings))
            show = partial(_show, line, step)
            cohorts.append(built(settings, asked.out / folder, executor=pool, progress=show))
            line.reach(step)
    return _Patients(*cohorts)


def _simulating(settings: Virtual) -> str:
    text = f"Simulating {settings.num_patients:,} patients"
    if settings.outside:
        return f"{text} and {settings.outside:,} X-rays of other patients"
    return f"{text} with true labels for the limit"


def _show(line: Line, step: str, done: int, total: int) -> None:
    line.reach(step, done / total)


def _train(asked: Asked, patients: _Patients, line: Line) -> None:
    work = {
        "teacher": ("the X-ray teacher on {labelled_xrays:,} X-rays", "teacher", patients.paired),
        CLEAN: ("the limit on {ecgs:,} ECGs with true labels", BASELINE, patients.abundant),
        METHOD: ("crossbeat on {pairs:,} pairs", METHOD, patients.paired),
        "cromotex": ("CroMoTEX on {labelled_pairs:,} labelled pairs", "cromotex", patients.paired),
        "crossbeat-shuffled": (
            "crossbeat with X-rays of other patients",
            "crossbeat-shuffled",
            patients.paired,
        ),
        BASELINE: (
            "the ECG model without X-rays on {labelled_pairs:,} ECGs",
            BASELINE,
            patients.paired,
        ),
    }
    words, tasks = {}, []
    for called, (text, name, cohort) in work.items():
        words[called] = text.format(**counted(cohort))
        longer = 1 if called == CLEAN else _LONGER
        recipe = recipe_of(name, asked.preset, longer=longer)
        plan = Plan(name=name, recipe=recipe, seed=asked.seed)
        folder = asked.out / called
        run = partial(_train_run, plan, cohort.folder, folder, asked.trainer, asked.phases)
        tasks.append(Task(name=called, result=folder / RESULT, work=run))
    left = list(words)
    line.say(_training(words, left))
    for task in asked.finished(tasks):
        left.remove(task.name)
        line.reach(task.name)
        if left:
            line.say(_training(words, left))


def _training(words: Mapping[str, str], left: list[str]) -> str:
    return f"Training {words[left[0]]}: {len(words) - len(left)} of {len(words)} models done"


def _train_run(
    plan: Plan, patients: Path, folder: Path, trainer: TrainerSettings, phases: Path
) -> None:
    train(plan, Cohort.open(patients), folder, trainer=trainer, shared=phases)


def _report(asked: Asked, patients: _Patients, line: Line, started: float) -> dict[str, Any]:
    line.say("Measuring all models on the test patients")
    cohort = patients.paired
    runs = {name: Run.open(asked.out / name) for name in MODELS}
    clean = Run.open(asked.out / CLEAN)
    scored = {name: predictions(run, cohort) for name, run in runs.items()}
    results = _results(asked.seed, patients, runs, clean, scored)
    results["hours"] = _hours({**runs, CLEAN: clean}, started)
    line.reach("measuring")
    line.say("Drawing the report")
    _write(asked.out, results, runs, scored, cohort)
    return results


def _results(
    seed: int,
    patients: _Patients,
    runs: Mapping[str, Run],
    clean: Run,
    scored: Mapping[str, Predictions],
) -> dict[str, Any]:
    cohort, findings = patients.paired, scored[BASELINE].findings
    told = {name: [each] for name, each in scored.items()}
    compared = compare(told, method=METHOD, baseline=BASELINE, seed=seed)
    return compared | {
        "cohort": described(runs[BASELINE].plan) | {"training": counted(cohort)},
        "seeds": [seed],
        "limits": limits_of(cohort, findings, seed, own=cohort, clean=(clean, patients.abundant)),
        "probes": _probes(runs, cohort, seed),
        "versions": versions(),
        "settings": {name: run.plan["settings"] for name, run in runs.items()},
        "notes": cautions(compared),
    }


def _write(
    out: Path,
    results: dict[str, Any],
    runs: Mapping[str, Run],
    scored: Mapping[str, Predictions],
    cohort: Cohort,
) -> None:
    save_model(runs[METHOD])
    record_metrics(runs[METHOD].folder / "model", results["models"][METHOD])
    write_results(out / "results.json", results)
    patients = patients_of(scored[BASELINE], scored[METHOD])
    drawn = illustrate(results, scored, runs, cohort, patients)
    write_report(out / "report.html", results, drawn, patients)


def _hours(runs: Mapping[str, Run], started: float) -> dict[str, float]:
    hours = {
        name: sum(phase["seconds"] for phase in run.phases if not phase["reused"]) / 3600
        for name, run in runs.items()
    }
    return hours | {"this command": (time.perf_counter() - started) / 3600}


def _probes(runs: Mapping[str, Run], cohort: Cohort, seed: int) -> dict[str, Any]:
    """Linear probes of the encoders: CroMoTEX's before fine-tuning, the others' as they end."""
    encoders = {
        BASELINE: runs[BASELINE],
        "self-supervision": runs["cromotex"].after("self-supervision"),
        "cromotex": runs["cromotex"].after("alignment"),
        METHOD: runs[METHOD],
    }
    probed = {name: probe(run, cohort, SHARES, seed) for name, run in encoders.items()}
    shares = probed[METHOD]
    return {share: {name: found[share] for name, found in probed.items()} for share in shares}
