"""``crossbeat demo``: what chest X-rays teach an ECG encoder, with controls and limits."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from crossbeat.cli.cohorts import built
from crossbeat.cli.demo_runs import Asked
from crossbeat.cli.evaluate import limits_of, save_model
from crossbeat.cli.illustrations import illustrate
from crossbeat.cli.options import note
from crossbeat.cli.probes import probe
from crossbeat.data.cohort import Cohort
from crossbeat.data.virtual import Virtual
from crossbeat.deploy import record_metrics
from crossbeat.evaluation.cautions import cautions
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.names import CLEAN
from crossbeat.evaluation.report import write_report
from crossbeat.evaluation.results import write_results
from crossbeat.recipes.record import RESULT, described, versions
from crossbeat.recipes.run import Plan, Run, predictions, train
from crossbeat.recipes.settings import recipe_named
from crossbeat.training import TrainerSettings
from crossbeat.workers import Task

MODELS = (
    "teacher",
    "direct",
    "cromotex",
    "distillation",
    "shuffled",
    "cromotex-no-hard-negatives",
    "cromotex-no-ssl",
)
SHARES = {"1 %": 0.01, "10 %": 0.1, "100 %": 1.0}
ABUNDANT = 9000
OTHER_PATIENTS = 1_000_003
"""Added to the seed: the limits learn from patients of their own."""


def xray_demo(asked: Asked) -> dict[str, Any]:
    """Simulate, train, compare and report; the results."""
    started = time.perf_counter()
    cohort, abundant = _cohorts(asked)
    _train(asked, cohort.folder, abundant.folder)
    return _report(asked, cohort, abundant, started)


def _cohorts(asked: Asked) -> tuple[Cohort, Cohort]:
    seed = asked.seed
    paired = Virtual(num_patients=asked.patients, seed=seed, val=0.1, test=0.4)
    many = Virtual(
        num_patients=ABUNDANT if asked.abundant is None else asked.abundant,
        seed=seed + OTHER_PATIENTS,
        image_size=0,
        label_noise=0.0,
        val=0.1,
        test=0.0,
    )
    return (
        built(paired, asked.out / "cohort"),
        built(many, asked.out / "cohort-of-the-limits"),
    )


def _train(asked: Asked, cohort: Path, abundant: Path) -> None:
    def task(name: str, *, called: str = "", patients: Path = cohort) -> Task:
        plan = Plan(name=name, recipe=asked.preset(recipe_named(name)), seed=asked.seed)
        folder = asked.out / (called or name)
        work = partial(_train_run, plan, patients, folder, asked.trainer, asked.phases)
        return Task(name=folder.name, result=folder / RESULT, work=work)

    asked.train(
        [
            task("teacher"),
            task("direct", called=CLEAN, patients=abundant),
            task("cromotex"),
            task("direct"),
            task("distillation"),
            task("cromotex-no-ssl"),
            task("shuffled"),
            task("cromotex-no-hard-negatives"),
        ]
    )


def _train_run(
    plan: Plan, patients: Path, folder: Path, trainer: TrainerSettings, phases: Path
) -> None:
    train(plan, Cohort.open(patients), folder, trainer=trainer, shared=phases)


def _report(asked: Asked, cohort: Cohort, abundant: Cohort, started: float) -> dict[str, Any]:
    note("measuring on the test split")
    runs = {name: Run.open(asked.out / name) for name in MODELS}
    scored = {name: predictions(run, cohort) for name, run in runs.items()}
    seed, clean = asked.seed, Run.open(asked.out / CLEAN)
    results: dict[str, Any] = {
        "cohort": described(runs["direct"].plan),
        "seeds": [seed],
        "limits": limits_of(cohort, scored["direct"].findings, seed, clean=(clean, abundant)),
        "probes": _probes(runs, cohort, seed),
        "versions": versions(),
        "settings": {name: run.plan["settings"] for name, run in runs.items()},
        "hours": _hours({**runs, CLEAN: clean}, started),
    } | compare(
        {name: [each] for name, each in scored.items()},
        method="cromotex",
        baseline="direct",
        seed=seed,
    )
    results["notes"] = cautions(results)
    save_model(runs["cromotex"])
    record_metrics(runs["cromotex"].folder / "model", results["models"]["cromotex"])
    write_results(asked.out / "results.json", results)
    note("drawing the report")
    write_report(asked.out / "report.html", results, illustrate(results, scored, runs, cohort))
    return results


def _hours(runs: dict[str, Any], started: float) -> dict[str, float]:
    hours = {
        name: sum(phase["seconds"] for phase in run.phases if not phase["reused"]) / 3600
        for name, run in runs.items()
    }
    return hours | {"this command": (time.perf_counter() - started) / 3600}


def _probes(runs: dict[str, Any], cohort: Any, seed: int) -> dict[str, Any]:
    """Linear probes of the encoders as alignment left them, before fine-tuning."""
    encoders = {
        "cromotex": runs["cromotex"].after("alignment"),
        "shuffled": runs["shuffled"].after("alignment"),
        "self-supervision": runs["cromotex"].after("self-supervision"),
    }
    probed = {name: probe(run, cohort, SHARES, seed) for name, run in encoders.items()}
    shares = probed["cromotex"]
    return {share: {name: found[share] for name, found in probed.items()} for share in shares}
