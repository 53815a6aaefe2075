"""Rules of pairing ECGs and X-rays in time, on whole tables at once.

Each takes timelines and gives pairs of places in them. None but ``within``, whose result may be,
builds anything that is larger than the timelines together.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64

from crossbeat.data.pairing.timelines import Timeline, Timelines

_NEVER = np.iinfo(np.int64).max


class Pairs(NamedTuple):
    """Numbers of the ECG and of the X-ray of each pair."""

    ecg: Int64[np.ndarray, " pair"]
    xray: Int64[np.ndarray, " pair"]


def in_stay(lines: Timelines, *, reuse: bool) -> Pairs:
    """The k-th X-ray of a visit takes its k-th ECG, by row; where there is none the first, or none.

    This is what it comes to that X-ray by X-ray each takes the first ECG that is not used yet.

    Args:
        reuse: whether X-rays beyond the last ECG of their visit take its first.
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


def _by_row(
    visit: Int64[np.ndarray, " entry"], line: Timeline
) -> tuple[Int64[np.ndarray, " held"], Int64[np.ndarray, " held"]]:
    """Visit and place of the entries that are in one."""
    order = np.lexsort((line.row, visit))
    order = order[np.searchsorted(visit[order], 0) :]
    return visit[order], order


def within(lines: Timelines, *, window: int) -> Pairs:
    """Every ECG and X-ray of a patient that are no further apart than the window.

    Args:
        window: microseconds, 0 or more.
    """
    person, time = lines.xrays.person, lines.xrays.time
    first = lines.ecgs.before(person, time - window)
    count = lines.ecgs.before(person, time + window + 1) - first
    return Pairs(_runs(first, count), np.repeat(np.arange(len(count)), count))


def nearest(lines: Timelines, *, window: int) -> Pairs:
    """For each X-ray the ECG nearest in time, of two as near the earlier, of one time the first.

    Args:
        window: most microseconds between them, 0 or more.
    """
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


def nearest_once(lines: Timelines, *, window: int) -> Pairs:
    """The pair with the smallest gap, then that of what is left, and so on; nothing is used twice.

    Of gaps as large the one of the earlier ECG comes first, of two around one ECG that of the
    earlier X-ray; records of one time come in their order. Two that are each nearest to the other
    can be paired whatever the rest does: each round pairs all of these, and leaves out who has
    nobody near.

    Args:
        window: most microseconds between them, 0 or more.
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
    """Times at which somebody has ECGs, or X-rays, that are not paired yet.

    Args:
        line: at one time the X-rays come first; ``row`` is the place, in its own timeline, of the
            first record that is left.
        is_ecg: whether the records are ECGs.
        left: how many are left.
    """

    line: Timeline
    is_ecg: Bool[np.ndarray, " entry"]
    left: Int64[np.ndarray, " entry"]

    def nearest(
        self, window: int
    ) -> tuple[Int64[np.ndarray, " entry"], Bool[np.ndarray, " entry"]]:
        """Where the nearest of the other kind is, of two the earlier; whether it is near enough."""
        ecg, end = self.is_ecg, len(self.left) - 1
        before = np.where(ecg, _last(~ecg), _last(ecg))
        after = end - np.where(ecg, _last(~ecg[::-1])[::-1], _last(ecg[::-1])[::-1])
        gap_before = _gap(self.line, before, self.line.person, self.line.time)
        gap_after = _gap(self.line, after, self.line.person, self.line.time)
        best = np.where(gap_before <= gap_after, before, after)
        return np.clip(best, 0, end), np.minimum(gap_before, gap_after) <= window

    def without(
        self, used: Int64[np.ndarray, " entry"], near: Bool[np.ndarray, " entry"]
    ) -> "_Moments":
        """What is left when the first ``used`` of each moment are paired."""
        keep = near & (used < self.left)
        line = Timeline(
            person=self.line.person[keep],
            time=self.line.time[keep],
            row=(self.line.row + used)[keep],
        )
        return _Moments(line=line, is_ecg=self.is_ecg[keep], left=(self.left - used)[keep])


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


def _last(kind: Bool[np.ndarray, " entry"]) -> Int64[np.ndarray, " entry"]:
    """Where the last entry of the kind is, up to and with each entry; -1 if there is none."""
    return np.maximum.accumulate(np.where(kind, np.arange(len(kind)), -1))


def _gap(
    line: Timeline,
    place: Int64[np.ndarray, " query"],
    person: Int64[np.ndarray, " query"],
    time: Int64[np.ndarray, " query"],
) -> Int64[np.ndarray, " query"]:
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
