"""Records that are longer or shorter than what is needed."""

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from crossbeat.leads import limb_leads
from crossbeat.quality.verdict import Verdict
from crossbeat.signal import Ecg

LEAST_PADDED = 2.5
"""Seconds of an ECG, as of each lead of a printed page, below which padding would make it up."""


@dataclass(frozen=True, kw_only=True)
class Length:
    """What becomes of a record whose length is another than what is needed.

    Args:
        longer: which part of a longer one is taken.
        shorter: whether a shorter one is refused, or continued at its end by the median of each
            lead, so that nothing happens there; below 2.5 s it is always refused.
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
    """A record that is long enough: at its end each lead stays at its median.

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
    """Whether the record is long enough; the value is its length in seconds."""
    got = ecg.values.shape[1] / ecg.fs
    rule = f"at least {seconds:g} s; of a longer record the {length.longer} {seconds:g} s are taken"
    if ecg.values.shape[1] >= _needed(ecg.fs, seconds):
        return Verdict(name="length", value=got, rule=rule)
    if length.shorter == "pad" and got >= LEAST_PADDED:
        text = f"the ECG lasts {got:g} s; it is padded to {seconds:g} s by the median of each lead"
        return Verdict(name="length", value=got, rule=rule, action="repair", message=text)
    least = min(LEAST_PADDED, seconds) if length.shorter == "pad" else seconds
    text = f"the ECG must last at least {least:g} s, got {got:g} s; use a longer recording"
    return Verdict(name="length", value=got, rule=rule, action="reject", message=text)


def _needed(fs: float, seconds: float) -> int:
    return ceil(seconds * fs - 1e-6)
