"""Cohorts that commands are given or that runs were trained on."""

from pathlib import Path

from crossbeat.data.cohort import Cohort
from crossbeat.errors import ConfigError
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
