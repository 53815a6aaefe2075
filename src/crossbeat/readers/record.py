"""The result of every reader: signals with their names, units and rate, as in the file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD

LEAST_FS, MOST_FS = 10.0, 100_000.0
"""Hertz: no ECG is sampled slower or faster; beyond, resampling could need any memory."""

_SPELLINGS = {lead.lower(): lead for lead in STANDARD}


@dataclass(frozen=True, slots=True)
class Record:
    """All signals of a record.

    Args:
        values: in the unit of each signal; NaN where there is no sample.
        names: of the signals, as the file spells them.
        units: of the signals, as the file spells them.
        fs: sampling rate in hertz.
    """

    values: Float32[np.ndarray, "signal time"]
    names: tuple[str, ...]
    units: tuple[str, ...]
    fs: float


class Signal(NamedTuple):
    """One signal of a file in which each has its own rate and length.

    Args:
        name: as the file spells it.
        values: of one dimension, in ``unit``.
        unit: as the file spells it; empty if there is none.
        fs: sampling rate in hertz.
    """

    name: str
    values: np.ndarray
    unit: str
    fs: float


def lead_rows(names: Sequence[str], path: Path) -> dict[int, str]:
    """Where the twelve leads stand among the names of signals, in any case: their names by row.

    Raises:
        DataError: there is none, or one twice.
    """
    plain = [name.strip().lower() for name in names]
    rows = {row: _SPELLINGS[name] for row, name in enumerate(plain) if name in _SPELLINGS}
    if not rows or len(set(rows.values())) < len(rows):
        raise DataError(
            f"{path} must hold ECG leads, each once, got {', '.join(names)[:200] or 'none'}; "
            f"name them {', '.join(STANDARD)}"
        )
    return rows


def assemble(signals: Iterable[Signal], path: Path) -> Record:
    """The leads among the signals, which must have one rate and one length.

    Raises:
        DataError: there is no lead, one twice, or they differ in rate or length.
    """
    given = list(signals)
    leads = [given[row] for row in lead_rows([signal.name for signal in given], path)]
    for what, values in (
        ("rate", {f"{signal.fs:g} Hz" for signal in leads}),
        ("length", {f"{signal.values.size} samples" for signal in leads}),
    ):
        if len(values) > 1:
            raise DataError(
                f"{path}: all leads must have one {what}, got {' and '.join(sorted(values))}; "
                "export them alike"
            )
    return Record(
        as_float32(np.stack([signal.values for signal in leads])),
        tuple(signal.name for signal in leads),
        tuple(signal.unit for signal in leads),
        leads[0].fs,
    )


def as_float32(values: np.ndarray) -> Float32[np.ndarray, "signal time"]:
    """Numbers of any type in single precision; those beyond its range become infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)
