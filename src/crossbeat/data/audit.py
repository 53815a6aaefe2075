"""The leak audit: check that no patient, study or signal is in two splits.

That holds in every phase: the teacher learns from all rows with an X-ray, self-supervision from all
with an ECG. Data sets may list a recording twice, even under two patients.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from crossbeat.data.rejected import Rejected
from crossbeat.data.splits import SPLITS, people_in
from crossbeat.data.table import signals_in, study_column
from crossbeat.errors import DataError, reason
from crossbeat.files import Json
from crossbeat.modalities import MODALITIES

AUDIT_FILE = "audit.json"
Digests = Mapping[str, Sequence[str]]
"""For each kind of signal a digest of each that is stored, in the order of the store."""


def without_leaks(table: pl.DataFrame, digests: Digests) -> tuple[pl.DataFrame, list[Rejected]]:
    """The table without rows whose signal is in a more protected split, such as test, as well."""
    order = pl.col("split").replace_strict(
        {name: i for i, name in enumerate(SPLITS)}, default=len(SPLITS)
    )
    signals = _with_signals(table, digests)
    leaks = pl.any_horizontal(
        pl.lit(value=False),
        *(
            (order < order.max().over(_called(name))) & pl.col(_called(name)).is_not_null()
            for name in digests
        ),
    )
    marked = signals.select(leaks.alias("leaks"))["leaks"]
    rejected = [
        Rejected(
            record=record,
            file="",
            rule="leak",
            reason=f"{record} in {split} has the same signal as a record in another split",
        )
        for record, split in table.filter(marked).select("record", "split").rows()
    ]
    return table.filter(~marked), rejected


def audit(table: pl.DataFrame, digests: Digests) -> Json:
    """Counts by phase and split, and how many are in two splits: of patients, studies, signals."""
    told, studies = _with_signals(table, digests), map(study_column, MODALITIES)
    return {
        "phases": {" and ".join(has): _counts(told, has) for has in _seen_together(table)},
        "in_two_splits": {
            "patients": _in_two(people_in(told), "patient"),
            "studies": sum(_in_two(told, name) for name in studies if name in told.columns),
            "signals": sum(_in_two(told, _called(name)) for name in digests),
        },
        "repeated_signals": {
            name: len(values) - len(set(values)) for name, values in digests.items()
        },
    }


def _seen_together(table: pl.DataFrame) -> list[tuple[str, ...]]:
    """What a row must have to be seen in a phase: one modality, or the ECG and another."""
    others = [name for name in signals_in(table) if name != "ecg"]
    alone = [(name,) for name in signals_in(table)]
    return alone + ([("ecg", name) for name in others] if "ecg" in table.columns else [])


def check_audit(path: Path, *, table: str) -> None:
    """Check that the audit is of the table with this checksum and found no leak."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        leaks, audited = dict(found["in_two_splits"]), found["table"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} must be the audit of a cohort, got: {reason(error)}; rebuild the cohort"
        ) from error
    if audited != table:
        raise DataError(
            f"{path} must be the audit of the table beside it, got that of another; "
            "rebuild the cohort"
        )
    wrong = {name: count for name, count in leaks.items() if count}
    if wrong:
        raise DataError(
            f"{path} must find nothing in two splits, got {wrong}; rebuild the cohort with a "
            "split by patient"
        )


def _called(name: str) -> str:
    return f"{name} signal"


def _with_signals(table: pl.DataFrame, digests: Digests) -> pl.DataFrame:
    return table.with_columns(
        pl.Series(
            _called(name),
            [None if row is None else values[row] for row in table[name]],
            dtype=pl.String,
        )
        for name, values in digests.items()
    )


def _in_two(table: pl.DataFrame, column: str) -> int:
    of_each = table.drop_nulls(column).group_by(column).agg(pl.col("split").n_unique())
    return of_each.filter(pl.col("split") > 1).height


def _counts(table: pl.DataFrame, has: Sequence[str]) -> dict[str, dict[str, int]]:
    seen = table.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in has))
    return {
        split: {"rows": part.height, "patients": part["patient"].n_unique()}
        for split in SPLITS
        for part in (seen.filter(pl.col("split") == split),)
    }
