"""Named verdicts on an ECG: what is missing, flat, short or in the wrong unit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD, complete, limb_leads
from crossbeat.signal import Ecg

LONGEST_GAP = 0.1
"""Seconds without samples that are interpolated; a longer gap may hide a beat's onset."""

FLAT = 0.005
"""Millivolts from lowest to highest value below which a lead carries no signal."""

LEAST_PEAK = 0.05
"""Millivolts: below, it is no ECG in millivolts (low voltage means 0.5 in every limb lead)."""

GREATEST_PEAK = 50.0
"""Millivolts: from here on, it is no ECG in millivolts (16 bits of 1 uV end at 33)."""


@dataclass(frozen=True)
class Verdict:
    """What one check found.

    Args:
        name: of the check.
        value: what was measured, in the unit that the message names.
        action: whether the ECG may be used as it is, after a repair by ``require``, or not.
        message: what is wrong and what to do; empty if nothing is.
    """

    name: str
    value: float
    action: Literal["ok", "repair", "reject"]
    message: str = ""


def check(ecg: Ecg, seconds: float) -> list[Verdict]:
    """One verdict of each check, in a fixed order.

    Args:
        ecg: of any leads, rate and length.
        seconds: the length that is needed; longer is fine.
    """
    return [_leads(ecg), _length(ecg, seconds), _gaps(ecg), _flat(ecg), _peak(ecg)]


def require(ecg: Ecg, source: str, seconds: float) -> Ecg:
    """The twelve leads of an ECG that passes every check, repaired where that is safe.

    Limb leads that follow from I and II are derived, short gaps interpolated.

    Args:
        ecg: of any leads, rate and length.
        source: names the ECG in messages, such as its file.
        seconds: the length that is needed; longer is fine.

    Raises:
        DataError: a check rejects the ECG; the message lists each that does.
    """
    verdicts = check(ecg, seconds)
    reasons = [verdict.message for verdict in verdicts if verdict.action == "reject"]
    if reasons:
        raise DataError(f"{source}: {'; '.join(reasons)}")
    return Ecg(complete(_fill(ecg.values), ecg.leads, STANDARD), STANDARD, ecg.fs)


def _leads(ecg: Ecg) -> Verdict:
    missing = [lead for lead in STANDARD if lead not in ecg.leads]
    derivable = set(limb_leads(np.zeros(0), np.zeros(0))) if {"I", "II"} <= set(ecg.leads) else ()
    lost = [lead for lead in missing if lead not in derivable]
    if lost:
        text = f"lead {', '.join(lost)} is missing and does not follow from the others; supply it"
        return Verdict("leads", float(len(missing)), "reject", text)
    if missing:
        text = f"lead {', '.join(missing)} is missing; it is derived from I and II"
        return Verdict("leads", float(len(missing)), "repair", text)
    return Verdict("leads", 0.0, "ok")


def _length(ecg: Ecg, seconds: float) -> Verdict:
    got = ecg.values.shape[1] / ecg.fs
    if ecg.values.shape[1] < seconds * ecg.fs - 1e-6:
        text = f"the ECG must last at least {seconds:g} s, got {got:g} s; use a longer recording"
        return Verdict("length", got, "reject", text)
    return Verdict("length", got, "ok")


def _gaps(ecg: Ecg) -> Verdict:
    absent = ~np.isfinite(ecg.values)
    longest = {
        lead: _longest_run(row) / ecg.fs
        for lead, row in zip(ecg.leads, absent, strict=True)
        if row.any()
    }
    if not longest:
        return Verdict("gaps", 0.0, "ok")
    worst = max(longest.values())
    where = f"lead {', '.join(longest)} lacks samples for up to {worst:g} s"
    if worst > LONGEST_GAP:
        text = f"{where}, more than {LONGEST_GAP:g} s; use another recording"
        return Verdict("gaps", worst, "reject", text)
    return Verdict("gaps", worst, "repair", f"{where}; they are interpolated")


def _flat(ecg: Ecg) -> Verdict:
    flat = [lead for lead, size in _measure(ecg, np.ptp).items() if size < FLAT]
    if flat:
        text = f"lead {', '.join(flat)} is flat; check the electrode, or leave the record out"
        return Verdict("flat", float(len(flat)), "reject", text)
    return Verdict("flat", 0.0, "ok")


def _peak(ecg: Ecg) -> Verdict:
    peaks = _measure(ecg, lambda row: np.abs(row - np.median(row)).max())
    peak = max(peaks.values(), default=0.0)
    if peak >= GREATEST_PEAK:
        text = f"peak of {peak:g} mV is not an ECG; is the signal in microvolt?"
        return Verdict("peak", peak, "reject", text)
    if peak < LEAST_PEAK:
        text = f"peak of {peak:g} mV is not an ECG; is the signal in volt, or normalised?"
        return Verdict("peak", peak, "reject", text)
    return Verdict("peak", peak, "ok")


def _measure(ecg: Ecg, measure: Callable[[np.ndarray], np.floating]) -> dict[str, float]:
    finite = {lead: row[np.isfinite(row)] for lead, row in zip(ecg.leads, ecg.values, strict=True)}
    return {lead: float(measure(row)) for lead, row in finite.items() if row.size}


def _longest_run(absent: Bool[np.ndarray, " time"]) -> int:
    edges = np.flatnonzero(np.diff(absent, prepend=False, append=False))
    return int((edges[1::2] - edges[::2]).max())


def _fill(values: Float32[np.ndarray, "lead time"]) -> Float32[np.ndarray, "lead time"]:
    filled = values.copy()
    for row in filled:
        absent = ~np.isfinite(row)
        if absent.any():
            row[absent] = np.interp(np.flatnonzero(absent), np.flatnonzero(~absent), row[~absent])
    return filled
