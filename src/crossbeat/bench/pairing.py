"""``crossbeat bench pairing``: every rule on tables of MIMIC's size, and against a plain scan."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Int64

from crossbeat.bench import Cases, in_new_process, peak_gb
from crossbeat.data.pairing import Pairing, pair
from crossbeat.files import Json

Tables = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
"""ECGs and X-rays with patient, record and time; stays with patient, begin and end."""

Pair = tuple[int, int]

RULES = (
    Pairing(),
    Pairing(reuse=False),
    Pairing(rule="nearest", window=24.0),
    Pairing(rule="nearest", window=24.0, reuse=False),
    Pairing(rule="nearest", window=1440.0),
    Pairing(rule="nearest", window=1440.0, reuse=False),
    Pairing(rule="within", window=24.0),
    Pairing(rule="within", window=1440.0),
)

_ONE_PATIENT = tuple(rule for rule in RULES if rule.rule != "within" and rule.window != 1440.0)
_FILES = ("ecgs.parquet", "xrays.parquet", "stays.parquet")

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def cases(*, seed: int, small: bool, folder: Path) -> Cases:
    """Seconds and memory of every rule; ``pairing/ours`` is the worst of them.

    ``pairing/one-patient`` are tables of one patient, whose records are as hard to pair as can be.
    ``pairing/scan`` is the brute-force rule on a sample, where all rules must equal it.

    Raises:
        RuntimeError: a rule pairs otherwise than the brute-force rule does.
    """
    num_xrays, num_ecgs = (2_400, 8_000) if small else (240_000, 800_000)
    num_sample, num_hard = (400, 200) if small else (4_000, 5_000)
    every = _timed("pairing/ours", draw_records(num_xrays, num_ecgs, seed), RULES, folder)
    slowest = max(every.values(), key=lambda case: case["seconds"])
    worst = slowest | {"peak_gb": max(case["peak_gb"] for case in every.values())}
    return {
        "pairing/ours": worst,
        **every,
        **_timed("pairing/one-patient", shrinking_gaps(num_hard), _ONE_PATIENT, folder),
        "pairing/scan": _scanned(draw_records(num_sample, num_sample, seed + 1), seed + 1),
    }


def _timed(name: str, tables: Tables, rules: tuple[Pairing, ...], folder: Path) -> Cases:
    folder.mkdir(parents=True, exist_ok=True)
    for table, file in zip(tables, _FILES, strict=True):
        table.write_parquet(folder / file)
    return {f"{name}/{rule}": in_new_process(timed, folder, rule, threads=2) for rule in rules}


def timed(folder: Path, pairing: Pairing) -> Json:
    """Pair the tables of a folder; ``before_gb`` was needed to load code and tables alone."""
    ecgs, xrays, stays = (pl.read_parquet(folder / file) for file in _FILES)
    before = peak_gb()
    begin = time.perf_counter()
    pairs = pair(ecgs, xrays, pairing, stays=stays)
    return {
        "seconds": time.perf_counter() - begin,
        "peak_gb": peak_gb(),
        "before_gb": before,
        "xrays": xrays.height,
        "ecgs": ecgs.height,
        "pairs": pairs.height,
        "rule": str(pairing),
    }


def _scanned(tables: Tables, seed: int) -> Json:
    ecgs, xrays, stays = tables
    seconds, num_pairs = 0.0, 0
    for rule in RULES:
        begin = time.perf_counter()
        expected = scanned_pairs(ecgs, xrays, stays, rule)
        seconds += time.perf_counter() - begin
        num_pairs += len(expected)
        if pair(ecgs, xrays, rule, stays=stays).select("xray", "ecg").rows() != expected:
            raise RuntimeError(
                f"pairs by {rule} must equal those of the scan, got others; draw_records("
                f"{xrays.height}, {ecgs.height}, {seed}) are the tables"
            )
    return {
        "seconds": seconds,
        "xrays": xrays.height,
        "ecgs": ecgs.height,
        "pairs": num_pairs,
        "rule": f"all {len(RULES)}, equal to ours",
    }


def draw_records(num_xrays: int, num_ecgs: int, seed: int) -> Tables:
    """Records of as many patients, and as unevenly spread over them, as a large hospital has.

    Stays fall to patients by log-normal weights; some overlap. Of the records four in five follow
    the beginning of a stay by hours or days, the others are months or years away. A third of the
    patients has X-rays. ECGs have whole minutes, X-rays whole seconds; one record in 200 has no
    time.

    Args:
        num_xrays: 1 or more.
        num_ecgs: 100 or more; there are half as many stays, and a quarter as many patients.
        seed: 0 or more.
    """
    random = np.random.default_rng(seed)
    num_patients, num_stays = num_ecgs // 4, num_ecgs // 2
    weights = random.lognormal(0, 1.2, num_patients)
    patient = random.choice(num_patients, num_stays, p=weights / weights.sum())
    begin = random.integers(0, 6 * 365 * _DAY // _MINUTE, num_stays) * _MINUTE
    length = (random.lognormal(np.log(5.5), 0.8, num_stays) * _HOUR).astype(np.int64)
    filmed = np.flatnonzero(patient < num_patients // 3)
    ecg_stay = random.integers(0, num_stays, num_ecgs)
    xray_stay = filmed[random.integers(0, len(filmed), num_xrays)]
    ecgs, xrays = (
        _records(patient[stay], begin[stay], step, random)
        for stay, step in ((ecg_stay, _MINUTE), (xray_stay, 1))
    )
    stays = pl.DataFrame(
        {"patient": _names(patient), "begin": _times(begin), "end": _times(begin + length)}
    )
    return ecgs, xrays, stays


def shrinking_gaps(num: int) -> Tables:
    """The hardest to pair one to one: a patient's ECGs and X-rays by turns, ever closer together.

    Each but the last is nearest to the next, so that only one pair at a time is sure. One stay
    holds them all.

    Args:
        num: of each kind, 1 or more.
    """
    time = np.arange(4 * num, 2 * num, -1).cumsum()
    ecgs, xrays = (
        pl.DataFrame(
            {"patient": ["p"] * num, "record": _names(np.arange(num)), "time": _times(part)}
        )
        for part in (time[::2], time[1::2])
    )
    stay = {"patient": ["p"], "begin": _times(time[:1]), "end": _times(time[-1:])}
    return ecgs, xrays, pl.DataFrame(stay)


def _records(
    patient: Int64[np.ndarray, " record"],
    begin: Int64[np.ndarray, " record"],
    step: int,
    random: np.random.Generator,
) -> pl.DataFrame:
    num = len(patient)
    near = random.exponential(np.where(random.random(num) < 0.6, 4 * _HOUR, 4 * _DAY))
    away = random.normal(0, 280 * _DAY, num)
    time = begin + np.where(random.random(num) < 0.8, near, away).astype(np.int64)
    return pl.DataFrame(
        {
            "patient": _names(patient),
            "record": _names(random.permutation(num)),
            "time": _times(time // step * step).set(pl.Series(random.random(num) < 0.005), None),
        }
    )


def _names(numbers: Int64[np.ndarray, " row"]) -> pl.Series:
    return pl.Series(10_000_000 + numbers).cast(pl.String)


def _times(seconds: Int64[np.ndarray, " row"]) -> pl.Series:
    return pl.Series(seconds * 1_000_000).cast(pl.Datetime("us"))


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
    """Rows of the X-ray and of the ECG of every pair, in order: for each X-ray a look at every ECG.

    This is how published code has the rules: slow, and plain enough to be checked by eye.
    """
    ecg, xray = _Columns(ecgs), _Columns(xrays)
    if pairing.window is None:
        pairs = _in_stay(ecg, xray, _visits(stays), reuse=pairing.reuse)
    else:
        pairs = _near(ecg, xray, round(pairing.window * _HOUR * 1_000_000))
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
