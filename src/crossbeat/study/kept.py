"""Files of a finished cell: predictions by name, and a record with checksums."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from crossbeat.data.info import file_info
from crossbeat.errors import DataError
from crossbeat.evaluation.predictions import (
    Measured,
    Predictions,
    read_measured,
    read_predictions,
    write_measured,
    write_predictions,
)
from crossbeat.files import Json, ReadJson, write_whole
from crossbeat.recipes.record import read_phases, read_versions
from crossbeat.study.grid import Cell

RECORD = "cell.json"
"""If this file exists, the cell is finished."""

Said = Predictions | Measured


def predicted(said: Said) -> Predictions:
    """What is said by a head, a probe or a limit: predictions of targets."""
    assert isinstance(said, Predictions)
    return said


def write_cell(folder: Path, said: Mapping[str, Said], told: ReadJson) -> None:
    """Write the predictions of a model, then the record; no file is ever half written."""
    files = {}
    for number, (name, each) in enumerate(said.items()):
        if isinstance(each, Predictions):
            files[name] = f"predictions-{number}.npz"
            write_predictions(folder / files[name], each)
        else:
            files[name] = f"measured-{number}.npz"
            write_measured(folder / files[name], each)
    record = dict(told) | {
        "predictions": files,
        "files": {file: asdict(file_info(folder / file)) for file in files.values()},
    }
    write_whole(folder / RECORD, json.dumps(record, indent=1))


def read_record(folder: Path) -> Json:
    """Read the record of a finished cell."""
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if {"predictions", "files", "seconds"} <= set(record):
            return record
    except (ValueError, TypeError):
        pass
    raise DataError(f"{path} must be the record of a cell, got other contents; {_again(folder)}")


def read_said(folder: Path) -> dict[str, Said]:
    """Read the predictions of a finished cell, by name."""
    record = read_record(folder)
    for name, expected in record["files"].items():
        path = folder / name
        if not path.is_file() or asdict(file_info(path)) != expected:
            raise DataError(f"{path} must be unchanged, got other contents; {_again(folder)}")
    told = {}
    for name, file in record["predictions"].items():
        read = _READ.get(file.partition("-")[0])
        if read is None:
            raise DataError(
                f"{folder / file} must be predictions of this version, got others; {_again(folder)}"
            )
        told[name] = read(folder / file)
    return told


def hours_of(homes: Mapping[Cell, Path]) -> dict[str, float]:
    """Hours of training by model; a shared phase counts only for the first of its models."""
    spent = dict.fromkeys((cell.model for cell in homes), 0.0)
    counted: set[Path] = set()
    for cell, home in homes.items():
        for phase in read_phases(home):
            folder = (home / phase["folder"]).resolve()
            if folder not in counted:
                counted.add(folder)
                spent[cell.model] += phase["seconds"] / 3600
    return spent


def versions_of(homes: Iterable[Path]) -> dict[str, str]:
    """Versions of the software that trained the cells; where they differ, all of them."""
    found: dict[str, set[str]] = {}
    for home in homes:
        for name, version in read_versions(home).items():
            found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(each)) for name, each in found.items()}


def _again(folder: Path) -> str:
    return (
        f"remove {folder / RECORD} and run the same command again; the cell is scored again, not "
        "trained again"
    )


_READ: Mapping[str, Callable[[Path], Said]] = {
    "predictions": read_predictions,
    "measured": read_measured,
}
"""What reads a file, by the beginning of its name."""
