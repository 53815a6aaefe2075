"""A summary of a cohort in plain values, for tables and JSON."""

import json

import polars as pl

from crossbeat.data.audit import AUDIT_FILE
from crossbeat.data.cohort import Cohort
from crossbeat.data.pairing.report import QUANTILES
from crossbeat.data.splits import SPLITS
from crossbeat.data.table import REPORTED, label_column, signals_in, time_column, value_column
from crossbeat.files import Json
from crossbeat.modalities import modality

ALL = "all"
"""Beside the splits: all of them together."""


def summary(cohort: Cohort) -> Json:
    """Summarise a cohort.

    ``splits`` counts records by split, ``findings`` rows with a report by finding and split.
    ``measurements`` has how many of each were measured, their mean and standard deviation.
    ``gaps`` has for each other modality whose times are kept the quantiles of the hours from the
    ECG to it, below 0 where it was first. ``rejected`` counts records by the rule that they broke.
    """
    info = cohort.info
    parts = {ALL: cohort.table} | {
        split: cohort.table.filter(pl.col("split") == split) for split in SPLITS
    }
    audited = json.loads((cohort.folder / AUDIT_FILE).read_text(encoding="utf-8"))
    rules = (
        cohort.rejected()["rule"].value_counts().sort(["count", "rule"], descending=[True, False])
    )
    return {
        "name": info.name,
        "kind": info.kind,
        "form": {
            "leads": list(info.leads),
            "fs": info.fs,
            "seconds": info.seconds,
            "unit": info.unit,
            "image_size": info.image_size,
            "frames": info.frames,
            "cine_size": info.cine_size,
        },
        "recordings": [
            told for name in signals_in(cohort.table) if (told := modality(name).described(info))
        ],
        "splits": {name: _records(part) for name, part in parts.items()},
        "findings": {
            finding: {name: _labels(part, finding) for name, part in parts.items()}
            for finding in info.findings
        },
        "measurements": {
            name: {split: _measured(part, name) for split, part in parts.items()}
            for name in info.measurements
        },
        "gaps": _gaps(cohort.table),
        "rejected": dict(rules.rows()),
        "audit": {name: value for name, value in audited.items() if name != "table"},
        "notes": list(info.notes),
    }


def _records(part: pl.DataFrame) -> dict[str, int]:
    there = signals_in(part)
    others = pl.any_horizontal(pl.col(name).is_not_null() for name in there if name != "ecg")
    return {
        "patients": part["patient"].n_unique(),
        "rows": part.height,
        **{name: part[name].drop_nulls().n_unique() for name in there},
        "pairs": part.filter(pl.col("ecg").is_not_null() & others).height,
        "reported": _reported(part).height,
    }


def _reported(part: pl.DataFrame) -> pl.DataFrame:
    if REPORTED not in part.columns:
        return part
    return part.filter(pl.col(REPORTED).fill_null(value=True))


def _labels(part: pl.DataFrame, finding: str) -> dict[str, int]:
    codes = _reported(part)[label_column(finding)]
    return {
        "positive": int((codes == 1).sum()),
        "negative": int((codes == 0).sum()),
        "uncertain": int((codes == -1).sum()),
        "not mentioned": codes.null_count(),
    }


def _measured(part: pl.DataFrame, measurement: str) -> Json:
    values = part[value_column(measurement)].drop_nulls()
    return {"measured": values.len(), "mean": values.mean(), "deviation": values.std()}


def _gaps(table: pl.DataFrame) -> Json:
    others = (name for name in signals_in(table) if name != "ecg")
    return {name: gap for name in others if (gap := _gap(table, name))}


def _gap(table: pl.DataFrame, name: str) -> Json:
    times = [time_column(each) for each in ("ecg", name)]
    if not set(times) <= set(table.columns):
        return {}
    pairs = table.filter(pl.col("ecg").is_not_null() & pl.col(name).is_not_null())
    ecg, other = map(pl.col, times)
    hours = pairs.select((other - ecg).dt.total_seconds() / 3600).to_series().drop_nulls()
    if not hours.len():
        return {}
    return {
        "pairs": hours.len(),
        "without a time": pairs.height - hours.len(),
        "hours": {
            name: hours.quantile(share, interpolation="linear") for name, share in QUANTILES.items()
        },
    }
