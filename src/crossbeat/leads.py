"""Lead names and orders, limb-lead equations, and the inverse Dower transform.

All of crossbeat addresses leads by name. A tuple of names gives the order of the rows of an array;
``complete`` and ``index`` are the only ways to change it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from crossbeat.errors import DataError

STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The twelve leads in the standard order, as in PTB-XL."""

MIMIC = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")
"""The order of MIMIC-IV-ECG: aVF stands before aVL."""

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
"""The eight leads from which the other four are computed."""

INVERSE_DOWER = np.array(
    [
        [0.156, -0.009, -0.172, -0.073, 0.122, 0.231, 0.239, 0.193],
        [-0.227, 0.886, 0.057, -0.019, -0.106, -0.022, 0.040, 0.048],
        [0.021, 0.102, -0.228, -0.310, -0.245, -0.063, 0.054, 0.108],
    ]
)
"""Maps ``INDEPENDENT`` to the Frank leads X, Y, Z: the pseudo-inverse of Dower's matrix.
Source: Edenbrandt and Pahlm 1988, J Electrocardiol 21:361; digits, cut after the third decimal, of
Jwoo5/fairseq-signals at 8d570b3."""

_LIMB = {
    "III": {"I": -1.0, "II": 1.0},
    "aVR": {"I": -0.5, "II": -0.5},
    "aVL": {"I": 1.0, "II": -0.5},
    "aVF": {"I": -0.5, "II": 1.0},
}
_CANONICAL = {name.lower(): name for name in STANDARD}


def canonical(name: str) -> str:
    """The standard spelling of a lead name in any case: ``AVF``, ``avf`` and ``aVF`` are ``aVF``.

    Raises:
        DataError: the name is none of the twelve leads.
    """
    try:
        return _CANONICAL[name.strip().lower()]
    except KeyError:
        raise DataError(
            f"lead name must be one of {', '.join(STANDARD)}, got {name!r}; rename the lead"
        ) from None


def limb_leads(i: NDArray, ii: NDArray) -> dict[str, NDArray]:
    """The four limb leads that follow from I and II, in the unit of the input.

    III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2.

    Source: Einthoven, Fahr and de Waart 1913; Goldberger 1942.
    """
    given = {"I": i, "II": ii}
    return {
        name: sum(weight * given[lead] for lead, weight in row.items())  # type: ignore[misc]
        for name, row in _LIMB.items()
    }


def expansion(leads: Sequence[str], sources: Sequence[str] = INDEPENDENT) -> NDArray[np.float64]:
    """The matrix [len(leads), len(sources)] that computes leads from independent ones.

    Raises:
        ValueError: a lead is none of the twelve.
    """
    unknown = [lead for lead in leads if lead not in STANDARD]
    if unknown:
        raise ValueError(f"leads must be among {', '.join(STANDARD)}, got {', '.join(unknown)}")
    rows = []
    for lead in leads:
        weights: Mapping[str, float] = _LIMB.get(lead, {lead: 1.0})
        rows.append([weights.get(name, 0.0) for name in sources])
    return np.array(rows)


def sources(leads: Sequence[str]) -> tuple[str, ...]:
    """The independent leads that some leads are computed from.

    Raises:
        ValueError: a lead is none of the twelve.
    """
    used = np.abs(expansion(leads)).sum(axis=0) > 0
    return tuple(name for name, needed in zip(INDEPENDENT, used, strict=True) if needed)


def index(leads: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """The index of each wanted lead in ``leads``.

    Raises:
        DataError: a wanted lead is missing.
    """
    missing = [lead for lead in wanted if lead not in leads]
    if missing:
        raise DataError(
            f"the ECG must have lead {', '.join(missing)}, got {', '.join(leads)}; "
            "supply the missing lead, or I and II from which limb leads are derived"
        )
    return [list(leads).index(lead) for lead in wanted]


def complete(
    values: Float[np.ndarray, "*batch lead time"], leads: Sequence[str], wanted: Sequence[str]
) -> Float[np.ndarray, "*batch wanted time"]:
    """The wanted leads, reordered by name; limb leads that are absent follow from I and II.

    A lead that is given is never replaced by a derived one.

    Args:
        values: millivolts.
        leads: the name of each row of ``values``.
        wanted: the name of each row of the result.

    Raises:
        DataError: a wanted lead is neither given nor computable from I and II.
    """
    rows = dict(zip(leads, np.moveaxis(values, -2, 0), strict=True))
    if "I" in rows and "II" in rows and not rows.keys() >= set(wanted):
        rows = limb_leads(rows["I"], rows["II"]) | rows
    index(tuple(rows), wanted)
    return np.stack([rows[lead] for lead in wanted], axis=-2)
