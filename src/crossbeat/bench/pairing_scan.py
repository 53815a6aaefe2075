"""The rules of pairing as published code has them: for each X-ray a look at every ECG.

Slow, and plain enough to be checked by eye: what the fast rules have to equal.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from jaxtyping import Int64

from crossbeat.data.pairing import Pairing

Pair = tuple[int, int]

_HOUR = 3_600_000_000  # microseconds


class _Columns:
    """Of the records with a time, in order of their rows."""

    def __init__(self, table: pl.DataFrame) -> None:
        known = table.with_row_index("row").drop_nulls("time")
        self.row = known["row"].to_list()
        self.patient = known["patient"].to_numpy().astype(np.str_)
        self.record = known["record"].to_list()
        self.time = known["time"].to_physical().to_numpy()


def scanned_pairs(
    ecgs: pl.DataFrame, xrays: pl.DataFrame, stays: pl.DataFrame, pairing: Pairing
) -> list[Pair]:
    """Rows of the X-ray and of the ECG of every pair, in order.

    Args:
        ecgs: patient, record and time.
        xrays: patient, record and time.
        stays: patient, begin and end; all known.
        pairing: the rule.
    """
    ecg, xray = _Columns(ecgs), _Columns(xrays)
    if pairing.window is None:
        pairs = _in_stay(ecg, xray, _visits(stays), reuse=pairing.reuse)
    else:
        pairs = _near(ecg, xray, round(pairing.window * _HOUR))
        if pairing.rule == "nearest":
            pairs = _nearest(ecg, xray, pairs, reuse=pairing.reuse)
    return sorted((xray.row[one], ecg.row[other]) for one, other in pairs)


def _near(ecg: _Columns, xray: _Columns, window: int) -> Iterator[Pair]:
    for one in range(len(xray.row)):
        gap = np.abs(ecg.time - xray.time[one])
        near = (ecg.patient == xray.patient[one]) & (gap <= window)
        yield from ((one, other) for other in np.flatnonzero(near).tolist())


def _nearest(ecg: _Columns, xray: _Columns, near: Iterator[Pair], *, reuse: bool) -> Iterator[Pair]:
    """The smallest gap first; what is taken is not taken again, but ECGs if they may be reused."""

    def rank(pair: Pair) -> tuple[object, ...]:
        one, other = pair
        gap = abs(int(ecg.time[other]) - int(xray.time[one]))
        chosen = ((ecg, other), (xray, one))
        return gap, *((side.time[at], side.record[at], at) for side, at in chosen)

    used_xrays: set[int] = set()
    used_ecgs: set[int] = set()
    for one, other in sorted(near, key=rank):
        if one not in used_xrays and (reuse or other not in used_ecgs):
            used_xrays.add(one)
            used_ecgs.add(other)
            yield one, other


def _in_stay(
    ecg: _Columns, xray: _Columns, visits: list[tuple[str, int, int]], *, reuse: bool
) -> Iterator[Pair]:
    """X-ray by X-ray the first ECG of its visit that is not used yet, or the first one again."""
    ecg_visit, xray_visit = _visit_of(ecg, visits), _visit_of(xray, visits)
    used = np.zeros(len(ecg.row), dtype=bool)
    for one, visit in enumerate(xray_visit.tolist()):
        there = np.flatnonzero((ecg_visit == visit) & (visit >= 0))
        unused = there[~used[there]]
        for other in (unused if len(unused) or not reuse else there)[:1].tolist():
            used[other] = True
            yield one, other


def _visit_of(
    records: _Columns, visits: list[tuple[str, int, int]]
) -> Int64[np.ndarray, " record"]:
    held = np.full(len(records.row), -1)
    for number, (patient, begin, end) in enumerate(visits):
        inside = (records.time >= begin) & (records.time <= end)
        held[(records.patient == patient) & inside] = number
    return held


def _visits(stays: pl.DataFrame) -> list[tuple[str, int, int]]:
    """Patient, begin and end; stays of a patient that overlap or touch are one visit."""
    times = pl.col("begin", "end").to_physical()
    visits: list[tuple[str, int, int]] = []
    for patient, begin, end in sorted(stays.select("patient", times).rows()):
        if visits and visits[-1][0] == patient and begin <= visits[-1][2]:
            visits[-1] = (patient, visits[-1][1], max(end, visits[-1][2]))
        else:
            visits.append((patient, begin, end))
    return visits
