"""``crossbeat demo``: the whole way on virtual patients, in some minutes on two cores."""

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

from crossbeat.cli.cohorts import built
from crossbeat.cli.evaluate import limits_of, save_model
from crossbeat.cli.examples import write_example
from crossbeat.cli.illustrations import illustrate
from crossbeat.cli.options import command, note, parse
from crossbeat.cli.probes import probe
from crossbeat.cli.progress import over_tasks
from crossbeat.cli.tables import show
from crossbeat.data.cohort import Cohort
from crossbeat.data.virtual import Virtual
from crossbeat.deploy import record_metrics
from crossbeat.evaluation.compare import compare
from crossbeat.evaluation.names import CLEAN
from crossbeat.evaluation.report import write_report
from crossbeat.evaluation.results import write_results
from crossbeat.recipes.presets import preset_named
from crossbeat.recipes.record import RESULT, described, versions
from crossbeat.recipes.run import Plan, Run, predictions, train
from crossbeat.recipes.settings import recipe_named
from crossbeat.training import TrainerSettings
from crossbeat.workers import Task, share

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
OTHER_PATIENTS = 1_000_003
"""Added to the seed: the limits learn from patients of their own."""


def run(arguments: list[str]) -> None:
    """Simulate, train, compare, report, and answer for one ECG."""
    parser = command("demo", "The whole way on virtual patients: train, compare, report.")
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    parser.add_argument("--patients", type=int, default=6000, help="half of them are for training")
    parser.add_argument("--abundant", type=int, default=9000, help="patients for the limits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--preset", type=str, default="demo")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parse(parser, arguments)
    started = time.perf_counter()
    cohort, abundant = _cohorts(options)
    _train(options, cohort.folder, abundant.folder)
    results = _report(options, cohort, abundant, started)
    _answer_for_one(options.out)
    show(results, as_json=options.json)
    note(f"report: {options.out / 'report.html'}")
    note(f"results: {options.out / 'results.json'}")
    note(f"model: {options.out / 'cromotex' / 'model'}")


def _cohorts(options: Any) -> tuple[Cohort, Cohort]:
    seed = options.seed
    paired = Virtual(num_patients=options.patients, seed=seed, val=0.1, test=0.4)
    many = Virtual(
        num_patients=options.abundant,
        seed=seed + OTHER_PATIENTS,
        image_size=0,
        label_noise=0.0,
        val=0.1,
        test=0.0,
    )
    return (
        built(paired, options.out / "cohort"),
        built(many, options.out / "cohort-of-the-limits"),
    )


def _train(options: Any, cohort: Path, abundant: Path) -> None:
    preset, alone = preset_named(options.preset), options.workers == 1
    trainer = TrainerSettings(progress=alone)

    def task(name: str, *, called: str = "", patients: Path = cohort) -> Task:
        plan = Plan(name=name, recipe=preset(recipe_named(name)), seed=options.seed)
        folder = options.out / (called or name)
        work = partial(_train_run, plan, patients, folder, trainer)
        return Task(name=folder.name, result=folder / RESULT, work=work)

    tasks = [
        task("teacher"),
        task("direct", called=CLEAN, patients=abundant),
        task("cromotex"),
        task("direct"),
        task("distillation"),
        task("cromotex-no-ssl"),
        task("shuffled"),
        task("cromotex-no-hard-negatives"),
    ]
    for each in tasks:
        if each.is_done():
            each.work()  # refuses a run with other settings
    done = share(tasks, workers=options.workers)
    over_tasks(done, len(tasks), "training", quiet=alone)


def _train_run(plan: Plan, patients: Path, folder: Path, trainer: TrainerSettings) -> None:
    train(plan, Cohort.open(patients), folder, trainer=trainer, shared=folder.parent / "phases")


def _report(options: Any, cohort: Cohort, abundant: Cohort, started: float) -> dict[str, Any]:
    note("measuring on the test split")
    runs = {name: Run.open(options.out / name) for name in MODELS}
    scored = {name: predictions(run, cohort) for name, run in runs.items()}
    seed, clean = options.seed, Run.open(options.out / CLEAN)
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
    save_model(runs["cromotex"])
    record_metrics(runs["cromotex"].folder / "model", results["models"]["cromotex"])
    write_results(options.out / "results.json", results)
    note("drawing the report")
    write_report(options.out / "report.html", results, illustrate(results, scored, runs, cohort))
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


def _answer_for_one(out: Path) -> None:
    """A file as a user has it, made of one virtual patient, and the command that answers for it."""
    path = write_example(out / "example")
    note(f"now try: crossbeat predict {out / 'cromotex'} {path}")
