"""Compare the pairing rule of a data set with other rules and with wrong clocks.

What a model learns depends on who is paired with whom: on how many there are, on the time between
the two, and on how often a finding is there among those who are paired.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import polars as pl
from jaxtyping import Float64

from crossbeat.data.pairing.counts import (
    QUANTILES,
    Json,
    changes,
    pair_counts,
    record_counts,
    tables_of,
)
from crossbeat.data.pairing.pairs import Pairing, paired_rows

WINDOWS = (1.0, 6.0, 24.0, 72.0, 168.0, 720.0, 1440.0)
"""Hours; the last three are 7, 30 and 60 days."""

SHIFTS = (-60.0, -15.0, -5.0, 5.0, 15.0, 60.0)
"""Minutes that the clocks of all ECGs are set on, below 0 back."""

SPREADS = (5.0, 15.0, 60.0)
"""Standard deviations, in minutes, of an error that each ECG's clock has to itself."""


def pairing_report(
    ecgs: pl.DataFrame,
    xrays: pl.DataFrame,
    stays: pl.DataFrame | None,
    labels: pl.DataFrame,
    chosen: Pairing,
    *,
    seed: int = 0,
) -> Json:
    """Plain values, to be kept as JSON: ``chosen``, ``records``, ``rules`` and ``clocks``.

    ``rules`` lists what each rule and window pairs, first the chosen one; ``clocks`` how the pairs
    of the chosen one change when the clocks of the ECGs are wrong. Prevalence is the share of the
    paired X-rays that are positive.

    Args:
        ecgs: patient, record and time.
        xrays: patient, record and time.
        stays: patient, begin and end of emergency stays; None leaves ``ed-stay`` out.
        labels: a row for each row of ``xrays``; its columns ``label:FINDING`` hold 1, 0, -1 or
            null, others are let be.
        chosen: the rule that the cohort was paired by.
        seed: of the errors that each clock has to itself.

    Raises:
        DataError: there are not as many labels as X-rays, a label is out of its range, or a table
            lacks a column.
    """
    tables = tables_of(ecgs, xrays, stays, labels)
    lines = tables.lines()
    rows = paired_rows(lines, chosen)
    others = [rule for rule in _rules(with_stays=stays is not None) if rule != chosen]
    return {
        "chosen": asdict(chosen) | {"name": str(chosen)},
        "records": record_counts(tables),
        "rules": [
            pair_counts(tables, chosen, rows),
            *(pair_counts(tables, rule, paired_rows(lines, rule)) for rule in others),
        ],
        "clocks": [
            {"error": name}
            | changes(tables, rows, paired_rows(tables.clocks_off(minutes).lines(), chosen))
            for name, minutes in _errors(ecgs.height, seed)
        ],
    }


def _rules(*, with_stays: bool) -> list[Pairing]:
    rules = [Pairing(), Pairing(reuse=False)] if with_stays else []
    rules += [
        Pairing(rule="nearest", window=window, reuse=reuse)
        for reuse in (True, False)
        for window in WINDOWS
    ]
    return rules + [Pairing(rule="within", window=window) for window in WINDOWS]


def _errors(num_ecgs: int, seed: int) -> Iterator[tuple[str, Float64[np.ndarray, " ecg"]]]:
    for shift in SHIFTS:
        yield f"all clocks {shift:+g} min", np.full(num_ecgs, shift)
    random = np.random.default_rng(seed)
    for spread in SPREADS:
        yield f"each by itself, SD {spread:g} min", random.normal(0, spread, num_ecgs)


def report_markdown(report: Json) -> str:
    """A page with a table of each part of the report."""
    records, rules, clocks = report["records"], report["rules"], report["clocks"]
    findings = list(records["findings"])
    num_xrays = records["xrays"]["records"]
    prevalences = [_prevalences(rule["name"], rule) for rule in rules]
    size = ["rule", "pairs", "X-rays", "share", "ECGs", "used again", "most uses", "patients"]
    apart = ["rule", *QUANTILES, "abs. median", "abs. 95 %", "abs. most"]
    error = ["error", "pairs", "kept", "changed", "lost", "gained", *findings]
    parts = [
        "# Pairing",
        _summary(records, rules[0]),
        "## Records",
        "Records without a time are not paired. 'In a stay' counts patients with an X-ray.",
        _table(["", "records", "patients", "without a time", "in a stay"], _kinds(records)),
        _stays(records["stays"]),
        "## Rules and windows",
        _table(size, [_sizes(rule, num_xrays) for rule in rules]),
        "## Hours from the ECG to the X-ray",
        "Negative hours mean that the X-ray was first. The last three columns are absolute values.",
        _table(apart, [_hours(rule) for rule in rules]),
        "## Findings",
        "Share of the paired X-rays that are positive, in percent.",
        _table(["rule", *findings], [_prevalences("all X-rays", records), *prevalences]),
        "## If the clocks of the ECGs were wrong",
        _CLOCKS,
        _table(error, [_clock(clock) for clock in clocks]),
    ]
    return "\n\n".join(parts) + "\n"


_CLOCKS = (
    "All values are in percent of the pairs of the rule above: pairs that are kept, pairs whose "
    "X-ray gets another ECG or none, and new pairs. The last columns are the share that is "
    "positive."
)


def _summary(records: Json, chosen: Json) -> str:
    return (
        f"Rule: **{chosen['name']}**. {chosen['pairs']:,} pairs of {chosen['xrays']:,} X-rays and "
        f"{chosen['ecgs']:,} ECGs, of {chosen['patients']:,} patients; "
        f"{records['patients_with_both']:,} patients have both."
    )


def _stays(stays: Json) -> str:
    return (
        f"{stays['records']:,} emergency stays; {stays['unusable']:,} of them are unusable: begin "
        "or end is missing, or the end is before the begin."
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _kinds(records: Json) -> list[list[str]]:
    keys = ("records", "patients", "without_time", "in_stay")
    return [
        [name, *(f"{records[kind][key]:,}" for key in keys)]
        for name, kind in (("ECGs", "ecgs"), ("X-rays", "xrays"))
    ]


def _sizes(rule: Json, num_xrays: int) -> list[str]:
    share = rule["xrays"] / num_xrays if num_xrays else None
    numbers = (rule[key] for key in ("ecgs", "ecgs_reused", "most_uses", "patients"))
    return [
        rule["name"],
        f"{rule['pairs']:,}",
        f"{rule['xrays']:,}",
        f"{_percent(share)} %",
        *(f"{number:,}" for number in numbers),
    ]


def _hours(rule: Json) -> list[str]:
    signed, absolute = rule["hours"]["signed"], rule["hours"]["absolute"]
    values = [*signed.values(), *(absolute[name] for name in ("median", "95 %", "most"))]
    return [rule["name"], *map(_number, values)]


def _prevalences(name: str, counted: Json) -> list[str]:
    return [name, *(_percent(each["prevalence"]) for each in counted["findings"].values())]


def _clock(clock: Json) -> list[str]:
    shares = [_percent(clock[name]) for name in ("kept", "changed", "lost", "gained")]
    return [clock["error"], f"{clock['pairs']:,}", *shares, *_prevalences("", clock)[1:]]


def _percent(share: float | None) -> str:
    return _number(None if share is None else 100 * share)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 1) + 0.0:.1f}"  # no minus before a zero
