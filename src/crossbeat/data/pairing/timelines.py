"""When people had an ECG, an X-ray or an emergency stay: sorted arrays, searched all at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Int64

from crossbeat.errors import DataError

TIME = pl.Datetime("us")
RECORDS = pl.Schema({"patient": pl.String(), "record": pl.String(), "time": TIME})
STAYS = pl.Schema({"patient": pl.String(), "begin": TIME, "end": TIME})
"""Columns that tables of records and of stays must have; others are let be."""

Entries = Int64[np.ndarray, " entry"]
Queries = Int64[np.ndarray, " query"]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Records that have a time, in order of person, time, name of the record and row."""

    person: Entries  # number of the patient, 0 or more
    time: Entries  # microseconds
    row: Entries  # of the table that the records are from

    def __len__(self) -> int:
        return len(self.row)

    def before(self, person: Queries, time: Queries) -> Queries:
        """How many entries come before a time of a person, those of earlier persons counted in.

        So the place of the person's first entry at that time or later, if there is one.
        """
        low = np.searchsorted(self.person, person, "left")
        high = np.searchsorted(self.person, person, "right")
        while (unsure := low < high).any():
            middle = (low + high) // 2
            earlier = unsure & (self.time[np.minimum(middle, len(self) - 1)] < time)
            high = np.where(unsure & ~earlier, middle, high)
            low = np.where(earlier, middle + 1, low)
        return low


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Stretches of time, in order of person and time, none of which touches another.

    The ``end`` (microseconds) still belongs to them.
    """

    starts: Timeline
    end: Int64[np.ndarray, " visit"]

    def holding(self, line: Timeline) -> Entries:
        """The number of the visit that each entry falls in, -1 where there is none."""
        if not len(self.end):
            return np.full(len(line), -1)
        last = self.starts.before(line.person, line.time + 1) - 1
        same = (last >= 0) & (self.starts.person[last] == line.person)
        return np.where(same & (line.time <= self.end[last]), last, -1)


@dataclass(frozen=True, kw_only=True)
class Timelines:
    """The ECGs, X-rays and visits of the patients who have an X-ray."""

    ecgs: Timeline
    xrays: Timeline
    visits: Visits


def timelines(ecgs: pl.DataFrame, xrays: pl.DataFrame, stays: pl.DataFrame) -> Timelines:
    """The timelines that pairing rules use, of records with a time and of ``usable`` stays."""
    _check("ECGs", ecgs, RECORDS)
    _check("X-rays", xrays, RECORDS)
    _check("stays", stays, STAYS)
    people = xrays.select(pl.col("patient").unique(maintain_order=True)).with_row_index("person")
    return Timelines(
        ecgs=_timeline(ecgs, people), xrays=_timeline(xrays, people), visits=_visits(stays, people)
    )


def usable(stays: pl.DataFrame) -> pl.DataFrame:
    """The stays whose begin and end are known and in that order."""
    return stays.filter(pl.col("begin") <= pl.col("end"))


def _check(name: str, table: pl.DataFrame, columns: Mapping[str, object]) -> None:
    for column, dtype in columns.items():
        if table.schema.get(column) != dtype:
            got = table.schema.get(column, "no such column")
            raise DataError(
                f"column {column!r} of the {name} must be {dtype}, got {got}; convert it"
            )
    unknown = table["patient"].null_count()
    if unknown:
        raise DataError(
            f"every row of the {name} must name its patient, got {unknown} without; drop them"
        )


def _timeline(table: pl.DataFrame, people: pl.DataFrame) -> Timeline:
    known = (
        table.select("patient", "record", "time")
        .with_row_index("row")
        .drop_nulls("time")
        .join(people, on="patient")
        .sort("person", "time", "record", "row")
    )
    return Timeline(**{name: _integers(known[name]) for name in ("person", "time", "row")})


def _visits(stays: pl.DataFrame, people: pl.DataFrame) -> Visits:
    """A visit is one stay, or several of a person that overlap or touch."""
    known = usable(stays).join(people, on="patient").sort("person", "begin", "end")
    until = pl.col("end").cum_max().shift().over("person")
    opens = until.is_null() | (pl.col("begin") > until)
    visits = (
        known.select("person", "begin", "end", visit=opens.cum_sum())
        .group_by("visit", maintain_order=True)
        .agg(pl.col("person").first(), pl.col("begin").first(), pl.col("end").max())
    )
    person, begin, end = (_integers(visits[name]) for name in ("person", "begin", "end"))
    return Visits(starts=Timeline(person=person, time=begin, row=np.arange(len(end))), end=end)


def _integers(column: pl.Series) -> Entries:
    return column.to_physical().cast(pl.Int64).to_numpy()
