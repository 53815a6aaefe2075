"""Compare the pairing rule of a data set with other rules and with wrong clocks."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl
from jaxtyping import Float64, Int8, Int64

from crossbeat.data.labels import MISSING, NEGATIVE, POSITIVE, UNCERTAIN, check_labels, label_codes
from crossbeat.data.pairing.pairs import Pairing, Pairs, hours_apart, no_stays, paired_rows
from crossbeat.data.pairing.timelines import Timelines, timelines, usable
from crossbeat.data.table import label_column
from crossbeat.errors import DataError
from crossbeat.files import Json

WINDOWS = (1.0, 6.0, 24.0, 72.0, 168.0, 720.0, 1440.0)
"""Hours; the last three are 7, 30 and 60 days."""

SHIFTS = (-60.0, -15.0, -5.0, 5.0, 15.0, 60.0)
"""Minutes that the clocks of all ECGs are set on, below 0 back."""

SPREADS = (5.0, 15.0, 60.0)
"""Standard deviations, in minutes, of an error that each ECG's clock has to itself."""

QUANTILES = {
    "least": 0.0,
    "5 %": 0.05,
    "25 %": 0.25,
    "median": 0.5,
    "75 %": 0.75,
    "95 %": 0.95,
    "most": 1.0,
}

_MEANING = {"positive": POSITIVE, "negative": NEGATIVE, "uncertain": UNCERTAIN, "unknown": MISSING}


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
    paired X-rays that are positive. Without stays, the rule ``ed-stay`` is left out.

    Args:
        labels: a row for each row of ``xrays``; its columns ``label:FINDING`` hold 1, 0, -1 or
            null, others are let be.
        seed: of the errors that each clock has to itself.
    """
    if labels.height != xrays.height:
        raise DataError(
            f"labels must have a row for each of {xrays.height} X-rays, got {labels.height}; "
            "join them to the X-rays"
        )
    start = label_column("")
    columns = tuple(name for name in labels.columns if name.startswith(start))
    check_labels(labels.with_columns(xrays["patient"]), columns)
    tables = _Tables(
        ecgs=ecgs,
        xrays=xrays,
        stays=no_stays() if stays is None else stays,
        findings=tuple(name.removeprefix(start) for name in columns),
        codes=label_codes(labels.select(pl.col(columns).cast(pl.Int8)), columns),
    )
    lines = tables.lines()
    rows = paired_rows(lines, chosen)
    others = [rule for rule in _rules(with_stays=stays is not None) if rule != chosen]
    return {
        "chosen": asdict(chosen) | {"name": str(chosen)},
        "records": _record_counts(tables),
        "rules": [
            _pair_counts(tables, chosen, rows),
            *(_pair_counts(tables, rule, paired_rows(lines, rule)) for rule in others),
        ],
        "clocks": [
            {"error": name}
            | _changes(tables, rows, paired_rows(tables.clocks_off(minutes).lines(), chosen))
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


@dataclass(frozen=True, kw_only=True)
class _Tables:
    """What pairs are counted in; ``codes`` are the labels of each row of ``xrays``."""

    ecgs: pl.DataFrame
    xrays: pl.DataFrame
    stays: pl.DataFrame
    findings: tuple[str, ...]
    codes: Int8[np.ndarray, "xray finding"]

    def lines(self) -> Timelines:
        return timelines(self.ecgs, self.xrays, self.stays)

    def clocks_off(self, minutes: Float64[np.ndarray, " ecg"]) -> "_Tables":
        """The same with the times of the ECGs moved on, or back where below 0."""
        error = pl.Series("time", np.rint(minutes * 6e7).astype(np.int64)).cast(pl.Duration("us"))
        return replace(self, ecgs=self.ecgs.with_columns(self.ecgs["time"] + error))


def _record_counts(tables: _Tables) -> Json:
    """Records and patients, paired or not; ``in_stay`` counts patients who have an X-ray."""
    lines = tables.lines()
    kinds = {"ecgs": (tables.ecgs, lines.ecgs), "xrays": (tables.xrays, lines.xrays)}
    counts: Json = {
        kind: {
            "records": table.height,
            "patients": table["patient"].n_unique(),
            "without_time": table["time"].null_count(),
            "in_stay": int((lines.visits.holding(line) >= 0).sum()),
        }
        for kind, (table, line) in kinds.items()
    }
    both = tables.ecgs.select("patient").unique().join(tables.xrays, on="patient", how="semi")
    unusable = tables.stays.height - usable(tables.stays).height
    return counts | {
        "patients_with_both": both.height,
        "stays": {"records": tables.stays.height, "unusable": unusable},
        "findings": _label_counts(tables, np.arange(tables.xrays.height)),
    }


def _pair_counts(tables: _Tables, pairing: Pairing, rows: Pairs) -> Json:
    """What a rule pairs: records, uses of an ECG, hours between the two, findings."""
    uses = np.unique_counts(rows.ecg).counts
    xrays = np.unique(rows.xray)
    hours = hours_apart(tables.ecgs, tables.xrays, rows)
    return {
        **asdict(pairing),
        "name": str(pairing),
        "pairs": len(rows.ecg),
        "xrays": len(xrays),
        "ecgs": len(uses),
        "ecgs_reused": int((uses > 1).sum()),
        "most_uses": int(uses.max(initial=0)),
        "patients": tables.xrays["patient"].gather(xrays).n_unique(),
        "hours": {"signed": _quantiles(hours), "absolute": _quantiles(np.abs(hours))},
        "findings": _label_counts(tables, xrays),
    }


def _changes(tables: _Tables, before: Pairs, after: Pairs) -> Json:
    """What became of pairs: ``kept``, ``changed`` (the X-ray has another ECG), ``lost``.

    These are shares of the pairs there were, and so is ``gained``: pairs of X-rays that had none.
    """
    num = len(before.ecg)
    old, new = (rows.xray * tables.ecgs.height + rows.ecg for rows in (before, after))
    kept = np.isin(old, new)
    still = np.isin(before.xray, after.xray)
    gained = ~np.isin(after.xray, before.xray)
    counts = {"kept": kept, "changed": still & ~kept, "lost": ~still, "gained": gained}
    return {
        "pairs": len(after.ecg),
        **{name: float(which.sum() / num) if num else None for name, which in counts.items()},
        "findings": _label_counts(tables, np.unique(after.xray)),
    }


def _label_counts(tables: _Tables, xrays: Int64[np.ndarray, " some"]) -> Json:
    """How often each finding is what, among some rows of the X-rays; prevalence among them all."""
    columns = zip(tables.findings, tables.codes[xrays].T, strict=True)
    return {
        finding: {
            **{word: int((column == code).sum()) for word, code in _MEANING.items()},
            "prevalence": float((column == POSITIVE).mean()) if len(column) else None,
        }
        for finding, column in columns
    }


def _quantiles(hours: Float64[np.ndarray, " pair"]) -> Json:
    if not len(hours):
        return dict.fromkeys(QUANTILES)
    values = np.quantile(hours, list(QUANTILES.values())).tolist()
    return dict(zip(QUANTILES, values, strict=True))


def report_markdown(report: Json) -> str:
    """A page with a table of each part of the report."""
    records, rules, clocks = report["records"], report["rules"], report["clocks"]
    chosen, stays, findings = rules[0], records["stays"], list(records["findings"])
    num_xrays = records["xrays"]["records"]
    prevalences = [_prevalences(rule["name"], rule) for rule in rules]
    size = ["rule", "pairs", "X-rays", "share", "ECGs", "used again", "most uses", "patients"]
    apart = ["rule", *QUANTILES, "abs. median", "abs. 95 %", "abs. most"]
    error = ["error", "pairs", "kept", "changed", "lost", "gained", *findings]
    intro = (
        f"Rule: **{chosen['name']}**. {chosen['pairs']:,} pairs of {chosen['xrays']:,} X-rays and "
        f"{chosen['ecgs']:,} ECGs, of {chosen['patients']:,} patients; "
        f"{records['patients_with_both']:,} patients have both."
    )
    unusable = (
        f"{stays['records']:,} emergency stays; {stays['unusable']:,} of them are unusable: begin "
        "or end is missing, or the end is before the begin."
    )
    percent = (
        "All values are in percent of the pairs of the rule above: pairs that are kept, pairs "
        "whose X-ray gets another ECG or none, and new pairs. The last columns are the share that "
        "is positive."
    )
    parts = [
        "# Pairing",
        intro,
        "## Records",
        "Records without a time are not paired. 'In a stay' counts patients with an X-ray.",
        _table(["", "records", "patients", "without a time", "in a stay"], _kinds(records)),
        unusable,
        "## Rules and windows",
        _table(size, [_sizes(rule, num_xrays) for rule in rules]),
        "## Hours from the ECG to the X-ray",
        "Negative hours mean that the X-ray was first. The last three columns are absolute values.",
        _table(apart, [_hours(rule) for rule in rules]),
        "## Findings",
        "Share of the paired X-rays that are positive, in percent.",
        _table(["rule", *findings], [_prevalences("all X-rays", records), *prevalences]),
        "## If the clocks of the ECGs were wrong",
        percent,
        _table(error, [_clock(clock) for clock in clocks]),
    ]
    return "\n\n".join(parts) + "\n"


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
