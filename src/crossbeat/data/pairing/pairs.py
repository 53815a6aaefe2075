"""Pair ECGs and X-rays of the same patient in time, on whole tables at once.

A rule takes timelines and gives pairs of places in them. None but ``within``, whose result may be,
builds anything that is larger than the timelines together. Windows are in microseconds.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import polars as pl
from jaxtyping import Bool, Float64, Int64

from crossbeat.data.pairing.timelines import (
    STAYS,
    Entries,
    Queries,
    Timeline,
    Timelines,
    timelines,
)
from crossbeat.errors import ConfigError, suggestion

Rule = Literal["ed-stay", "nearest", "within"]
Flags = Bool[np.ndarray, " entry"]

_NEVER = np.iinfo(np.int64).max
_HOUR = 3_600_000_000  # microseconds
_LONGEST = 876_600.0  # hours: 100 years


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Pair ECGs and X-rays of the same patient.

    Args:
        rule: ``ed-stay``: both were taken in one emergency stay. ``nearest``: the ECG nearest in
            time to the X-ray, within the window. ``within``: every ECG within the window.
        window: most hours between the two, whichever is first, 0 to 876,600 (100 years); needed
            for ``nearest`` and ``within``, not taken for ``ed-stay``.
        reuse: whether an ECG may go with several X-rays; with ``within`` always.

    Raises:
        ConfigError: a setting is out of its range, or does not go with the rule.

    Source: ``ed-stay`` with reuse is the rule of CroMoTEX (preprocess/prepare_dataset.py).
    """

    rule: Rule = "ed-stay"
    window: float | None = None
    reuse: bool = True

    def __post_init__(self) -> None:
        rules = get_args(Rule)
        if self.rule not in rules:
            raise ConfigError(
                f"Pairing.rule must be one of {', '.join(rules)}, got {self.rule!r}"
                f"{suggestion(self.rule, rules, 'choose one of them')}"
            )
        if self.rule == "ed-stay" and self.window is not None:
            raise ConfigError(
                f"Pairing.window must not be given with rule ed-stay, got {self.window}; "
                "leave it out, or choose the rule nearest or within"
            )
        if self.rule != "ed-stay" and (self.window is None or not 0 <= self.window <= _LONGEST):
            raise ConfigError(
                f"Pairing.window must be 0 to {_LONGEST:.0f} hours with rule {self.rule}, "
                f"got {self.window}; set it"
            )
        if self.rule == "within" and not self.reuse:
            raise ConfigError(
                "Pairing.reuse must be true with rule within, which takes every pair, got false; "
                "for pairs that share no record choose the rule nearest"
            )

    def __str__(self) -> str:
        window = "" if self.window is None else f" {self.window:g} h"
        return f"{self.rule}{window}{'' if self.reuse else ', one to one'}"


class Pairs(NamedTuple):
    """Numbers of the ECG and of the X-ray of each pair."""

    ecg: Int64[np.ndarray, " pair"]
    xray: Int64[np.ndarray, " pair"]


def pair(
    ecgs: pl.DataFrame,
    xrays: pl.DataFrame,
    pairing: Pairing,
    *,
    stays: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The pairs, in order of the X-rays' rows and then of the ECGs'.

    Columns: ``patient``; ``ecg`` and ``xray``, rows of the tables; ``ecg_record`` and
    ``xray_record``; ``hours``, the X-ray's time minus the ECG's. A record without a time is in no
    pair.

    Args:
        ecgs: patient, record and time.
        xrays: patient, record and time.
        pairing: the rule.
        stays: patient, begin and end of emergency stays; only ``ed-stay`` needs them.

    Raises:
        ConfigError: the rule needs stays, and there is no table of them.
        DataError: a column is absent or of another type, or a patient is empty.
    """
    if pairing.rule == "ed-stay" and stays is None:
        raise ConfigError(
            "pairing by ed-stay must have a table of emergency stays, got none; give one, or "
            "choose the rule nearest or within"
        )
    rows = paired_rows(timelines(ecgs, xrays, no_stays() if stays is None else stays), pairing)
    return pl.DataFrame(
        {
            "patient": xrays["patient"].gather(rows.xray),
            "ecg": rows.ecg,
            "ecg_record": ecgs["record"].gather(rows.ecg),
            "xray": rows.xray,
            "xray_record": xrays["record"].gather(rows.xray),
            "hours": hours_apart(ecgs, xrays, rows),
        }
    )


def no_stays() -> pl.DataFrame:
    """A table of stays without any."""
    return pl.DataFrame(schema=STAYS)


def paired_rows(lines: Timelines, pairing: Pairing) -> Pairs:
    """Rows of the tables instead of records, by the X-ray's and then by the ECG's."""
    places = _places(lines, pairing)
    ecg, xray = lines.ecgs.row[places.ecg], lines.xrays.row[places.xray]
    order = np.lexsort((ecg, xray))
    return Pairs(ecg[order], xray[order])


def hours_apart(
    ecgs: pl.DataFrame, xrays: pl.DataFrame, rows: Pairs
) -> Float64[np.ndarray, " pair"]:
    """The X-ray's time minus the ECG's in hours: below 0 where the X-ray was first."""
    ecg = ecgs["time"].gather(rows.ecg).to_physical().to_numpy()
    xray = xrays["time"].gather(rows.xray).to_physical().to_numpy()
    return (xray - ecg) / _HOUR


def _places(lines: Timelines, pairing: Pairing) -> Pairs:
    if pairing.window is None:
        return _in_stay(lines, reuse=pairing.reuse)
    window = round(pairing.window * _HOUR)
    if pairing.rule == "within":
        return _within(lines, window=window)
    return (_nearest if pairing.reuse else _nearest_once)(lines, window=window)


def _in_stay(lines: Timelines, *, reuse: bool) -> Pairs:
    """The k-th X-ray of a visit takes its k-th ECG, by row; beyond, the first one, if reused.

    This is what it comes to that X-ray by X-ray each takes the first ECG that is not used yet.
    """
    ecg_visit, ecg_place = _by_row(lines.visits.holding(lines.ecgs), lines.ecgs)
    visit, place = _by_row(lines.visits.holding(lines.xrays), lines.xrays)
    first = np.searchsorted(ecg_visit, visit, "left")
    num_ecgs = np.searchsorted(ecg_visit, visit, "right") - first
    rank = np.arange(len(visit)) - np.searchsorted(visit, visit, "left")
    unused = rank < num_ecgs
    paired = num_ecgs > 0 if reuse else unused
    chosen = first + np.where(unused, rank, 0)
    return Pairs(ecg_place[chosen[paired]], place[paired])


def _by_row(visit: Entries, line: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """Visit and place of the entries that are in one."""
    order = np.lexsort((line.row, visit))
    order = order[np.searchsorted(visit[order], 0) :]
    return visit[order], order


def _within(lines: Timelines, *, window: int) -> Pairs:
    """Every ECG and X-ray of a patient that are no further apart than the window."""
    person, time = lines.xrays.person, lines.xrays.time
    first = lines.ecgs.before(person, time - window)
    count = lines.ecgs.before(person, time + window + 1) - first
    return Pairs(_runs(first, count), np.repeat(np.arange(len(count)), count))


def _nearest(lines: Timelines, *, window: int) -> Pairs:
    """For each X-ray the ECG nearest in time, of two as near the earlier, of one time the first."""
    ecgs, person, time = lines.ecgs, lines.xrays.person, lines.xrays.time
    if not len(ecgs):
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64))
    later = ecgs.before(person, time)
    last = np.maximum(later - 1, 0)
    earlier = ecgs.before(person, ecgs.time[last])  # first of those that share the last one's time
    before = _gap(ecgs, later - 1, person, time)
    after = _gap(ecgs, later, person, time)
    near = np.minimum(before, after) <= window
    return Pairs(np.where(before <= after, earlier, later)[near], np.flatnonzero(near))


def _nearest_once(lines: Timelines, *, window: int) -> Pairs:
    """The pair with the smallest gap, then that of what is left, and so on; nothing is used twice.

    Of gaps as large the one of the earlier ECG comes first, of two around one ECG that of the
    earlier X-ray; records of one time come in their order. Two that are each nearest to the other
    can be paired whatever the rest does: each round pairs all of these, and leaves out who has
    nobody near.
    """
    moments = _moments(lines)
    none = np.empty(0, np.int64)
    found = [(none, none, none)]
    while len(moments.left):
        best, near = moments.nearest(window)
        mutual = near & ~moments.is_ecg & (best[best] == np.arange(len(best)))
        xray = np.flatnonzero(mutual)
        ecg = best[xray]
        count = np.minimum(moments.left[xray], moments.left[ecg])
        found.append((moments.line.row[ecg], moments.line.row[xray], count))
        used = np.zeros_like(moments.left)
        used[xray] = used[ecg] = count
        moments = moments.without(used, near)
    ecgs, xrays, counts = (np.concatenate(part) for part in zip(*found, strict=True))
    return Pairs(_runs(ecgs, counts), _runs(xrays, counts))


@dataclass(frozen=True, kw_only=True)
class _Moments:
    """Times at which somebody has ECGs, or X-rays, and how many are ``left`` to be paired.

    At one time X-rays come first; ``row`` is the place, in its own timeline, of the first one left.
    """

    line: Timeline
    is_ecg: Flags
    left: Entries

    def nearest(self, window: int) -> tuple[Entries, Flags]:
        """Where the nearest of the other kind is, of two the earlier; whether it is near enough."""
        ecg, end = self.is_ecg, len(self.left) - 1
        before = np.where(ecg, _last(~ecg), _last(ecg))
        after = end - np.where(ecg, _last(~ecg[::-1])[::-1], _last(ecg[::-1])[::-1])
        gap_before = _gap(self.line, before, self.line.person, self.line.time)
        gap_after = _gap(self.line, after, self.line.person, self.line.time)
        best = np.where(gap_before <= gap_after, before, after)
        return np.clip(best, 0, end), np.minimum(gap_before, gap_after) <= window

    def without(self, used: Entries, near: Flags) -> "_Moments":
        """What is left when the first ``used`` of each moment are paired."""
        keep, line = near & (used < self.left), self.line
        row = (line.row + used)[keep]
        later = Timeline(person=line.person[keep], time=line.time[keep], row=row)
        return _Moments(line=later, is_ecg=self.is_ecg[keep], left=(self.left - used)[keep])


def _moments(lines: Timelines) -> _Moments:
    parts = (lines.xrays, lines.ecgs)
    person = np.concatenate([part.person for part in parts])
    time = np.concatenate([part.time for part in parts])
    place = np.concatenate([np.arange(len(part)) for part in parts])
    is_ecg = np.repeat([False, True], [len(part) for part in parts])
    order = np.lexsort((is_ecg, time, person))
    moves = np.any([np.diff(key[order]) != 0 for key in (person, time, is_ecg)], axis=0)
    first = np.flatnonzero(np.insert(moves, 0, True)[: len(order)])
    chosen = order[first]
    line = Timeline(person=person[chosen], time=time[chosen], row=place[chosen])
    left = np.diff(first, append=len(order))
    return _Moments(line=line, is_ecg=is_ecg[chosen], left=left)


def _last(kind: Flags) -> Entries:
    """Where the last entry of the kind is, up to and with each entry; -1 if there is none."""
    return np.maximum.accumulate(np.where(kind, np.arange(len(kind)), -1))


def _gap(line: Timeline, place: Queries, person: Queries, time: Queries) -> Queries:
    """Microseconds to the entry at a place; endless where that is not an entry of the person."""
    inside = np.clip(place, 0, len(line) - 1)
    there = (inside == place) & (line.person[inside] == person)
    return np.where(there, np.abs(line.time[inside] - time), _NEVER)


def _runs(
    first: Int64[np.ndarray, " run"], count: Int64[np.ndarray, " run"]
) -> Int64[np.ndarray, " number"]:
    """Numbers that count up from each first one."""
    ends = count.cumsum()
    return np.repeat(first - ends + count, count) + np.arange(count.sum())
