"""Records that were left out of a cohort, each with the reason."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from crossbeat.errors import DataError
from crossbeat.modalities import MODALITIES

REJECTED_FILE = "rejected.parquet"
"""Beside the table of a cohort; absent where nothing was left out."""

UNREADABLE = DataError("").rule
"""The rule of files that could not be read."""

_SCHEMA = dict.fromkeys(("record", "file", "rule", "reason", "signal"), pl.String)


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A record that was left out."""

    record: str  # what the cohort's table would have called it
    file: str  # where it lies below the data set's folder, the same on every machine
    rule: str  # what it broke, in a word: a check of ``crossbeat.quality``, or ``unreadable``
    reason: str  # one sentence
    signal: str = "ecg"  # what kind of file it is, one of the columns that name rows of a store

    @classmethod
    def of(cls, error: DataError, record: str, file: str, root: Path, signal: str) -> "Rejected":
        """What an error says of a record, without the root folder in the file and the reason."""
        return cls(
            record=record,
            file=file.removeprefix(f"{root}/"),
            rule=error.rule,
            reason=str(error).replace(f"{root}/", ""),
            signal=signal,
        )


def rejected_table(rejected: Sequence[Rejected]) -> pl.DataFrame:
    """One row for each, in the order given."""
    return pl.DataFrame([asdict(each) for each in rejected], schema=_SCHEMA, orient="row")


def in_words(rejected: pl.DataFrame, num_kept: int) -> list[str]:
    """A sentence on how many were left out and why; nothing where none was."""
    if not rejected.height:
        return []
    counts = rejected["rule"].value_counts().sort(["count", "rule"], descending=[True, False])
    rules = ", ".join(f"{rule} {count}" for rule, count in counts.rows())
    signals = rejected["signal"].value_counts().sort("signal").rows()
    lost = ", ".join(
        f"{n} {MODALITIES[signal].label[: None if n > 1 else -1]}" for signal, n in signals
    )
    text = f"Left out: {lost} ({rules}); {REJECTED_FILE} has the reasons."
    return [f"{text} Rows that were kept: {num_kept}."]
