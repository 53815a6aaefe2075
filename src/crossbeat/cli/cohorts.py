"""Cohorts that commands are given or that runs were trained on."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crossbeat.cli.progress import bar
from crossbeat.data.cohort import Cohort
from crossbeat.data.registry import Builder
from crossbeat.errors import ConfigError
from crossbeat.recipes.limits import with_true_labels
from crossbeat.recipes.run import Run


def cohort_from(folder: Path) -> Cohort:
    """The cohort in a folder.

    Raises:
        DataError: there is none, or it is damaged.
    """
    return Cohort.open(folder)


def cohort_of(run: Run) -> Cohort:
    """The cohort that a run was trained on.

    Raises:
        ConfigError: the folder holds another one now.
    """
    folder = Path(run.plan["cohort"]["folder"])
    cohort = Cohort.open(folder)
    if cohort.fingerprint() != run.plan["cohort"]["fingerprint"]:
        raise ConfigError(
            f"{folder} must be the cohort that {run.folder} was trained on, got another; "
            "name it with --cohort"
        )
    return cohort


def cohort_with_true_labels(folder: Path) -> Cohort:
    """The virtual cohort in a folder, with the truth as its labels."""
    return with_true_labels(Cohort.open(folder))


def built(settings: Builder, folder: Path) -> Cohort:
    """The cohort of some settings, built now unless the folder holds it.

    Raises:
        ConfigError: the folder holds a cohort of other settings.
    """
    if not folder.exists():
        with bar(f"building {folder.name}") as show:
            return settings.build(folder, progress=show)
    cohort = Cohort.open(folder)
    if plain(asdict(settings)) != plain(dict(cohort.info.settings)):  # type: ignore[call-overload]
        raise ConfigError(
            f"{folder} holds a cohort of other settings; choose another --out or remove it"
        )
    return cohort


def plain(settings: dict[str, Any]) -> Any:
    """The settings as they come back from JSON."""
    return json.loads(json.dumps(settings, default=str))
