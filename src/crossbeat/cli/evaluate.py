"""``crossbeat evaluate RUN...``."""

from pathlib import Path
from typing import Any

from crossbeat.cli.options import command, note, parse
from crossbeat.cli.tables import show


def run(arguments: list[str]) -> None:
    """Measure runs on the test split; several runs are compared with the first."""
    parser = command("evaluate", "Measure finished runs on the test split of their cohort.")
    parser.add_argument(
        "runs",
        type=Path,
        nargs="+",
        help="folders of runs; the first recipe is the baseline, the next the method",
    )
    parser.add_argument("--cohort", type=Path, default=None, help="another place of the cohort")
    parser.add_argument(
        "--out", type=Path, default=None, help="results.json; default: in the first run"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parse(parser, arguments)
    from crossbeat.evaluation.results import write_results
    from crossbeat.recipes.run import Run

    runs = [Run.open(folder) for folder in options.runs]
    results = results_of(runs, options.cohort, seed=options.seed)
    path = options.out or runs[0].folder / "results.json"
    write_results(path, results)
    show(results, as_json=options.json)
    note(f"results: {path}")


def results_of(runs: list[Any], cohort: Path | None, *, seed: int) -> dict[str, Any]:
    """The results of runs on the test split of their cohort; runs of one recipe are averaged."""
    from crossbeat.cli.cohorts import cohort_from, cohort_of
    from crossbeat.deploy import record_metrics
    from crossbeat.evaluation.compare import compare
    from crossbeat.recipes.record import versions
    from crossbeat.recipes.run import predictions

    scored: dict[str, list[Any]] = {}
    for each in runs:
        data = cohort_from(cohort) if cohort else cohort_of(each)
        scored.setdefault(each.name, []).append(predictions(each, data))
    baseline, method = next(iter(scored)), list(scored)[:2][-1]
    compared = compare(scored, method=method, baseline=baseline, seed=seed)
    results = {
        "cohort": runs[0].plan["cohort"],
        "seeds": sorted({each.seed for each in runs}),
        "limits": {},
        "versions": versions(),
        "settings": {each.name: each.plan["settings"] for each in runs},
    } | compared
    for each in runs:
        if (each.folder / "model").is_dir():
            record_metrics(each.folder / "model", compared["models"][each.name])
    return results


def save_model(trained: Any) -> None:
    """Export a run's ECG model with thresholds and calibration chosen on validation."""
    from crossbeat.cli.cohorts import cohort_of
    from crossbeat.deploy import export_model
    from crossbeat.evaluation.choices import choose
    from crossbeat.recipes.run import validation

    choices = choose(validation(trained, cohort_of(trained)))
    export_model(trained, trained.folder / "model", choices)
