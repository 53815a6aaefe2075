"""What the checks share: the ECG without gaps and also at a low rate, and their verdicts."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Int

from crossbeat.signal import Ecg

SLOW_FS = 100.0
"""Hertz from which on means of samples stand for them: enough for QRS complexes."""

OUTLIERS = 0.005
"""The share of the lowest and of the highest values that ``size`` leaves out."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The leads that have samples, in finite millivolts, and values that several checks share.

    Args:
        fs: hertz, as ``slow_fs``.
        slow: means of the samples of as short a time as 10 ms.
        low: the lowest value of each lead.
        high: the highest.
        level: the median.
        size: what all values of each lead span, but for the ``OUTLIERS``.
        middle: what the middle half of the values of each lead spans.
    """

    values: Float32[np.ndarray, "lead time"]
    leads: tuple[str, ...]
    fs: float
    slow: Float32[np.ndarray, "lead slow"]
    slow_fs: float
    low: Float32[np.ndarray, " lead"]
    high: Float32[np.ndarray, " lead"]
    level: Float32[np.ndarray, " lead"]
    size: Float32[np.ndarray, " lead"]
    middle: Float32[np.ndarray, " lead"]


def recording(ecg: Ecg, without: Collection[str] = ()) -> Recording | None:
    """The values that checks share, ``without`` some leads, or None if no lead has a sample."""
    there = np.isfinite(ecg.values).any(axis=1)
    rows = [row for row, lead in enumerate(ecg.leads) if there[row] and lead not in without]
    if not rows:
        return None
    values = fill(ecg.values if len(rows) == len(ecg.values) else ecg.values[rows])
    every = min(max(int(ecg.fs / SLOW_FS), 1), values.shape[1])
    mean = np.full(every, 1 / every, np.float32)  # faster than the method of that name
    slow = values if every == 1 else blocks(values, every) @ mean
    ordered = np.sort(slow, axis=1)
    num, cut = ordered.shape[1], int(OUTLIERS * ordered.shape[1])
    return Recording(
        values=values,
        leads=tuple(ecg.leads[row] for row in rows),
        fs=ecg.fs,
        slow=slow,
        slow_fs=ecg.fs / every,
        low=values.min(axis=1),
        high=values.max(axis=1),
        level=ordered[:, num // 2],
        size=ordered[:, num - 1 - cut] - ordered[:, cut],
        middle=ordered[:, 3 * num // 4] - ordered[:, num // 4],
    )


def fill(values: Float32[np.ndarray, "lead time"]) -> Float32[np.ndarray, "lead time"]:
    """The same without gaps: straight lines between samples, of which each lead must have one."""
    present = np.isfinite(values)
    if present.all():
        return values
    filled = values.copy()
    for row, there in zip(filled, present, strict=True):
        if not there.all():
            row[~there] = np.interp(np.flatnonzero(~there), np.flatnonzero(there), row[there])
    return filled


def longest(stretch: Bool[np.ndarray, "*lead time"]) -> Int[np.ndarray, "*lead"]:
    """The number of samples of the longest stretch that is true."""
    at = np.arange(stretch.shape[-1])
    before = np.maximum.accumulate(np.where(stretch, -1, at), axis=-1)
    return np.asarray((at - before).max(axis=-1, initial=0))


def blocks(
    values: Float32[np.ndarray, "lead time"], length: int
) -> Float32[np.ndarray, "lead block sample"]:
    """Blocks of so many samples one after the other; what is left over at the end is left out."""
    num = values.shape[1] // length
    return values[:, : num * length].reshape(len(values), num, length)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check of the whole record or of one lead.

    Args:
        name: of the check.
        value: what was measured, in the unit that the rule names.
        rule: in words, with its limit.
        action: whether the ECG may be used as it is, after a repair by ``require``, or not.
        lead: the lead, or those that belong together, with commas; empty for the whole record.
        message: what is wrong and what to do, or a remark on an ECG that may be used as it is;
            empty if there is none.
    """

    name: str
    value: float
    rule: str
    action: Literal["ok", "repair", "reject"] = "ok"
    lead: str = ""
    message: str = ""


def judged(
    name: str, rule: str, values: Mapping[str, float], *, bad: Callable[[float], bool], message: str
) -> list[Verdict]:
    """A verdict on each lead whose value is bad, with a message on it, or one that all are well."""
    found = [
        Verdict(name, value, rule, "reject", lead, f"lead {lead} {message}")
        for lead, value in values.items()
        if bad(value)
    ]
    return found or [Verdict(name, max(values.values(), default=0.0), rule)]


def told(verdicts: Iterable[Verdict]) -> list[str]:
    """The messages; leads with the same message are listed together."""
    leads: dict[tuple[bool, str], list[str]] = {}
    for verdict in verdicts:
        text = verdict.message.removeprefix(f"lead {verdict.lead} ")
        leads.setdefault((text != verdict.message, text), []).append(verdict.lead)
    return [
        f"lead {', '.join(names)} {text}" if of_lead else text
        for (of_lead, text), names in leads.items()
        if text
    ]
