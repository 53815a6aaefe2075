"""``crossbeat evaluate RUN...``."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crossbeat.cli.cohorts import Tested, cohort_of
from crossbeat.cli.evaluate_hearts import evaluate_hearts
from crossbeat.cli.options import command, note, parse
from crossbeat.cli.tables import show
from crossbeat.data.cohort import Cohort
from crossbeat.deploy import export_heart_model, export_model
from crossbeat.errors import ConfigError
from crossbeat.evaluation.cautions import cautions
from crossbeat.evaluation.choices import choose
from crossbeat.evaluation.compare import compare, estimate
from crossbeat.evaluation.names import CLEAN, LATENT
from crossbeat.evaluation.patients import patients_of
from crossbeat.evaluation.predictions import Predictions
from crossbeat.evaluation.report import write_report
from crossbeat.evaluation.results import external_notes, write_results
from crossbeat.recipes import HeartRecipe
from crossbeat.recipes.cine.run import estimates
from crossbeat.recipes.limits import latent_limit
from crossbeat.recipes.record import counted, versions
from crossbeat.recipes.run import Run, predictions, validation

Results = dict[str, Any]


def run(arguments: list[str]) -> None:
    """Measure runs on the test split; several recipes are compared with the first."""
    parser = command("evaluate", "Measure finished runs on the test split of their cohort.")
    parser.add_argument(
        "runs",
        type=Path,
        nargs="+",
        help="folders of runs; the first recipe is the baseline, the next the method",
    )
    parser.add_argument(
        "--cohort",
        type=Path,
        default=None,
        help="folder of the cohort to measure on: another one, or the runs' own if it has moved",
    )
    parser.add_argument(
        "--trained_on",
        type=Path,
        default=None,
        help="folder of the runs' own cohort, if it has moved and --cohort is another one",
    )
    parser.add_argument(
        "--other_patients",
        action="store_true",
        help="say that the patients of this cohort are other people than those with the same ids "
        "in training",
    )
    parser.add_argument(
        "--clean",
        type=Path,
        default=None,
        help="a run on many patients with true labels, shown as limit",
    )
    parser.add_argument(
        "--out", type=Path, default=None, help="results.json; default: in the first run"
    )
    parser.add_argument("--report", type=Path, default=None, help="an HTML report to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parse(parser, arguments)
    if options.seed < 0:
        raise ConfigError(f"--seed must be 0 or more, got {options.seed}; change it")
    runs = [_opened(folder, other_patients=options.other_patients) for folder in options.runs]
    named = [Cohort.open(each) for each in (options.cohort, options.trained_on) if each]
    cohort = named[0] if options.cohort else cohort_of(runs[0], opened=named)
    option = "--trained_on" if options.cohort else "--cohort"
    own = [cohort_of(run, opened=[cohort, *named], option=option) for run in runs]
    tested = Tested(runs, cohort, own)
    path = options.out or runs[0].folder / "results.json"
    if _are_of_hearts(runs):
        evaluate_hearts(
            tested,
            out=path,
            report=options.report,
            seed=options.seed,
            as_json=options.json,
        )
        return
    scored = _scored(tested)
    if options.report and len(scored) < 2:
        raise ConfigError("--report must have two recipes to compare, got one; name more runs")
    results = _results(tested, scored, seed=options.seed)
    clean = _opened(options.clean, other_patients=options.other_patients) if options.clean else None
    first = scored[runs[0].name][0]
    results["limits"] = limits_of(
        cohort,
        first.findings,
        options.seed,
        own=own[0],
        clean=(clean, cohort_of(clean)) if clean else None,
    )
    write_results(path, results)
    if options.report:
        _report(options.report, results, runs, scored, cohort)
    show(results, as_json=options.json)
    for text in results["notes"]:
        note(text)
    note(f"results: {path}")


def _opened(folder: Path, *, other_patients: bool) -> Run:
    run = Run.open(folder)
    return replace(run, learned=replace(run.learned, other_patients=other_patients))


def _are_of_hearts(runs: Sequence[Run]) -> bool:
    """Whether all runs predict cardiac measurements; runs of both kinds cannot be compared."""
    hearts = [isinstance(each.recipe, HeartRecipe) for each in runs]
    if any(hearts) and not all(hearts):
        raise ConfigError(
            "runs must all predict findings or all predict cardiac measurements, got both: "
            f"{', '.join(each.name for each in runs)}; evaluate them separately"
        )
    return all(hearts)


def _scored(tested: Tested) -> dict[str, list[Predictions]]:
    scored: dict[str, list[Predictions]] = {}
    runs = tested.runs
    seeds = Counter((each.name, each.seed) for each in runs)
    for (name, seed), number in seeds.items():
        if number > 1:
            raise ConfigError(
                f"runs of one recipe must differ in their seed, got seed {seed} of {name} "
                f"{number} times; name each run once, and evaluate other settings by themselves"
            )
    for each, own in zip(runs, tested.own, strict=True):
        twin = next(run for run in runs if run.name == each.name)
        if twin.plan["settings"] != each.plan["settings"]:
            raise ConfigError(
                f"runs of one recipe must have the same settings, got others in {each.folder} "
                f"than in {twin.folder}; evaluate them separately"
            )
        scored.setdefault(each.name, []).append(predictions(each, own, test=tested.cohort))
    return scored


def _results(tested: Tested, scored: dict[str, list[Predictions]], *, seed: int) -> Results:
    baseline, method = next(iter(scored)), list(scored)[:2][-1]
    compared = compare(scored, method=method, baseline=baseline, seed=seed)
    tested.record_metrics(compared["models"])
    told = tested.in_results()
    told["cohort"]["training"] = counted(tested.own[0])
    return (
        told
        | {
            "seeds": sorted({each.seed for each in tested.runs}),
            "versions": versions(),
            "settings": {each.name: each.plan["settings"] for each in tested.runs},
            "notes": [*external_notes(told), *cautions(compared)],
        }
        | compared
    )


def limits_of(
    cohort: Cohort,
    findings: tuple[str, ...],
    seed: int,
    *,
    own: Cohort,
    clean: tuple[Run, Cohort] | None,
) -> Results:
    """The limits of a virtual cohort; nothing for others, whose truth nobody knows.

    Args:
        cohort: whose test split is used.
        own: the cohort of the training.
        clean: a run on abundant true labels, and its cohort.
    """
    if {cohort.info.name, own.info.name} != {"virtual"}:
        return {}
    if clean and (
        "ecg_encoder" not in clean[0].parts or clean[1].info.settings.get("label_noise") != 0
    ):
        raise ConfigError(
            "--clean must be a run that reads ECGs and learned from true labels (label_noise 0), "
            f"got {clean[0].folder}; choose another run or leave it out"
        )
    abundant = clean[1] if clean else own
    limits = {LATENT: latent_limit(abundant, cohort, findings, seed=seed)}
    if clean:
        limits[CLEAN] = predictions(clean[0], clean[1], test=cohort)
    return {name: estimate([each], seed=seed) for name, each in limits.items()}


def _report(
    path: Path,
    results: Results,
    runs: Sequence[Run],
    scored: dict[str, list[Predictions]],
    cohort: Cohort,
) -> None:
    from crossbeat.cli.illustrations import illustrate  # needs the extra plots

    first = {each.name: each for each in reversed(runs)}
    shown = {name: each[0] for name, each in scored.items()}
    patients = patients_of(shown[results["baseline"]], shown[results["method"]])
    write_report(path, results, illustrate(results, shown, first, cohort, patients), patients)
    note(f"report: {path}")


def save_model(trained: Run) -> None:
    """Export a run's ECG model with what was chosen, or how far it was off, on validation."""
    if isinstance(trained.recipe, HeartRecipe):
        val = estimates(trained, cohort_of(trained)).val
        export_heart_model(trained, trained.folder / "model", val)
        return
    choices = choose(validation(trained, cohort_of(trained)))
    export_model(trained, trained.folder / "model", choices)
