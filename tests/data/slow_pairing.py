"""The rules of pairing in plain loops, as ``docs/pairing.md`` words them."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl

Row = dict[str, Any]


def slow_pairs(
    ecgs: pl.DataFrame, xrays: pl.DataFrame, stays: pl.DataFrame, **pairing: Any
) -> list[tuple[int, int]]:
    """Rows of the X-ray and of the ECG of every pair, sorted."""
    given = [numbered(ecgs), numbered(xrays)]
    if pairing["rule"] == "ed-stay":
        return sorted(in_stay(*given, stays.to_dicts(), reuse=pairing["reuse"]))
    window = timedelta(hours=pairing["window"])
    if pairing["rule"] == "within":
        return sorted(
            (xray["row"], ecg["row"])
            for xray in given[1]
            for ecg in given[0]
            if gap(ecg, xray) <= window
        )
    return sorted((nearest if pairing["reuse"] else nearest_once)(*given, window))


def numbered(table: pl.DataFrame) -> list[Row]:
    """The records with a time."""
    rows = table.with_row_index("row").to_dicts()
    return [row for row in rows if row["time"] is not None]


def gap(ecg: Row, xray: Row) -> timedelta:
    if ecg["patient"] != xray["patient"]:
        return timedelta.max
    return abs(ecg["time"] - xray["time"])


def in_stay(
    ecgs: list[Row], xrays: list[Row], stays: list[Row], *, reuse: bool
) -> list[tuple[int, int]]:
    """X-ray by X-ray the first ECG of its visit that is not used, or else the first one again."""
    visits = {patient: merged(stays, patient) for patient in {stay["patient"] for stay in stays}}
    used: set[int] = set()
    pairs = []
    for xray in xrays:
        visit = holding(visits, xray)
        if visit is None:
            continue
        there = [
            ecg["row"]
            for ecg in ecgs
            if ecg["patient"] == xray["patient"] and holding(visits, ecg) == visit
        ]
        unused = [row for row in there if row not in used]
        chosen = unused or (there if reuse else [])
        if chosen:
            used.add(chosen[0])
            pairs.append((xray["row"], chosen[0]))
    return pairs


def merged(stays: list[Row], patient: str) -> list[tuple[datetime, datetime]]:
    """A patient's visits: two stays that share a moment are one, until no two do."""
    visits = [
        (stay["begin"], stay["end"])
        for stay in stays
        if stay["patient"] == patient
        and stay["begin"] is not None
        and stay["end"] is not None
        and stay["begin"] <= stay["end"]
    ]
    while True:
        touching = [
            (one, other)
            for place, one in enumerate(visits)
            for other in visits[place + 1 :]
            if one[0] <= other[1] and other[0] <= one[1]
        ]
        if not touching:
            return visits
        one, other = touching[0]
        visits.remove(one)
        visits.remove(other)
        visits.append((min(one[0], other[0]), max(one[1], other[1])))


def holding(
    visits: dict[str, list[tuple[datetime, datetime]]], row: Row
) -> tuple[datetime, datetime] | None:
    of_patient = visits.get(row["patient"], [])
    return next((visit for visit in of_patient if visit[0] <= row["time"] <= visit[1]), None)


def nearest(ecgs: list[Row], xrays: list[Row], window: timedelta) -> list[tuple[int, int]]:
    """For each X-ray the ECG of the smallest gap; of several the earliest, then by record, row."""
    pairs = []
    for xray in xrays:
        near = [ecg for ecg in ecgs if gap(ecg, xray) <= window]
        if near:
            best = min(
                near, key=lambda ecg: (gap(ecg, xray), ecg["time"], ecg["record"], ecg["row"])
            )
            pairs.append((xray["row"], best["row"]))
    return pairs


def nearest_once(ecgs: list[Row], xrays: list[Row], window: timedelta) -> list[tuple[int, int]]:
    """All pairs by gap, ECG and X-ray (each by time, record, row); none whose record is taken."""
    every = sorted(
        (gap(ecg, xray), *(row[key] for row in (ecg, xray) for key in ("time", "record", "row")))
        for xray in xrays
        for ecg in ecgs
        if gap(ecg, xray) <= window
    )
    pairs: list[tuple[int, int]] = []
    for *_, ecg_row, _, _, xray_row in every:
        if all(xray_row != pair[0] and ecg_row != pair[1] for pair in pairs):
            pairs.append((xray_row, ecg_row))
    return pairs
