"""From the dipole to twelve leads: the torso, the positions of the electrodes and their noise.

The lead field is Dower's, changed per recording: chest electrodes sit a little beside and
above or below their places (Schijvenaars et al. 2008, J Electrocardiol 41:190), and every torso
conducts a little differently. Noise is made on the nine electrodes and then wired as a
cardiograph does, so the limb-lead equations hold for it as for the heart.
"""

import numpy as np
from jaxtyping import Float32

from crossbeat.leads import INDEPENDENT, STANDARD, limb_leads
from crossbeat.simulate.electrical import Electrical
from crossbeat.simulate.streams import Draws

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

_CHEST = slice(INDEPENDENT.index("V1"), None)


def lead_field(seen: Electrical, draws: Draws) -> Float32[np.ndarray, "patient 8 3"]:
    """The lead field of each recording, over ``leads.INDEPENDENT``."""
    field = DOWER * (1 + 0.06 * draws.normal("torso", len(INDEPENDENT), 3))
    field[:, _CHEST] = _displaced(field[:, _CHEST], draws) * seen.precordial[:, None, None]
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
    """Potential of each electrode in mV: muscle, baseline, mains.

    Args:
        draws: of the recording.
        breath: the breathing of each patient over time, from -1 to 1.
        fs: samples per second.
    """
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
