"""Adaptive hard-negative penalisation: how much more a negative counts the closer it is.

A ``Hardness`` takes the cosines of anchors with candidates and the mask of the negatives, and
returns the logarithm of each candidate's weight in the denominator. The losses read it at the
negatives only, so that no strategy can repel a positive. The weight is worked out from the
cosine, not from the cosine divided by the temperature, and gradients flow through it.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

Cosines = Float[Tensor, "anchor other"]
Negatives = Bool[Tensor, "anchor other"]
LogWeights = Float[Tensor, "anchor other"]
_ALMOST = 1 - 1e-6
"""Agreement never quite reaches 1, whose logarithm of disagreement is not finite."""
Hardness = Callable[[Cosines, Negatives], LogWeights]


def none() -> Hardness:
    """Every negative counts once: log-weight 0."""

    def log_weights(cosines: Cosines, negatives: Negatives) -> LogWeights:  # noqa: ARG001
        return torch.zeros_like(cosines)

    return log_weights


def linear(alpha: float) -> Hardness:
    """The weight rises from 1 at an anchor's farthest negative to ``alpha`` at its nearest.

    weight = 1 + (alpha - 1) (cos - min) / (max - min), with min and max over the negatives of the
    anchor. Where these are equal no negative is harder than another, and the weight is 1.

    Args:
        alpha: weight of the nearest negative; at least 1.

    Raises:
        ValueError: ``alpha`` is below 1.

    Source: CroMoTEX (arXiv:2506.19329), strategy ``linear``; its code takes min and max over
    zeros in the place of the positives as well, and weights the positives too.
    """
    _require_alpha(alpha, least=1.0)

    def log_weights(cosines: Cosines, negatives: Negatives) -> LogWeights:
        lowest = cosines.masked_fill(~negatives, math.inf).amin(dim=1, keepdim=True)
        highest = cosines.masked_fill(~negatives, -math.inf).amax(dim=1, keepdim=True)
        ranked = negatives & (highest > lowest)
        # Where nothing is ranked, 0 / 1: a plain quotient would be NaN in the value or gradient.
        above = torch.where(ranked, cosines - lowest, 0)
        span = torch.where(ranked, highest - lowest, 1)
        return torch.log1p((alpha - 1) * above / span)

    return log_weights


def topk(alpha: float, share: float) -> Hardness:
    """The negatives nearest to an anchor weigh ``alpha``, the others 1.

    Their number is ``share`` times the number of candidates, positives included (the batch),
    rounded, at least 1 and at most all negatives of the anchor. Ties at the edge all count.

    Args:
        alpha: weight of the nearest negatives; at least 1.
        share: part of the batch that is penalised; above 0, at most 1.

    Raises:
        ValueError: ``alpha`` is below 1, or ``share`` is not above 0 and at most 1.

    Source: CroMoTEX (arXiv:2506.19329), strategy ``topk``; its code ranks the positives too, and
    penalises none in a batch of fewer than 1 / ``share`` samples.
    """
    _require_alpha(alpha, least=1.0)
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")

    def log_weights(cosines: Cosines, negatives: Negatives) -> LogWeights:
        count = max(1, round(share * cosines.shape[1]))
        ranked = cosines.detach().masked_fill(~negatives, -math.inf)
        edge = ranked.topk(count, dim=1).values[:, -1:]
        return torch.zeros_like(cosines).masked_fill(negatives & (ranked >= edge), math.log(alpha))

    return log_weights


def exp(alpha: float) -> Hardness:
    """The weight grows exponentially with the cosine: weight = 1 + exp(alpha cos).

    Args:
        alpha: rate of growth; at least 0.

    Raises:
        ValueError: ``alpha`` is below 0.

    Source: CroMoTEX (arXiv:2506.19329), strategy ``exp``; its code has cos / temperature in the
    exponent, which overflows float32 at the published settings.
    """
    _require_alpha(alpha, least=0.0)

    def log_weights(cosines: Cosines, negatives: Negatives) -> LogWeights:  # noqa: ARG001
        return F.softplus(alpha * cosines)

    return log_weights


def where_sure(
    strategy: Hardness, agreement: Float[Tensor, "batch batch"], certainty: float
) -> Hardness:
    """Weight a negative by the probability that it is one, and penalise it where that is certain.

    weight = (1 - agreement) times the strategy's weight where agreement <= 1 - ``certainty``, and
    1 - agreement elsewhere. The strategy ranks the sure negatives alone.

    Args:
        strategy: the penalty.
        agreement: probability that the two samples of a pair agree, 0 to 1; symmetric, as both
            directions of a loss read it.
        certainty: from which probability of disagreement a negative is sure, 0.5 to 1.

    Raises:
        ValueError: ``certainty`` is not between 0.5 and 1.
    """
    if not 0.5 <= certainty <= 1:
        raise ValueError(f"certainty must be 0.5 to 1, got {certainty}")
    sure = agreement <= 1 - certainty
    doubt = torch.log1p(-agreement.clamp(max=_ALMOST))

    def log_weights(cosines: Cosines, negatives: Negatives) -> LogWeights:
        penalised = negatives & sure
        return doubt + torch.where(penalised, strategy(cosines, penalised), 0)

    return log_weights


def _require_alpha(alpha: float, least: float) -> None:
    if not least <= alpha < math.inf:
        raise ValueError(f"alpha must be finite and at least {least}, got {alpha}")


HARDNESS: dict[str, Callable[[float, float], Hardness]] = {
    "none": lambda _alpha, _share: none(),
    "linear": lambda alpha, _share: linear(alpha),
    "topk": topk,
    "exp": lambda alpha, _share: exp(alpha),
}
"""Strategies by name, each made from (alpha, share); for recipes, which hold all three."""
