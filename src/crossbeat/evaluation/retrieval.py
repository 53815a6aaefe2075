"""Finding patients with similar hearts: which items of a gallery lie nearest to a query.

Items are compared by the cosine of their embeddings, a block of queries at a time, so that the
square of all pairs is never held. What is measured is kept query by query; means over queries and
their intervals are drawn from that.
"""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor
from torch.nn.functional import normalize

from crossbeat.errors import DataError
from crossbeat.evaluation.predictions import Measured

NEAREST = 10
"""How many items of the gallery are shown to whoever searches."""

DIFFERENCE = f"measurement_difference@{NEAREST}"
GAIN = f"ndcg@{NEAREST}"
ALONE = f"_difference@{NEAREST}"
"""How the difference of one measurement ends, behind its name."""


_BLOCK = 64  # queries at once: their distances from 20,000 items then stay near the processor
_RECALLS = (1, NEAREST)

Nearest = Int64[Tensor, "row near"]
Counts = Int64[Tensor, " row"]
_Columns = dict[str, Float[Tensor, " row"]]


@dataclass(frozen=True)
class Items:
    """Embeddings that search or are searched.

    Args:
        measurements: in any unit; NaN where one was not measured.
    """

    embeddings: Float[np.ndarray, "item dim"]
    measurements: Float[np.ndarray, "described measurement"]
    patients: Shaped[np.ndarray, " owned"]

    def __post_init__(self) -> None:
        sizes = [len(self.embeddings), len(self.measurements), len(self.patients)]
        if len(set(sizes)) > 1:
            raise ValueError(
                f"embeddings, measurements and patients must describe the same items, got {sizes}"
            )
        if not np.isfinite(self.embeddings).all():
            raise ValueError("embeddings must be finite, got NaN or infinity")


@dataclass(frozen=True)
class Retrieved:
    """What a search found, query by query, beside a search by lot and one that knows all.

    ``recall@k`` is 1 where an item of the query's own patient is among the k nearest. All other
    measures are about the 10 nearest items of other patients: ``measurement_difference@10`` is
    their mean absolute difference from the query over all measurements, in standard deviations of
    the gallery, ``X_difference@10`` that of measurement X alone, ``ndcg@10`` their discounted gain
    as a share of the best possible one. NaN: the patient has no item, or a measurement is unknown.
    """

    found: Measured
    random: Measured
    oracle: Measured


def measures(measurements: tuple[str, ...]) -> list[str]:
    """The names of what is measured of a search."""
    recalls = [f"recall@{most}" for most in _RECALLS]
    return [*recalls, DIFFERENCE, GAIN, *(f"{name}{ALONE}" for name in measurements)]


def retrieve(queries: Items, gallery: Items, measurements: tuple[str, ...]) -> Retrieved:
    """Search the gallery with every query.

    The distance d of two items is the mean absolute difference of their measurements in standard
    deviations of the gallery, and the gain of an item exp(-d). Items of equal cosine are as good
    as drawn by lot when the own patient is looked for. Items with an unknown measurement count in
    that alone.

    Raises:
        ValueError: there is no query, the two differ in dimension or measurements, or a measurement
            does not vary.
        DataError: a query has fewer than 10 items of other patients with all measurements.

    Source: Järvelin and Kekäläinen 2002 (ACM TOIS 20:422) for nDCG, with the discount
        1 / log2(1 + rank) of Burges et al. 2005 (ICML); distance and gain are ours.
    """
    _check(queries, gallery, measurements)
    known = np.isfinite(gallery.measurements).all(axis=1)
    order = np.argsort(~known, kind="stable")
    first = slice(0, int(known.sum()))
    asking, owner = _numbered(queries.patients, gallery.patients[order])
    _require_enough(asking, owner[first])
    asked, held = _standardised(queries.measurements, gallery.measurements[order][first])
    query, items = _directions(queries.embeddings), _directions(gallery.embeddings[order])
    told = [
        {name: np.empty(len(asking)) for name in measures(measurements)} for _ in fields(Retrieved)
    ]
    for rows in torch.arange(len(asking)).split(_BLOCK):
        cosines = query[rows] @ items.T
        own = asking[rows, None] == owner
        apart = _Apart.of(asked[rows], held, own[:, first])
        likeness = (
            apart.among(apart.nearest(-cosines[:, first]), measurements),
            apart.by_lot(measurements),
            apart.among(apart.best, measurements),
        )
        for kind, recall, like in zip(told, _recalls(cosines, own), likeness, strict=True):
            for name, values in (recall | like).items():
                kind[name][rows] = values
    return Retrieved(*(Measured(queries.patients, kind) for kind in told))


@dataclass(frozen=True)
class _Apart:
    """How the measurements of some queries differ from those of the gallery.

    Args:
        asked: those of the queries in standard deviations; NaN throughout where one is unknown.
        everyone: the mean absolute difference of each measurement from all other patients.
    """

    asked: Float[Tensor, "row measurement"]
    held: Float[Tensor, "item measurement"]
    own: Bool[Tensor, "row item"]
    count: Counts
    distance: Float[Tensor, "row item"]
    everyone: Float[Tensor, "row measurement"]

    @classmethod
    def of(cls, asked: Tensor, held: Tensor, own: Tensor) -> "_Apart":
        count = (~own).sum(dim=1)
        distance = torch.zeros(own.shape)
        everyone = torch.empty_like(asked)
        for column, (mine, theirs) in enumerate(zip(asked.T, held.T, strict=True)):
            apart = (theirs - mine[:, None]).abs_().masked_fill_(own, 0)
            everyone[:, column] = apart.sum(dim=1) / count
            distance.add_(apart, alpha=1 / len(held.T))
        return cls(asked, held, own, count, distance, everyone)

    @cached_property
    def best(self) -> Nearest:
        return self.nearest(self.distance)

    def nearest(self, far: Float[Tensor, "row item"]) -> Nearest:
        """The items of other patients that are least far, the nearest first."""
        return far.masked_fill(self.own, torch.inf).topk(NEAREST, largest=False).indices

    def among(self, items: Nearest, names: tuple[str, ...]) -> _Columns:
        """Those of the items that a search names, the nearest first."""
        apart = (self.held[items] - self.asked[:, None]).abs().mean(dim=1)
        return self._measures(apart, self._gain(items), names)

    def by_lot(self, names: tuple[str, ...]) -> _Columns:
        """Those that are expected of items drawn by lot."""
        gains = (-self.distance).exp_().masked_fill_(self.own, 0).sum(dim=1) / self.count
        return self._measures(self.everyone, gains * _discounts().sum(), names)

    def _measures(self, apart: Tensor, gain: Tensor, names: tuple[str, ...]) -> _Columns:
        alone = {f"{name}{ALONE}": apart[:, at] for at, name in enumerate(names)}
        return {DIFFERENCE: apart.mean(dim=1), GAIN: gain / self._gain(self.best)} | alone

    def _gain(self, items: Nearest) -> Float[Tensor, " row"]:
        return (-self.distance.gather(1, items)).exp() @ _discounts()


def _directions(embeddings: np.ndarray) -> Float[Tensor, "item dim"]:
    return normalize(torch.from_numpy(embeddings).float())


def _numbered(*patients: np.ndarray) -> tuple[Tensor, ...]:
    """Each patient as a number, the same in all."""
    numbers = np.unique(np.concatenate(patients), return_inverse=True)[1]
    return torch.from_numpy(numbers).split([len(each) for each in patients])


def _discounts() -> Float[Tensor, " near"]:
    return 1 / torch.arange(2, NEAREST + 2).float().log2()


def _check(queries: Items, gallery: Items, measurements: tuple[str, ...]) -> None:
    lengths = [items.embeddings.shape[1] for items in (queries, gallery)]
    if lengths[0] != lengths[1] or not len(queries.patients):
        raise ValueError(
            "queries and gallery must have embeddings of the same length, and at least one query, "
            f"got lengths {lengths} and {len(queries.patients)} queries"
        )
    columns = [items.measurements.shape[1] for items in (queries, gallery)]
    if columns != [len(measurements)] * 2:
        raise ValueError(f"both must have the measurements {measurements}, got {columns} columns")


def _require_enough(asking: Shaped[Tensor, " row"], owner: Shaped[Tensor, " item"]) -> None:
    owned = torch.bincount(owner, minlength=int(asking.max()) + 1)[asking]
    fewest = len(owner) - int(owned.max())
    if fewest < NEAREST:
        raise DataError(
            f"every query must have {NEAREST} items of other patients with all measurements in the "
            f"gallery, got {fewest}; search a cohort with more test patients"
        )


def _standardised(asked: np.ndarray, held: np.ndarray) -> tuple[Tensor, Tensor]:
    """Measurements in standard deviations of the gallery; an incomplete query is NaN throughout."""
    spread = held.std(axis=0) if len(held) else np.zeros(held.shape[1])
    if not (spread > 0).all():
        raise ValueError(f"measurements of a gallery must vary, got deviations {spread.tolist()}")
    middle = held.mean(axis=0)
    complete = np.where(np.isfinite(asked).all(axis=1, keepdims=True), asked, np.nan)
    scaled = [torch.from_numpy((values - middle) / spread).float() for values in (complete, held)]
    return scaled[0], scaled[1]


def _recalls(
    cosines: Float[Tensor, "row item"], own: Bool[Tensor, "row item"]
) -> tuple[_Columns, _Columns, _Columns]:
    """How likely an own item is among the nearest: in this search, by lot, and at best."""
    best = cosines.masked_fill(~own, -torch.inf).amax(dim=1, keepdim=True)
    nearer, level = (cosines > best).sum(dim=1), cosines == best
    owned = own.sum(dim=1)
    none, everyone = torch.zeros_like(owned), torch.full_like(owned, own.shape[1])
    return (
        _hits(nearer, level.sum(dim=1), (level & own).sum(dim=1)),
        _hits(none, everyone, owned),
        _hits(none, owned, owned),
    )


def _hits(nearer: Counts, level: Counts, wanted: Counts) -> _Columns:
    """How likely a wanted item is among the first, if level ones follow nearer ones by lot."""
    found: _Columns = {}
    for most in _RECALLS:
        missed = torch.ones(len(nearer))
        for drawn in range(most):
            miss = 1 - (wanted / (level - drawn).clamp(min=1)).clamp(max=1)
            missed = torch.where(nearer + drawn < most, missed * miss, missed)
        found[f"recall@{most}"] = (1 - missed).masked_fill(wanted == 0, torch.nan)
    return found
