"""Heartbeats in an ECG: when its R peaks are, and which part of it answers to which cine frame."""

from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64
from scipy.signal import butter, sosfiltfilt

from crossbeat.signal import Ecg

Peaks = Float64[np.ndarray, " beat"]
Rule = Literal["single_beat", "phase_pool", "linear"]


def r_peaks(ecg: Ecg) -> Peaks:
    """The times of the R peaks in seconds from the start of the record, in order.

    Args:
        ecg: millivolts, finite, of any leads.
    """
    from sleepecg import detect_heartbeats

    band = butter(2, (5, 30), "bandpass", output="sos", fs=ecg.fs)
    energy = np.square(sosfiltfilt(band, ecg.values, axis=1)).sum(axis=0)
    return detect_heartbeats(energy, ecg.fs) / ecg.fs


def correspondence(
    peaks: Peaks, *, rule: Rule, segments: int, steps: int, seconds: float
) -> Float32[np.ndarray, "segment step"]:
    """Which steps of an encoded ECG make up each segment; rows sum to 1.

    Segment s of S is the part of the cardiac cycle at phase s / S, as frame s of a cine is.

    Args:
        peaks: R peaks in seconds, ascending.
        rule: ``single_beat`` takes the whole beat nearest to the middle of the record,
            ``phase_pool`` the mean over all whole beats, ``linear`` maps the whole record.
        segments: number of segments, above 0.
        steps: number of steps that the encoder cuts the record into, above 0.
        seconds: length of the record.

    Returns:
        NaN throughout where the rule needs a beat and there is none.
    """
    if rule == "linear":
        edges = np.linspace(0, seconds, segments + 1)
        return _weights(edges[:-1], edges[1:], steps, seconds)
    whole = list(pairwise(peaks))
    if not whole:
        return np.full((segments, steps), np.nan, dtype=np.float32)
    if rule == "single_beat":
        whole = [min(whole, key=lambda beat: abs(sum(beat) - seconds))]
    rows = []
    for start, end in whole:
        edges = start + (np.arange(segments + 1) - 0.5) * (end - start) / segments
        rows.append(_weights(edges[:-1], edges[1:], steps, seconds))
    return np.stack(rows).mean(axis=0)


def _weights(
    start: np.ndarray, end: np.ndarray, steps: int, seconds: float
) -> Float32[np.ndarray, "segment step"]:
    """The mean over an interval of the straight lines between the centres of the steps."""
    start, end = (edge[:, None] * steps / seconds - 0.5 for edge in (start, end))
    last = steps - 1
    step = np.arange(steps)
    weights = _area(end.clip(0, last) - step) - _area(start.clip(0, last) - step)
    weights[:, :1] += end.clip(max=0) - start.clip(max=0)
    weights[:, -1:] += end.clip(min=last) - start.clip(min=last)
    return (weights / (end - start)).astype(np.float32)


def _area(to: np.ndarray) -> np.ndarray:
    """The area under a triangle of height 1 from -1 to 1, up to a place."""
    to = to.clip(-1, 1)
    return np.where(to < 0, (to + 1) ** 2 / 2, 1 - (1 - to) ** 2 / 2)
