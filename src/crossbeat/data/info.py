"""The description of a cohort: the contents of its ``cohort.json``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np

from crossbeat.errors import DataError, reason
from crossbeat.files import Json, sha256_of
from crossbeat.modalities import modality
from crossbeat.signal import Preprocessing

VERSION = 5
_READABLE = (3, 4, VERSION)
_DIGESTED = 4
_DIGEST = "sha256"
Kind = Literal["paired", "matched", "shuffled", "single"]
KINDS: tuple[Kind, ...] = ("paired", "matched", "shuffled", "single")
Unit = Literal["mV", "NU"]


@dataclass(frozen=True, kw_only=True)
class FileInfo:
    """Size and checksum of a file of a cohort."""

    size: int  # bytes
    sha256: str  # hexadecimal digest of the contents
    rows: int = 0  # samples in a shard; 0 for other files


@dataclass(frozen=True, kw_only=True)
class CohortInfo:
    """What a cohort is.

    Args:
        name: of the data set that it was made from.
        kind: ``paired`` (ECG and X-ray or cine of one patient), ``matched`` (of two patients who
            share findings), ``shuffled`` (of any two: the null) or ``single`` (one modality).
        findings: those with a ``label:`` column.
        leads: the rows of an ECG; empty where the cohort has no ECGs.
        fs: sampling rate in hertz; 0 where the cohort has no ECGs.
        seconds: length of an ECG; 0 where the cohort has no ECGs.
        baseline: whether the baseline was removed.
        unit: of the ECG. In ``NU`` each lead was divided by its own standard deviation: limb
            lead equations and lead transforms do not hold.
        ecg_gain: stored integers per unit.
        image_size: height and width of an X-ray in pixels; 0 where the cohort has none.
        measurements: cardiac measurements with a ``value:`` column.
        frames: of a cine over one heartbeat, in either axis; 0 where the cohort has none.
        cine_size: height and width of a frame in pixels; 0 where the cohort has no cines.
        forms: type and shape of a stored sample of each further modality.
        seed: of whatever was random in making it.
        settings: those of its builder.
        notes: remarks that readers of results need.
        files: name, size and checksum of every other file of the folder.
        version: of this format. From version 4 on ``cohort.json`` ends with its own digest; before
            version 5 it calls measurements ``phenotypes``.
    """

    name: str
    kind: Kind
    findings: tuple[str, ...]
    leads: tuple[str, ...] = ()
    fs: float = 0.0
    seconds: float = 0.0
    baseline: bool = False
    unit: Unit = "mV"
    ecg_gain: float = 1000.0
    image_size: int = 0
    measurements: tuple[str, ...] = ()
    frames: int = 0
    cine_size: int = 0
    forms: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    seed: int = 0
    settings: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: Mapping[str, FileInfo] = field(default_factory=dict)
    version: int = VERSION

    def with_ecgs(self, clean: Preprocessing) -> "CohortInfo":
        """The same of a cohort whose ECGs were brought to a form."""
        return replace(
            self, leads=clean.leads, fs=clean.fs, seconds=clean.seconds, baseline=clean.baseline
        )

    def row(self, signal: str) -> np.dtype:
        """Shape and type of a stored signal, as one type: its ``shape``, ``base``, ``itemsize``.

        Raises:
            DataError: the cohort has no such signal, or its form is none of NumPy.
        """
        try:
            row = modality(signal).stored(self)
        except TypeError as error:
            raise DataError(
                f"the form of {signal} in cohort {self.name!r} must be a type and shape of NumPy, "
                f"got: {reason(error)}; correct its info"
            ) from error
        if row is None:
            raise DataError(f"cohort {self.name!r} must have {signal}, got none; correct its info")
        return row

    def to_json(self) -> str:
        """The text of ``cohort.json``."""
        values = asdict(self)
        if self.version < VERSION:  # as the file was written: cohorts are known by its text
            del values["forms"]
            old = {"measurements": "phenotypes"}
            values = {old.get(name, name): value for name, value in values.items()}
        if self.version >= _DIGESTED:
            values[_DIGEST] = _digest(values)
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def read_info(path: Path) -> CohortInfo:
    """The contents of a ``cohort.json``."""
    try:
        return _from_values(json.loads(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        raise DataError(
            f"{path.parent} must be a folder with {path.name}, got none; "
            "build a cohort there, or name the folder of one"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, NotADirectoryError) as error:
        raise DataError(
            f"{path} must be a cohort's JSON, got: {reason(error)}; rebuild it"
        ) from error


def _digest(values: Json) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _from_values(values: Json, path: Path) -> CohortInfo:
    names = {entry.name for entry in fields(CohortInfo)}
    version = values["version"]
    if version not in _READABLE:
        raise DataError(
            f"{path} must have format version {VERSION}, got {version}; "
            "rebuild the cohort with this version of crossbeat"
        )
    if version >= _DIGESTED and values.pop(_DIGEST, None) != _digest(values):
        raise DataError(
            f"{path} must be as it was built, got other contents; "
            "copy the folder again or rebuild the cohort"
        )
    if version < VERSION and "phenotypes" in values:
        values |= {"measurements": values.pop("phenotypes"), "forms": {}}
    if set(values) != names:
        raise DataError(
            f"{path} must have the keys {', '.join(sorted(names))}, "
            f"got {', '.join(sorted(values))}; rebuild the cohort"
        )
    if values["kind"] not in KINDS:
        raise DataError(
            f"kind in {path} must be one of {', '.join(KINDS)}, got {values['kind']!r}; "
            "rebuild the cohort"
        )
    if any(Path(name).name != name for name in values["files"]):
        raise DataError(f"{path} must list files of its own folder, got others; rebuild the cohort")
    values["files"] = {name: FileInfo(**entry) for name, entry in values["files"].items()}
    values["forms"] = {
        name: (kind, tuple(shape)) for name, (kind, shape) in values["forms"].items()
    }
    for name in ("findings", "leads", "measurements", "notes"):
        values[name] = tuple(values[name])
    return CohortInfo(**values)


def file_info(path: Path, rows: int = 0) -> FileInfo:
    """Size and checksum of a file."""
    return FileInfo(size=path.stat().st_size, sha256=sha256_of(path), rows=rows)
