"""Pair ECGs and X-rays of the same patient."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
from jaxtyping import Float64

from crossbeat.data.pairing.rules import Pairs, in_stay, nearest, nearest_once, within
from crossbeat.data.pairing.timelines import STAYS, Timelines, timelines
from crossbeat.errors import ConfigError, suggestion

Rule = Literal["ed-stay", "nearest", "within"]

_HOUR = 3_600_000_000  # microseconds
_LONGEST = 876_600.0  # hours: 100 years


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Pair ECGs and X-rays of the same patient.

    Args:
        rule: ``ed-stay``: both were taken in one emergency stay. ``nearest``: the ECG nearest in
            time to the X-ray, within the window. ``within``: every ECG within the window.
        window: most hours between the two, whichever is first, 0 to 876,600 (100 years); needed
            for ``nearest`` and ``within``, not taken for ``ed-stay``.
        reuse: whether an ECG may go with several X-rays; with ``within`` always.

    Raises:
        ConfigError: a setting is out of its range, or does not go with the rule.

    Source: ``ed-stay`` with reuse is the rule of CroMoTEX (preprocess/prepare_dataset.py).
    """

    rule: Rule = "ed-stay"
    window: float | None = None
    reuse: bool = True

    def __post_init__(self) -> None:
        rules = get_args(Rule)
        if self.rule not in rules:
            raise ConfigError(
                f"Pairing.rule must be one of {', '.join(rules)}, got {self.rule!r}"
                f"{suggestion(self.rule, rules, 'choose one of them')}"
            )
        if self.rule == "ed-stay" and self.window is not None:
            raise ConfigError(
                f"Pairing.window must not be given with rule ed-stay, got {self.window}; "
                "leave it out, or choose the rule nearest or within"
            )
        if self.rule != "ed-stay" and (self.window is None or not 0 <= self.window <= _LONGEST):
            raise ConfigError(
                f"Pairing.window must be 0 to {_LONGEST:.0f} hours with rule {self.rule}, "
                f"got {self.window}; set it"
            )
        if self.rule == "within" and not self.reuse:
            raise ConfigError(
                "Pairing.reuse must be true with rule within, which takes every pair, got false; "
                "for pairs that share no record choose the rule nearest"
            )

    def __str__(self) -> str:
        window = "" if self.window is None else f" {self.window:g} h"
        return f"{self.rule}{window}{'' if self.reuse else ', one to one'}"


def pair(
    ecgs: pl.DataFrame,
    xrays: pl.DataFrame,
    pairing: Pairing,
    *,
    stays: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The pairs, in order of the X-rays' rows and then of the ECGs'.

    Columns: ``patient``; ``ecg`` and ``xray``, rows of the tables; ``ecg_record`` and
    ``xray_record``; ``hours``, the X-ray's time minus the ECG's. A record without a time is in no
    pair.

    Args:
        ecgs: patient, record and time.
        xrays: patient, record and time.
        pairing: the rule.
        stays: patient, begin and end of emergency stays; only ``ed-stay`` needs them.

    Raises:
        ConfigError: the rule needs stays, and there is no table of them.
        DataError: a column is absent or of another type, or a patient is empty.
    """
    if pairing.rule == "ed-stay" and stays is None:
        raise ConfigError(
            "pairing by ed-stay must have a table of emergency stays, got none; give one, or "
            "choose the rule nearest or within"
        )
    rows = paired_rows(timelines(ecgs, xrays, no_stays() if stays is None else stays), pairing)
    return pl.DataFrame(
        {
            "patient": xrays["patient"].gather(rows.xray),
            "ecg": rows.ecg,
            "ecg_record": ecgs["record"].gather(rows.ecg),
            "xray": rows.xray,
            "xray_record": xrays["record"].gather(rows.xray),
            "hours": hours_apart(ecgs, xrays, rows),
        }
    )


def no_stays() -> pl.DataFrame:
    """A table of stays without any."""
    return pl.DataFrame(schema=STAYS)


def paired_rows(lines: Timelines, pairing: Pairing) -> Pairs:
    """Rows of the tables instead of records, by the X-ray's and then by the ECG's."""
    places = _places(lines, pairing)
    ecg, xray = lines.ecgs.row[places.ecg], lines.xrays.row[places.xray]
    order = np.lexsort((ecg, xray))
    return Pairs(ecg[order], xray[order])


def hours_apart(
    ecgs: pl.DataFrame, xrays: pl.DataFrame, rows: Pairs
) -> Float64[np.ndarray, " pair"]:
    """The X-ray's time minus the ECG's in hours: below 0 where the X-ray was first."""
    ecg = ecgs["time"].gather(rows.ecg).to_physical().to_numpy()
    xray = xrays["time"].gather(rows.xray).to_physical().to_numpy()
    return (xray - ecg) / _HOUR


def _places(lines: Timelines, pairing: Pairing) -> Pairs:
    if pairing.window is None:
        return in_stay(lines, reuse=pairing.reuse)
    window = round(pairing.window * _HOUR)
    if pairing.rule == "within":
        return within(lines, window=window)
    return (nearest if pairing.reuse else nearest_once)(lines, window=window)
