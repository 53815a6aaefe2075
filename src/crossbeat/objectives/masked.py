"""Masked modelling: how far what was filled in is from what was hidden."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from crossbeat.objectives.precision import at_least_float32

Patches = Float[Tensor, "batch signal patch value"]
Values = Float[Tensor, "batch signal value"]
Scalar = Float[Tensor, ""]


def masked_error(
    prediction: Patches,
    target: Patches,
    mask: Bool[Tensor, "batch signal patch"],
    *,
    over: Literal["masked", "all"] = "masked",
    correlation: float = 0.1,
) -> Scalar:
    """Squared error of the patches, and how far each signal is from going along with its target.

    (1 - c) mean (p - t)^2 + c mean (1 - corr(p, t)), with c = ``correlation``. The correlation
    is Pearson's, over all values of one signal: a lead of one ECG, a frame of one cine. Signals
    whose target is flat have none and count in the squared error only.

    Args:
        prediction: what was filled in.
        target: what is there, in the same unit.
        mask: which patches were hidden; at least one.
        over: whether the hidden patches alone count, as masked autoencoders have it, or all, as
            in MMCL.
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
    error = (prediction - target).square()[counted].mean()
    return (1 - correlation) * error + correlation * _apart(prediction, target, counted)


def _apart(
    prediction: Patches, target: Patches, counted: Bool[Tensor, "batch signal patch"]
) -> Scalar:
    """One less the correlation, the mean over signals that have one."""
    counts = counted[..., None].expand_as(target).flatten(2)
    filled, wanted = prediction.flatten(2), target.flatten(2)
    top = wanted.masked_fill(~counts, -math.inf).amax(dim=2)
    told = top > wanted.masked_fill(~counts, math.inf).amin(dim=2)
    along = F.cosine_similarity(_centred(filled, counts), _centred(wanted, counts), dim=2)
    return (1 - along)[told].sum() / told.sum().clamp(min=1)


def _centred(values: Values, counts: Bool[Tensor, "batch signal value"]) -> Values:
    mean = (values * counts).sum(dim=2, keepdim=True) / counts.sum(dim=2, keepdim=True).clamp(min=1)
    return (values - mean) * counts
