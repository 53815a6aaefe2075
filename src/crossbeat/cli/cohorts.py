"""Open the cohort of a run, describe it in results, or build a cohort from its settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Unpack

from crossbeat.cli.progress import bar
from crossbeat.data.build import How
from crossbeat.data.cohort import Cohort
from crossbeat.data.registry import Builder
from crossbeat.deploy import record_metrics
from crossbeat.errors import ConfigError, DataError, UserError
from crossbeat.files import write_whole
from crossbeat.recipes.record import describe_cohort, described
from crossbeat.recipes.run import Run


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

    def record_metrics(self, results: Mapping[str, Any]) -> None:
        """Write the results of each saved model to its folder; not those on another cohort."""
        for run, own in zip(self.runs, self.own, strict=True):
            if own is self.cohort and (run.folder / "model").is_dir():
                record_metrics(run.folder / "model", results, run.name)

    def in_results(self) -> dict[str, Any]:
        """The parts of results that say where models were measured and trained.

        ``cohort`` is the measured cohort. ``trained_on`` is the cohort of the training; if the
        runs differ in it, it has one cohort for each of them. ``other_patients`` is there if the
        user said that equal ids name other people.
        """
        trained = {self._name(run): described(run.plan) for run in self.runs}
        first = next(iter(trained.values()))
        same = all(each["fingerprint"] == first["fingerprint"] for each in trained.values())
        told: dict[str, Any] = {
            "cohort": described({"cohort": describe_cohort(self.cohort)}),
            "trained_on": first if same else trained,
        }
        said = self.runs[0].learned.other_patients
        return told | ({"other_patients": True} if said else {})

    def _name(self, run: Run) -> str:
        alone = sum(each.name == run.name for each in self.runs) == 1
        return run.name if alone else f"{run.name}, seed {run.seed}"


def built(settings: Builder, folder: Path, **how: Unpack[How]) -> Cohort:
    """Build the cohort of some settings, or open it if the folder already holds it.

    The settings are saved next to the folder, so that the same command continues or reuses it. If
    another process is building it with these settings, this one waits.

    Args:
        how: see ``How``; by default a bar shows the progress.

    Raises:
        ConfigError: the folder was built with other settings.
    """
    if folder.name in ("", ".."):
        raise ConfigError(f"--out must be a new folder, got {folder}; give its name")
    request = folder.with_name(f"{folder.name}.request.json")
    asked = json.dumps(
        {"cohort": type(settings).__name__, "settings": asdict(settings)},  # type: ignore[call-overload]
        default=str,
        indent=1,
    )
    if folder.exists() and not request.is_file():
        got = "a folder" if folder.is_dir() else "a file"
        raise ConfigError(f"{folder} must be new, got {got} of others; choose another name")
    if request.is_file() and request.read_bytes() != asked.encode():
        begun = folder if folder.exists() else folder.with_name(f"{folder.name}.partial")
        raise ConfigError(
            f"{begun} was built with other settings, which {request.name} lists; choose another "
            "folder, or remove both"
        )
    if folder.exists():
        return Cohort.open(folder)
    write_whole(request, asked)
    try:
        if "progress" in how:
            return settings.build(folder, **how)
        with bar(f"building {folder.name}") as show:
            return settings.build(folder, **(how | {"progress": show}))
    except UserError:
        begun = folder.with_name(f"{folder.name}.partial") / "plan.json"
        if not folder.exists() and not begun.exists():
            request.unlink(missing_ok=True)  # nothing was begun: other settings may be next
        raise
