"""Records that are longer or shorter than required."""

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from crossbeat.leads import limb_leads
from crossbeat.quality.verdict import Verdict
from crossbeat.signal import Ecg

LEAST_PADDED = 2.5
"""Shortest record in seconds that is padded: the length of a lead on a printed page."""


@dataclass(frozen=True, kw_only=True)
class Length:
    """How to treat a record that does not have the required length.

    Args:
        longer: the part of a longer record that is used.
        shorter: whether a shorter record is rejected or padded at its end with the median of each
            lead. Records below 2.5 s are always rejected.
    """

    longer: Literal["first", "middle", "last"] = "first"
    shorter: Literal["reject", "pad"] = "reject"


def cut(ecg: Ecg, seconds: float, length: Length) -> Ecg:
    """The part of a longer record that is taken, and all of a shorter one.

    Args:
        seconds: that are needed.
    """
    spare = ecg.values.shape[1] - _needed(ecg.fs, seconds)
    if spare <= 0:
        return ecg
    start = {"first": 0, "middle": spare // 2, "last": spare}[length.longer]
    stop = start + _needed(ecg.fs, seconds)
    return Ecg(ecg.values[:, start:stop], ecg.leads, ecg.fs)


def pad(ecg: Ecg, seconds: float) -> Ecg:
    """Pad a record at its end with the median of each lead.

    The limb leads stay where the medians of I and II put them, so their equations hold.

    Args:
        ecg: finite, with leads I and II.
        seconds: that are needed.
    """
    lacking = _needed(ecg.fs, seconds) - ecg.values.shape[1]
    if lacking <= 0:
        return ecg
    levels = dict(zip(ecg.leads, np.median(ecg.values, axis=1, keepdims=True), strict=True))
    levels |= limb_leads(levels["I"], levels["II"])
    end = np.stack([levels[lead] for lead in ecg.leads])
    values = np.concatenate([ecg.values, np.repeat(end, lacking, axis=1)], axis=1)
    return Ecg(values, ecg.leads, ecg.fs)


def check_length(ecg: Ecg, seconds: float, length: Length) -> Verdict:
    """Check the length; the value is the length in seconds."""
    got = ecg.values.shape[1] / ecg.fs
    rule = f"at least {seconds:g} s; the {length.longer} {seconds:g} s of a longer record are used"
    if ecg.values.shape[1] >= _needed(ecg.fs, seconds):
        return Verdict(name="length", value=got, rule=rule)
    if length.shorter == "pad" and got >= LEAST_PADDED:
        text = f"the ECG lasts {got:g} s; each lead is padded to {seconds:g} s with its median"
        return Verdict(name="length", value=got, rule=rule, action="repair", message=text)
    if length.shorter == "reject" and got >= LEAST_PADDED:
        text = (
            f"the ECG must last at least {seconds:g} s, got {got:g} s; use a longer recording, or "
            "pad it where that is offered, with --length.shorter pad (Length(shorter='pad'))"
        )
    else:
        least = min(LEAST_PADDED, seconds) if length.shorter == "pad" else seconds
        text = f"the ECG must last at least {least:g} s, got {got:g} s; use a longer recording"
    return Verdict(name="length", value=got, rule=rule, action="reject", message=text)


def _needed(fs: float, seconds: float) -> int:
    return ceil(seconds * fs - 1e-6)
