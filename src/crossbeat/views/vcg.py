"""Views that turn and stretch the heart's electrical axis in the vectorcardiogram (VCG)."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from crossbeat.leads import INDEPENDENT, INVERSE_DOWER, expansion, index
from crossbeat.signal import Ecgs
from crossbeat.views.draws import slots, uniform, working_dtype

_FROM_VCG = np.linalg.pinv(INVERSE_DOWER)


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
    return Ecgs(moved.to(ecg.values.dtype), ecg.leads, ecg.fs)


def project_vcg(
    ecg: Ecgs, generator: torch.Generator, *, angle: float = 45.0, scale: float = 1.5
) -> Ecgs:
    """Each ECG as its turned and stretched dipole alone explains it, as the papers compute it.

    On the eight independent leads x: pinv(D) S R D x, drawn as in ``rotate_vcg``. Every ECG loses
    what a dipole cannot explain, even with angle 0 and scale 1: an encoder trained on such views
    alone never sees an ECG as it is measured. Einthoven's law holds.

    Args:
        ecg: millivolts, unnormalised, with the eight independent leads; other leads optional.
        generator: draws one rotation and one stretching per ECG.
        angle: the most, in degrees, that each Euler angle may be; at least 0.
        scale: the most that an axis is stretched by; at least 1.

    Raises:
        ValueError: ``angle`` is below 0 or ``scale`` below 1.
        DataError: an independent lead is missing, or a lead is none of the twelve.

    Source: Gopal 2021 (3KG, arXiv:2106.04452); Jwoo5/fairseq-signals at 8d570b3.
    """
    turn = _turn(ecg, generator, angle, scale)
    to_vcg, to_leads = _matrices(ecg)
    seen = (to_leads @ turn) @ (to_vcg @ ecg.values.to(turn.dtype))
    return Ecgs(seen.to(ecg.values.dtype), ecg.leads, ecg.fs)


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
    to_leads = expansion(ecg.leads) @ _FROM_VCG
    dtype, device = working_dtype(ecg.values), ecg.values.device
    return (
        torch.tensor(to_vcg, dtype=dtype, device=device),
        torch.tensor(to_leads, dtype=dtype, device=device),
    )
