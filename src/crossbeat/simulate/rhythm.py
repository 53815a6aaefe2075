"""The rhythm of each patient: the times of the R peaks, and which beats are ectopic.

Sinus rhythm varies with breathing and, more slowly, with vascular tone (Task Force 1996,
Circulation 93:1043). In atrial fibrillation the node conducts at random: every interval is drawn
anew. A premature ventricular beat comes early and is followed by a compensatory pause.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32

from crossbeat.simulate.electrical import Electrical
from crossbeat.simulate.streams import Draws

MOST_BEATS = 40
"""Beats made per patient: ten seconds at the highest rate, and some to spare."""

MARGIN = 1.2
"""Seconds before the record in which beats are made, so that its first samples hold a T wave."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """The beats of each patient, the first of them before the record begins.

    Args:
        peak: time of the R peak, in seconds from the start of the record.
        interval: time since the R peak before, seconds.
        ectopic: premature ventricular beat.
    """

    peak: Float32[np.ndarray, "patient beat"]
    interval: Float32[np.ndarray, "patient beat"]
    ectopic: Bool[np.ndarray, "patient beat"]


def beats(seen: Electrical, draws: Draws) -> Beats:
    """R peaks from ``MARGIN`` before the record on; the mean interval is the latent one."""
    mean = (60 / seen.rate)[:, None]
    breath, slow = draws.uniform("breath phase", 2).T[..., None] * 2 * np.pi
    clock = np.arange(MOST_BEATS, dtype=np.float32) * mean
    noise = draws.normal("interval", MOST_BEATS)
    regular = (
        0.9 * np.sin(2 * np.pi * breathing_rate(draws)[:, None] * clock + breath)
        + 0.6 * np.sin(2 * np.pi * 0.1 * clock + slow)
        + 0.6 * noise
    )
    spread = np.where(seen.fibrillation[:, None] > 0, noise, regular) * seen.irregularity[:, None]
    factor = np.clip(1 + spread, 0.5, 2.0)
    ectopic = draws.uniform("ectopic", MOST_BEATS) < seen.ectopy[:, None]
    ectopic &= ~np.roll(ectopic, 1, axis=1) & ~np.roll(ectopic, 2, axis=1)
    ectopic[:, :2] = False
    factor = np.where(ectopic, factor * 0.62, factor)
    pause = np.roll(ectopic, 1, axis=1) & (seen.fibrillation[:, None] == 0)
    factor = np.where(pause, factor * 1.38, factor)
    interval = (mean * factor / factor.mean(axis=1, keepdims=True)).astype(np.float32)
    first = -MARGIN - draws.uniform("first beat") * interval[:, 0]
    peak = first[:, None] + np.cumsum(interval, axis=1) - interval[:, :1]
    return Beats(peak=peak.astype(np.float32), interval=interval, ectopic=ectopic)


def breathing_rate(draws: Draws) -> Float32[np.ndarray, " patient"]:
    """Breaths per second."""
    return (0.27 + 0.05 * draws.normal("breathing rate")).clip(0.12, 0.5)


def current_beat(
    switch: Float32[np.ndarray, "patient beat"], time: Float32[np.ndarray, " time"]
) -> Int32[np.ndarray, "patient time"]:
    """Which beat each sample belongs to, when beat b takes over at ``switch[b]``, ascending.

    Args:
        switch: seconds.
        time: seconds, evenly spaced from 0.
    """
    at = np.ceil(switch / (time[1] - time[0])).astype(np.int64).clip(0, len(time))
    steps = np.zeros((len(switch), len(time) + 1), dtype=np.int32)
    np.add.at(steps, (np.arange(len(switch))[:, None], at[:, 1:]), 1)
    return steps[:, :-1].cumsum(axis=1, dtype=np.int32)
