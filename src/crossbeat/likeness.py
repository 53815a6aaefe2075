"""How nearly equal two signals of one kind are: the same recording, with other bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, Float32, Int16, Shaped, UInt8
from scipy.fft import fftn, rfft
from scipy.ndimage import uniform_filter

Signatures = Float32[np.ndarray, "signal number"]
"""A few numbers of each signal that small changes hardly move; NaN where it shows too little."""

Pair = tuple[np.ndarray, np.ndarray]

_NUMBERS = 16
_LOW = 200  # lowest frequencies of an ECG: up to 20 Hz in 10 s
_COSINES = 8  # of an X-ray, in each direction
_WAVES = 8  # lowest frequencies of a frame of a cine, in each direction
_BEATS = 4  # lowest frequencies of a cine over the heartbeat
_DETAIL = 8  # parts of an image's width: what is smaller is a detail
_LAGS = 3  # samples by which one ECG may be late
_LEAST_ECG = 10.0  # standard deviation in stored steps below which a lead shows nothing
_LEAST_IMAGE = 2.0  # the same of an X-ray or a cine, in grey levels


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How nearly equal signals of one kind are found.

    Args:
        signature: of each signal, from the stored samples.
        similarity: of each pair of signals, up to 1, from their stored samples as floats.
        near: signatures that are closer than this have their signals compared; above 0.
    """

    signature: Callable[[Shaped[np.ndarray, "signal ..."]], Signatures]
    similarity: Callable[
        [Shaped[np.ndarray, "pair ..."], Shaped[np.ndarray, "pair ..."]],
        Float[np.ndarray, " pair"],
    ]
    near: float


def _of_ecgs(ecgs: Int16[np.ndarray, "ecg lead time"]) -> Signatures:
    """The amplitude spectrum."""
    waves = ecgs.astype(np.float32)
    waves -= waves.mean(axis=-1, keepdims=True)
    shown = (waves.std(axis=-1) >= _LEAST_ECG).mean(axis=-1) >= 1 / 2
    waves *= np.hanning(waves.shape[-1]).astype(np.float32)  # a shift hardly changes the spectrum
    spectra = np.abs(rfft(waves))[..., 1 : _LOW + 1]
    return _shortened(spectra, shown)


def _of_xrays(xrays: UInt8[np.ndarray, "xray height width"]) -> Signatures:
    """The lowest cosine coefficients, unscaled."""
    pixels = xrays.astype(np.float32)
    shown = pixels.std(axis=(1, 2)) >= _LEAST_IMAGE
    tall, wide = (_cosines(size) for size in pixels.shape[1:])
    weights = np.sqrt(np.hypot.outer(np.arange(len(tall)), np.arange(len(wide))))
    return _shortened(tall @ pixels @ wide.T * weights, shown)


def _cosines(size: int) -> Float32[np.ndarray, "cosine pixel"]:
    angles = np.outer(np.arange(min(_COSINES, size)), np.arange(size) + 0.5) * np.pi / size
    waves = np.cos(angles)
    return (waves / np.linalg.norm(waves, axis=1, keepdims=True)).astype(np.float32)


def _of_cines(cines: UInt8[np.ndarray, "cine frame height width"]) -> Signatures:
    """The amplitude spectrum over the heartbeat and the image."""
    shown = cines.std(axis=(1, 2, 3)) >= _LEAST_IMAGE
    return _shortened(np.stack([_cine_spectrum(cine) for cine in cines]), shown)


def _cine_spectrum(cine: UInt8[np.ndarray, "frame height width"]) -> np.ndarray:
    beats = rfft(cine - cine.mean(dtype=np.float32), axis=0)[:_BEATS]
    window = np.outer(*(np.hanning(size).astype(np.float32) for size in cine.shape[1:]))
    waves = np.abs(fftn(beats * window, axes=(1, 2)))[:, :, :_WAVES]
    return np.concatenate([waves[:, :_WAVES], waves[:, 1 - _WAVES :]], axis=1)


def _shortened(values: np.ndarray, shown: np.ndarray) -> Signatures:
    """A few fixed random combinations of the values of each signal, scaled to length 1."""
    flat = values.reshape(len(values), -1)
    length = np.linalg.norm(flat, axis=1)
    shown = shown & (length > 0)
    random = np.random.default_rng(0).standard_normal((flat.shape[1], _NUMBERS)) / _NUMBERS**0.5
    found = (flat / np.where(shown, length, 1.0)[:, None]) @ random
    return np.where(shown[:, None], found, np.nan).astype(np.float32)


def _ecg_similarity(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " pair"]:
    """The greatest mean correlation over leads, one ECG a few samples late; 0 without signal."""
    length = one.shape[-1]
    values = []
    for lag in range(-min(_LAGS, length - 1), min(_LAGS, length - 1) + 1):
        late, early = _shifted(one, other, lag, axis=-1)
        values.append(_correlation(late, early, _LEAST_ECG))
    leads = np.stack(values)
    known = ~np.isnan(leads)
    mean = np.where(known, leads, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    return np.where(known.mean(axis=-1) >= 1 / 2, mean, 0).max(axis=0)


def _xray_similarity(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " pair"]:
    """The correlation of the details: all chests have the same large shapes; 0 without details."""
    return _together(_details(one), _details(other))


def _cine_similarity(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " pair"]:
    """The correlation of mean frames in their details or of motion, whichever is less.

    One cine may be a pixel aside and a frame late; 0 without details or motion.
    """
    means = [each.mean(axis=1, keepdims=True) for each in (one, other)]
    details, other_details = (_details(mean[:, 0]) for mean in means)
    motion, other_motion = one - means[0], other - means[1]
    late = [np.roll(other_motion, frames, axis=1) for frames in (-1, 0, 1)]
    values = []
    for down, right in product((-1, 0, 1), repeat=2):
        still = _together(*_moved(details, other_details, down, right))
        moving = [_together(*_moved(motion, each, down, right)) for each in late]
        values.append(np.minimum(still, np.max(moving, axis=0)))
    return np.max(values, axis=0)


def _details(images: np.ndarray) -> np.ndarray:
    around = images.shape[-1] // _DETAIL + 1
    return images - uniform_filter(images, (1, around, around))


def _moved(one: np.ndarray, other: np.ndarray, down: int, right: int) -> Pair:
    late, early = _shifted(one, other, down, axis=-2)
    return _shifted(late, early, right, axis=-1)


def _shifted(one: np.ndarray, other: np.ndarray, lag: int, axis: int) -> Pair:
    """What both have in common along an axis if ``one`` is so many steps late."""
    length = one.shape[axis]
    late = np.arange(max(0, lag), length + min(0, lag))
    return one.take(late, axis), other.take(late - lag, axis)


def _together(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " pair"]:
    """The correlation over all values of each pair; 0 where one of both does not vary."""
    left, right = (each.reshape(len(each), -1) for each in (one, other))
    return np.nan_to_num(_correlation(left, right, 0.0))


def _correlation(one: np.ndarray, other: np.ndarray, least: float) -> np.ndarray:
    """Along the last axis; NaN where one of both varies less than ``least``."""
    centred = [each - each.mean(axis=-1, keepdims=True) for each in (one, other)]
    spread = [each.std(axis=-1) for each in centred]
    shown = (np.minimum(*spread) >= least) & (np.minimum(*spread) > 0)
    together = (centred[0] * centred[1]).mean(axis=-1)
    return np.where(shown, together / np.where(shown, spread[0] * spread[1], 1), np.nan)


ECGS = Likeness(signature=_of_ecgs, similarity=_ecg_similarity, near=0.1)
"""Unrelated ECGs are 0.14 apart or more."""

XRAYS = Likeness(signature=_of_xrays, similarity=_xray_similarity, near=0.03)
"""Unrelated X-rays are 0.04 apart or more."""

CINES = Likeness(signature=_of_cines, similarity=_cine_similarity, near=0.08)
"""Of 1,000 virtual patients the nearest two are 0.07 apart; their similarity is below 0.7."""
