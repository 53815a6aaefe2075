"""The ECGs and X-rays of some patients: read, checked, paired, and made a block of a cohort."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Shaped

from crossbeat.data.build import Block
from crossbeat.data.pairing.pairs import Pairing, pair
from crossbeat.data.rejected import Rejected
from crossbeat.data.sources.builder import read_wave
from crossbeat.data.table import REPORTED, label_column
from crossbeat.errors import DataError
from crossbeat.readers import read_xray
from crossbeat.signal import Preprocessing


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How records are read and paired, and which stay.

    Args:
        root: the folder that holds all files; left out of messages and stored paths.
        preprocessing: of the ECGs.
        image_size: height and width of the stored X-rays in pixels.
        pairing: which ECG goes with which X-ray.
        unpaired_xrays: whether X-rays without an ECG stay.
        unpaired_ecgs: whether ECGs without an X-ray stay.
        checksum: whether the checksums that WFDB headers state must be right.
    """

    root: Path
    preprocessing: Preprocessing
    image_size: int
    pairing: Pairing
    unpaired_xrays: bool
    unpaired_ecgs: bool
    checksum: bool = True


@dataclass(frozen=True, kw_only=True)
class Encounters:
    """All that is known of some patients.

    Args:
        ecgs: patient, record, time and file.
        xrays: patient, record, study, time, view, file, reported, ``label:`` and ``note:`` columns.
        stays: patient, begin and end.
        people: patient, split, sex and born (a year).
    """

    ecgs: pl.DataFrame
    xrays: pl.DataFrame
    stays: pl.DataFrame
    people: pl.DataFrame


def block_of(reading: Reading, given: Encounters) -> Block:
    """The block of some patients.

    A record is read when a pair or the settings ask for it. One that is unusable leaves, and the
    others are paired again. Of several records of a patient with the same signal the first stays.
    """
    read = partial(read_wave, clean=reading.preprocessing, checksum=reading.checksum)
    waves = _Shelf(given.ecgs, read, reading.root, "ecg")
    films = _Shelf(given.xrays, partial(read_xray, size=reading.image_size), reading.root, "xray")
    if reading.unpaired_ecgs:
        waves.read(range(given.ecgs.height))
    if reading.unpaired_xrays:
        films.read(range(given.xrays.height))
    pairs = _paired(reading.pairing, given, waves, films)
    while waves.read(pairs["ecg"]) + films.read(pairs["xray"]):
        pairs = _paired(reading.pairing, given, waves, films)
    ecgs = waves.kept if reading.unpaired_ecgs else sorted(set(pairs["ecg"]))
    xrays = films.kept if reading.unpaired_xrays else sorted(set(pairs["xray"]))
    return Block(
        _rows(given, pairs, ecgs, xrays),
        {"ecg": waves.stacked(ecgs), "xray": films.stacked(xrays)},
        (*waves.rejected, *films.rejected),
    )


@dataclass
class _Shelf:
    """Records of a table: what was read of them, and what was rejected."""

    table: pl.DataFrame
    load: Callable[[str], Shaped[np.ndarray, "..."]]
    root: Path
    signal: str
    arrays: dict[int, np.ndarray] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    _bad: set[int] = field(default_factory=set)
    _first: dict[tuple[str, bytes], str] = field(default_factory=dict)

    @property
    def kept(self) -> list[int]:
        """The rows that were read and are usable, in order."""
        return sorted(self.arrays)

    def usable(self) -> pl.DataFrame:
        """The rows that were not rejected, with their number in the column ``row``."""
        numbered = self.table.with_row_index("row")
        return numbered.filter(~pl.col("row").is_in(sorted(self._bad)))

    def read(self, rows: Sequence[int]) -> int:
        """Read those rows that were not yet; how many of them were rejected."""
        new = sorted(set(rows) - self.arrays.keys() - self._bad)
        before = len(self._bad)
        for row in new:
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
    pairing: Pairing, given: Encounters, waves: _Shelf, films: _Shelf
) -> dict[str, list[int]]:
    """The rows of the tables that pair, and the hours between them."""
    ecgs, xrays = waves.usable(), films.usable()
    found = pair(ecgs, xrays, pairing, stays=given.stays)
    return {
        "ecg": ecgs["row"].gather(found["ecg"]).to_list(),
        "xray": xrays["row"].gather(found["xray"]).to_list(),
    }


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
        known.with_columns(age=pl.when(age.is_between(0, _OLDEST)).then(age))
        .drop("born")
        .sort("patient", "time", "record", "xray_record", nulls_last=True)
    )


_OLDEST = 120.0


def _places(rows: Sequence[int]) -> dict[int | None, int | None]:
    return {row: place for place, row in enumerate(rows)} | {None: None}
