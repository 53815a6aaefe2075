"""Twelve-lead ECGs of virtual patients."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from crossbeat.simulate.dipole import Loops, Wave, loops
from crossbeat.simulate.electrical import Electrical, electrical
from crossbeat.simulate.electrodes import lead_field, noise, wire
from crossbeat.simulate.patient import Patients
from crossbeat.simulate.rhythm import Beats, beats, breathing_rate, current_beat
from crossbeat.simulate.streams import Draws, in_order, spans

FS = 500
"""Samples per second."""

SECONDS = 10
"""Length of a record."""

Leads = Float32[np.ndarray, "patient 12 time"]


@dataclass(frozen=True, eq=False)
class _Phase:
    """For each sample, the time since the R peak of its beat, and whether that one is ectopic."""

    since: np.ndarray
    ectopic: np.ndarray


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
    for group, phase, ectopic in (
        (waves.atrial, before, False),
        (waves.ventricular, nearest, False),
        (waves.ectopic, nearest, True),
        (waves.recovery, after, False),
    ):
        shown = (phase.ectopic == ectopic).astype(np.float32)
        for wave in group:
            _add(dipole, wave, phase.since, shown)
    return dipole


def _phase(when: Beats, switch: np.ndarray, time: np.ndarray) -> _Phase:
    beat = current_beat(switch, time)
    peak = np.take_along_axis(when.peak, beat, axis=1)
    return _Phase(time - peak, np.take_along_axis(when.ectopic, beat, axis=1))


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
