"""``crossbeat bench pairing``: every rule on tables of MIMIC's size, and against a plain scan."""

import time
from pathlib import Path
from typing import Any

import polars as pl

from crossbeat.cli.benches.measure import in_new_process, peak_gb
from crossbeat.cli.benches.pairing_records import draw_records, shrinking_gaps
from crossbeat.cli.benches.pairing_scan import scanned_pairs
from crossbeat.data.pairing import Pairing, pair

Tables = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
Cases = dict[str, dict[str, Any]]

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
_THREADS = 2


def cases(*, seed: int, small: bool, folder: Path) -> Cases:
    """Seconds and memory of every rule; ``pairing/ours`` is the worst of them.

    ``pairing/one-patient`` are tables of one patient, whose records are as hard to pair as can be.
    ``pairing/scan`` is the brute-force rule on a sample, where all rules must equal it.

    Args:
        seed: of the records, 0 or more.
        small: in a small size, to see that it runs.
        folder: for the tables.

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
    return {
        f"{name}/{rule}": in_new_process(timed, folder, rule, threads=_THREADS) for rule in rules
    }


def timed(folder: Path, pairing: Pairing) -> dict[str, Any]:
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


def _scanned(tables: Tables, seed: int) -> dict[str, Any]:
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
