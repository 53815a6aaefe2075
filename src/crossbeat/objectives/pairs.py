"""What the pairs of a batch count: rules for positive pairs, and the weights of hard negatives.

A rule takes labels (1 present, 0 absent, NaN ignored) and returns one weight for each pair of
samples: above 0 for a positive, 0 for a negative, and **NaN for a pair that is neither**. A pair is
decided only if every way to fill in its ignored labels gives the same weight; the losses leave an
undecided pair out of numerator and denominator. ``torch.isnan`` of the weights is the mask of these
pairs. The diagonal follows the same rule; the losses that know partners overwrite it.

A ``Hardness`` says how much more a negative counts the closer it is: it takes the cosines of
anchors with candidates and the mask of the negatives, and returns the logarithm of each candidate's
weight in the denominator. The losses read it at the negatives only, so that no strategy can repel a
positive. The weight is worked out from the cosine, not from the cosine divided by the temperature,
and gradients flow through it.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from crossbeat.objectives.supervised import require_probabilities

Labels = Float[Tensor, "batch finding"]
Pairs = Float[Tensor, "batch batch"]
Mask = Bool[Tensor, "batch finding"]
Cosines = Float[Tensor, "anchor other"]
Negatives = Bool[Tensor, "anchor other"]
LogWeights = Float[Tensor, "anchor other"]
Hardness = Callable[[Cosines, Negatives], LogWeights]

_ALMOST = 1 - 1e-6
"""Agreement never quite reaches 1, whose logarithm of disagreement is not finite."""


def equal(labels: Labels) -> Pairs:
    """Positive are two samples that agree in every finding.

    Args:
        labels: 1 present, 0 absent, NaN ignored.

    Raises:
        ValueError: a label is none of these.

    Source: CroMoTEX (arXiv:2506.19329), for its single finding.
    """
    present, absent = _decided(labels)
    differ = (_count(present, absent) + _count(absent, present)) > 0
    return _weights(_complete(labels).float(), negative=differ, undecided=~_complete(labels))


def any_shared(labels: Labels) -> Pairs:
    """Positive are two samples that share a finding, or that both have none.

    Two samples without any finding share their normality: were they negatives, this rule would
    repel healthy patients from each other and disagree with ``equal`` for a single finding.

    Args:
        labels: 1 present, 0 absent, NaN ignored.

    Raises:
        ValueError: a label is none of these.
    """
    present, absent = _decided(labels)
    positive = (_count(present, present) > 0) | _both(absent.all(dim=1))
    return _weights(positive.float(), negative=_disjoint(labels), undecided=~positive)


def jaccard(labels: Labels) -> Pairs:
    """The weight of a pair is the part of their findings that they share.

    weight = |A and B| / |A or B|, and 1 where both have no finding. An ignored label leaves a pair
    undecided unless the two can share nothing.

    Args:
        labels: 1 present, 0 absent, NaN ignored.

    Raises:
        ValueError: a label is none of these.
    """
    present, _ = _decided(labels)
    shared = _count(present, present)
    number = present.sum(dim=1)
    union = number[:, None] + number[None, :] - shared
    weights = torch.where(union > 0, shared / union.clamp(min=1), 1)
    return _weights(weights, negative=_disjoint(labels), undecided=~_complete(labels))


def same(codes: Int[Tensor, " batch"]) -> Pairs:
    """Positive are two samples with the same code, of a patient for example.

    Args:
        codes: any integers.

    Source: Gopal 2021 (3KG, arXiv:2106.04452) as in Jwoo5/fairseq-signals at 8d570b3, where all
    views of one patient are positives.
    """
    return (codes[:, None] == codes[None, :]).float()


def agreement(probabilities: Labels) -> Pairs:
    """The probability that two samples agree in every finding.

    With p and p' the probabilities of the two, prod_f (p_f p'_f + (1 - p_f) (1 - p'_f)).

    Args:
        probabilities: of each finding, 0 to 1, taken as independent.

    Raises:
        ValueError: a probability is not between 0 and 1.
    """
    require_probabilities("probabilities", probabilities)
    with torch.autocast(probabilities.device.type, enabled=False):
        ours, theirs = probabilities[:, None, :].float(), probabilities[None, :, :].float()
        return (ours * theirs + (1 - ours) * (1 - theirs)).prod(dim=2)


def likely(probabilities: Labels, certainty: float) -> Pairs:
    """The weight of a pair is the probability that it agrees; 0 where it surely does not.

    With a the ``agreement`` of two samples: a where a > 1 - ``certainty``, and 0 elsewhere, so that
    the pair is a negative. For labels of 1 and 0 this is ``equal``.

    Args:
        probabilities: of each finding, 0 to 1, taken as independent; NaN leaves a pair undecided.
        certainty: from which probability of disagreement a pair is a negative, 0.5 to 1.

    Raises:
        ValueError: a probability is not between 0 and 1, or ``certainty`` is out of its range.
    """
    _require_certainty(certainty)
    agree = agreement(probabilities)
    return agree.masked_fill(agree <= 1 - certainty, 0)


POSITIVES: dict[str, Callable[[Labels], Pairs]] = {
    "equal": equal,
    "any_shared": any_shared,
    "jaccard": jaccard,
}
"""Rules by name, for recipes."""


def _decided(labels: Labels) -> tuple[Mask, Mask]:
    present, absent = labels == 1, labels == 0
    odd = labels[~(present | absent | labels.isnan())]
    if len(odd) > 0:
        raise ValueError(f"labels must be 0, 1 or NaN (ignored), got {odd.unique().tolist()}")
    return present, absent


def _complete(labels: Labels) -> Bool[Tensor, "batch batch"]:
    return _both(~labels.isnan().any(dim=1))


def _disjoint(labels: Labels) -> Bool[Tensor, "batch batch"]:
    """Whether two samples share nothing and are not both without finding, however filled in."""
    possible = labels != 0
    may_be_none = ~(labels == 1).any(dim=1)
    return (_count(possible, possible) == 0) & ~_both(may_be_none)


def _both(mask: Bool[Tensor, " batch"]) -> Bool[Tensor, "batch batch"]:
    return mask[:, None] & mask[None, :]


def _count(ours: Mask, theirs: Mask) -> Pairs:
    with torch.autocast(ours.device.type, enabled=False):  # counts stay whole numbers
        return ours.float() @ theirs.float().T


def _weights(
    weights: Pairs, *, negative: Bool[Tensor, "batch batch"], undecided: Bool[Tensor, "batch batch"]
) -> Pairs:
    return weights.masked_fill(undecided, torch.nan).masked_fill(negative, 0)


def none() -> Hardness:
    """Every negative counts once: log-weight 0."""
    return lambda cosines, _negatives: torch.zeros_like(cosines)


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
    return lambda cosines, _negatives: F.softplus(alpha * cosines)


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
    _require_certainty(certainty)
    sure = agreement <= 1 - certainty
    doubt = torch.log1p(-agreement.clamp(max=_ALMOST))

    def log_weights(cosines: Cosines, negatives: Negatives) -> LogWeights:
        penalised = negatives & sure
        return doubt + torch.where(penalised, strategy(cosines, penalised), 0)

    return log_weights


def _require_certainty(certainty: float) -> None:
    if not 0.5 <= certainty <= 1:
        raise ValueError(f"certainty must be 0.5 to 1, got {certainty}")


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
