"""Counts of pairs: how many, how far apart, with which findings, and what changes them."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float64, Int8, Int64

from crossbeat.data.labels import MISSING, NEGATIVE, POSITIVE, UNCERTAIN, check_labels, label_codes
from crossbeat.data.pairing.pairs import Pairing, hours_apart, no_stays
from crossbeat.data.pairing.rules import Pairs
from crossbeat.data.pairing.timelines import Timelines, timelines, usable
from crossbeat.data.table import label_column
from crossbeat.errors import DataError

QUANTILES = {
    "least": 0.0,
    "5 %": 0.05,
    "25 %": 0.25,
    "median": 0.5,
    "75 %": 0.75,
    "95 %": 0.95,
    "most": 1.0,
}

Json = dict[str, Any]

_MEANING = {"positive": POSITIVE, "negative": NEGATIVE, "uncertain": UNCERTAIN, "unknown": MISSING}


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What pairs are counted in.

    Args:
        ecgs: patient, record and time.
        xrays: patient, record and time.
        stays: patient, begin and end.
        findings: names.
        codes: labels of each row of ``xrays``: 1, 0, -1, or -2 where missing.
    """

    ecgs: pl.DataFrame
    xrays: pl.DataFrame
    stays: pl.DataFrame
    findings: tuple[str, ...]
    codes: Int8[np.ndarray, "xray finding"]

    def lines(self) -> Timelines:
        """What rules of pairing look at."""
        return timelines(self.ecgs, self.xrays, self.stays)

    def clocks_off(self, minutes: Float64[np.ndarray, " ecg"]) -> "Tables":
        """The same with the times of the ECGs moved on, or back where below 0."""
        error = pl.Series("time", np.rint(minutes * 6e7).astype(np.int64)).cast(pl.Duration("us"))
        return replace(self, ecgs=self.ecgs.with_columns(self.ecgs["time"] + error))


def tables_of(
    ecgs: pl.DataFrame, xrays: pl.DataFrame, stays: pl.DataFrame | None, labels: pl.DataFrame
) -> Tables:
    """The tables, with labels as codes.

    Args:
        ecgs: patient, record and time.
        xrays: patient, record and time.
        stays: patient, begin and end; None counts as no stay.
        labels: a row for each row of ``xrays``, with columns ``label:FINDING``; 1, 0, -1 or null.

    Raises:
        DataError: there are not as many labels as X-rays, or one is out of its range.
    """
    if labels.height != xrays.height:
        raise DataError(
            f"labels must have a row for each of {xrays.height} X-rays, got {labels.height}; "
            "join them to the X-rays"
        )
    start = label_column("")
    columns = tuple(name for name in labels.columns if name.startswith(start))
    check_labels(labels.with_columns(xrays["patient"]), columns)
    return Tables(
        ecgs=ecgs,
        xrays=xrays,
        stays=no_stays() if stays is None else stays,
        findings=tuple(name.removeprefix(start) for name in columns),
        codes=label_codes(labels.select(pl.col(columns).cast(pl.Int8)), columns),
    )


def record_counts(tables: Tables) -> Json:
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
        "findings": label_counts(tables, np.arange(tables.xrays.height)),
    }


def pair_counts(tables: Tables, pairing: Pairing, rows: Pairs) -> Json:
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
        "findings": label_counts(tables, xrays),
    }


def changes(tables: Tables, before: Pairs, after: Pairs) -> Json:
    """What became of pairs: ``kept``, ``changed`` (the X-ray has another ECG), ``lost``.

    These are shares of the pairs there were, and so is ``gained``: pairs of X-rays that had none.
    """
    num = len(before.ecg)
    kept = np.isin(_numbers(tables, before), _numbers(tables, after))
    still = np.isin(before.xray, after.xray)
    gained = ~np.isin(after.xray, before.xray)
    counts = {"kept": kept, "changed": still & ~kept, "lost": ~still, "gained": gained}
    return {
        "pairs": len(after.ecg),
        **{name: float(which.sum() / num) if num else None for name, which in counts.items()},
        "findings": label_counts(tables, np.unique(after.xray)),
    }


def label_counts(tables: Tables, xrays: Int64[np.ndarray, " some"]) -> Json:
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


def _numbers(tables: Tables, rows: Pairs) -> Int64[np.ndarray, " pair"]:
    return rows.xray * tables.ecgs.height + rows.ecg
