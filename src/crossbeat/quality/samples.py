"""Checks of leads, gaps, flat stretches, clipping, length and amplitude."""

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32

from crossbeat.errors import listed
from crossbeat.leads import STANDARD, limb_leads
from crossbeat.quality.recording import Recording, Verdict, blocks, judged, longest
from crossbeat.signal import Ecg

LONGEST_GAP = 0.1
"""Seconds without samples that are interpolated; a longer gap may hide a beat's onset."""

REGULAR_GAPS = 10
"""So many gaps at one interval, to the sample, are no accident of a recording."""

FLAT = 0.005
"""Millivolts from lowest to highest value below which a lead carries no signal."""

LONGEST_PAUSE = 1.0
"""Seconds for which a lead may stay as flat as ``FLAT``; in sound ones it was 0.5 at most."""

_BLOCK = 0.1  # seconds: how finely flat stretches are measured

CLIPPED_RUN = 0.01
"""Seconds at the very highest or lowest value of a lead, and at least 2 samples, that count."""

CLIPPED_RUNS = 4
"""So many of them mean that the values above or below were cut off; in PTB-XL there is 1 at most,
in recordings in steps of 5 microvolts 3."""

LONGEST_CLIPPED = 0.2
"""Seconds of a single one; records of PTB-XL that end in repeated values have 0.12."""

CLIPPED_FROM = 0.25
"""Millivolts from the median; nearer to it, equal values come from coarse steps."""


def check_leads(ecg: Ecg) -> list[Verdict]:
    """Check that all twelve leads exist or follow from I and II; a missing one has value 1.

    A message names the channels of the file that were not recognised: a lead may be among them.
    """
    rule = "the twelve leads, or I, II and V1 to V6, from which the others follow"
    known = set(ecg.leads)
    if {"I", "II"} <= known:
        known |= set(limb_leads(np.zeros(0), np.zeros(0)))
    remedy = "supply it"
    if ecg.unrecognised:
        remedy += f", or name it so if it is one of {listed(ecg.unrecognised)}"
    found = []
    for lead in filter(lambda lead: lead not in ecg.leads, STANDARD):
        if lead in known:
            text = f"lead {lead} is missing; it is derived from I and II"
            found.append(Verdict("leads", 1.0, rule, "repair", lead, text))
        else:
            text = f"lead {lead} is missing and does not follow from the others; {remedy}"
            found.append(Verdict("leads", 1.0, rule, "reject", lead, text))
    return found or [Verdict("leads", 0.0, rule)]


def check_gaps(ecg: Ecg) -> list[Verdict]:
    """Check for missing samples; the value is the longest gap in seconds.

    Gaps at a fixed interval have the name ``interleaved``; its value is the interval in seconds.
    """
    rule = f"no gap longer than {LONGEST_GAP:g} s"
    regular = f"fewer than {REGULAR_GAPS} gaps, or at different intervals"
    found = []
    absent = ~np.isfinite(ecg.values)
    for row in np.flatnonzero(absent.any(axis=1)):
        lead, gap = ecg.leads[row], float(longest(absent[row]) / ecg.fs)
        interval = _interval(absent[row]) / ecg.fs
        where = f"lead {lead} lacks samples for up to {gap:g} s"
        if gap > LONGEST_GAP:
            text = f"{where}, more than {LONGEST_GAP:g} s; use another recording"
            found.append(Verdict("gaps", gap, rule, "reject", lead, text))
        elif interval:
            text = (
                f"lead {lead} lacks samples every {interval:g} s, as regular as a clock: it would "
                "be stretched if they were never recorded; export it without them, and check the "
                "rate"
            )
            found.append(Verdict("interleaved", interval, regular, "reject", lead, text))
        else:
            text = f"{where}; they are interpolated"
            found.append(Verdict("gaps", gap, rule, "repair", lead, text))
    return found or [Verdict("gaps", 0.0, rule)]


def _interval(absent: Bool[np.ndarray, " time"]) -> int:
    """The samples from gap to gap, if that is as regular as a clock; else 0."""
    starts = np.flatnonzero(np.diff(absent, prepend=False) & absent)
    between = np.diff(starts)
    if len(starts) < REGULAR_GAPS or np.ptp(between) > 1:
        return 0
    return int(np.median(between))


def check_flat(record: Recording) -> list[Verdict]:
    """Check for leads without a signal; the value is the span in millivolts."""
    spans = (record.high - record.low).tolist()
    return judged(
        "flat",
        f"at least {FLAT:g} mV from lowest to highest value",
        dict(zip(record.leads, spans, strict=True)),
        bad=lambda span: span < FLAT,
        message="is flat; check the electrode, or leave the record out",
    )


def check_dropout(record: Recording) -> list[Verdict]:
    """Check for flat stretches; the value is the longest one in seconds."""
    length = max(round(_BLOCK * record.fs), 2)
    parts = blocks(record.values, length)
    still = np.ptp(parts, axis=2) < FLAT
    still[record.high - record.low < FLAT] = False
    pauses = longest(still) * length / record.fs
    return judged(
        "dropout",
        f"changes by {FLAT:g} mV at least once within {LONGEST_PAUSE:g} s",
        dict(zip(record.leads, pauses.tolist(), strict=True)),
        bad=lambda pause: pause >= LONGEST_PAUSE,
        message=f"is flat for {LONGEST_PAUSE:g} s or longer; use another part or recording",
    )


def check_clipped(record: Recording) -> list[Verdict]:
    """Check for clipping; the value is how many seconds a lead stays at its extremes.

    Pacing spikes and the peaks of QRS complexes reach their extreme for a sample or two, and each
    its own.
    """
    seconds = dict.fromkeys(record.leads, 0.0)
    least = max(round(CLIPPED_RUN * record.fs), 2)
    for extreme in (record.low, record.high):
        at = record.values == extreme[:, None]
        far = np.abs(extreme - record.level) >= CLIPPED_FROM
        for row in np.flatnonzero(far & (at.sum(axis=1) >= CLIPPED_RUNS * least)):
            lead = record.leads[row]
            seconds[lead] = max(seconds[lead], _clipped(at[row], least, record.fs))
    return judged(
        "clipped",
        f"fewer than {CLIPPED_RUNS} stretches of {CLIPPED_RUN:g} s and none of "
        f"{LONGEST_CLIPPED:g} s at the highest or lowest value",
        seconds,
        bad=lambda long: long > 0,
        message="is clipped; record it with a larger range, or leave it out",
    )


def _clipped(at: np.ndarray, least: int, fs: float) -> float:
    edges = np.flatnonzero(np.diff(at, prepend=False, append=False))
    runs = edges[1::2] - edges[::2]
    runs = runs[runs >= least]
    if len(runs) < CLIPPED_RUNS and runs.max(initial=0) < LONGEST_CLIPPED * fs:
        return 0.0
    return float(runs.sum() / fs)


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
    """The part of a longer record that is taken, and all of a shorter one."""
    needed = _needed(ecg.fs, seconds)
    spare = ecg.values.shape[1] - needed
    if spare <= 0:
        return ecg
    start = {"first": 0, "middle": spare // 2, "last": spare}[length.longer]
    return Ecg(ecg.values[:, start : start + needed], ecg.leads, ecg.fs)


def pad(ecg: Ecg, seconds: float) -> Ecg:
    """Pad a finite record, with I and II, at its end with the median of each lead.

    The limb leads stay where the medians of I and II put them, so their equations hold.
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
        return Verdict("length", got, rule)
    if length.shorter == "pad" and got >= LEAST_PADDED:
        text = f"the ECG lasts {got:g} s; each lead is padded to {seconds:g} s with its median"
        return Verdict("length", got, rule, action="repair", message=text)
    if length.shorter == "reject" and got >= LEAST_PADDED:
        text = (
            f"the ECG must last at least {seconds:g} s, got {got:g} s; use a longer recording, or "
            "pad it where that is offered, with --length.shorter pad"
        )
    else:
        least = min(LEAST_PADDED, seconds) if length.shorter == "pad" else seconds
        text = f"the ECG must last at least {least:g} s, got {got:g} s; use a longer recording"
    return Verdict("length", got, rule, action="reject", message=text)


def _needed(fs: float, seconds: float) -> int:
    return ceil(seconds * fs - 1e-6)


LEAST_PEAK = 0.05
"""Millivolts: a smaller peak is not an ECG (low voltage means 0.5 in every limb lead)."""

GREATEST_PEAK = 25.0
"""Millivolts from a lead's median, so that offsets of electrodes do not count. Electrocardiographs
record 5 to 10 to either side; in real ECGs it is 11.3 at most, and pacing spikes may add to that.
The mark of a missing value, -32768, is 32.8 where a unit is a microvolt."""

LEAST_SIZE = 0.3
"""Millivolts that the largest lead spans at least; in PTB-XL 1.08 or more."""

GREATEST_SIZE = 4.5
"""Millivolts that the middle one of the leads spans at most; in PTB-XL 3.7 or less."""

LARGE_SIZE = 2.5
"""Millivolts that the middle one of 1 in 100 records of PTB-XL spans ..."""

LARGE_NOISE = 0.03
"""... and millivolts of noise in its quietest lead with which that was never seen: if all is
large, signal and noise, it is the gain that is wrong."""

USUAL_SIZE = 1.1
"""Millivolts that the middle lead spans in the middle record of PTB-XL."""

_RULE = (
    f"peak of at least {LEAST_PEAK:g} mV and below {GREATEST_PEAK:g} mV from the median; "
    f"the middle lead spans less than {GREATEST_SIZE:g} mV, or {LARGE_SIZE:g} mV where all leads "
    f"have noise of {LARGE_NOISE:g} mV; the largest at least {LEAST_SIZE:g} mV"
)


def check_unit(record: Recording, noise: Float32[np.ndarray, " lead"]) -> Verdict:
    """Check the amplitudes, and the noise between beats (mV); the value is what decides, in mV."""
    peaks = np.maximum(record.high - record.level, record.level - record.low)
    peak = float(peaks.max())
    middle = float(np.sort(record.size)[len(record.size) // 2])
    largest = float(record.size.max())
    if peak >= GREATEST_PEAK and record.size[peaks.argmax()] < GREATEST_PEAK:
        value = peak
        text = (
            f"lead {record.leads[int(peaks.argmax())]} has samples {peak:.3g} mV from its median, "
            "which no ECG reaches; are they marks of missing values? Set them to NaN"
        )
    elif peak >= GREATEST_PEAK:
        value, text = peak, f"peak of {peak:g} mV is not an ECG; is the signal in microvolt?"
    elif peak < LEAST_PEAK:
        value = peak
        text = f"peak of {peak:g} mV is not an ECG; is the signal in volt, or normalised?"
    elif middle >= GREATEST_SIZE or (middle >= LARGE_SIZE and noise.min() >= LARGE_NOISE):
        value = middle
        text = (
            f"leads span {middle:.3g} mV, {middle / USUAL_SIZE:.2g} times the usual, and all leads "
            "are large; is the gain in the header right?"
        )
    elif largest < LEAST_SIZE:
        value = largest
        text = f"no lead spans more than {largest:.2g} mV; is the gain in the header right?"
    else:
        return Verdict("unit", peak, _RULE)
    return Verdict("unit", value, _RULE, "reject", message=text)
