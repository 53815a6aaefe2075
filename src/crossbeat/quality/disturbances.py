"""Disturbances of the ECG: noise, mains hum, baseline wander, pacing."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from crossbeat.quality.recording import Recording, Verdict, blocks, judged

NOISE_LAG = 0.01
"""Seconds between a sample and those whose mean it is compared with: waves of 20 to 80 Hz."""

MOST_NOISE = 0.2
"""Noise between beats as part of what a lead spans; of white noise alone it is 0.24 at 100 Hz and
0.53 at 500 Hz, in PTB-XL 0.1 at most."""

_BEAT_PART = 0.1  # seconds: half of the blocks of this length have no QRS complex in them

MAINS = (50.0, 60.0)
"""Hertz."""

MUCH_HUM = 0.05
"""Millivolts of a mains wave from which it is reported; in PTB-XL 0.01 at most."""

MUCH_WANDER = 3.0
"""Millivolts between means of a second from which wander is reported (1 in 150 of PTB-XL)."""

MOST_WANDER = 10.0
"""Millivolts above which a baseline filter leaves artefacts; in PTB-XL 7.3 at most."""

SPIKE = 0.2
"""Millivolts by which a pacing spike stands out from what is 4 ms before and after it."""

SPIKE_LAG = 0.004
"""Seconds from the top of a pacing spike to where it is over."""

SPIKE_SHARPNESS = 3.0
"""How many times steeper it is than the signal beside it; a QRS complex is steeper at its sides."""

SPIKE_NOISE = 5.0
"""How many times as high as the noise between beats it is."""

SPIKES = 3
"""Number of simultaneous spikes in two or more leads that indicates pacing."""

_APART = 0.05  # seconds within which spikes are one

LEAST_PACED_FS = 250.0
"""Hertz below which a pacing spike cannot be distinguished from a QRS complex."""


def between_beats(record: Recording) -> Float32[np.ndarray, " lead"]:
    """Noise of each lead in millivolts, root mean square: the median of blocks of 0.1 s."""
    lag = max(round(NOISE_LAG * record.fs), 1)
    values = record.values
    if values.shape[1] <= 2 * lag:
        return np.zeros(len(values), np.float32)
    rough = values[:, lag:-lag] - (values[:, : -2 * lag] + values[:, 2 * lag :]) / 2
    parts = blocks(rough, min(max(round(_BEAT_PART * record.fs), 1), rough.shape[1]))
    ordered = np.sort(np.einsum("lbs,lbs->lb", parts, parts), axis=1)
    return np.sqrt(ordered[:, ordered.shape[1] // 2] / parts.shape[2])


def check_noise(record: Recording, noise: Float32[np.ndarray, " lead"]) -> list[Verdict]:
    """Check whether a lead is more than noise (mV); the value is noise as a part of its span."""
    parts = noise / np.maximum(record.size, 1e-9)
    return judged(
        "noise",
        f"noise of 20 to 80 Hz between beats below {MOST_NOISE:g} of what the lead spans",
        dict(zip(record.leads, parts.tolist(), strict=True)),
        bad=lambda part: part >= MOST_NOISE,
        message="is mostly noise; check the electrode, or leave the record out",
    )


def check_mains(record: Recording) -> Verdict:
    """Measure mains hum in a record of 1 s or longer; the value is the largest wave in mV."""
    rule = f"a wave of 50 or 60 Hz below {MUCH_HUM:g} mV; a larger one is reported"
    waves = _mains_waves(record.values.shape[1], record.fs)
    parts = (record.values - record.level[:, None]) @ waves
    hum = float(np.hypot(parts[:, ::2], parts[:, 1::2]).max(initial=0.0))
    text = f"mains hum of {hum:.2g} mV; nothing is changed" if hum >= MUCH_HUM else ""
    return Verdict("mains", hum, rule, message=text)


@lru_cache(maxsize=4)
def _mains_waves(num: int, fs: float) -> Float32[np.ndarray, "time wave"]:
    """Cosine and sine of each mains frequency, such that products are amplitudes."""
    heard = [hertz for hertz in MAINS if hertz < 0.45 * fs and num >= fs]
    angles = 2 * np.pi * np.outer(np.arange(num) / fs, heard)
    both = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(num, 2 * len(heard))
    return (both * 2 / max(num, 1)).astype(np.float32)


def check_wander(record: Recording) -> list[Verdict]:
    """Measure baseline wander; the value is millivolts from the lowest to the highest second."""
    seconds = blocks(record.slow, min(max(round(record.slow_fs), 1), record.slow.shape[1]))
    wander = np.ptp(seconds.mean(axis=2), axis=1)
    rule = f"at most {MOST_WANDER:g} mV between means of a second; reported from {MUCH_WANDER:g} mV"
    found = judged(
        "wander",
        rule,
        dict(zip(record.leads, wander.tolist(), strict=True)),
        bad=lambda far: far > MOST_WANDER,
        message="wanders too far; use another part or recording",
    )
    if found[0].action == "ok" and found[0].value >= MUCH_WANDER:
        lead = record.leads[int(wander.argmax())]
        text = f"lead {lead} wanders by {found[0].value:.2g} mV; nothing is changed"
        return [replace(found[0], lead=lead, message=text)]
    return found


def check_pacing(record: Recording, noise: Float32[np.ndarray, " lead"]) -> Verdict:
    """Detect a pacemaker in leads of some noise (mV); the value is the number of its spikes."""
    rule = (
        f"fewer than {SPIKES} spikes of {SPIKE:g} mV in two leads, no wider than "
        f"{2000 * SPIKE_LAG:g} ms; more are reported; checked from {LEAST_PACED_FS:g} Hz"
    )
    spikes = _count_spikes(record, noise)
    text = f"{spikes} pacing spikes; they are kept" if spikes >= SPIKES else ""
    return Verdict("pacing", float(spikes), rule, message=text)


def _count_spikes(record: Recording, noise: Float32[np.ndarray, " lead"]) -> int:
    lag = max(round(SPIKE_LAG * record.fs), 1)
    if record.fs < LEAST_PACED_FS or record.values.shape[1] <= 4 * lag:
        return 0
    step = record.values[:, lag:] - record.values[:, :-lag]
    lead, at = np.nonzero(np.abs(step[:, lag : -2 * lag]) > SPIKE)
    rise, fall = step[lead, at + lag], -step[lead, at + 2 * lag]
    before, after = step[lead, at], step[lead, at + 3 * lag]
    height = np.where(np.sign(rise) == np.sign(fall), np.minimum(np.abs(rise), np.abs(fall)), 0)
    beside = np.maximum(np.abs(before), np.abs(after))
    least = np.maximum(SPIKE, SPIKE_NOISE * noise[lead])
    sharp = height > np.maximum(least, SPIKE_SHARPNESS * beside)
    seen = np.zeros((len(record.leads), record.values.shape[1] // lag + 2), bool)
    seen[lead[sharp], at[sharp] // lag] = True
    together = (seen[:, 1:] | seen[:, :-1]).sum(axis=0) >= 2
    times = np.flatnonzero(together) * lag / record.fs
    return int((np.diff(times, prepend=-np.inf) > _APART).sum())
