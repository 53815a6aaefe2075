"""Suspected exchange of limb electrodes.

The suspicion is reported and the ECG is not changed: dextrocardia, a pacemaker or a large
infarction can look the same, and a wrong correction would mislead the next reader. An exchange of
left arm and left leg is not checked: its effect is within the normal range (``docs/quality.md``).

Source: inter-lead correlations, Jekova et al. 2016, Comput Methods Programs Biomed 134:31; a flat
lead for the right leg, Haisty et al. 1993, Am J Cardiol 71:1490.
"""

import numpy as np
from jaxtyping import Float32

from crossbeat.quality.recording import Recording
from crossbeat.quality.samples import FLAT
from crossbeat.quality.verdict import Verdict

AGREEMENT = -0.45
"""Below this correlation with V5 and V6, a limb lead points away from both."""

SILENT = 0.15
"""Millivolts that a lead between two legs spans at most; in PTB-XL the least of a lead is 0.16."""

SILENT_PART = 0.12
"""What a lead between two legs spans, as part of the largest of I, II and III; in PTB-XL 0.18."""

_WINDOW = 0.6
"""Seconds of the running mean that is taken off: baseline."""

_PAIRS = {
    "I": "left and right arm",
    "II": "right arm and left leg",
}
_SILENT_PAIRS = {
    "I": "both arms and both legs",
    "II": "right arm and right leg",
    "III": "left arm and right leg",
}


def check_reversal(record: Recording) -> Verdict:
    """Check for exchanged limb electrodes; the value is the lowest agreement, -1 to 1.

    In I and II the heart's wave runs towards the electrodes of V5 and V6, as it does in these.
    Agreement is the correlation of each of I and II with V5 or V6, whichever is higher; of signals
    limited to their standard deviation, so that P and T waves count beside the QRS complex. If a
    lead lies between two legs, it is silent.
    """
    rule = (
        f"I and II correlate with V5 or V6 by more than {AGREEMENT:g}; I, II and III span more "
        f"than {SILENT:g} mV or {SILENT_PART:g} of the largest of them"
    )
    limb = [lead for lead in _SILENT_PAIRS if lead in record.leads]
    sizes = {lead: float(record.size[record.leads.index(lead)]) for lead in limb}
    for lead, size in sizes.items():
        if FLAT <= size < SILENT and size < SILENT_PART * max(sizes.values()):
            text = f"lead {lead} is nearly silent; are the electrodes of {_SILENT_PAIRS[lead]}"
            return _suspected(lead, size, rule, text)
    agreements = _agreements(record)
    lowest = min(agreements, key=agreements.__getitem__, default=None)
    if lowest is None:
        return Verdict(name="reversal", value=1.0, rule=rule)
    value = agreements[lowest]
    if value > AGREEMENT:
        return Verdict(name="reversal", value=value, rule=rule)
    text = f"lead {lowest} points away from V5 and V6; are the electrodes of {_PAIRS[lowest]}"
    return _suspected(lowest, value, rule, text)


def _suspected(lead: str, value: float, rule: str, text: str) -> Verdict:
    text = f"{text} exchanged? Nothing is changed"
    return Verdict(name="reversal", value=value, rule=rule, lead=lead, message=text)


def _agreements(record: Recording) -> dict[str, float]:
    limb = [lead for lead in _PAIRS if lead in record.leads]
    chest = [lead for lead in ("V5", "V6") if lead in record.leads]
    if not limb or not chest:
        return {}
    rows = [record.leads.index(lead) for lead in (*limb, *chest)]
    waves = _waves(record.slow[rows], round(_WINDOW * record.slow_fs / 2))
    waves /= np.maximum(np.sqrt((waves**2).sum(axis=1, keepdims=True)), 1e-9)
    agreement = waves[: len(limb)] @ waves[len(limb) :].T
    return dict(zip(limb, agreement.max(axis=1).tolist(), strict=True))


def _waves(values: Float32[np.ndarray, "lead slow"], half: int) -> Float32[np.ndarray, "lead slow"]:
    """The signal less its running mean, limited to one standard deviation."""
    padded = np.pad(values, ((0, 0), (half + 1, half)), mode="edge")
    sums = padded.cumsum(axis=1, dtype=np.float64)
    width = 2 * half + 1
    mean = (sums[:, width:] - sums[:, :-width]) / width
    waves = (values - mean).astype(np.float32)
    limit = waves.std(axis=1, keepdims=True)
    return waves.clip(-limit, limit)
