"""One HTML file that tells what is in a cohort, with some of its recordings.

Needs the extra ``plots``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape

import numpy as np
from jaxtyping import Int64

from crossbeat.data.cohort import Cohort
from crossbeat.data.table import REPORTED, label_column
from crossbeat.evaluation import names
from crossbeat.files import ReadJson
from crossbeat.report.cohort_tables import Rows, in_words, tables
from crossbeat.report.page import (
    beside,
    bullets,
    document,
    facts,
    paragraph,
    pictures,
    section,
    table,
)
from crossbeat.report.pictures import DRAWN, drawn
from crossbeat.report.theme import Picture
from crossbeat.report.words import DISCLAIMER

_CODES = {1: "positive", 0: "negative", -1: "uncertain"}


def cohort_page(cohort: Cohort, found: ReadJson, *, examples: int, seed: int) -> str:
    """The page: its tables, and examples of the training split without names of patients."""
    title = f"Cohort {found['name']}"
    body = "".join(
        (
            f'<header><p class="kicker">crossbeat cohort</p><h1>{escape(title)}</h1>',
            f"{paragraph(in_words(found), 'facts-line')}</header>",
            section("notes", "Notes", [bullets(found["notes"])]),
            section("examples", "Examples", _examples(cohort, examples, seed)),
            section("counts", "What is in it", [_table(*each) for each in tables(found)]),
            f"<footer>{paragraph(DISCLAIMER)}</footer>",
        )
    )
    return document(title, body)


def _table(title: str, header: Sequence[str], rows: Rows) -> str:
    if len(header) == 2:
        return facts(title, {each[0]: each[1] for each in rows})
    return table(title, header, rows)


def _examples(cohort: Cohort, most: int, seed: int) -> Iterator[str]:
    rows = {name: cohort.rows("train", has=(name,)) for name in DRAWN}
    others = [name for name in DRAWN if name != "ecg" and len(rows[name])]
    both = cohort.rows("train", has=("ecg", *others[:1])) if others else ()
    pairs = {row: drawn(cohort, row) for row in _some(both, most, seed)}
    if pairs and all("ecg" in each for each in pairs.values()):
        for row, (ecg, other) in ((row, each.values()) for row, each in pairs.items()):
            yield beside(_labelled(cohort, row, ecg), other)
        return
    for name, found in rows.items():
        shown = [(row, DRAWN[name](cohort, row)) for row in _some(found, most, seed)]
        yield pictures([_labelled(cohort, row, one) for row, one in shown if one is not None])


def _some(rows: Sequence[int] | Int64[np.ndarray, " row"], most: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).permutation(np.asarray(rows, int))[:most].tolist()


def _labelled(cohort: Cohort, row: int, shown: Picture) -> Picture:
    """A recording with what its report says; as it is where the cohort has no findings."""
    if not cohort.info.findings:
        return shown
    positive, caption = _labels(cohort, row)
    alt = f"{shown.alt}: {positive}"
    caption = " ".join(filter(None, (caption, shown.caption)))
    return replace(shown, title=positive, caption=caption, alt=alt)


def _labels(cohort: Cohort, row: int) -> tuple[str, str]:
    """The positive findings, and what else the report says, in words."""
    told = cohort.table.row(row, named=True)
    if told.get(REPORTED) is False:
        return "No report", ""
    said: dict[str, list[str]] = {word: [] for word in _CODES.values()}
    for finding in cohort.info.findings:
        code = told[label_column(finding)]
        if code is not None:
            said[_CODES[code]].append(names.plain(finding))
    positive = ", ".join(said["positive"]).capitalize() or "Nothing positive"
    others = [
        f"{word}: {', '.join(said[word])}" for word in ("uncertain", "negative") if said[word]
    ]
    return f"{positive}.", f"{'; '.join(others).capitalize()}." if others else ""
