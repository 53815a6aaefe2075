"""Check whether the amplitudes are plausible in millivolts."""

import numpy as np
from jaxtyping import Float32

from crossbeat.quality.recording import Recording
from crossbeat.quality.verdict import Verdict

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
    """Check the amplitudes; the value is the one that decides, in millivolts.

    Args:
        noise: of each lead between beats, in millivolts.
    """
    peaks = np.maximum(record.high - record.level, record.level - record.low)
    peak = float(peaks.max())
    middle = float(np.sort(record.size)[len(record.size) // 2])
    largest = float(record.size.max())
    if peak >= GREATEST_PEAK and record.size[peaks.argmax()] < GREATEST_PEAK:
        text = (
            f"lead {record.leads[int(peaks.argmax())]} has samples {peak:.3g} mV from its median, "
            "which no ECG reaches; are they marks of missing values? Set them to NaN"
        )
        return _rejected(peak, text)
    if peak >= GREATEST_PEAK:
        return _rejected(peak, f"peak of {peak:g} mV is not an ECG; is the signal in microvolt?")
    if peak < LEAST_PEAK:
        text = f"peak of {peak:g} mV is not an ECG; is the signal in volt, or normalised?"
        return _rejected(peak, text)
    if middle >= GREATEST_SIZE or (middle >= LARGE_SIZE and noise.min() >= LARGE_NOISE):
        text = (
            f"leads span {middle:.3g} mV, {middle / USUAL_SIZE:.2g} times the usual, and all leads "
            "are large; is the gain in the header right?"
        )
        return _rejected(middle, text)
    if largest < LEAST_SIZE:
        text = f"no lead spans more than {largest:.2g} mV; is the gain in the header right?"
        return _rejected(largest, text)
    return Verdict(name="unit", value=peak, rule=_RULE)


def _rejected(value: float, message: str) -> Verdict:
    return Verdict(name="unit", value=value, rule=_RULE, action="reject", message=message)
