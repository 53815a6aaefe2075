"""The result of every reader: signals with their names, units and rate, as in the file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from crossbeat.errors import DataError, listed
from crossbeat.leads import INVERTED, STANDARD, among

LEAST_FS, MOST_FS = 10.0, 100_000.0
"""Hertz: no ECG is sampled slower or faster; beyond, resampling could need any memory."""

MILLIVOLTS = {
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1.0),
    **dict.fromkeys(("uv", "\N{MICRO SIGN}v", "\N{GREEK SMALL LETTER MU}v"), 1e-3),
    **dict.fromkeys(("microvolt", "microvolts"), 1e-3),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-6),
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
}
"""Millivolts in one of a unit, by its name in small letters."""


class NoLeadError(DataError):
    """None of a file's signals, as the file spells their ``names``, is one of the twelve leads."""

    def __init__(self, text: str, *, names: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.names = tuple(names)


@dataclass(frozen=True, slots=True)
class Record:
    """The signals of a record, with names and units as the file spells them.

    Args:
        values: in the unit of each signal; NaN where there is no sample.
        fs: sampling rate in hertz.
        others: names of further signals, which are no leads and may have another rate.
    """

    values: Float32[np.ndarray, "signal time"]
    names: tuple[str, ...]
    units: tuple[str, ...]
    fs: float
    others: tuple[str, ...] = ()


class Signal(NamedTuple):
    """One signal of a file in which each has its own rate (Hz), length and unit, maybe none."""

    name: str
    values: np.ndarray
    unit: str
    fs: float


def lead_rows(names: Sequence[str], path: Path, others: Sequence[str] = ()) -> dict[int, str]:
    """Where the twelve leads stand among the names of signals, as ``crossbeat.leads.among`` says.

    Args:
        others: names of signals that are not to be read, for messages.
    """
    rows = among(names)
    leads = set(rows.values())
    if len(leads) == len(rows) > 0 and not leads.issuperset({"aVR", INVERTED}):
        return rows
    every = [*names, *others]
    said = f"{path} must hold ECG leads, each once, got {listed(every) or 'no channel'}"
    if not rows:
        raise NoLeadError(
            f"{said}: none has the name of a lead; name the leads {', '.join(STANDARD)}",
            names=every,
        )
    plain = [lead.removeprefix("-") for lead in rows.values()]
    twice = next(lead for lead in plain if plain.count(lead) > 1)
    same = [names[row] for row, lead in zip(rows, plain, strict=True) if lead == twice]
    raise DataError(
        f"{said}: {' and '.join(same)} are the same lead twice; leave one out, or correct its name"
    )


def assemble(signals: Iterable[Signal], path: Path, others: Sequence[str] = ()) -> Record:
    """The leads among the signals, which must have one rate and one length.

    Args:
        others: names of signals that are no leads, and have no samples here.
    """
    given = list(signals)
    names = [signal.name for signal in given]
    rows = lead_rows(names, path, others)
    leads = [given[row] for row in rows]
    rates = {f"{signal.fs:g} Hz" for signal in leads}
    lengths = {f"{signal.values.size} samples" for signal in leads}
    for what, values in {"rate": rates, "length": lengths}.items():
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
        tuple(name for row, name in enumerate(names) if row not in rows) + tuple(others),
    )


def as_float32(values: np.ndarray) -> Float32[np.ndarray, "signal time"]:
    """Numbers of any type in single precision; those beyond its range become infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)
