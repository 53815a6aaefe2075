"""Nearly equal signals of different patients: one recording under two ids, with other bytes.

Only signals whose signatures are close are compared; ``crossbeat.likeness`` says how.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Int64, Shaped
from scipy.spatial import cKDTree

from crossbeat.data.table import owner_column
from crossbeat.files import Json, ReadJson
from crossbeat.likeness import Signatures
from crossbeat.modalities import modality

ALIKE = 0.95
"""Similarity from which two signals with close signatures count as alike, up to 1."""

LISTED = 300
"""Most pairs that an audit lists; it counts all."""

Read = Callable[[str, Int64[np.ndarray, " row"]], Shaped[np.ndarray, "row ..."]]
"""The stored arrays of a kind of signal by their rows in the store."""

_NEIGHBOURS = 8  # of each signal that are compared with it
_MOST = 20_000  # pairs that are compared sample by sample


def signatures(name: str, array: Shaped[np.ndarray, "signal ..."]) -> Signatures | None:
    """The signature of each signal; None for a modality of which only equal bytes are found."""
    likeness = modality(name).likeness
    return None if likeness is None else likeness.signature(array)


def to_text(found: Signatures) -> str:
    """Signatures as text, for a receipt."""
    return b64encode(found.astype("<f4").tobytes()).decode()


def from_text(text: str, num_signals: int) -> Signatures:
    """The signatures of ``to_text``."""
    return np.frombuffer(b64decode(text), "<f4").astype(np.float32).reshape(num_signals, -1)


def alike(
    table: pl.DataFrame,
    digests: Mapping[str, Sequence[str]],
    signed: Mapping[str, Signatures],
    read: Read,
) -> Json:
    """Pairs of signals of different patients that are equal or nearly so.

    ``digests`` and ``signed`` are in the order of the store. Returns ``pairs`` and
    ``across_splits``, how many there are, and ``listed``: of at most ``LISTED`` of them ``signal``,
    ``records``, ``patients``, ``splits`` and ``similarity`` (1: the same bytes), first those across
    splits.
    """
    found = [
        pair
        for name, numbers in signed.items()
        for pair in _pairs(name, _listed(table, name, digests[name]), numbers, read)
    ]
    across = [pair for pair in found if len(set(pair["splits"])) > 1]
    order = sorted(found, key=lambda pair: (len(set(pair["splits"])) < 2, -pair["similarity"]))
    return {"pairs": len(found), "across_splits": len(across), "listed": order[:LISTED]}


def in_words(found: ReadJson) -> tuple[str, ...]:
    """A note on the pairs of ``alike``, if there are any."""
    if not found["pairs"]:
        return ()
    number = found["pairs"]
    text = f"Nearly equal signals of different patients: {number} pair{'s' * (number > 1)}"
    if found["across_splits"]:
        text += (
            f", {found['across_splits']} of them in two splits; test results are too good if they "
            "are of one person"
        )
    return (f"{text}. audit.json lists them.",)


def _listed(table: pl.DataFrame, name: str, digests: Sequence[str]) -> pl.DataFrame:
    """A row for each signal and patient: row of the store, patient, record, split, digest."""
    owner = owner_column(name)
    told = table.filter(pl.col(name).is_not_null()).select(
        pl.col(name).alias("row"),
        pl.col(owner if owner in table.columns else "patient").alias("patient"),
        "record",
        "split",
    )
    digest = pl.Series("digest", [digests[row] for row in told["row"]], dtype=pl.String)
    return told.with_columns(digest).unique(["digest", "patient"], keep="first").sort("row")


def _pairs(name: str, listed: pl.DataFrame, numbers: Signatures, read: Read) -> list[dict]:
    entry = modality(name)
    assert entry.likeness is not None  # there are signatures
    first = pl.col("row") == pl.col("row").first().over("digest")
    copies = listed.filter(~first)
    once = listed.filter(first)
    originals = copies.select("digest").join(once, on="digest", how="left", maintain_order="left")
    same = zip(originals.iter_rows(named=True), copies.iter_rows(named=True), strict=True)
    found = [_described(name, one, other, 1.0) for one, other in same]
    near = _near(numbers[once["row"].to_numpy()], entry.likeness.near)
    patients = once["patient"].to_numpy()
    near = near[patients[near[:, 0]] != patients[near[:, 1]]][:_MOST]
    size = max(1, entry.at_once // 2)  # of each pair two signals
    for start in range(0, len(near), size):
        some = near[start : start + size]
        one, other = (read(name, once["row"].to_numpy()[side]) for side in some.T)
        values = entry.likeness.similarity(one.astype(np.float32), other.astype(np.float32))
        for (left, right), value in zip(some.tolist(), values.tolist(), strict=True):
            if value >= ALIKE:
                one_row, other_row = (once.row(at, named=True) for at in (left, right))
                found.append(_described(name, one_row, other_row, value))
    return found


def _near(numbers: Signatures, radius: float) -> Int64[np.ndarray, "pair 2"]:
    """Pairs of rows whose signatures are close, the closest first."""
    shown = np.flatnonzero(~np.isnan(numbers).any(axis=1))
    if len(shown) < 2:
        return np.empty((0, 2), dtype=np.int64)
    tree = cKDTree(numbers[shown])
    found: Any = tree.query(numbers[shown], k=_NEIGHBOURS + 1, distance_upper_bound=radius)
    apart, other = found
    left, place = np.nonzero(np.isfinite(apart))
    right, apart = other[left, place], apart[left, place]
    pairs = np.sort(np.stack([left, right], axis=1), axis=1)
    pairs, at = np.unique(pairs[left != right], axis=0, return_index=True)
    return shown[pairs[np.argsort(apart[left != right][at], kind="stable")]]


def _described(name: str, one: dict, other: dict, similarity: float) -> Json:
    told: Json = {"signal": name}
    told |= {f"{key}s": [one[key], other[key]] for key in ("record", "patient", "split")}
    return told | {"similarity": round(similarity, 4)}
