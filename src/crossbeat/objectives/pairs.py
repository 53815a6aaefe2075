"""Rules for positive pairs: turn labels into weights of pairs.

Every function takes labels (1 present, 0 absent, NaN ignored) and returns one weight for each pair
of samples: above 0 for a positive, 0 for a negative, and **NaN for a pair that is neither**. A pair
is decided only if every way to fill in its ignored labels gives the same weight; the losses leave
an undecided pair out of numerator and denominator. ``torch.isnan`` of the weights is the mask of
these pairs. The diagonal follows the same rule; the losses that know partners overwrite it.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from crossbeat.objectives.checks import require_probabilities

Labels = Float[Tensor, "batch finding"]
Pairs = Float[Tensor, "batch batch"]
Mask = Bool[Tensor, "batch finding"]


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
    shared = _count(present, present) > 0
    both_none = _both(absent.all(dim=1))
    positive = shared | both_none
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
    if not 0.5 <= certainty <= 1:
        raise ValueError(f"certainty must be 0.5 to 1, got {certainty}")
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
