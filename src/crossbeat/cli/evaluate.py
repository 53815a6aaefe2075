"""``crossbeat evaluate RUN...``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crossbeat.cli.options import at_least, command, note, parse
from crossbeat.cli.tables import show
from crossbeat.data.cohort import Cohort
from crossbeat.deploy import export_model, record_metrics
from crossbeat.errors import ConfigError, DataError
from crossbeat.evaluation.names import CLEAN, LATENT
from crossbeat.evaluation.results import cautions, external_notes, write_results
from crossbeat.files import Json, ReadJson
from crossbeat.modalities import modality
from crossbeat.recipes.limits import latent_limit
from crossbeat.recipes.record import counted, describe_cohort, described, versions
from crossbeat.recipes.run import Run, evaluation_rows, predictions, required
from crossbeat.study.grid import HEAD
from crossbeat.study.kept import predicted
from crossbeat.study.results import Comparison, Runs, compared
from crossbeat.study.said import said_of


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
    at_least(options, seed=0)
    runs = [_opened(folder, other_patients=options.other_patients) for folder in options.runs]
    named = [Cohort.open(each) for each in (options.cohort, options.trained_on) if each]
    cohort = named[0] if options.cohort else cohort_of(runs[0], opened=named)
    option = "--trained_on" if options.cohort else "--cohort"
    own = [cohort_of(run, opened=[cohort, *named], option=option) for run in runs]
    tested = Tested(runs, cohort, own)
    path = options.out or runs[0].folder / "results.json"
    clean = _opened(options.clean, other_patients=options.other_patients) if options.clean else None
    names = list(dict.fromkeys(each.name for each in runs))
    if options.report and len(names) < 2:
        raise ConfigError("--report must have two recipes to compare, got one; name more runs")
    _require_comparable(runs)
    said = _said(tested, clean)
    results = _results(tested, names, said, seed=options.seed)
    write_results(path, results)
    tested.record_metrics(results)
    if options.report:
        from crossbeat.report.report import Subject, write_report  # needs the extra plots

        first = {each.name: each for each in reversed(runs)}
        heads = {name: predicted(said[HEAD][name][run.seed]) for name, run in first.items()}
        subject = Subject(results=results, said=heads, runs=first, cohort=cohort)
        write_report(options.report, subject)
        note(f"report: {options.report}")
    show(results, as_json=options.json)
    for text in results["notes"]:
        note(text)
    note(f"results: {path}")


def cohort_of(run: Run, *, opened: Sequence[Cohort] = (), option: str = "--cohort") -> Cohort:
    """The cohort that a run was trained on.

    Args:
        opened: cohorts that may be it; otherwise it is opened from where it was at the training.
        option: the option that names its folder, for the error.

    Raises:
        ConfigError: the folder now holds another cohort, or none.
    """
    fingerprint = run.plan["cohort"]["fingerprint"]
    for cohort in opened:
        if cohort.fingerprint() == fingerprint:
            return cohort
    folder = Path(run.plan["cohort"]["folder"])
    rule = f"{folder} must be the cohort that {run.folder} was trained on"
    try:
        cohort = Cohort.open(folder)
    except DataError as error:
        raise ConfigError(f"{rule}, but {error}; name it with {option} if it has moved") from error
    if cohort.fingerprint() != fingerprint:
        raise ConfigError(f"{rule}, got another; name it with {option}")
    return cohort


@dataclass(frozen=True)
class Tested:
    """Runs and the cohort that they are measured on.

    Args:
        runs: at least one.
        cohort: the measured cohort.
        own: the cohort of the training of each run, in their order.
    """

    runs: Sequence[Run]
    cohort: Cohort
    own: Sequence[Cohort]

    def record_metrics(self, results: ReadJson) -> None:
        """Write the results of each saved model to its folder; not those on another cohort."""
        for run, own in zip(self.runs, self.own, strict=True):
            if own is self.cohort and (run.folder / "model").is_dir():
                record_metrics(run.folder / "model", results, run.name)

    def in_results(self) -> Json:
        """The parts of results that say where models were measured and trained.

        ``cohort`` is the measured cohort. ``trained_on`` is the cohort of the training; if the
        runs differ in it, it has one cohort for each of them. ``other_patients`` is there if the
        user said that equal ids name other people.
        """
        trained = {self._name(run): described(run.plan) for run in self.runs}
        first = next(iter(trained.values()))
        same = all(each["fingerprint"] == first["fingerprint"] for each in trained.values())
        told: Json = {
            "cohort": described({"cohort": describe_cohort(self.cohort)}),
            "trained_on": first if same else trained,
        }
        said = self.runs[0].learned.other_patients
        return told | ({"other_patients": True} if said else {})

    def left_out(self) -> list[str]:
        """A note on test ECGs that are not measured, as they lack the other recording."""
        every, used = (
            len(rows) for rows in (self.cohort.rows("test"), evaluation_rows(self.cohort, "test"))
        )
        _, *others = (modality(name).label for name in required(self.cohort, "test"))
        told = f"Measured on {used:,} of {every:,} test ECGs: those with {' and '.join(others)}."
        return [told] if used < every else []

    def _name(self, run: Run) -> str:
        alone = sum(each.name == run.name for each in self.runs) == 1
        return run.name if alone else f"{run.name}, seed {run.seed}"


def _opened(folder: Path, *, other_patients: bool) -> Run:
    run = Run.open(folder)
    return replace(run, learned=replace(run.learned, other_patients=other_patients))


def _require_comparable(runs: Sequence[Run]) -> None:
    """All runs predict the same targets; those of one recipe differ in their seed alone."""
    kinds = {
        each.name: [kind.plural for kind, _, _ in each.recipe.targets.kinds()] for each in runs
    }
    if any(told != kinds[runs[0].name] for told in kinds.values()):
        shown = ", ".join(f"{' and '.join(told)} by {name}" for name, told in kinds.items())
        raise ConfigError(
            f"runs must all predict targets of the same kind, got {shown}; evaluate them separately"
        )
    seen: dict[str, Run] = {}
    seeds: set[tuple[str, int]] = set()
    for each in runs:
        twin = seen.setdefault(each.name, each)
        if twin.plan["cohort"]["fingerprint"] != each.plan["cohort"]["fingerprint"]:
            raise ConfigError(
                f"runs of one recipe must have learned from one cohort, got another for "
                f"{each.folder} than for {twin.folder}; evaluate them separately"
            )
        if (each.name, each.seed) in seeds:
            raise ConfigError(
                f"runs of one recipe must differ in their seed, got seed {each.seed} of "
                f"{each.name} twice or more; name each run once, and evaluate other settings by "
                "themselves"
            )
        seeds.add((each.name, each.seed))
        if twin.plan["settings"] != each.plan["settings"]:
            raise ConfigError(
                f"runs of one recipe must have the same settings, got others in {each.folder} "
                f"than in {twin.folder}; evaluate them separately"
            )


def _said(tested: Tested, clean: Run | None) -> dict[str, Runs]:
    """What every run says of the test patients, by the name of the head or reading."""
    cohort, said = tested.cohort, dict[str, Runs]()
    for number, (run, own) in enumerate(zip(tested.runs, tested.own, strict=True)):
        virtual = all(each.info.name.startswith("virtual") for each in (own, cohort))
        limits = virtual and not number and clean is None
        for name, each in said_of(run, own, cohort, limits=limits).items():
            said.setdefault(name, {}).setdefault(run.name, {})[run.seed] = each
    if clean is not None:
        _add_clean(said, clean, tested)
    return said


def _results(tested: Tested, names: list[str], said: dict[str, Runs], *, seed: int) -> Json:
    seeds = [set(each) for name, each in said[HEAD].items() if name != CLEAN]
    by_seed = all(each == seeds[0] for each in seeds)
    how = Comparison(names[:2][-1], names[0], seed=seed, by_seed=by_seed)
    try:
        found = compared(said, how, (CLEAN,))
    except ValueError as error:
        raise ConfigError(f"the runs cannot be compared: {error}; name other runs") from error
    told = tested.in_results()
    told["cohort"]["training"] = counted(tested.own[0])
    return (
        {"limits": {}}
        | told
        | {
            "seeds": sorted({each.seed for each in tested.runs}),
            "versions": versions(),
            "settings": {each.name: each.plan["settings"] for each in tested.runs},
            "notes": [*external_notes(told), *tested.left_out(), *cautions(found)],
        }
        | found
    )


def _add_clean(said: dict[str, Runs], clean: Run, tested: Tested) -> None:
    """The limits that a run on abundant true labels gives, and its patients."""
    own, (kind, names, _) = cohort_of(clean), next(clean.recipe.targets.kinds())
    truthful = own.info.settings.get("label_noise") == 0
    if "ecg_encoder" not in clean.parts or not truthful:
        raise ConfigError(
            "--clean must be a run that reads ECGs and learned from true labels (label_noise 0), "
            f"got {clean.folder}; choose another run or leave it out"
        )
    if {tested.cohort.info.name, tested.own[0].info.name} != {"virtual"}:
        return
    limit = latent_limit(own, tested.cohort, kind, names, seed=clean.seed)
    said[LATENT] = {CLEAN: {clean.seed: limit}}
    said[HEAD][CLEAN] = {clean.seed: predictions(clean, own, test=tested.cohort)}


def save_model(trained: Run) -> None:
    """Export a run's ECG model with what is chosen for its targets on validation."""
    export_model(trained, trained.folder / "model", cohort_of(trained))
