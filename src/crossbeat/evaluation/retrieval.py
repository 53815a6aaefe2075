"""Finding patients with similar hearts: which items of a gallery lie nearest to a query.

Items are compared by the cosine of their embeddings, a block of queries at a time, so that the
square of all pairs is never held. What is measured is kept query by query; means over queries and
their intervals are drawn from that.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, Shaped
from torch import Tensor
from torch.nn.functional import normalize

NEAREST = 10
"""How many items of the gallery are shown to whoever searches."""

DIFFERENCE = f"phenotype_difference@{NEAREST}"
GAIN = f"ndcg@{NEAREST}"

_BLOCK = 512
_RECALLS = (1, NEAREST)

Measures = dict[str, Float64[np.ndarray, " query"]]
_Columns = dict[str, Float[Tensor, " row"]]


@dataclass(frozen=True)
class Items:
    """Embeddings that search or are searched.

    Args:
        embeddings: of any length.
        phenotypes: in any unit; NaN where one was not measured.
        patients: the patient of each item.

    Raises:
        ValueError: the three do not describe the same items, or an embedding is not finite.
    """

    embeddings: Float[np.ndarray, "item dim"]
    phenotypes: Float[np.ndarray, "described phenotype"]
    patients: Shaped[np.ndarray, " owned"]

    def __post_init__(self) -> None:
        sizes = [len(self.embeddings), len(self.phenotypes), len(self.patients)]
        if len(set(sizes)) > 1:
            raise ValueError(
                f"embeddings, phenotypes and patients must describe the same items, got {sizes}"
            )
        if not np.isfinite(self.embeddings).all():
            raise ValueError("embeddings must be finite, got NaN or infinity")


@dataclass(frozen=True)
class Retrieved:
    """What a search found, query by query.

    ``recall@k`` is 1 where an item of the query's own patient is among the k nearest. All other
    measures are about the 10 nearest items of other patients: ``phenotype_difference@10`` is their
    mean absolute difference from the query over all phenotypes, in standard deviations of the
    gallery, ``X_difference@10`` that of phenotype X alone, ``ndcg@10`` their discounted gain as a
    share of the best possible one. NaN: the patient has no item, or a phenotype is unknown.

    Args:
        patients: the patient of each query.
        found: the measures of the search.
        random: what a search by lot gives on average.
        oracle: what a search that knows patients and phenotypes gives.
    """

    patients: Shaped[np.ndarray, " query"]
    found: Measures
    random: Measures
    oracle: Measures


def retrieve(queries: Items, gallery: Items, phenotypes: tuple[str, ...]) -> Retrieved:
    """Search the gallery with every query.

    The distance d of two items is the mean absolute difference of their phenotypes in standard
    deviations of the gallery, and the gain of an item exp(-d). Items of equal cosine are as good
    as drawn by lot when the own patient is looked for. Items with an unknown phenotype count in
    that alone.

    Args:
        queries: what is searched with.
        gallery: what is searched.
        phenotypes: the name of each column.

    Raises:
        ValueError: there is no query, the two differ in dimension or phenotypes, a phenotype does
            not vary, or a query has fewer than 10 items of other patients with all phenotypes.

    Source: Järvelin and Kekäläinen 2002 (ACM TOIS 20:422) eq. 2 for nDCG, with the discount
        1 / log2(1 + rank); distance and gain are ours.
    """
    _check(queries, gallery, phenotypes)
    known = np.isfinite(gallery.phenotypes).all(axis=1)
    codes = np.unique(np.concatenate([queries.patients, gallery.patients]), return_inverse=True)[1]
    asking, owner = torch.from_numpy(codes).split([len(queries.patients), len(gallery.patients)])
    asked, held = (
        normalize(torch.from_numpy(each.embeddings).float()) for each in (queries, gallery)
    )
    mine, theirs = _standardised(queries.phenotypes, gallery.phenotypes[known])
    parts = []
    for rows in torch.arange(len(asking)).split(_BLOCK):
        cosines = asked[rows] @ held.T
        own = asking[rows, None] == owner
        hearts = _Hearts.of(mine[rows], theirs, ~own[:, torch.from_numpy(known)])
        nearest = hearts.nearest(-cosines[:, torch.from_numpy(known)])
        parts.append(
            (
                _recalls(cosines, own) | hearts.chosen(nearest, phenotypes),
                _recalls(torch.zeros_like(cosines), own) | hearts.random(phenotypes),
                _recalls(own.float(), own) | hearts.chosen(hearts.best, phenotypes),
            )
        )
    found, random, oracle = (_joined(kind) for kind in zip(*parts, strict=True))
    return Retrieved(queries.patients, found, random, oracle)


@dataclass(frozen=True)
class _Hearts:
    """How the phenotypes of some queries differ from those of the gallery.

    Args:
        asked: phenotypes of the queries in standard deviations; NaN throughout where one is.
        held: those of the gallery.
        others: whether an item is of another patient.
        distance: the mean absolute difference.
        by_lot: the mean absolute difference of each phenotype over all other patients.
    """

    asked: Float[Tensor, "row phenotype"]
    held: Float[Tensor, "item phenotype"]
    others: Bool[Tensor, "row item"]
    distance: Float[Tensor, "row item"]
    by_lot: Float[Tensor, "row phenotype"]

    @classmethod
    def of(cls, asked: Tensor, held: Tensor, others: Tensor) -> "_Hearts":
        fewest = int(others.sum(dim=1).min())
        if fewest < NEAREST:
            raise ValueError(
                f"every query must have {NEAREST} items of other patients with all phenotypes in "
                f"the gallery, got {fewest}"
            )
        share = others / others.sum(dim=1, keepdim=True)
        distance = torch.zeros(others.shape)
        by_lot = torch.zeros_like(asked)
        for column in range(asked.shape[1]):
            apart = (held[:, column] - asked[:, column, None]).abs_()
            by_lot[:, column] = (apart * share).sum(dim=1)
            distance += apart / asked.shape[1]
        return cls(asked, held, others, distance, by_lot)

    def nearest(self, far: Float[Tensor, "row item"]) -> Int64[Tensor, "row near"]:
        """The items of other patients that are least far."""
        return far.masked_fill(~self.others, torch.inf).topk(NEAREST, largest=False).indices

    @property
    def best(self) -> Int64[Tensor, "row near"]:
        return self.nearest(self.distance)

    def chosen(self, items: Int64[Tensor, "row near"], names: tuple[str, ...]) -> _Columns:
        """The measures of the items that a search names, the nearest first."""
        apart = (self.held[items] - self.asked[:, None]).abs().mean(dim=1)
        gain = (-self.distance.gather(1, items)).exp() @ _discounts()
        return self._measures(apart, gain, names)

    def random(self, names: tuple[str, ...]) -> _Columns:
        """The expected measures of items that the lot names."""
        gains = (-self.distance).exp_()
        gain = (gains * self.others).sum(dim=1) / self.others.sum(dim=1) * _discounts().sum()
        return self._measures(self.by_lot, gain, names)

    def _measures(self, apart: Tensor, gain: Tensor, names: tuple[str, ...]) -> _Columns:
        ideal = (-self.distance.gather(1, self.best)).exp() @ _discounts()
        alone = {f"{name}_difference@{NEAREST}": apart[:, at] for at, name in enumerate(names)}
        return {DIFFERENCE: apart.mean(dim=1), GAIN: gain / ideal} | alone


def _discounts() -> Float[Tensor, " near"]:
    return 1 / torch.arange(2, NEAREST + 2).float().log2()


def _check(queries: Items, gallery: Items, phenotypes: tuple[str, ...]) -> None:
    lengths = [items.embeddings.shape[1] for items in (queries, gallery)]
    if lengths[0] != lengths[1] or not len(queries.patients):
        raise ValueError(
            "queries and gallery must have embeddings of the same length, and at least one query, "
            f"got lengths {lengths} and {len(queries.patients)} queries"
        )
    columns = [items.phenotypes.shape[1] for items in (queries, gallery)]
    if columns != [len(phenotypes)] * 2:
        raise ValueError(f"both must have the phenotypes {phenotypes}, got {columns} columns")


def _standardised(asked: np.ndarray, held: np.ndarray) -> tuple[Tensor, Tensor]:
    """Phenotypes in standard deviations of the gallery; an incomplete query is NaN throughout."""
    spread = held.std(axis=0) if len(held) else np.zeros(held.shape[1])
    if not (spread > 0).all():
        raise ValueError(f"phenotypes of a gallery must vary, got deviations {spread.tolist()}")
    middle = held.mean(axis=0)
    complete = np.where(np.isfinite(asked).all(axis=1, keepdims=True), asked, np.nan)
    scaled = [torch.from_numpy((values - middle) / spread).float() for values in (complete, held)]
    return scaled[0], scaled[1]


def _recalls(cosines: Float[Tensor, "row item"], own: Bool[Tensor, "row item"]) -> _Columns:
    """The probability that an own item is among the nearest, those of equal cosine drawn by lot."""
    best = cosines.masked_fill(~own, -torch.inf).amax(dim=1, keepdim=True)
    nearer, level = (cosines > best).sum(dim=1), cosines == best
    wanted, tied = (level & own).sum(dim=1), level.sum(dim=1)
    absent = ~own.any(dim=1)
    found: _Columns = {}
    for most in _RECALLS:
        missed = torch.ones(len(own))
        for drawn in range(most):
            left = (tied - drawn).clamp(min=1)
            miss = 1 - (wanted / left).clamp(max=1)
            missed = torch.where(nearer + drawn < most, missed * miss, missed)
        found[f"recall@{most}"] = (1 - missed).masked_fill(absent, torch.nan)
    return found


def _joined(parts: tuple[_Columns, ...]) -> Measures:
    return {name: torch.cat([part[name] for part in parts]).double().numpy() for name in parts[0]}
