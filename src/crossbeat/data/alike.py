"""Nearly equal signals of different patients: one recording under two ids, with other bytes.

Only signals are compared whose signatures, a few numbers that small changes hardly move, are close.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float, Float32, Int16, Int64, Shaped, UInt8
from scipy.fft import rfft
from scipy.ndimage import uniform_filter
from scipy.spatial import cKDTree

from crossbeat.data.table import owner_column
from crossbeat.files import Json, ReadJson

ALIKE = 0.95
"""Similarity from which two signals with close signatures count as alike, up to 1."""

LISTED = 300
"""Most pairs that an audit lists; it counts all."""

Signatures = Float32[np.ndarray, "signal number"]
Read = Callable[[str, Int64[np.ndarray, " row"]], Shaped[np.ndarray, "row ..."]]
"""The stored arrays of a kind of signal by their rows in the store."""

_NUMBERS = 16
_NEAR = {"ecg": 0.1, "xray": 0.03}  # unrelated signals are 0.14 and 0.04 apart or more
_NEIGHBOURS = 8  # of each signal that are compared with it
_MOST = 20_000  # pairs that are compared sample by sample
_AT_ONCE = 256
_LOW = 200  # lowest frequencies of an ECG: up to 20 Hz in 10 s
_COSINES = 8  # of an X-ray, in each direction
_DETAIL = 8  # parts of an X-ray's width: what is smaller is a detail
_LAGS = 3  # samples by which one ECG may be late
_LEAST_ECG = 10.0  # standard deviation in stored steps below which a lead shows nothing
_LEAST_XRAY = 2.0  # the same of an X-ray, in grey levels


def signatures(name: str, array: Shaped[np.ndarray, "signal ..."]) -> Signatures | None:
    """The signature of each signal, NaN where it shows too little; None for a kind not compared.

    Of an ECG it is the amplitude spectrum, of an X-ray the lowest cosine coefficients, unscaled.
    """
    make = {"ecg": _of_ecgs, "xray": _of_xrays}.get(name)
    return make(array) if make else None


def to_text(found: Signatures) -> str:
    """Signatures as text, for a receipt."""
    return b64encode(found.astype("<f4").tobytes()).decode()


def from_text(text: str) -> Signatures:
    """The signatures of ``to_text``."""
    return np.frombuffer(b64decode(text), "<f4").astype(np.float32).reshape(-1, _NUMBERS)


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


def _of_ecgs(ecgs: Int16[np.ndarray, "ecg lead time"]) -> Signatures:
    waves = ecgs.astype(np.float32)
    waves -= waves.mean(axis=-1, keepdims=True)
    shown = (waves.std(axis=-1) >= _LEAST_ECG).mean(axis=-1) >= 1 / 2
    waves *= np.hanning(waves.shape[-1]).astype(np.float32)  # a shift hardly changes the spectrum
    spectra = np.abs(rfft(waves))[..., 1 : _LOW + 1]
    return _shortened(spectra, shown)


def _of_xrays(xrays: UInt8[np.ndarray, "xray height width"]) -> Signatures:
    pixels = xrays.astype(np.float32)
    shown = pixels.std(axis=(1, 2)) >= _LEAST_XRAY
    tall, wide = (_cosines(size) for size in pixels.shape[1:])
    weights = np.sqrt(np.hypot.outer(np.arange(len(tall)), np.arange(len(wide))))
    return _shortened(tall @ pixels @ wide.T * weights, shown)


def _cosines(size: int) -> Float32[np.ndarray, "cosine pixel"]:
    angles = np.outer(np.arange(min(_COSINES, size)), np.arange(size) + 0.5) * np.pi / size
    waves = np.cos(angles)
    return (waves / np.linalg.norm(waves, axis=1, keepdims=True)).astype(np.float32)


def _shortened(values: np.ndarray, shown: np.ndarray) -> Signatures:
    """A few fixed random combinations of the values of each signal, scaled to length 1."""
    flat = values.reshape(len(values), -1)
    length = np.linalg.norm(flat, axis=1)
    shown = shown & (length > 0)
    random = np.random.default_rng(0).standard_normal((flat.shape[1], _NUMBERS)) / _NUMBERS**0.5
    found = (flat / np.where(shown, length, 1.0)[:, None]) @ random
    return np.where(shown[:, None], found, np.nan).astype(np.float32)


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
    first = pl.col("row") == pl.col("row").first().over("digest")
    copies = listed.filter(~first)
    once = listed.filter(first)
    originals = copies.select("digest").join(once, on="digest", how="left", maintain_order="left")
    same = zip(originals.iter_rows(named=True), copies.iter_rows(named=True), strict=True)
    found = [_described(name, one, other, 1.0) for one, other in same]
    near = _near(numbers[once["row"].to_numpy()], _NEAR[name])
    patients = once["patient"].to_numpy()
    near = near[patients[near[:, 0]] != patients[near[:, 1]]][:_MOST]
    similar = _SIMILARITY[name]
    for start in range(0, len(near), _AT_ONCE):
        some = near[start : start + _AT_ONCE]
        one, other = (read(name, once["row"].to_numpy()[side]) for side in some.T)
        values = similar(one.astype(np.float32), other.astype(np.float32))
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


def _ecg_similarity(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " pair"]:
    """The greatest mean correlation over leads, one ECG a few samples late; 0 without signal."""
    length = one.shape[-1]
    values = []
    for lag in range(-min(_LAGS, length - 1), min(_LAGS, length - 1) + 1):
        late = one[..., max(0, lag) : length + min(0, lag)]
        early = other[..., max(0, -lag) : length + min(0, -lag)]
        values.append(_correlation(late, early, _LEAST_ECG))
    leads = np.stack(values)
    known = ~np.isnan(leads)
    mean = np.where(known, leads, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    return np.where(known.mean(axis=-1) >= 1 / 2, mean, 0).max(axis=0)


def _xray_similarity(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " pair"]:
    """The correlation of the details: all chests have the same large shapes; 0 without details."""
    around = one.shape[-1] // _DETAIL + 1
    left, right = (
        (each - uniform_filter(each, (1, around, around))).reshape(len(each), -1)
        for each in (one, other)
    )
    return np.nan_to_num(_correlation(left, right, 0.0))


def _correlation(one: np.ndarray, other: np.ndarray, least: float) -> np.ndarray:
    """Along the last axis; NaN where one of both varies less than ``least``."""
    centred = [each - each.mean(axis=-1, keepdims=True) for each in (one, other)]
    spread = [each.std(axis=-1) for each in centred]
    shown = (np.minimum(*spread) >= least) & (np.minimum(*spread) > 0)
    product = (centred[0] * centred[1]).mean(axis=-1)
    return np.where(shown, product / np.where(shown, spread[0] * spread[1], 1), np.nan)


_SIMILARITY = {"ecg": _ecg_similarity, "xray": _xray_similarity}
