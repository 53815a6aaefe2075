"""Who the patients of a cohort are: their ids in one spelling, and the source that gave them.

Equal ids of two public data sets are different people. Equal ids of a public data set and of the
user's own table may be the same people, so they count as the same.
"""

import re
import unicodedata
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import polars as pl
from jaxtyping import Int64

from crossbeat.data.cohort import Cohort
from crossbeat.data.splits import people_in
from crossbeat.errors import DataError

OWN = "own"
"""The source of ids that no builder of a public data set gave."""

EXACT = "own, as written"
"""The source of the same ids as they are written, in cohorts with ``EXACT_IDS``."""

ANY_SPELLING = "own, in any spelling"
"""The source of ids of cohorts with ``EXACT_IDS``, as other cohorts may spell them."""

EXACT_IDS = "exact_ids"
"""The setting of a cohort whose ids are different people even if only their spelling differs."""

OWN_SOURCES = (OWN, EXACT, ANY_SPELLING)
"""The sources of ids that may name other people than equal ids elsewhere."""

_PUBLIC = re.compile(r"(ptbxl|nih|chexpert|ludb|code15|cinc|mimic)-(.+)")
_VIRTUAL = re.compile(r"[vh]([0-9]+)-([0-9]{7,})")  # both kinds draw the same people from a seed
_BY_NAME = ("ukb",)  # cohorts whose ids have no prefix
_SHOWN = 3
_NUMBER = re.compile(r"0*([0-9]+)(?:\.0*)?")


def canonical(patient: str) -> str:
    """The id without what only its spelling adds: "007", "7", "7.0" and " 7" give "7".

    Blanks are left out, letters become lower case, characters that Unicode encodes in several ways
    are encoded in one, and a number loses its leading zeros and a trailing ``.0``.
    """
    text = unicodedata.normalize("NFKC", "".join(patient.split()).casefold())
    number = _NUMBER.fullmatch(text)
    return number[1] if number else text


def spellings(patients: Iterable[str]) -> list[tuple[str, ...]]:
    """The ids that differ only in their spelling: one sorted tuple for each canonical id."""
    found: dict[str, set[str]] = {}
    for patient in set(patients):
        found.setdefault(canonical(patient), set()).add(patient)
    return sorted(tuple(sorted(same)) for same in found.values() if len(same) > 1)


def require_one_spelling(patients: Iterable[str], source: str) -> None:
    """Check that no two ids differ only in their spelling; ``source`` is where they are from."""
    found = spellings(patients)
    if found:
        shown = "; ".join(" and ".join(map(repr, same)) for same in found[:_SHOWN])
        raise DataError(
            f"{source} must spell the id of each patient in one way, got {len(found)} in several: "
            f"{shown}; correct the ids, or say --exact-ids ({EXACT_IDS}=True) if they are "
            "different people"
        )


def people(cohort: Cohort, rows: Int64[np.ndarray, " row"]) -> pl.DataFrame:
    """The people of some rows of a cohort: those of the ECGs and the owners of the pictures.

    A row has ``source`` (the data set that gave the id), ``digest`` (of the canonical id, 64 bits)
    and ``patient`` (the id in the cohort). In a cohort with ``EXACT_IDS`` there is another row for
    the id as it is written.
    """
    exact = bool(cohort.info.settings.get(EXACT_IDS, False))
    told = [
        (source, _digest(bare), patient)
        for patient in ids_in(cohort.table[rows]).to_list()
        for source, bare in _told(patient, cohort.info.name, exact=exact)
    ]
    schema = {"source": pl.String, "digest": pl.UInt64, "patient": pl.String}
    return pl.DataFrame(told, schema, orient="row").sort("source", "digest", "patient")


def ids_in(table: pl.DataFrame) -> pl.Series:
    """The ids in a table, each once: those of the rows and of the owners of pictures."""
    return people_in(table)["patient"].drop_nulls().unique()


def in_common(some: pl.DataFrame, others: pl.DataFrame, *, own: bool = True) -> pl.DataFrame:
    """The rows of ``some`` who are the same people as some of ``others``.

    Args:
        some: as ``people`` returns them.
        others: with ``source`` and ``digest``.
        own: whether ids of the user's own tables name the same people as equal ids elsewhere.
            Virtual patients are never people of another source. Two cohorts with ``EXACT_IDS``
            have in common who is written in one way, other cohorts whose canonical id is equal.
    """
    sources = [pl.col("source"), pl.col("source_right")]
    equal = sources[0] == sources[1]
    same = equal & ~sources[0].is_in(OWN_SOURCES)
    if own:
        exact = pl.any_horizontal(each == EXACT for each in sources)
        spelt = pl.any_horizontal(each.is_in((OWN, ANY_SPELLING)) for each in sources)
        virtual = pl.any_horizontal(each.str.starts_with("virtual") for each in sources)
        both_exact = pl.all_horizontal(each == ANY_SPELLING for each in sources)
        same |= (exact & equal) | (spelt & ~exact & ~virtual & ~both_exact)
    pairs = some.join(others.rename({"source": "source_right"}), on="digest").filter(same)
    found = some.filter(pl.col("patient").is_in(pairs["patient"].implode()))
    return found.unique("patient", keep="first", maintain_order=True)


def _told(patient: str, name: str, *, exact: bool) -> list[tuple[str, str]]:
    """The sources of an id, each with the id without the prefix of the source."""
    text = canonical(patient)
    if virtual := _VIRTUAL.fullmatch(text):
        return [(f"virtual {virtual[1]}", canonical(virtual[2]))]
    if public := _PUBLIC.fullmatch(text):
        return [(public[1], canonical(public[2]))]
    if name in _BY_NAME:
        return [(name, text)]
    return [(ANY_SPELLING, text), (EXACT, patient)] if exact else [(OWN, text)]


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
