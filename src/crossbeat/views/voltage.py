"""Views that add noise at the electrodes, or change the gain.

Noise arises at the nine electrodes, and each lead is the difference of electrodes that it is by
definition. So leads that share an electrode share its noise, and Einthoven's law holds.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from crossbeat.leads import INDEPENDENT, expansion
from crossbeat.signal import Ecgs
from crossbeat.views.draws import normal, slots, uniform, working_dtype

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
    return Ecgs(values.to(ecg.values.dtype), ecg.leads, ecg.fs)


def _add(ecg: Ecgs, noise: Float[Tensor, "batch electrode time"], size: float) -> Ecgs:
    slots(ecg.leads)
    mixing = torch.tensor(size * expansion(ecg.leads) @ _FROM_ELECTRODES)
    mixing = mixing.to(ecg.values.device, working_dtype(ecg.values)).expand(len(noise), -1, -1)
    values = torch.baddbmm(ecg.values.to(mixing.dtype), mixing, noise.to(mixing))
    return Ecgs(values.to(ecg.values.dtype), ecg.leads, ecg.fs)
