"""Losses for masked modelling: the error of the reconstruction."""

import math
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from crossbeat.objectives.supervised import at_least_float32

Patches = Float[Tensor, "batch signal patch value"]
Scalar = Float[Tensor, ""]

_TINY = 1e-16  # a squared length below this is no length, as of a flat prediction


def masked_error(
    prediction: Patches,
    target: Patches,
    mask: Bool[Tensor, "batch signal patch"],
    *,
    over: Literal["masked", "all"] = "masked",
    correlation: float = 0.1,
) -> Scalar:
    """Squared error of the patches, combined with one minus the correlation of each signal.

    (1 - c) mean (p - t)^2 + c mean (1 - corr(p, t)), with c = ``correlation``. The correlation
    is Pearson's, over all values of one signal: a lead of one ECG, a frame of one cine. Signals
    whose target is flat have none and count in the squared error only.

    Args:
        prediction: the reconstruction.
        target: the original, in the same unit.
        mask: which patches were hidden; at least one.
        over: whether only the hidden patches count, as in masked autoencoders, or all, as in MMCL.
        correlation: share c of the second term, 0 to 1.

    Raises:
        ValueError: ``correlation`` is not between 0 and 1, or no patch was hidden.

    Source: He 2022 (MAE, arXiv:2111.06377) section 3 for the error over hidden patches; Turgut
        2025 (MMCL, arXiv:2308.05764) for the correlation, over all patches in its public code
        (oetu/mae at 68851df, models_mae.py), which adds 1e-12 to variances instead.
    """
    if not 0 <= correlation <= 1:
        raise ValueError(f"correlation must be 0 to 1, got {correlation}")
    if not mask.any():
        raise ValueError("mask must hide at least one patch, got none")
    counted = torch.ones_like(mask) if over == "all" else mask
    prediction, target = at_least_float32(prediction), at_least_float32(target)
    error = (prediction - target).square().mean(dim=3)[counted].mean()
    return (1 - correlation) * error + correlation * _apart(prediction, target, counted)


def _apart(
    prediction: Patches, target: Patches, counted: Bool[Tensor, "batch signal patch"]
) -> Scalar:
    """One less the correlation, the mean over signals that have one."""
    highest = target.amax(dim=3).masked_fill(~counted, -math.inf).amax(dim=2)
    lowest = target.amin(dim=3).masked_fill(~counted, math.inf).amin(dim=2)
    told = highest > lowest
    filled, wanted = _centred(prediction, counted), _centred(target, counted)

    def products(one: Patches, other: Patches) -> Float[Tensor, "batch signal"]:
        return ((one * other).sum(dim=3) * counted).sum(dim=2)

    def length(one: Patches) -> Float[Tensor, "batch signal"]:
        return products(one, one).clamp(min=_TINY).sqrt()

    along = products(filled, wanted) / (length(filled) * length(wanted))
    return (1 - along)[told].sum() / told.sum().clamp(min=1)


def _centred(values: Patches, counted: Bool[Tensor, "batch signal patch"]) -> Patches:
    """Less the mean over the patches of a signal that count, of which all are equally long."""
    means = (values.mean(dim=3) * counted).sum(dim=2) / counted.sum(dim=2).clamp(min=1)
    return values - means[:, :, None, None]
