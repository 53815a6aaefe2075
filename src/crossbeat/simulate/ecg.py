"""Twelve-lead ECGs of virtual patients: the rhythm, the torso, the electrodes and their noise.

Sinus rhythm varies with breathing and, more slowly, with vascular tone (Task Force 1996,
Circulation 93:1043). In atrial fibrillation the node conducts at random: every interval is drawn
anew. A premature ventricular beat comes early and is followed by a compensatory pause.

The lead field is Dower's, changed per recording: chest electrodes sit a little beside and above or
below their places (Schijvenaars et al. 2008, J Electrocardiol 41:190), and every torso conducts a
little differently. Noise is made on the nine electrodes and then wired as a cardiograph does, so
the limb-lead equations hold for it as for the heart.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32

from crossbeat.leads import INDEPENDENT, STANDARD, limb_leads
from crossbeat.simulate.electrical import Electrical, Loops, Wave, electrical, loops
from crossbeat.simulate.patient import Patients, Trait
from crossbeat.simulate.streams import Draws, in_order, spans

FS = 500
"""Samples per second."""

SECONDS = 10
"""Length of a record."""

MOST_BEATS = 40
"""Beats made per patient: ten seconds at the highest rate, and some to spare."""

MARGIN = 1.2
"""Seconds before the record in which beats are made, so that its first samples hold a T wave."""

DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ],
    dtype=np.float32,
)
"""mV of each of ``leads.INDEPENDENT`` per mV of dipole along X, Y, Z.
Source: Dower et al. 1980, Clin Cardiol 3:87."""

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")
"""Where noise arises; the right leg is the reference."""

Leads = Float32[np.ndarray, "patient 12 time"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """The beats of each patient, the first of them before the record begins."""

    peak: Float32[np.ndarray, "patient beat"]  # of R, seconds from the start of the record
    interval: Float32[np.ndarray, "patient beat"]  # time since the R peak before, seconds
    ectopic: Bool[np.ndarray, "patient beat"]  # premature ventricular beat


def ecgs(patients: Patients, seed: int, executor: Executor | None = None) -> Leads:
    """The ECG of each patient, in mV, leads in the order of ``leads.STANDARD``.

    Args:
        patients: as ``draw_patients`` gives them, or changed copies.
        seed: of the recording: another seed is another ECG of the same hearts.
        executor: shares the blocks out; by default they are made one after the other.
    """
    return np.concatenate(list(ecg_blocks(patients, seed, executor)))


def ecg_blocks(patients: Patients, seed: int, executor: Executor | None = None) -> Iterator[Leads]:
    """The same ECGs block by block, in order: memory stays that of a few blocks."""
    jobs = ((patients.rows(rows), block, seed) for block, rows in spans(len(patients)))
    return in_order(ecg_block, jobs, executor)


def ecg_block(patients: Patients, block: int, seed: int) -> Leads:
    """The ECGs of the patients of one block; a function that a process pool can call."""
    draws = Draws(seed, block, len(patients), "ecg")
    heart, breath = heart_leads(patients, draws)
    return wire(heart, noise(draws, breath, FS))


def heart_leads(
    patients: Patients, draws: Draws
) -> tuple[Float32[np.ndarray, "patient 8 time"], Float32[np.ndarray, "patient time"]]:
    """What the heart alone puts into ``leads.INDEPENDENT``, in mV, and the breathing, -1 to 1."""
    seen = electrical(patients)
    time = np.arange(FS * SECONDS, dtype=np.float32) / FS
    phase = draws.uniform("breathing", 1) * 2 * np.pi
    breath = np.sin(2 * np.pi * breathing_rate(draws)[:, None] * time + phase)
    dipole = _dipole(loops(seen), beats(seen, draws), time)
    _breathe(dipole, breath, draws)
    dipole += _fibrillation(seen, draws, time)
    field = lead_field(seen, draws)
    heart = field[:, :, :1] * dipole[:, :1]
    heart += field[:, :, 1:2] * dipole[:, 1:2]
    heart += field[:, :, 2:] * dipole[:, 2:]
    return heart, breath


def _dipole(waves: Loops, when: Beats, time: np.ndarray) -> np.ndarray:
    """The dipole [patient 3 time] in mV: each group of waves timed by its own beat."""
    peak, interval = when.peak, when.interval
    before = _phase(when, peak - interval + 0.04, time)
    nearest = _phase(when, peak - 0.5 * interval, time)
    after = _phase(when, peak - 0.06, time)
    dipole = np.zeros((len(peak), 3, len(time)), dtype=np.float32)
    for group, (since, is_ectopic), ectopic in (
        (waves.atrial, before, False),
        (waves.ventricular, nearest, False),
        (waves.ectopic, nearest, True),
        (waves.recovery, after, False),
    ):
        shown = (is_ectopic == ectopic).astype(np.float32)
        for wave in group:
            _add(dipole, wave, since, shown)
    return dipole


def _phase(when: Beats, switch: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each sample, the time since the R peak of its beat, and whether that one is ectopic."""
    beat = current_beat(switch, time)
    peak = np.take_along_axis(when.peak, beat, axis=1)
    return time - peak, np.take_along_axis(when.ectopic, beat, axis=1)


def _add(dipole: np.ndarray, wave: Wave, since: np.ndarray, shown: np.ndarray) -> None:
    if not wave.vector.any():
        return
    score = (since - wave.centre[:, None]) / wave.width[:, None]
    score *= score
    score *= -0.5
    height = np.exp(score, out=score)
    height *= shown
    for axis in range(3):
        dipole[:, axis] += wave.vector[:, axis, None] * height


def _breathe(dipole: np.ndarray, breath: np.ndarray, draws: Draws) -> None:
    """Breathing turns the heart by a few degrees and changes the distance to the electrodes."""
    size = 1 + 0.03 * np.abs(draws.normal("breath size", 1)) * breath
    tilt = 0.05 * draws.normal("breath tilt", 1) * breath
    x, y = dipole[:, 0] - tilt * dipole[:, 1], dipole[:, 1] + tilt * dipole[:, 0]
    dipole[:, 0], dipole[:, 1] = x, y
    dipole *= size[:, None].astype(np.float32)


def _fibrillation(seen: Electrical, draws: Draws, time: np.ndarray) -> np.ndarray:
    """Fibrillation waves of 4 to 9 Hz, largest towards V1; 0 for everyone else."""
    waves = np.zeros((len(seen.rate), 3, len(time)), dtype=np.float32)
    rows = np.flatnonzero(seen.fibrillation)
    hertz = (6.3 + 0.9 * draws.normal("flutter rate", 1))[rows].clip(4, 9)
    size = 0.045 * np.exp(0.4 * draws.normal("flutter size", 1))[rows]
    start = draws.uniform("flutter phase", 3)[rows] * 2 * np.pi
    wander = 1.6 * np.sin(2 * np.pi * 0.37 * time + start[:, :1])
    wander = wander + 0.9 * np.sin(2 * np.pi * 1.1 * time + start[:, 1:2])
    angle = 2 * np.pi * hertz * time + start[:, 2:] + wander
    swell = size * (1 + 0.35 * np.sin(0.6 * angle / 3 + start[:, :1]))
    shape = swell * (np.sin(angle) + 0.3 * np.sin(2 * angle + start[:, 1:2]))
    waves[rows] = shape[:, None] * np.array([[-0.35], [0.45], [-0.85]])
    return waves


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


def breathing_rate(draws: Draws) -> Trait:
    """Breaths per second."""
    return (0.27 + 0.05 * draws.normal("breathing rate")).clip(0.12, 0.5)


def current_beat(
    switch: Float32[np.ndarray, "patient beat"], time: Float32[np.ndarray, " time"]
) -> Int32[np.ndarray, "patient time"]:
    """Which beat each sample belongs to, when beat b takes over at ``switch[b]``, ascending."""
    at = np.ceil(switch / (time[1] - time[0])).astype(np.int64).clip(0, len(time))
    steps = np.zeros((len(switch), len(time) + 1), dtype=np.int32)
    np.add.at(steps, (np.arange(len(switch))[:, None], at[:, 1:]), 1)
    return steps[:, :-1].cumsum(axis=1, dtype=np.int32)


def lead_field(seen: Electrical, draws: Draws) -> Float32[np.ndarray, "patient 8 3"]:
    """The lead field of each recording, over ``leads.INDEPENDENT``."""
    field = DOWER * (1 + 0.06 * draws.normal("torso", len(INDEPENDENT), 3))
    chest = slice(INDEPENDENT.index("V1"), None)
    field[:, chest] = _displaced(field[:, chest], draws) * seen.precordial[:, None, None]
    lateral = np.array([lead in ("I", "V5", "V6") for lead in INDEPENDENT])
    field *= np.where(lateral[None, :, None], seen.left_lateral[:, None, None], 1)
    return field.astype(np.float32)


def _displaced(chest: np.ndarray, draws: Draws) -> np.ndarray:
    """Chest leads read between their neighbours, and higher or lower on the chest."""
    aside = 0.22 * draws.normal("aside", 1) + 0.1 * draws.normal("each aside", 6)
    place = np.clip(np.arange(6) + aside, 0, 5).astype(np.float32)
    low = np.minimum(place.astype(np.int64), 4)
    part = (place - low)[..., None]
    row = np.arange(len(chest))[:, None]
    moved = chest[row, low] * (1 - part) + chest[row, low + 1] * part
    moved[..., 1] += 0.16 * draws.normal("above", 1) + 0.06 * draws.normal("each above", 6)
    return moved


def noise(draws: Draws, breath: np.ndarray, fs: int) -> Float32[np.ndarray, "patient 9 time"]:
    """Potential of each electrode in mV: muscle, baseline (with the breath, -1 to 1), mains."""
    num, time = breath.shape
    size = np.exp(0.6 * draws.normal("noise", 3) - [4.9, 3.0, 6.0]).astype(np.float32)
    each = np.exp(0.35 * draws.normal("contact", len(ELECTRODES), 3)).astype(np.float32)
    each = each * size[:, None]
    muscle = draws.normal("muscle", len(ELECTRODES), time)
    muscle[..., 1:] += muscle[..., :-1].copy()
    muscle *= each[..., :1] * 0.7
    muscle += _baseline(draws, time, fs) * each[..., 1:2]
    lift = draws.normal("breath baseline", len(ELECTRODES), 1) * each[..., 1:2]
    muscle += 0.5 * lift * breath[:, None]
    hertz = np.where(draws.uniform("mains") < 0.5, 50, 60)[:, None]
    phase = draws.uniform("mains phase", 1) * 2 * np.pi
    hum = np.sin(2 * np.pi * hertz * np.arange(time) / fs + phase).astype(np.float32)
    muscle += hum[:, None] * each[..., 2:] * draws.normal("mains size", len(ELECTRODES), 1)
    return muscle.reshape(num, len(ELECTRODES), time)


def _baseline(draws: Draws, time: int, fs: int) -> np.ndarray:
    """A slow random walk that returns to zero, smooth between knots."""
    every = fs // 2
    count = -(-time // every) + 1
    steps = draws.normal("baseline", len(ELECTRODES), count)
    walk = np.empty_like(steps)
    walk[..., 0] = steps[..., 0]
    for knot in range(1, count):
        walk[..., knot] = 0.85 * walk[..., knot - 1] + 0.5 * steps[..., knot]
    part = (1 - np.cos(np.pi * np.arange(every, dtype=np.float32) / every)) / 2
    smooth = walk[..., :-1, None] * (1 - part) + walk[..., 1:, None] * part
    return smooth.reshape(*walk.shape[:-1], -1)[..., :time]


def wire(
    heart: Float32[np.ndarray, "patient 8 time"], electrodes: Float32[np.ndarray, "patient 9 time"]
) -> Float32[np.ndarray, "patient 12 time"]:
    """The twelve leads of ``leads.STANDARD`` from the heart's eight and the electrodes' noise.

    I = LA - RA, II = LL - RA, Vi = Vi - (RA + LA + LL) / 3; the others follow from I and II.
    """
    right, left, leg = (electrodes[:, ELECTRODES.index(name)] for name in ("RA", "LA", "LL"))
    rows = dict(zip(INDEPENDENT, heart.transpose(1, 0, 2), strict=True))
    rows["I"] = rows["I"] + (left - right)
    rows["II"] = rows["II"] + (leg - right)
    central = (right + left + leg) * 1 / 3
    for place, name in enumerate(ELECTRODES[3:], start=3):
        rows[name] = rows[name] + (electrodes[:, place] - central)
    rows |= limb_leads(rows["I"], rows["II"])
    return np.stack([rows[lead] for lead in STANDARD], axis=1).astype(np.float32)
