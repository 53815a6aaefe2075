"""Losses against labels of findings, a teacher's probabilities of them, and measurements.

The checks of arguments, and the precision that all losses are worked out in, stand here too.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Findings = Float[Tensor, "batch finding"]
Scalar = Float[Tensor, ""]


def bce(
    logits: Findings,
    targets: Findings,
    *,
    positive_weight: Float[Tensor, " finding"] | None = None,
) -> Scalar:
    """Mean binary cross-entropy over the labels that are not ignored.

    Of sigmoid(logit) with the target, as -w y log p - (1 - y) log(1 - p). A batch whose labels are
    all ignored has loss 0 and gradient 0.

    Args:
        logits: log-odds of each finding.
        targets: 1 present, 0 absent, NaN ignored; a probability in between is a soft target.
        positive_weight: w of each finding, above 0; by default all 1.

    Raises:
        ValueError: a target is not between 0 and 1, or a ``positive_weight`` is not above 0.
    """
    require_probabilities("targets", targets)
    if positive_weight is not None and not (positive_weight > 0).all():
        raise ValueError(f"positive_weight must be above 0, got {positive_weight.tolist()}")
    logits = at_least_float32(logits)
    decided, known = ~targets.isnan(), targets.nan_to_num().to(logits.dtype)
    losses = F.binary_cross_entropy_with_logits(
        logits, known, reduction="none", pos_weight=positive_weight
    )
    return torch.where(decided, losses, 0).sum() / decided.sum().clamp(min=1)


def soft_bce(logits: Findings, teacher: Findings, *, temperature: float = 1.0) -> Scalar:
    """Distillation: mean binary cross-entropy with a teacher's probabilities.

    With T = ``temperature``, T^2 times the binary cross-entropy between sigmoid(logit / T) and the
    teacher's probability softened alike, sigmoid(logit(p) / T). No gradient reaches the teacher.

    Args:
        logits: log-odds of each finding, by the student.
        teacher: probability of each finding, 0 to 1; NaN where the teacher has none.
        temperature: softens both; above 0.

    Raises:
        ValueError: ``temperature`` is not above 0, or a probability is not between 0 and 1.

    Source: Hinton 2015 (arXiv:1503.02531) section 2, for two classes.
    """
    require_above_0("temperature", temperature)
    require_probabilities("teacher", teacher)
    softened = torch.sigmoid(torch.logit(at_least_float32(teacher.detach())) / temperature)
    return temperature**2 * bce(at_least_float32(logits) / temperature, softened)


def blend(believed: Findings, labels: Findings, *, trust: float) -> Findings:
    """Mix the probabilities of a teacher with the labels.

    ``trust`` p + (1 - ``trust``) y; p alone where there is no label.

    Args:
        believed: probability p of each finding, predicted by the teacher, 0 to 1.
        labels: y, 1 present, 0 absent, NaN unknown.
        trust: share of the teacher, 0 to 1; at 0 unknown labels stay NaN.

    Raises:
        ValueError: ``trust`` is not between 0 and 1, or a probability is not.

    Source: the bootstrap of Reed 2015 (arXiv:1412.6596) eq. 6, with another network's belief.
    """
    if not 0 <= trust <= 1:
        raise ValueError(f"trust must be 0 to 1, got {trust}")
    require_probabilities("believed", believed)
    if trust == 0:
        return labels
    return torch.where(labels.isnan(), believed, trust * believed + (1 - trust) * labels)


def squared_error(
    estimates: Float[Tensor, "batch measurement"],
    measured: Float[Tensor, "batch measurement"],
    *,
    spread: Float[Tensor, " measurement"],
) -> Scalar:
    """Mean squared error in standard deviations, over the known measurements.

    A batch in which nothing was measured has loss 0 and gradient 0.

    Args:
        estimates: in the unit of each measurement.
        measured: the same; NaN where a measurement was not measured.
        spread: standard deviation of each measurement, above 0.

    Raises:
        ValueError: a spread is not above 0.
    """
    if not (spread > 0).all():
        raise ValueError(f"spread must be above 0, got {spread.tolist()}")
    known = ~measured.isnan()
    apart = (at_least_float32(estimates) - measured.nan_to_num()) / spread
    return torch.where(known, apart**2, 0).sum() / known.sum().clamp(min=1)


def at_least_float32(values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The values in float32, or as they are if in float64.

    Logits of tens, as small temperatures give, have steps of a quarter in bfloat16.
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))


def require_above_0(name: str, value: float | Scalar) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be finite and above 0, got {float(value)}")


def require_probabilities(name: str, values: Float[Tensor, "..."]) -> None:
    """NaN, which stands for an ignored label or pair, is no error."""
    odd = values[(values < 0) | (values > 1)]
    if len(odd) > 0:
        got = odd.unique().tolist()
        raise ValueError(f"{name} must be between 0 and 1, or NaN (ignored), got {got}")
