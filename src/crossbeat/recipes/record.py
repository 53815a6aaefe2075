"""Files in the folder of a run: its plan, and a record of its phases when it is finished."""

import json
import os
import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.labels import LabelPolicy
from crossbeat.data.table import signals_in
from crossbeat.errors import CheckpointError, ConfigError
from crossbeat.files import SEAL, Json, ReadJson, check_seal, write_sealed, write_whole
from crossbeat.modalities import modality
from crossbeat.targets import KINDS
from crossbeat.training import PhaseRecord
from crossbeat.training.fingerprint import fingerprint
from crossbeat.training.processes import is_main_process
from crossbeat.workers import locked_beside

PLAN = "run.json"
RESULT = "finished.json"
WEIGHTS = "weights.safetensors"
LEARNED = "learned.parquet"
"""The people that the run learned from, see ``crossbeat.recipes.learned``."""
_VERSIONED = ("crossbeat", "torch", "lightning", "numpy", "scipy", "polars", "monai")
_COHORT = (
    *("name", "kind", "leads", "fs", "seconds", "image_size", "unit", "baseline", "notes"),
    *("measurements", "frames", "cine_size", "forms"),
)


def versions() -> dict[str, str]:
    """Versions of all software that may change results."""
    return {"python": platform.python_version()} | {name: version(name) for name in _VERSIONED}


def describe_cohort(cohort: Cohort) -> Json:
    """The cohort as saved in a plan: its folder, fingerprint and the properties that parts need."""
    described = {name: getattr(cohort.info, name) for name in _COHORT}
    return {
        "folder": str(cohort.folder.resolve()),
        "fingerprint": cohort.fingerprint(),
        "findings": list(cohort.info.findings),
        "settings": dict(cohort.info.settings),
        "seed": cohort.info.seed,
    } | {name: list(v) if isinstance(v, tuple) else v for name, v in described.items()}


def shape(plan: Json) -> CohortInfo:
    """The properties of the cohort that parts need, read from a plan."""
    cohort = plan["cohort"]
    forms = {name: (kind, tuple(shape)) for name, (kind, shape) in cohort["forms"].items()}
    return CohortInfo(
        name=cohort["name"],
        kind=cohort["kind"],
        findings=tuple(cohort["findings"]),
        leads=tuple(cohort["leads"]),
        fs=cohort["fs"],
        seconds=cohort["seconds"],
        image_size=cohort["image_size"],
        unit=cohort["unit"],
        baseline=cohort["baseline"],
        measurements=tuple(cohort["measurements"]),
        frames=cohort["frames"],
        cine_size=cohort["cine_size"],
        forms=forms,
    )


def described(plan: ReadJson) -> Json:
    """The cohort as saved in results: without its folder, with whether its patients are virtual."""
    cohort = {name: value for name, value in plan["cohort"].items() if name != "folder"}
    return cohort | ({"kind": "virtual"} if cohort["name"].startswith("virtual") else {})


def counted(cohort: Cohort) -> dict[str, int]:
    """How many training samples a cohort has.

    ``ecgs``; ``labelled_ecgs`` and the like for each other modality: those with a report or a
    measurement; ``pairs`` of ECG and any other, and ``labelled_pairs``.
    """
    rows = {
        name: cohort.rows("train", has=(name,))
        for name in signals_in(cohort.table)
        if modality(name).stored(cohort.info) is not None
    }
    ecgs = rows.get("ecg", np.empty(0, dtype=np.int64))
    labelled = {f"labelled_{name}s": _labelled(cohort, of) for name, of in rows.items()}
    others = [of for name, of in rows.items() if name != "ecg"]
    if not others:
        return {"ecgs": len(ecgs), **labelled}
    pairs = np.intersect1d(ecgs, np.concatenate(others))
    return {
        "ecgs": len(ecgs),
        "pairs": len(pairs),
        "labelled_pairs": _labelled(cohort, pairs),
        **labelled,
    }


def _labelled(cohort: Cohort, rows: Int64[np.ndarray, " row"]) -> int:
    policy = LabelPolicy(uncertain="negative", missing="negative")
    known = np.zeros(len(rows), dtype=bool)
    for kind in KINDS.values():
        if names := kind.known(cohort):
            known |= ~kind.values(cohort, rows, names, policy).isnan().all(dim=1).numpy()
    return int(known.sum())


def require_same(folder: Path, plan: Json, *, today: Callable[[Json], Json]) -> None:
    """Check that a run in the folder, if any, has the same plan.

    Args:
        today: a plan of an earlier version with the settings of this one.

    Raises:
        ConfigError: the folder holds a run with another plan.
        CheckpointError: the plan in the folder is damaged.
    """
    if not (folder / PLAN).is_file():
        return
    if _identity(today(read_plan(folder))) != _identity(plan):
        raise ConfigError(
            f"{folder} holds a run with other settings, seed, cohort, precision or number of "
            "processes; choose another --out, or remove the folder to start afresh"
        )


def _identity(plan: Json) -> str:
    cohort = {name: value for name, value in plan["cohort"].items() if name != "folder"}
    return fingerprint(json.loads(json.dumps(plan | {"cohort": cohort})))


def begin(folder: Path, plan: Json) -> None:
    """Write the plan."""
    if is_main_process() and not (folder / PLAN).is_file():
        write_whole(folder / PLAN, json.dumps(plan, indent=1))


def alone(folder: Path, *, machines: int) -> AbstractContextManager[None]:
    """Wait until no other training writes into a folder; the processes of one are in it together.

    Args:
        machines: of the training. With more than one, nobody waits, as the main processes of all
            machines would wait for one another.
    """
    if machines > 1 or not is_main_process():
        return nullcontext()
    return locked_beside(folder / RESULT)


def finish(folder: Path, records: Sequence[PhaseRecord]) -> None:
    """Seal the run, and write the record of its phases; a run with this file is finished."""
    phases = [
        {
            "name": record.name,
            "folder": os.path.relpath(record.folder, folder),
            "seconds": record.seconds,
            "reused": record.reused,
            "best_epoch": record.best_epoch,
            "history": record.history,
        }
        for record in records
    ]
    result = {"phases": phases, "versions": versions()}
    text = json.dumps(result, indent=1)
    write_sealed(folder, last=RESULT, text=text, names=(PLAN, WEIGHTS, LEARNED))


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a finished run; runs of older versions have no seal."""
    return (folder / RESULT).is_file() and (folder / SEAL).is_file()


def check(folder: Path) -> None:
    """Check that a run is finished and that its files are as they were written.

    Raises:
        CheckpointError: it is not finished, or a file was changed.
    """
    if (folder / PLAN).is_file() and (folder / RESULT).is_file():
        remedy = f"copy the run again, or remove {folder / RESULT} and run its train command again"
        check_seal(folder, needs=(PLAN, WEIGHTS, LEARNED, RESULT), remedy=remedy)


def read_plan(folder: Path) -> Json:
    """Read the plan of the run in a folder.

    Raises:
        CheckpointError: the plan is absent or damaged.
    """
    if not (folder / PLAN).is_file():
        raise CheckpointError(f"{folder} must be the folder of a run, got none; train it first")
    plan = _read(folder / PLAN, ("recipe", "settings", "seed", "cohort"))
    if "phenotypes" in plan["cohort"]:  # of an earlier version
        plan["cohort"] |= {"measurements": plan["cohort"].pop("phenotypes"), "forms": {}}
    return plan


def read_phases(folder: Path) -> list[Json]:
    """Read the record of the phases of the run in a folder.

    Raises:
        CheckpointError: the run is not finished, or the file is damaged.
    """
    if not (folder / RESULT).is_file():
        raise CheckpointError(
            f"{folder} must be a finished run, got an unfinished run; "
            "run the same train command again to continue"
        )
    return _read(folder / RESULT, ("phases",))["phases"]


def read_versions(folder: Path) -> dict[str, str]:
    """Read the versions of the software that trained the finished run in a folder.

    Raises:
        CheckpointError: the file is damaged.
    """
    return _read(folder / RESULT, ("versions",))["versions"]


def _read(path: Path, keys: tuple[str, ...]) -> Json:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        values = None
    if not isinstance(values, dict) or not set(keys) <= set(values):
        raise CheckpointError(
            f"{path} must be a run's record with {', '.join(keys)}, got other contents; "
            "copy the run again, or remove its folder and train it again"
        )
    return values
