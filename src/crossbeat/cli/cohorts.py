"""Open the cohort of a run, or build a cohort from its settings."""

import json
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path

from crossbeat.cli.progress import bar
from crossbeat.data.build import Progress
from crossbeat.data.cohort import Cohort
from crossbeat.data.registry import Builder
from crossbeat.errors import ConfigError, UserError
from crossbeat.files import write_whole
from crossbeat.recipes.run import Run


def cohort_of(run: Run) -> Cohort:
    """The cohort that a run was trained on.

    Raises:
        ConfigError: the folder now holds another cohort.
    """
    folder = Path(run.plan["cohort"]["folder"])
    cohort = Cohort.open(folder)
    if cohort.fingerprint() != run.plan["cohort"]["fingerprint"]:
        raise ConfigError(
            f"{folder} must be the cohort that {run.folder} was trained on, got another; "
            "name it with --cohort"
        )
    return cohort


def built(
    settings: Builder,
    folder: Path,
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Cohort:
    """Build the cohort of some settings, or open it if the folder already holds it.

    The settings are saved next to the folder, so that the same command continues or reuses it. If
    another process is building it with these settings, this one waits.

    Args:
        executor: runs the work; by default one process per core.
        progress: called after each block; by default a bar shows them.

    Raises:
        ConfigError: the folder was built with other settings.
    """
    request = folder.with_name(f"{folder.name}.request.json")
    asked = json.dumps(
        {"cohort": type(settings).__name__, "settings": asdict(settings)},  # type: ignore[call-overload]
        default=str,
        indent=1,
    )
    if folder.exists() and not request.is_file():
        raise ConfigError(f"{folder} must be free, got a folder; choose another or remove it")
    if request.is_file() and request.read_text(encoding="utf-8") != asked:
        raise ConfigError(
            f"{folder} was built with other settings, which {request.name} lists; choose another "
            "folder, or remove both"
        )
    if folder.exists():
        return Cohort.open(folder)
    write_whole(request, asked)
    try:
        if progress is not None:
            return settings.build(folder, executor=executor, progress=progress)
        with bar(f"building {folder.name}") as show:
            return settings.build(folder, executor=executor, progress=show)
    except UserError:
        if not folder.exists() and not folder.with_name(f"{folder.name}.partial").exists():
            request.unlink(missing_ok=True)  # nothing was begun: other settings may be next
        raise
