"""Views that change voltages: noise at the electrodes, gain, hidden parts, and the electrical axis.

Noise arises at the nine electrodes, and each lead is the difference of electrodes that it is by
definition. So leads that share an electrode share its noise, and Einthoven's law holds. What is
hidden becomes 0 mV. The heart's axis turns and stretches in the vectorcardiogram (VCG).
"""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from crossbeat.leads import INDEPENDENT, INVERSE_DOWER, STANDARD, expansion, index
from crossbeat.signal import Ecgs
from crossbeat.views.combine import changed, normal, slots, starts, uniform, working_dtype

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")
"""The nine electrodes that measure: right arm, left arm, left leg, and six on the chest."""

_WILSON = {"RA": -1 / 3, "LA": -1 / 3, "LL": -1 / 3}
_DIFFERENCES = {
    "I": {"LA": 1.0, "RA": -1.0},
    "II": {"LL": 1.0, "RA": -1.0},
} | {chest: {chest: 1.0} | _WILSON for chest in ELECTRODES[3:]}
_FROM_ELECTRODES = np.array(
    [[_DIFFERENCES[lead].get(name, 0.0) for name in ELECTRODES] for lead in INDEPENDENT]
)


def jitter(ecg: Ecgs, generator: torch.Generator, *, sd: float = 0.02) -> Ecgs:
    """Each ECG with white noise at its electrodes.

    The noise of a bipolar lead has the standard deviation sqrt(2) sd, of an augmented lead
    sqrt(3/2) sd, and of a chest lead sqrt(4/3) sd.

    Args:
        ecg: millivolts.
        generator: draws the noise.
        sd: standard deviation at each electrode in millivolts; at least 0.

    Raises:
        ValueError: ``sd`` is below 0.
        DataError: a lead is none of the twelve.
    """
    if sd < 0:
        raise ValueError(f"sd must be at least 0 mV, got {sd}")
    shape = (len(ecg.values), len(ELECTRODES), ecg.values.shape[-1])
    return _add(ecg, normal(generator, shape), sd)


def wander(
    ecg: Ecgs,
    generator: torch.Generator,
    *,
    most: float = 0.1,
    band: tuple[float, float] = (0.05, 0.5),
) -> Ecgs:
    """Each ECG on a slowly moving baseline: one sine wave at each electrode.

    Args:
        ecg: millivolts.
        generator: draws amplitude, frequency and phase of each wave.
        most: the most amplitude of a wave in millivolts; at least 0.
        band: least and most frequency in hertz; at least 0, in this order.

    Raises:
        ValueError: ``most`` is below 0, or ``band`` is below 0 or not in order.
        DataError: a lead is none of the twelve.
    """
    if most < 0:
        raise ValueError(f"most must be at least 0 mV, got {most}")
    if not 0 <= band[0] <= band[1]:
        raise ValueError(f"band must be 0 or more and in order, got {band}")
    shape = (len(ecg.values), len(ELECTRODES), 1)
    amplitude = uniform(generator, shape, 0.0, 1.0)
    frequency = uniform(generator, shape, *band)
    phase = uniform(generator, shape, 0.0, 2 * math.pi)
    seconds = torch.arange(ecg.values.shape[-1], device=generator.device) / ecg.fs
    return _add(ecg, amplitude * (2 * math.pi * frequency * seconds + phase).sin(), most)


def scale(ecg: Ecgs, generator: torch.Generator, *, most: float = 1.25) -> Ecgs:
    """Each ECG multiplied by one factor, the same for all its leads: Einthoven's law holds.

    The logarithm of the factor is from U(-log most, log most).

    Args:
        ecg: millivolts.
        generator: draws the factor of each ECG.
        most: the most that an ECG is multiplied or divided by; at least 1.

    Raises:
        ValueError: ``most`` is below 1.
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    factor = uniform(generator, (len(ecg.values), 1, 1), -math.log(most), math.log(most)).exp()
    values = ecg.values * factor.to(ecg.values.device, working_dtype(ecg.values))
    return changed(ecg, values)


def _add(ecg: Ecgs, noise: Float[Tensor, "batch electrode time"], size: float) -> Ecgs:
    slots(ecg.leads)
    mixing = torch.tensor(size * expansion(ecg.leads) @ _FROM_ELECTRODES)
    mixing = mixing.to(ecg.values.device, working_dtype(ecg.values)).expand(len(noise), -1, -1)
    values = torch.baddbmm(ecg.values.to(mixing.dtype), mixing, noise.to(mixing))
    return changed(ecg, values)


def mask_time(ecg: Ecgs, generator: torch.Generator, *, share: float = 0.25) -> Ecgs:
    """Each ECG without one window of time, the same in all its leads.

    The window wraps around: where it passes the end, it goes on at the beginning.
    Einthoven's law holds.

    Args:
        ecg: millivolts.
        generator: draws where the window of each ECG begins.
        share: of the time that is hidden, rounded to samples; 0 to 1.

    Raises:
        ValueError: ``share`` is outside 0 to 1.
    """
    begin = starts(generator, (len(ecg.values), 1), ecg.values.shape[-1])
    return _hide(ecg, _window(begin.to(ecg.values.device), ecg.values.shape[-1], share))


def mask_time_per_lead(ecg: Ecgs, generator: torch.Generator, *, share: float = 0.25) -> Ecgs:
    """Each ECG without one window of time in each lead, every lead at its own place.

    The window wraps around: where it passes the end, it goes on at the beginning.
    Einthoven's law does not hold: at one time some leads are hidden and others not.

    Args:
        ecg: millivolts.
        generator: draws where the window of each lead begins.
        share: of the time that is hidden in every lead, rounded to samples; 0 to 1.

    Raises:
        ValueError: ``share`` is outside 0 to 1.
        DataError: a lead is none of the twelve.

    Source: Gopal 2021 (3KG, arXiv:2106.04452); Jwoo5/fairseq-signals at 8d570b3.
    """
    begin = starts(generator, (len(ecg.values), len(STANDARD)), ecg.values.shape[-1])
    begin = begin[:, slots(ecg.leads)].to(ecg.values.device)
    return _hide(ecg, _window(begin, ecg.values.shape[-1], share))


def keep_leads(ecg: Ecgs, generator: torch.Generator, *, keep: int = 6) -> Ecgs:
    """Each ECG with only some of its leads, chosen at random, the others at 0 mV.

    Einthoven's law does not hold: a limb lead may be hidden while the leads it follows from
    are kept.

    Args:
        ecg: millivolts.
        generator: draws which leads each ECG keeps.
        keep: how many leads stay; 1 to the number of leads.

    Raises:
        ValueError: ``keep`` is below 1 or above the number of leads.
        DataError: a lead is none of the twelve.
    """
    if not 1 <= keep <= len(ecg.leads):
        raise ValueError(f"keep must be 1 to {len(ecg.leads)} (the leads given), got {keep}")
    draw = uniform(generator, (len(ecg.values), len(STANDARD)), 0.0, 1.0)
    rank = draw[:, slots(ecg.leads)].argsort(dim=1).argsort(dim=1)
    return _hide(ecg, (rank >= keep)[:, :, None].to(ecg.values.device))


def mask_leads(ecg: Ecgs, generator: torch.Generator, *, probability: float = 0.5) -> Ecgs:
    """Each ECG with every lead hidden or not by its own toss of a coin.

    Einthoven's law does not hold: a limb lead may be hidden while the leads it follows from
    are kept. All leads of an ECG may be hidden at once; ``keep_leads`` rules that out.

    Args:
        ecg: millivolts.
        generator: tosses the coins.
        probability: that a lead is hidden; 0 to 1.

    Raises:
        ValueError: ``probability`` is outside 0 to 1.
        DataError: a lead is none of the twelve.

    Source: Oh 2022 (arXiv:2203.06889), random lead masking.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must be 0 to 1, got {probability}")
    draw = uniform(generator, (len(ecg.values), len(STANDARD)), 0.0, 1.0)
    hidden = draw[:, slots(ecg.leads)] < probability
    return _hide(ecg, hidden[:, :, None].to(ecg.values.device))


def _window(
    begin: Int64[Tensor, "batch row"], num_samples: int, share: float
) -> Bool[Tensor, "batch row time"]:
    if not 0 <= share <= 1:
        raise ValueError(f"share must be 0 to 1, got {share}")
    hidden = torch.arange(num_samples, device=begin.device) < round(share * num_samples)
    turned = hidden.repeat(2).unfold(0, num_samples, 1)
    return turned[num_samples - begin]


def _hide(ecg: Ecgs, hidden: Bool[Tensor, "batch row time"]) -> Ecgs:
    return changed(ecg, ecg.values.masked_fill(hidden, 0.0))


def rotate_vcg(
    ecg: Ecgs, generator: torch.Generator, *, angle: float = 45.0, scale: float = 1.5
) -> Ecgs:
    """Each ECG as if the heart lay turned and its dipole were stretched, all else kept.

    On the eight independent leads x: x + pinv(D) (S R - 1) D x, with D the inverse Dower matrix,
    R the rotation by three angles from U(-angle, angle) about z, y and x in this order, and S the
    stretching of X, Y and Z by factors from U(1, scale). The limb leads follow by name. What a
    dipole cannot explain (x - pinv(D) D x) stays, so angle 0 and scale 1 give the input.
    Einthoven's law holds after as before.

    Args:
        ecg: millivolts, unnormalised, with the eight independent leads; other leads optional.
        generator: draws one rotation and one stretching per ECG.
        angle: the most, in degrees, that each Euler angle may be; at least 0.
        scale: the most that an axis is stretched by; at least 1.

    Raises:
        ValueError: ``angle`` is below 0 or ``scale`` below 1.
        DataError: an independent lead is missing, or a lead is none of the twelve.

    Source: after Gopal 2021 (3KG, arXiv:2106.04452) and Jwoo5/fairseq-signals at 8d570b3,
    which project, as ``project_vcg`` does.
    """
    turn = _turn(ecg, generator, angle, scale)
    change = turn - torch.eye(3, dtype=turn.dtype, device=turn.device)
    to_vcg, to_leads = _matrices(ecg)
    values = ecg.values.to(turn.dtype)
    moved = torch.baddbmm(values, to_leads @ change, to_vcg @ values)
    return changed(ecg, moved)


def project_vcg(
    ecg: Ecgs, generator: torch.Generator, *, angle: float = 45.0, scale: float = 1.5
) -> Ecgs:
    """Each ECG as its turned and stretched dipole alone explains it, as the papers compute it.

    On the eight independent leads x: pinv(D) S R D x, drawn as in ``rotate_vcg``. Every ECG loses
    what a dipole cannot explain, even with angle 0 and scale 1: an encoder trained on such views
    alone never sees an ECG as it is measured. Einthoven's law holds. Arguments and errors are those
    of ``rotate_vcg``.

    Source: Gopal 2021 (3KG, arXiv:2106.04452); Jwoo5/fairseq-signals at 8d570b3.
    """
    turn = _turn(ecg, generator, angle, scale)
    to_vcg, to_leads = _matrices(ecg)
    seen = (to_leads @ turn) @ (to_vcg @ ecg.values.to(turn.dtype))
    return changed(ecg, seen)


def _turn(
    ecg: Ecgs, generator: torch.Generator, angle: float, scale: float
) -> Float[Tensor, "batch 3 3"]:
    if angle < 0:
        raise ValueError(f"angle must be at least 0 degrees, got {angle}")
    if scale < 1:
        raise ValueError(f"scale must be at least 1, got {scale}")
    shape = (len(ecg.values), 3)
    angles = torch.deg2rad(uniform(generator, shape, -angle, angle))
    stretch = uniform(generator, shape, 1.0, scale)
    about_z, about_y, about_x = (
        _rotation(angles[:, step], axis) for step, axis in enumerate((2, 1, 0))
    )
    turn = stretch[:, :, None] * (about_x @ about_y @ about_z)
    return turn.to(ecg.values.device, working_dtype(ecg.values))


def _rotation(radians: Float[Tensor, " batch"], axis: int) -> Float[Tensor, "batch 3 3"]:
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = torch.eye(3, dtype=radians.dtype, device=radians.device).repeat(len(radians), 1, 1)
    matrix[:, first, first] = matrix[:, second, second] = radians.cos()
    matrix[:, second, first] = radians.sin()
    matrix[:, first, second] = -radians.sin()
    return matrix


def _matrices(ecg: Ecgs) -> tuple[Float[Tensor, "3 lead"], Float[Tensor, "lead 3"]]:
    slots(ecg.leads)
    to_vcg = np.zeros((3, len(ecg.leads)))
    to_vcg[:, index(ecg.leads, INDEPENDENT)] = INVERSE_DOWER
    to_leads = expansion(ecg.leads) @ np.linalg.pinv(INVERSE_DOWER)
    dtype, device = working_dtype(ecg.values), ecg.values.device
    return (
        torch.tensor(to_vcg, dtype=dtype, device=device),
        torch.tensor(to_leads, dtype=dtype, device=device),
    )
