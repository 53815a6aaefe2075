"""Lead names and orders, limb-lead equations, and the inverse Dower transform.

All of crossbeat addresses leads by name. A tuple of names gives the order of the rows of an array;
``complete`` and ``index`` are the only ways to change it.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

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
INVERTED = "-aVR"
"""The thirteenth spelling that ``among`` gives: aVR upside down, as in the order of Cabrera."""

_PLAIN = {lead.lower(): lead for lead in STANDARD}
_SPELLINGS = {
    **_PLAIN,
    **{f"d{roman}": roman.upper() for roman in ("i", "ii", "iii")},
    **{f"d{number}": "I" * number for number in (1, 2, 3)},
    **{f"c{number}": f"V{number}" for number in range(1, 7)},
    "-avr": INVERTED,
    "avrneg": INVERTED,
}
"""Names in small letters, less the words around them; docs/ecg-files.md says where each is from."""

WORDS = (
    *("lead", "ableitung", "dérivation", "derivation", "derivación", "derivacion", "derivação"),
    *("derivacao", "derivazione", "afleiding", "odprowadzenie", "отведение"),
    *("导联", "導聯", "誘導"),
)
"""The word for a lead in languages of devices, in small letters."""

_MDC = ("mdc_ecg_lead_", "mdc_ecg_elec_potl_")
_ANY = "|".join(WORDS)
_GAP = r"(?:[ _:.]+|-)"
_NAME = re.compile(
    rf"(?P<before>(?:e[ck]g{_GAP})?(?:(?:{_ANY}){_GAP}?)?)(?P<core>-?[a-z]+\d?)"
    rf"(?P<after>(?:{_GAP}?(?:{_ANY}))?)"
)
_DERIVED = re.compile(r"dI{1,3}")
"""The letters of DI, but computed from other leads, as by EASI, in ISO/IEEE 11073-10102."""

_BARE = re.compile(r"c[1-6]", re.IGNORECASE)
_EEG = re.compile(r"(?:eeg\b.*|(?:fp|af|fc|ft|cp|tp|po|[cfopt])(?:z|\d\d?)(?!\w).*)", re.IGNORECASE)
"""Electrodes of the 10-20 and 10-10 systems, with or without their reference."""

_LONGEST = 64
"""Letters of the name of a lead."""

_LONGEST_LIST = 1024
"""Letters of the names of a record that are remembered: those of a data set are all alike."""

_NUMBERS = {
    **dict(enumerate(INDEPENDENT, start=1)),
    **dict(enumerate(("III", "aVR", "aVL", "aVF", INVERTED), start=61)),
}
"""Leads by their number in SCP-ECG and ISO/IEEE 11073-10102."""

_CODE = re.compile(r"(?P<scheme>2::?|5\.6\.3-9-)?(?P<number>\d{1,6})")
_POTENTIAL = 256
"""What ISO/IEEE 11073-10101 adds to the number of a lead: MDC_ECG_ELEC_POTL."""

_SCADA = 2 * 2**16
"""What its context-free codes add: the partition of MDC_ECG_ELEC_POTL is 2."""


def canonical(name: str) -> str:
    """The standard spelling of the name of a lead: ``AVF``, ``Lead aVF`` and ``avf`` are ``aVF``.

    docs/ecg-files.md lists the spellings and where they are from. C1 to C6 are V1 to V6, as the
    caller says that the name is a lead's; in a file they may be electrodes of an EEG: see
    ``among``.

    Raises:
        DataError: the name is none of the twelve leads, or of one upside down.
    """
    found = _spelled(name)
    if found in STANDARD:
        return found
    raise DataError(
        f"lead name must be one of {', '.join(STANDARD)}, got {name[:80]!r}; rename the lead"
    )


def among(names: Sequence[str]) -> dict[int, str]:
    """Which of the signals of a record are leads: their standard spelling, or ``-aVR``, by index.

    ``C1`` to ``C6`` are V1 to V6 (IEC) if all six are there, with I and II, and no other
    electrode of an EEG: ``C3`` and ``C4`` are electrodes of the EEG otherwise.

    Args:
        names: of all signals, as the file has them.
    """
    every = tuple(names)
    short = sum(map(len, every)) <= _LONGEST_LIST
    return dict((_among if short else _among.__wrapped__)(every))


@lru_cache(maxsize=256)
def _among(names: tuple[str, ...]) -> dict[int, str]:
    found = {row: lead for row, lead in enumerate(map(_spelled, names)) if lead}
    bare = {row for row in found if _BARE.fullmatch(names[row].strip())}
    if bare and not _is_iec(names, {found[row] for row in bare}, set(found.values())):
        return {row: lead for row, lead in found.items() if row not in bare}
    return found


def coded(code: str, scheme: str) -> str | None:
    """The standard spelling of a lead, or ``-aVR``, by its number or identifier in a standard.

    Empty if it is of another lead; None if the code says nothing of a lead.

    Args:
        code: ``2:1``, ``5.6.3-9-1``, ``1``, ``2:257``, ``131329`` or ``MDC_ECG_LEAD_I`` for lead I.
        scheme: that the code is from, as DICOM designates it; a number alone counts in MDC and
            SCPECG.

    Source: DICOM PS3.16 CID 3001; ISO/IEEE 11073-10101 and -10102.
    """
    if code.lower().startswith(_MDC):
        return _spelled(code)
    found = _CODE.fullmatch(code)
    if found is None or not (found["scheme"] or scheme.strip().upper() in {"MDC", "SCPECG"}):
        return None
    number = int(found["number"])
    if number >= _SCADA and not found["scheme"]:
        number -= _SCADA
    number -= _POTENTIAL if number >= _POTENTIAL else 0
    return _NUMBERS.get(number, "") if number else None  # 0: a lead that is not specified


def _spelled(name: str) -> str:
    if len(name) > _LONGEST:
        return ""
    text = unicodedata.normalize("NFKC", name).strip().translate(_MINUS)
    for start in _MDC:
        if text.lower().startswith(start):
            lead = text[len(start) :].lower()
            return _SPELLINGS[lead] if lead in _PLAIN or lead == "avrneg" else ""
    found = _NAME.fullmatch(text.lower())
    if found is None or _DERIVED.fullmatch(text, *found.span("core")):
        return ""
    return _SPELLINGS.get(found["core"], "")


_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-"})


def _is_iec(names: Sequence[str], chest: set[str], leads: set[str]) -> bool:
    others = [name.strip() for name in names if not _BARE.fullmatch(name.strip())]
    return len(chest) == 6 and leads >= {"I", "II"} and not any(map(_EEG.fullmatch, others))


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
