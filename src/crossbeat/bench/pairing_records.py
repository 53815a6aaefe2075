"""Records of as many patients, and as unevenly spread over them, as a large hospital has."""

import numpy as np
import polars as pl
from jaxtyping import Int64

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def draw_records(
    num_xrays: int, num_ecgs: int, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """ECGs, X-rays and emergency stays.

    Stays fall to patients by log-normal weights; some overlap. Of the records four in five follow
    the beginning of a stay by hours or days, the others are months or years away. A third of the
    patients has X-rays. ECGs have whole minutes, X-rays whole seconds; one record in 200 has no
    time.

    Args:
        num_xrays: 1 or more.
        num_ecgs: 100 or more; there are half as many stays, and a quarter as many patients.
        seed: 0 or more.
    """
    random = np.random.default_rng(seed)
    num_patients, num_stays = num_ecgs // 4, num_ecgs // 2
    weights = random.lognormal(0, 1.2, num_patients)
    patient = random.choice(num_patients, num_stays, p=weights / weights.sum())
    begin = random.integers(0, 6 * 365 * _DAY // _MINUTE, num_stays) * _MINUTE
    length = (random.lognormal(np.log(5.5), 0.8, num_stays) * _HOUR).astype(np.int64)
    filmed = np.flatnonzero(patient < num_patients // 3)
    ecg_stay = random.integers(0, num_stays, num_ecgs)
    xray_stay = filmed[random.integers(0, len(filmed), num_xrays)]
    ecgs, xrays = (
        _records(patient[stay], begin[stay], step, random)
        for stay, step in ((ecg_stay, _MINUTE), (xray_stay, 1))
    )
    stays = pl.DataFrame(
        {"patient": _names(patient), "begin": _times(begin), "end": _times(begin + length)}
    )
    return ecgs, xrays, stays


def shrinking_gaps(num: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The hardest to pair one to one: a patient's ECGs and X-rays by turns, ever closer together.

    Each but the last is nearest to the next, so that only one pair at a time is sure. One stay
    holds them all.

    Args:
        num: of each kind, 1 or more.
    """
    time = np.arange(4 * num, 2 * num, -1).cumsum()
    ecgs, xrays = (
        pl.DataFrame(
            {"patient": ["p"] * num, "record": _names(np.arange(num)), "time": _times(part)}
        )
        for part in (time[::2], time[1::2])
    )
    stay = {"patient": ["p"], "begin": _times(time[:1]), "end": _times(time[-1:])}
    return ecgs, xrays, pl.DataFrame(stay)


def _records(
    patient: Int64[np.ndarray, " record"],
    begin: Int64[np.ndarray, " record"],
    step: int,
    random: np.random.Generator,
) -> pl.DataFrame:
    num = len(patient)
    near = random.exponential(np.where(random.random(num) < 0.6, 4 * _HOUR, 4 * _DAY))
    away = random.normal(0, 280 * _DAY, num)
    time = begin + np.where(random.random(num) < 0.8, near, away).astype(np.int64)
    return pl.DataFrame(
        {
            "patient": _names(patient),
            "record": _names(random.permutation(num)),
            "time": _times(time // step * step).set(pl.Series(random.random(num) < 0.005), None),
        }
    )


def _names(numbers: Int64[np.ndarray, " row"]) -> pl.Series:
    return pl.Series(10_000_000 + numbers).cast(pl.String)


def _times(seconds: Int64[np.ndarray, " row"]) -> pl.Series:
    return pl.Series(seconds * 1_000_000).cast(pl.Datetime("us"))
