"""Contrastive losses between two sets of embeddings, in which rows of equal number are partners.

All but ``sigmoid`` are one weighted mean of surprises over cosines divided by a temperature. They
differ in whom a sample has as a positive, which one matrix of pair weights says: above 0 a positive
with that weight, 0 a negative, NaN neither (left out of numerator and denominator). Losses are
worked out in float32 at least, whatever the precision of the embeddings.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from crossbeat.objectives.pairs import Hardness, Pairs
from crossbeat.objectives.supervised import (
    at_least_float32,
    require_above_0,
    require_probabilities,
)

Embeddings = Float[Tensor, "batch dim"]
Scalar = Float[Tensor, ""]
Number = float | Scalar

TILE = 1024
"""Rows of cosines that ``clip`` holds at a time."""


def info_nce(
    anchor: Embeddings,
    other: Embeddings,
    *,
    temperature: Number,
    positives: Pairs | None = None,
    hardness: Hardness | None = None,
) -> Scalar:
    """Mean surprise of each anchor at its own positives.

    With s = cos(anchor_i, other_j) / temperature, the loss of anchor i is the
    ``positives[i]``-weighted mean over j of log(sum_k w_ik exp(s_ik)) - s_ij, where k runs over the
    positives and negatives of i, and w is 1 for positives and the ``hardness`` of negatives.

    Args:
        anchor: one vector per sample, of any length.
        other: row i is the partner of row i of ``anchor``.
        temperature: divides the cosines; above 0.
        positives: weight of j as a positive of i, at least 0, NaN for a pair that is neither
            positive nor negative; by default only j = i counts.
        hardness: weights the negatives; by default all count once.

    Raises:
        ValueError: ``temperature`` is not above 0, a weight is below 0, or a sample has no
            positive.

    Source: van den Oord 2018 (arXiv:1807.03748) eq. 4; Khosla 2020 (arXiv:2004.11362) eq. 2.
    """
    pairs = _own_pairs(anchor) if positives is None else positives
    return _surprise(_cosines(anchor, other), temperature, pairs, hardness).mean()


def clip(anchor: Embeddings, other: Embeddings, *, temperature: Number) -> Scalar:
    """Mean of both directions of ``info_nce``, with the partner as the only positive.

    A batch of more than ``TILE`` samples is worked out in tiles of as many rows, which are done
    again on the way back: memory then grows with the batch and not with its square.

    Args:
        anchor: one vector per sample, of any length.
        other: row i is the partner of row i of ``anchor``.
        temperature: divides the cosines; above 0.

    Raises:
        ValueError: ``temperature`` is not above 0.

    Source: Radford 2021 (arXiv:2103.00020) fig. 3.
    """
    if len(anchor) > TILE:
        return _clip_in_tiles(anchor, other, temperature)
    cosines, pairs = _cosines(anchor, other), _own_pairs(anchor)
    return _both_ways(cosines, temperature, pairs, hardness=None)


def alignment(
    anchor: Embeddings,
    other: Embeddings,
    *,
    positives: Pairs,
    temperature: Number,
    own_pair: float,
    hardness: Hardness | None = None,
) -> Scalar:
    """Supervised cross-modal alignment: ``info_nce`` in both directions, with classes as positives.

    The positives of sample i are those that ``positives`` names, in the other modality, and its own
    partner with weight ``own_pair``.

    Args:
        anchor: one vector per sample, of any length.
        other: row i is the partner of row i of ``anchor``.
        positives: weight of j as a positive of i, at least 0, NaN for a pair that is neither
            positive nor negative; the diagonal is not read.
        temperature: divides the cosines; above 0.
        own_pair: weight of the partner against the other positives; above 0.
        hardness: weights the negatives; by default all count once.

    Raises:
        ValueError: ``temperature`` or ``own_pair`` is not above 0, or a weight is below 0.

    Source: CroMoTEX (arXiv:2506.19329), supervised alignment with adaptive hard-negative penalty;
    its code fixes the weight of the own pair at 3 where it penalises.
    """
    require_above_0("own_pair", own_pair)
    pairs = _with_diagonal(positives, own_pair)
    return _both_ways(_cosines(anchor, other), temperature, pairs, hardness)


def sup_con(
    anchor: Embeddings,
    other: Embeddings,
    *,
    positives: Pairs,
    temperature: Number,
    own_pair: bool,
) -> Scalar:
    """Supervised contrast in one direction: ``info_nce`` over all samples of a class.

    Without the own pair, (i, i) is neither among the positives nor in the denominator, and an
    anchor that then has no positive does not count in the mean. Views of one modality are
    contrasted by giving the same embeddings twice, without the own pair.

    Args:
        anchor: one vector per sample, of any length.
        other: row i is the partner of row i of ``anchor``.
        positives: weight of j as a positive of i, at least 0, NaN for a pair that is neither
            positive nor negative; the diagonal is not read.
        temperature: divides the cosines; above 0.
        own_pair: whether the partner counts, with weight 1.

    Raises:
        ValueError: ``temperature`` is not above 0, a weight is below 0, or no sample has a
            positive.

    Source: Khosla 2020 (arXiv:2004.11362) eq. 2.
    """
    pairs = _with_diagonal(positives, 1.0 if own_pair else math.nan)
    _require_weights(pairs)
    rows = (pairs > 0).any(dim=1)
    if not rows.any():
        raise ValueError("positives must name a positive of at least one sample, got none")
    return _surprise(_cosines(anchor, other)[rows], temperature, pairs[rows], None).mean()


def nt_xent(view: Embeddings, other_view: Embeddings, *, temperature: Number) -> Scalar:
    """Each view's surprise at its sibling among all other views of the batch.

    Over the 2 batch views, the mean of logsumexp_{k != i} s_ik - s_i,sibling(i), with
    s = cos / temperature.

    Args:
        view: one vector per sample, of any length.
        other_view: row i is a second view of the sample of row i of ``view``.
        temperature: divides the cosines; above 0.

    Raises:
        ValueError: ``temperature`` is not above 0.

    Source: Chen 2020 (arXiv:2002.05709) eq. 1.
    """
    views = torch.cat([view, other_view])
    siblings = _own_pairs(views).roll(len(view), dims=0)
    pairs = _with_diagonal(siblings, math.nan)
    return _surprise(_cosines(views, views), temperature, pairs, None).mean()


def sigmoid(
    anchor: Embeddings,
    other: Embeddings,
    *,
    scale: Number,
    bias: Number,
    positives: Pairs | None = None,
) -> Scalar:
    """Every pair is its own yes-or-no question: is it a positive?

    With l = ``scale`` cos + ``bias``, the sum over all pairs of the binary cross-entropy between
    sigmoid(l_ij) and ``positives[i, j]``, divided by the batch size.

    Args:
        anchor: one vector per sample, of any length.
        other: row i is the partner of row i of ``anchor``.
        scale: multiplies the cosines (one over the temperature); above 0.
        bias: is added; negative, since most pairs are negatives.
        positives: probability that the pair is a positive, 0 to 1, NaN for a pair that does not
            count; by default 1 for j = i, else 0.

    Raises:
        ValueError: ``scale`` is not above 0, or ``positives`` are not between 0 and 1.

    Source: Zhai 2023 (arXiv:2303.15343) section 3.2.
    """
    require_above_0("scale", scale)
    pairs = _own_pairs(anchor) if positives is None else positives
    require_probabilities("positives", pairs)
    logits = scale * _cosines(anchor, other) + bias
    targets = pairs.to(logits.dtype)
    surprise = F.binary_cross_entropy_with_logits(logits, targets.nan_to_num(), reduction="none")
    return torch.where(targets.isnan(), 0, surprise).sum() / len(anchor)


def _clip_in_tiles(anchor: Embeddings, other: Embeddings, temperature: Number) -> Scalar:
    require_above_0("temperature", temperature)
    with torch.autocast(anchor.device.type, enabled=False):
        one, two = (F.normalize(at_least_float32(each), dim=-1) for each in (anchor, other))
        own = (one * two).sum(dim=1) / temperature
        totals = [
            checkpoint(_log_totals, tile, others, temperature, use_reentrant=False)
            for tiled, others in ((one, two), (two, one))
            for tile in tiled.split(TILE)
        ]
    return torch.cat(totals).mean() - own.mean()


def _log_totals(
    tile: Float[Tensor, "row dim"], others: Embeddings, temperature: Number
) -> Float[Tensor, " row"]:
    return (tile @ others.T / temperature).logsumexp(dim=1)


def _cosines(
    anchor: Float[Tensor, "anchor dim"], other: Float[Tensor, "other dim"]
) -> Float[Tensor, "anchor other"]:
    with torch.autocast(anchor.device.type, enabled=False):
        anchor, other = at_least_float32(anchor), at_least_float32(other)
        return F.normalize(anchor, dim=-1) @ F.normalize(other, dim=-1).T


def _both_ways(
    cosines: Pairs, temperature: Number, pairs: Pairs, hardness: Hardness | None
) -> Scalar:
    there = _surprise(cosines, temperature, pairs, hardness)
    back = _surprise(cosines.T, temperature, pairs.T, hardness)
    return (there + back).mean() / 2


def _surprise(
    cosines: Float[Tensor, "anchor other"],
    temperature: Number,
    pairs: Float[Tensor, "anchor other"],
    hardness: Hardness | None,
) -> Float[Tensor, " anchor"]:
    require_above_0("temperature", temperature)
    _require_weights(pairs)
    _require_positives(pairs)
    negatives = pairs == 0
    logits = cosines / temperature
    candidates = logits
    if hardness is not None:
        candidates = logits + torch.where(negatives, hardness(cosines, negatives), 0)
    log_total = candidates.masked_fill(pairs.isnan(), -math.inf).logsumexp(dim=1)
    weights = pairs.nan_to_num().to(logits.dtype)
    surprise = log_total[:, None] - logits
    return (weights * surprise).sum(dim=1) / weights.sum(dim=1)


def _own_pairs(embeddings: Embeddings) -> Pairs:
    return torch.eye(len(embeddings), device=embeddings.device)


def _with_diagonal(pairs: Pairs, weight: float) -> Pairs:
    return pairs.clone().fill_diagonal_(weight)


def _require_weights(pairs: Float[Tensor, "anchor other"]) -> None:
    odd = pairs[(pairs < 0) | pairs.isinf()]
    if len(odd) > 0:
        got = odd.unique().tolist()
        raise ValueError(f"positives must be finite and at least 0, or NaN, got {got}")


def _require_positives(pairs: Float[Tensor, "anchor other"]) -> None:
    lonely = ~(pairs > 0).any(dim=1)
    if lonely.any():
        rows = lonely.nonzero().flatten().tolist()
        raise ValueError(f"positives must name a positive of every sample, got none for {rows}")
