"""Whether an ECG has heartbeats, and whether it is upside down.

Both look at bursts: parts of 0.1 s in which the leads change more than elsewhere. In an ECG these
are the QRS complexes.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int64
from scipy.ndimage import maximum_filter1d

from crossbeat.leads import INDEPENDENT
from crossbeat.quality.recording import Recording, Verdict, blocks

LEAST_CONTRAST = 8.0
"""How many times as much the leads change in the busiest parts as in quiet ones. In 3600 random
walks 7.4 at most, in parts of real ECGs 11 at least (``docs/quality.md``)."""

LEAST_REPEAT = 0.8
"""The correlation of the signal with itself a beat later with which it may lack that contrast: the
wide waves of a ventricular tachycardia leave no quiet parts. In random walks 0.4 at most."""

CLEAR_CONTRAST = 15.0
"""Contrast that no sine has: 9.5 at most."""

MOST_MIDDLE = 0.6
"""The part of their span that the middle half of a lead's changes takes, from which a signal of no
clear contrast is a sine (0.71) or a triangle (1); in noise 0.26. With none, also of its values."""

TWO_LEVELS = 0.85
"""The same of a lead's values, from which it is a square wave (1); in real ECGs 0.39 at most."""

_LAG = 0.03  # seconds over which the change of a lead is taken: largest for waves of 17 Hz
_PART = 0.1  # seconds: the length of a QRS complex
_BUSY, _QUIET = 0.15, 0.25
"""The share of parts that counts as busy, and that below which the quiet ones lie."""

_SOURCES = 2
"""Signals that are looked for in all leads together where no lead shows heartbeats by itself."""

_FEWEST = 20  # parts: in a shorter record heartbeats are not looked for
_BEAT_LAGS = (0.2, 1.5)  # seconds from beat to beat that are tried

MOST_INVERTED = -4.0
"""The log-odds of being upright below which an ECG is inverted. In 2153 parts of real ECGs that the
weights were not fitted to they are -0.7 at least."""

_UPRIGHT = 0.2
"""By how much of their span I, V5 and V6 reach further up from their median than down, on average,
from which the ECG is upright, and nothing more is computed: so in nine of ten."""

_BEFORE, _AFTER = 0.25, 0.45  # seconds around the R peak that are averaged over beats
_APART = 0.25  # seconds: of bursts nearer to one another, the larger is a beat
_LEAST_BURST = 0.25  # part of the largest bursts that one must have to be a beat
_LEVEL = (-0.09, -0.055)
"""Seconds from the R peak of the level before the QRS complex, which is 0 of the average beat."""

_WAVES = (
    (-0.20, -0.10),
    (-0.045, -0.005),
    (-0.005, 0.035),
    (0.035, 0.075),
    (0.14, 0.26),
    (0.26, 0.40),
)
"""Seconds from the R peak of the P wave, three parts of the QRS complex, and two of the T wave."""

_LARGE = 0.1
"""The part of a lead's peak from which the size of a wave counts no more, but its sign only."""

_HEARTBEAT_RULE = (
    f"the busiest parts of 0.1 s change {LEAST_CONTRAST:g} times as much as quiet ones, or waves "
    f"repeat with a correlation of {LEAST_REPEAT:g}; the middle half of a lead's values takes less "
    f"than {TWO_LEVELS:g} of their span, and that of its changes less than {MOST_MIDDLE:g}"
)
_INSTEAD = "or, where that is offered, say --allow.{0} (Allow({0}=True))"
_NO_HEARTBEAT = f"use another recording, {_INSTEAD.format('no_heartbeat')}"
_TURN = f"multiply its values by -1, {_INSTEAD.format('inverted')}"
_INVERTED_RULE = f"log-odds of upright P, QRS and T waves of at least {MOST_INVERTED:g}"

WEIGHTS = np.array(
    [
        [0.33, 0.87, 0.42, -0.41, 0.16, 0.30],  # I
        [0.38, 0.29, 0.00, -0.43, 0.33, 0.52],  # II
        [-0.16, -0.35, -0.30, 0.45, 0.14, -0.04],  # V1
        [-0.01, 0.07, -0.25, 0.32, 0.36, 0.29],  # V2
        [0.15, 0.27, -0.33, 0.07, 0.43, 0.36],  # V3
        [0.08, 0.20, -0.30, -0.25, 0.22, 0.16],  # V4
        [0.01, 0.58, -0.13, -0.33, 0.04, -0.08],  # V5
        [0.12, 0.76, 0.23, -0.28, -0.07, -0.11],  # V6
    ],
    np.float32,
)
"""By independent lead and wave: log-odds of being upright, by logistic regression on real ECGs and
the same turned upside down (``benchmarks/heart.py --fit``)."""


@dataclass(frozen=True, slots=True)
class Bursts:
    """How much the leads change.

    Args:
        step: millivolts from each sample of ``Recording.slow`` to 30 ms later.
        parts: mean square of ``step`` in parts of ``length`` samples, divided by that of the lead.
    """

    step: Float32[np.ndarray, "lead step"]
    parts: Float32[np.ndarray, "lead part"]
    length: int


def bursts(record: Recording) -> Bursts:
    """The changes of the leads."""
    lag = max(round(_LAG * record.slow_fs), 1)
    length = max(round(_PART * record.slow_fs), 1)
    step = record.slow[:, lag:] - record.slow[:, :-lag]
    each = blocks(step, length)
    parts = np.einsum("lbs,lbs->lb", each, each)
    if parts.size:
        parts /= np.maximum(parts.mean(axis=1, keepdims=True), 1e-12)
    return Bursts(step, parts, length)


@dataclass(frozen=True, kw_only=True)
class Allow:
    """Faults with which an ECG is used all the same, for those who know why it has them.

    Args:
        no_heartbeat: a record in which no heartbeat is found, such as ventricular fibrillation.
        inverted: a record that seems upside down. Nothing is turned.
    """

    no_heartbeat: bool = False
    inverted: bool = False


def check_heart(record: Recording, allow: Allow) -> list[Verdict]:
    """Check for heartbeats, and if there are any, whether the ECG is upside down.

    The value of ``heartbeat`` is the contrast of busy and quiet parts, that of ``inverted`` the
    log-odds of being upright; it is 0 where the extremes of three leads leave no doubt, and where
    a lead or a second beat is missing. A record below 2 s is not checked.
    """
    found = bursts(record)
    if found.parts.shape[1] < _FEWEST:
        return []
    heartbeat = _heartbeat(record, found, allow.no_heartbeat)
    if heartbeat.message:
        return [heartbeat]
    return [heartbeat, _inverted(record, found, allow.inverted)]


def _heartbeat(record: Recording, found: Bursts, allow: bool) -> Verdict:
    middle = len(found.parts) // 2
    value = _contrast(np.sort(found.parts, axis=0)[middle])
    if value < LEAST_CONTRAST:
        value = max(value, _contrast(_of_sources(found)))
    verdict = Verdict("heartbeat", value, _HEARTBEAT_RULE)
    levels = np.sort(record.middle / np.maximum(record.size, 1e-9))[middle]
    contrasts = value >= LEAST_CONTRAST
    wave = levels >= (TWO_LEVELS if contrasts else MOST_MIDDLE) or (
        value < CLEAR_CONTRAST and _of_a_wave(found.step)
    )
    beats = contrasts or _repeat(found.step, record.slow_fs) >= LEAST_REPEAT
    if beats and not wave:
        return verdict
    what = "a sine or a square wave" if wave else "noise or wander alone"
    return _bad(verdict, f"no heartbeat found, the leads show {what}", _NO_HEARTBEAT, allow)


def _inverted(record: Recording, found: Bursts, allow: bool) -> Verdict:
    value = 0.0
    if set(INDEPENDENT) <= set(record.leads) and _doubtful(record):
        heights = waves(record, found)
        value = 0.0 if heights is None else float((WEIGHTS * heights).sum())
    verdict = Verdict("inverted", value, _INVERTED_RULE)
    if value >= MOST_INVERTED:
        return verdict
    text = "the ECG is upside down, its P, QRS and T waves point the wrong way"
    return _bad(verdict, text, _TURN, allow)


def _bad(verdict: Verdict, text: str, instead: str, allow: bool) -> Verdict:
    if allow:
        return replace(verdict, message=f"{text}; it is used as it is")
    return replace(verdict, action="reject", message=f"{text}; {instead}")


def _doubtful(record: Recording) -> bool:
    rows = [record.leads.index(lead) for lead in ("I", "V5", "V6")]
    low, high = (each[rows] - record.level[rows] for each in (record.low, record.high))
    return bool(((high + low) / np.maximum(high - low, 1e-9)).mean() < _UPRIGHT)


def waves(record: Recording, found: Bursts) -> Float32[np.ndarray, "lead wave"] | None:
    """The height of each wave of the average beat, -1 to 1, if two beats are found; else None."""
    peaks = _beats(record, found)
    before, after = round(_BEFORE * record.slow_fs), round(_AFTER * record.slow_fs)
    peaks = peaks[(peaks >= before) & (peaks < record.slow.shape[1] - after)]
    if len(peaks) < 2:
        return None
    around = peaks[:, None] + np.arange(-before, after)
    rows = [record.leads.index(lead) for lead in INDEPENDENT]
    beats = np.sort(record.slow[rows][:, around], axis=1)
    beat = beats[:, beats.shape[1] // 2]
    level, *means = _means(record.slow_fs) @ beat.T
    largest = np.abs(beat - level[:, None]).max(axis=1)
    heights = (np.stack(means) - level) / np.maximum(_LARGE * largest, 1e-9)
    return heights.T.clip(-1, 1)


@lru_cache(maxsize=4)
def _means(fs: float) -> Float32[np.ndarray, "7 time"]:
    """Products with it are the means of ``_LEVEL`` and of each of ``_WAVES``."""
    seconds = np.arange(-round(_BEFORE * fs), round(_AFTER * fs)) / fs
    inside = np.stack([(seconds >= start) & (seconds < end) for start, end in (_LEVEL, *_WAVES)])
    return (inside / np.maximum(inside.sum(axis=1, keepdims=True), 1)).astype(np.float32)


def _beats(record: Recording, found: Bursts) -> Int64[np.ndarray, " beat"]:
    """The samples of ``slow`` in the middle of QRS complexes."""
    square = np.square(found.step)
    scale = 1 / np.maximum(square.mean(axis=1), 1e-12)
    energy = np.convolve(scale @ square, np.ones(found.length), "same")
    largest = np.sort(energy)[-1 - len(energy) // 25]
    around = 2 * round(_APART * record.slow_fs) + 1
    top = (energy == maximum_filter1d(energy, around)) & (energy > _LEAST_BURST * largest)
    return np.flatnonzero(top) + (record.slow.shape[1] - len(energy)) // 2


def _contrast(parts: Float32[np.ndarray, " part"]) -> float:
    ordered = np.sort(parts)
    busy = ordered[-max(round(_BUSY * len(ordered)), 1) :].mean()
    return float(busy / max(ordered[int(_QUIET * len(ordered))], 1e-6 * busy, 1e-12))


def _of_sources(found: Bursts) -> Float32[np.ndarray, " part"]:
    """The parts of the two signals that explain most of all leads, smoothed.

    The heart's signal is in all leads; of noise, each lead has its own.
    """
    smooth = found.step[:, 1:] + found.step[:, :-1]
    _, sources = np.linalg.eigh(smooth @ smooth.T)
    each = blocks(sources[:, -_SOURCES:].T @ smooth, found.length)
    return np.asarray(np.einsum("lbs,lbs->b", each, each))


def _of_a_wave(step: Float32[np.ndarray, "lead step"]) -> bool:
    ordered = np.sort(step, axis=1)
    quarter, cut = step.shape[1] // 4, step.shape[1] // 100
    span = ordered[:, -1 - cut] - ordered[:, cut]
    middle = ordered[:, -1 - quarter] - ordered[:, quarter]
    return bool(np.sort(middle / np.maximum(span, 1e-9))[len(step) // 2] >= MOST_MIDDLE)


def _repeat(step: Float32[np.ndarray, "lead step"], fs: float) -> float:
    """The highest correlation of all leads together with themselves a beat later."""
    num = step.shape[1]
    power = np.square(np.abs(np.fft.rfft(step, 2 * num, axis=1)))
    power /= np.maximum(power.mean(axis=1, keepdims=True), 1e-12)
    same: Float64[np.ndarray, " lag"] = np.fft.irfft(power.sum(axis=0))[:num]
    first, last = (round(seconds * fs) for seconds in _BEAT_LAGS)
    lags = np.arange(first, min(last, num - 1) + 1)
    return float((same[lags] / same[0] * num / (num - lags)).max(initial=0.0))
