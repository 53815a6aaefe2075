"""Heartbeats in an ECG: the times of its R peaks, and the part that matches each cine frame.

A cine shows one cardiac cycle, put together by the ECG from many beats: frame f of F is at phase
f / F, and frame 0 at the R peak. A *correspondence* does the same for an encoded ECG: it gives the
steps that make up the segment for each frame.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.signal import butter, sosfiltfilt

from crossbeat.errors import ConfigError, DataError
from crossbeat.signal import Ecg

Peaks = Float64[np.ndarray, " beat"]
Middles = Float64[np.ndarray, " step"]
Rule = Literal["single_beat", "phase_pool", "linear"]
Beat = tuple[float, float]

_BAND = (3.0, 30.0)
"""Hertz. The band starts lower than usual to keep wide QRS complexes (bundle branch block)."""

_SHORTEST = 1.0
"""Shortest record, in seconds, in which beats are detected."""

_AROUND = 0.1
"""The R peak is searched within so many seconds of the detected time."""

_TYPICAL = 0.2
"""How far a beat may be from the median interval, as a share of it."""


def r_peaks(ecg: Ecg) -> Peaks:
    """The times of the R peaks in seconds from the start of the record, in order.

    Beats are detected in the median over leads of the energy between 3 and 30 Hz. Each lead is
    divided by its own mean. Half of the leads must agree, so noise or a spike in a few leads is not
    taken for a beat. The detector uses the adaptive thresholds of sleepecg. The peak is the largest
    value of the median within 0.1 s.

    Beats are also found in pure noise. Use ``quality`` to check whether a record is an ECG.

    Args:
        ecg: any unit; finite; of any leads.

    Returns:
        An empty array if the record is flat or shorter than 1 s. Flat leads are ignored.

    Raises:
        ConfigError: the package sleepecg is not installed.
        DataError: a value is not finite, or the rate is too low.

    Source: Pan and Tompkins 1985 (doi:10.1109/TBME.1985.325532), as changed in sleepecg (Hofer
        and Brunner 2023, doi:10.21105/joss.05411).
    """
    detect = _detector()
    _require_searchable(ecg)
    if ecg.values.shape[1] < _SHORTEST * ecg.fs or not np.ptp(ecg.values, axis=1).any():
        return np.empty(0)
    energy = _energy(ecg)
    found = detect(energy, ecg.fs)
    around = np.arange(-round(_AROUND * ecg.fs), round(_AROUND * ecg.fs) + 1)
    near = (found[:, None] + around).clip(0, len(energy) - 1)
    return np.unique(near[np.arange(len(found)), energy[near].argmax(axis=1)]) / ecg.fs


def correspondence(
    peaks: Peaks,
    *,
    rule: Rule,
    segments: int,
    steps: int | Middles,
    seconds: float,
    near: float | None = None,
) -> Float32[np.ndarray, "segment step"]:
    """Which steps of an encoded ECG make up each segment; rows sum to 1.

    An encoded ECG is interpolated linearly between the middles of its steps. It is constant before
    the first and after the last. A segment is the mean of that line over its time: from half a
    segment before its phase to half a segment after. So segments shorter than a step differ too.

    Rules that need beats use whole beats only, from one R peak to the next, whose length is within
    20 % of the median. A scanner excludes premature beats from a cine as well.

    Args:
        peaks: R peaks in seconds from the start of the record, ascending.
        rule: ``single_beat``: segment s of S is at phase s / S of one beat. ``phase_pool``: it is
            the mean over all beats. ``linear``: it is the part from s / S to (s + 1) / S of the
            record, beats or not.
        segments: S, above 0.
        steps: the middle of each step of the encoder in seconds, at equal spacing; a number
            stands for as many equal parts of the record.
        seconds: length of the record.
        near: time in seconds that the beat of ``single_beat`` is nearest to; by default the
            middle of the record.

    Returns:
        NaN throughout where the rule needs a beat and there is none.

    Raises:
        ValueError: a number is not above 0, the peaks do not ascend, or the middles of steps are
            not at equal spacing.
    """
    if np.any(np.diff(peaks) <= 0):
        raise ValueError(f"peaks must ascend, got {peaks.tolist()}")
    if min(segments, seconds) <= 0:
        raise ValueError(
            f"segments and seconds must be above 0, got {segments} segments and {seconds} s"
        )
    middles = _middles(steps, seconds)
    if rule == "linear":
        return _shares(np.linspace(0, seconds, segments + 1), middles)
    beats = _typical(peaks)
    if rule == "single_beat":
        place = seconds / 2 if near is None else near
        beats = sorted(beats, key=lambda beat: abs(sum(beat) / 2 - place))[:1]
    if not beats:
        return np.full((segments, len(middles)), np.nan, dtype=np.float32)
    phases = (np.arange(segments + 1) - 0.5) / segments
    pooled = np.stack([_shares(start + phases * (end - start), middles) for start, end in beats])
    return pooled.mean(axis=0)


def _detector() -> Callable[[np.ndarray, float], np.ndarray]:
    try:
        from sleepecg import detect_heartbeats
    except ImportError:
        raise ConfigError(
            "R peaks need the package sleepecg, got none; pip install 'crossbeat[mri]'"
        ) from None
    return detect_heartbeats


def _require_searchable(ecg: Ecg) -> None:
    if not np.isfinite(ecg.values).all():
        raise DataError(
            "every value of an ECG must be finite for R peaks to be found, got NaN or infinity; "
            "repair the record or leave it out"
        )
    if ecg.fs <= 2 * _BAND[1]:
        raise DataError(
            f"the rate must be above {2 * _BAND[1]:g} Hz for R peaks to be found, got "
            f"{ecg.fs:g} Hz; use the record at its first rate"
        )


def _energy(ecg: Ecg) -> Float[np.ndarray, " time"]:
    band = butter(2, _BAND, "bandpass", output="sos", fs=ecg.fs)
    energy = np.square(sosfiltfilt(band, ecg.values[np.ptp(ecg.values, axis=1) > 0], axis=1))
    return np.median(energy / energy.mean(axis=1, keepdims=True), axis=0)


def _typical(peaks: Peaks) -> list[Beat]:
    beats = [(float(start), float(end)) for start, end in pairwise(peaks)]
    usual = float(np.median(np.diff(peaks))) if beats else 0.0
    typical = [beat for beat in beats if abs(beat[1] - beat[0] - usual) <= _TYPICAL * usual]
    return typical or sorted(beats, key=lambda beat: abs(beat[1] - beat[0] - usual))[:1]


def _middles(steps: int | Middles, seconds: float) -> Middles:
    if not isinstance(steps, int):
        apart = np.diff(steps)
        if not len(steps) or not np.allclose(apart, apart[:1]) or np.any(apart <= 0):
            raise ValueError(
                f"the middles of steps must ascend at equal spacing, got {steps.tolist()}"
            )
        return steps
    if steps <= 0:
        raise ValueError(f"steps must be above 0, got {steps}")
    return (np.arange(steps) + 0.5) * seconds / steps


def _shares(
    edges: Float64[np.ndarray, " edge"], middles: Middles
) -> Float32[np.ndarray, "segment step"]:
    """The mean weight of each step from one edge to the next, on lines between their middles."""
    last = len(middles) - 1
    apart = (middles[-1] - middles[0]) / last if last else 1.0
    at = ((edges - middles[0]) / apart)[:, None]
    area = _area_to(at.clip(0, last) - np.arange(last + 1))
    area[:, :1] += at.clip(max=0)
    area[:, -1:] += at.clip(min=last)
    return (np.diff(area, axis=0) / np.diff(at, axis=0)).astype(np.float32)


def _area_to(end: Float64[np.ndarray, "edge step"]) -> Float64[np.ndarray, "edge step"]:
    """Of a triangle of height 1 over -1 to 1, the area to the left of a place."""
    end = end.clip(-1, 1)
    return np.where(end < 0, (end + 1) ** 2 / 2, 1 - (1 - end) ** 2 / 2)
