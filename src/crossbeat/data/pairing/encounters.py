"""The ECGs and X-rays of some patients: read, checked, paired, and made a block of a cohort."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Shaped

from crossbeat.data.build import Block
from crossbeat.data.pairing.pairs import Pairing, pair
from crossbeat.data.rejected import Rejected
from crossbeat.data.table import OLDEST, REPORTED, label_column
from crossbeat.errors import DataError

Load = Callable[[str], Shaped[np.ndarray, "..."]]
"""Reads a file; raises ``DataError`` where it is unusable."""


@dataclass(frozen=True, kw_only=True)
class Encounters:
    """All that is known of some patients.

    Args:
        xrays: patient, record, study, time, view, file, reported, ``label:`` and ``note:``
            columns.
    """

    ecgs: pl.DataFrame  # patient, record, time and file
    xrays: pl.DataFrame
    stays: pl.DataFrame  # patient, begin and end
    people: pl.DataFrame  # patient, split, sex and born (a year)


def block_of(
    given: Encounters,
    *,
    pairing: Pairing,
    read: Mapping[str, Load],
    alone: Mapping[str, bool],
    root: Path,
) -> Block:
    """The block of some patients.

    A record is read when a pair asks for it, or ``alone``: whether records of its kind stay that
    are in no pair. One that is unusable leaves, and the others are paired again. Of several records
    of a patient with the same signal the first stays. Messages and paths leave out the root.
    """
    tables = {"ecg": given.ecgs, "xray": given.xrays}
    shelves = {name: _Shelf(table, read[name], root, name) for name, table in tables.items()}
    for name, shelf in shelves.items():
        if alone[name]:
            shelf.read(range(tables[name].height))
    pairs = _paired(pairing, given, shelves)
    while sum([shelf.read(pairs[name]) for name, shelf in shelves.items()]):
        pairs = _paired(pairing, given, shelves)
    rows = {
        name: sorted(shelf.arrays if alone[name] else set(pairs[name]))
        for name, shelf in shelves.items()
    }
    return Block(
        _rows(given, pairs, rows["ecg"], rows["xray"]),
        {name: shelf.stacked(rows[name]) for name, shelf in shelves.items()},
        (*shelves["ecg"].rejected, *shelves["xray"].rejected),
    )


@dataclass
class _Shelf:
    """Records of a table: what was read of them, and what was rejected."""

    table: pl.DataFrame
    load: Load
    root: Path
    signal: str
    arrays: dict[int, np.ndarray] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    _bad: set[int] = field(default_factory=set)
    _first: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def usable(self) -> pl.DataFrame:
        """The rows that were not rejected, with their number in the column ``row``."""
        numbered = self.table.with_row_index("row")
        return numbered.filter(~pl.col("row").is_in(sorted(self._bad)))

    def read(self, rows: Sequence[int]) -> int:
        """Read those rows that were not yet; how many of them were rejected."""
        before = len(self._bad)
        for row in sorted(set(rows) - self.arrays.keys() - self._bad):
            patient, record, file = self.table.select("patient", "record", "file").row(row)
            try:
                self.arrays[row] = self._unique(self.load(file), patient, record)
            except DataError as error:
                self._bad.add(row)
                self.rejected.append(Rejected.of(error, record, file, self.root, self.signal))
        return len(self._bad) - before

    def stacked(self, rows: Sequence[int]) -> Shaped[np.ndarray, "..."] | None:
        return np.stack([self.arrays[row] for row in rows]) if rows else None

    def _unique(self, array: np.ndarray, patient: str, record: str) -> np.ndarray:
        key = patient, blake2b(array.tobytes(), digest_size=16).digest()
        first = self._first.setdefault(key, record)
        if first != record:
            raise DataError(
                f"{record} must have a signal of its own, got that of {first}; it is left out",
                rule="duplicate",
            )
        return array


def _paired(
    pairing: Pairing, given: Encounters, shelves: Mapping[str, _Shelf]
) -> dict[str, list[int]]:
    usable = {name: shelf.usable() for name, shelf in shelves.items()}
    found = pair(usable["ecg"], usable["xray"], pairing, stays=given.stays)
    return {name: usable[name]["row"].gather(found[name]).to_list() for name in usable}


def _rows(
    given: Encounters, pairs: dict[str, list[int]], ecgs: Sequence[int], xrays: Sequence[int]
) -> pl.DataFrame:
    """The pairs, then X-rays without an ECG, then ECGs without an X-ray, by patient and time."""
    alone_xrays = sorted(set(xrays) - set(pairs["xray"]))
    alone_ecgs = sorted(set(ecgs) - set(pairs["ecg"]))
    left = pl.Series([*pairs["ecg"], *[None] * len(alone_xrays), *alone_ecgs], dtype=pl.Int64)
    right = pl.Series([*pairs["xray"], *alone_xrays, *[None] * len(alone_ecgs)], dtype=pl.Int64)
    wave = given.ecgs.select("patient", "record", "time")[left]
    film = given.xrays[right].drop("file")
    told = [name for name in film.columns if name.startswith((label_column(""), "note:"))]
    table = pl.DataFrame(
        {
            "patient": wave["patient"].fill_null(film["patient"]),
            "record": wave["record"].fill_null(film["record"]),
            "time": wave["time"].fill_null(film["time"]),
            "ecg": left.replace_strict(_places(ecgs), return_dtype=pl.Int64),
            "xray": right.replace_strict(_places(xrays), return_dtype=pl.Int64),
            "xray_patient": film["patient"],
            "xray_record": film["record"],
            "xray_study": film["study"],
            "xray_time": film["time"],
            REPORTED: film[REPORTED].fill_null(value=False),
            **{name: film[name] for name in told},
        }
    )
    age = (pl.col("time").dt.year() - pl.col("born")).cast(pl.Float32)
    known = table.join(given.people, on="patient", how="left", maintain_order="left")
    return (
        known.with_columns(age=pl.when(age.is_between(0, OLDEST)).then(age))
        .drop("born")
        .sort("patient", "time", "record", "xray_record", nulls_last=True)
    )


def _places(rows: Sequence[int]) -> dict[int | None, int | None]:
    return {row: place for place, row in enumerate(rows)} | {None: None}
