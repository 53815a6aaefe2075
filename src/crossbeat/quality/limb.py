"""Check the limb leads by the equations of Einthoven and Goldberger, and suspect their electrodes.

The limb leads are six views of two signals, so whatever part of them lies outside those two is an
error. It is a quadratic form of their covariances, and remains one when leads are exchanged,
negated or scaled: every explanation of an error is tried on a matrix of 6 x 6.

Exchanged electrodes obey the equations. The suspicion is reported and the ECG is not changed:
dextrocardia, a pacemaker or a large infarction can look the same, and a wrong correction would
mislead the next reader. An exchange of left arm and left leg is not checked: its effect is within
the normal range (``docs/quality.md``).

Source: Einthoven, Fahr and de Waart 1913; Goldberger 1942; inter-lead correlations, Jekova et al.
2016, Comput Methods Programs Biomed 134:31; a flat lead for the right leg, Haisty et al. 1993, Am J
Cardiol 71:1490.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh

from crossbeat.leads import INDEPENDENT, STANDARD, expansion
from crossbeat.quality.recording import Recording, Verdict, recording
from crossbeat.quality.samples import FLAT
from crossbeat.signal import Ecg

LIMB = tuple(lead for lead in STANDARD if not lead.startswith("V"))

RESIDUAL = 0.03
"""Greatest part of the limb leads, as root mean square, that breaks their equations; whole
microvolts make it 0.006 in PTB-XL, steps of 5 microvolts 0.007 in CinC 2021."""

LEAST_RESIDUAL = 0.005
"""Millivolts of that part, below which it is the rounding of coarse steps."""

UNIQUE = 0.1
"""The part that the second best choice of gains must leave unexplained; in PTB-XL 0.23 to 0.7."""

SAME_GAIN = 0.05
"""How far the gains of leads may differ and count as one."""

Square = Float[np.ndarray, "lead lead"]
Kind = Literal["swapped", "negated", "scaled", "gains", "foreign", "unclear"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with limb leads.

    Args:
        kind: ``_REPAIRS`` and ``_REASONS`` say what each means; ``unclear``: none or several do.
        leads: those at fault; none if ``gains`` or ``unclear``.
        residual: the part of the limb leads, as they are, that breaks the equations, 0 to 1.
        factor: how many times too large a ``scaled`` lead is.
    """

    kind: Kind
    leads: tuple[str, ...]
    residual: float
    factor: float = 1.0


_REPAIRS = {
    "swapped": "lead {} are exchanged; they are swapped back",
    "negated": "lead {} has the wrong sign; it is inverted",
}
_REASONS = {
    "scaled": "lead {} is {:.3g} times as large as the other limb leads imply; is its gain in "
    "the header right?",
    "gains": "the limb leads are consistent only with a different gain for each; are the gains in "
    "the header right?",
    "foreign": "lead {} does not match the other limb leads; supply it again, or leave it out",
    "unclear": "the limb leads are inconsistent; check their names and the electrodes",
}


def check_limb(record: Recording) -> Verdict:
    """Check the equations of three or more limb leads; the value is what breaks them, 0 to 1."""
    leads, covariance = _covariance(record)
    rule = f"III = II - I and the equations of aVR, aVL and aVF, but for {RESIDUAL:g} of their size"
    found = _diagnosed(leads, covariance)
    if found is None:
        return Verdict("limb", _residual(leads, covariance), rule)
    names = ", ".join(found.leads)
    text = (_REPAIRS | _REASONS)[found.kind].format(names, found.factor)
    action: Literal["repair", "reject"] = "repair" if found.kind in _REPAIRS else "reject"
    return Verdict("limb", found.residual, rule, action, names, text)


def mend(ecg: Ecg) -> Ecg:
    """Swap two limb leads back or invert one, if that is the fault."""
    record = recording(ecg)
    found = _diagnosed(*_covariance(record)) if record else None
    if found is None or found.kind not in _REPAIRS:
        return ecg
    values = ecg.values.copy()
    rows = [ecg.leads.index(lead) for lead in found.leads]
    values[rows] = -values[rows] if found.kind == "negated" else values[rows[::-1]]
    return Ecg(values, ecg.leads, ecg.fs)


def _covariance(record: Recording) -> tuple[tuple[str, ...], Square]:
    leads = tuple(lead for lead in LIMB if lead in record.leads)
    values = record.slow[[record.leads.index(lead) for lead in leads]].astype(np.float64)
    values -= values.mean(axis=1, keepdims=True)
    return leads, values @ values.T / values.shape[1]


def _diagnosed(leads: tuple[str, ...], covariance: Square) -> Fault | None:
    residual = _residual(leads, covariance)
    if residual <= RESIDUAL or residual * np.sqrt(np.trace(covariance)) <= LEAST_RESIDUAL:
        return None
    simple = list(_simple(leads, covariance))
    if simple:
        kind, names = simple[0] if len(simple) == 1 else ("unclear", ())
        return Fault(kind, names, residual)
    return (
        _gains(leads, covariance, residual)
        or _foreign(leads, covariance, residual)
        or Fault("unclear", (), residual)
    )


@cache
def _outside(leads: tuple[str, ...]) -> Square:
    """Projects onto what I and II cannot give these leads."""
    views = expansion(leads, INDEPENDENT[:2])
    return np.eye(len(leads)) - views @ np.linalg.pinv(views)


def _residual(leads: tuple[str, ...], covariance: Square) -> float:
    total = np.trace(covariance)
    if len(leads) < 3 or total <= 0:
        return 0.0
    return float(np.sqrt(max((_outside(leads) * covariance).sum() / total, 0.0)))


def _simple(leads: tuple[str, ...], covariance: Square) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    for one, other in combinations(range(len(leads)), 2):
        order = np.arange(len(leads))
        order[[one, other]] = other, one
        if _residual(leads, covariance[np.ix_(order, order)]) <= RESIDUAL:
            yield "swapped", (leads[one], leads[other])
    for row, lead in enumerate(leads):
        sign = np.ones(len(leads))
        sign[row] = -1
        if _residual(leads, covariance * np.outer(sign, sign)) <= RESIDUAL:
            yield "negated", (lead,)


def _gains(leads: tuple[str, ...], covariance: Square, residual: float) -> Fault | None:
    """The factors of the leads that leave the least outside: the lowest eigenvector."""
    parts, vectors = eigh(_outside(leads) * covariance, np.diag(np.diag(covariance)))
    best, second = np.sqrt(np.maximum(parts[:2], 0))
    factors = vectors[:, 0] / np.median(vectors[:, 0])
    if best > RESIDUAL or second < UNIQUE or factors.min() <= 0:
        return None
    other = np.flatnonzero(np.abs(factors - 1) > SAME_GAIN)
    if len(other) != 1:
        return Fault("gains", (), residual)
    return Fault("scaled", (leads[other[0]],), residual, float(1 / factors[other[0]]))


def _foreign(leads: tuple[str, ...], covariance: Square, residual: float) -> Fault | None:
    """The only lead without which the others fit together; three others at least must show it."""
    without = [np.delete(np.arange(len(leads)), row) for row in range(len(leads))]
    fitting = [
        lead
        for lead, rows in zip(leads, without, strict=True)
        if _residual(tuple(leads[row] for row in rows), covariance[np.ix_(rows, rows)]) <= RESIDUAL
    ]
    if len(leads) < 4 or len(fitting) != 1:
        return None
    return Fault("foreign", (fitting[0],), residual)


AGREEMENT = -0.45
"""Below this correlation with V5 and V6, a limb lead points away from both."""

SILENT = 0.15
"""Millivolts that a lead between two legs spans at most; in PTB-XL the least of a lead is 0.16."""

SILENT_PART = 0.12
"""What a lead between two legs spans, as part of the largest of I, II and III; in PTB-XL 0.18."""

_WINDOW = 0.6  # seconds of the running mean that is taken off: baseline
_PAIRS = {"I": "left and right arm", "II": "right arm and left leg"}
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
    by_lead = dict(zip(record.leads, record.size.tolist(), strict=True))
    sizes = {lead: by_lead[lead] for lead in _SILENT_PAIRS if lead in by_lead}
    for lead, size in sizes.items():
        if FLAT <= size < SILENT and size < SILENT_PART * max(sizes.values()):
            text = f"lead {lead} is nearly silent; are the electrodes of {_SILENT_PAIRS[lead]}"
            return _suspected(lead, size, rule, text)
    agreements = _agreements(record)
    lowest = min(agreements, key=agreements.__getitem__, default="")
    value = agreements.get(lowest, 1.0)
    if value > AGREEMENT:
        return Verdict("reversal", value, rule)
    text = f"lead {lowest} points away from V5 and V6; are the electrodes of {_PAIRS[lowest]}"
    return _suspected(lowest, value, rule, text)


def _suspected(lead: str, value: float, rule: str, text: str) -> Verdict:
    return Verdict("reversal", value, rule, "ok", lead, f"{text} exchanged? Nothing is changed")


def _agreements(record: Recording) -> dict[str, float]:
    """By limb lead; of signals without their running mean, limited to a standard deviation."""
    limb = [lead for lead in _PAIRS if lead in record.leads]
    chest = [lead for lead in ("V5", "V6") if lead in record.leads]
    if not limb or not chest:
        return {}
    rows = [record.leads.index(lead) for lead in (*limb, *chest)]
    values, half = record.slow[rows], round(_WINDOW * record.slow_fs / 2)
    width = 2 * half + 1
    padded = np.pad(values, ((0, 0), (half + 1, half)), mode="edge")
    sums = padded.cumsum(axis=1, dtype=np.float64)
    waves = (values - (sums[:, width:] - sums[:, :-width]) / width).astype(np.float32)
    limit = waves.std(axis=1, keepdims=True)
    waves = waves.clip(-limit, limit)
    waves /= np.maximum(np.sqrt((waves**2).sum(axis=1, keepdims=True)), 1e-9)
    agreement = waves[: len(limb)] @ waves[len(limb) :].T
    return dict(zip(limb, agreement.max(axis=1).tolist(), strict=True))
