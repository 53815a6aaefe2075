"""One HTML file that tells what is in a cohort, with some of its ECGs and X-rays.

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
from crossbeat.leads import INDEPENDENT
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
from crossbeat.report.pictures import ecg_page, xray
from crossbeat.report.theme import Picture, picture
from crossbeat.report.words import DISCLAIMER
from crossbeat.signal import Ecg

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
    drawable = set(INDEPENDENT) <= set(cohort.info.leads)
    both = cohort.rows("train", has=("ecg", "xray"))
    if len(both) and drawable:
        for row in _some(both, most, seed):
            film = replace(_xray(cohort, row), title="X-ray", caption="")  # said beside it
            yield beside(_ecg(cohort, row), film)
        return
    if drawable:
        yield pictures([_ecg(cohort, row) for row in _some(cohort.rows("train"), most, seed)])
    films = cohort.rows("train", has=("xray",))
    yield pictures([_xray(cohort, row) for row in _some(films, most, seed)])


def _some(rows: Int64[np.ndarray, " row"], most: int, seed: int) -> Int64[np.ndarray, "some 1"]:
    return np.random.default_rng(seed).permutation(rows)[:most, None]


def _ecg(cohort: Cohort, row: Int64[np.ndarray, " 1"]) -> Picture:
    batch = cohort.ecgs(row)
    figure = ecg_page(Ecg(batch.values[0].numpy(), batch.leads, batch.fs))
    positive, caption = _labels(cohort, int(row[0]))
    unit = "" if cohort.info.unit == "mV" else " One standard deviation of a lead is drawn as 1 mV."
    return picture(
        figure, title=positive, caption=caption + unit, alt=f"12-lead ECG: {positive}", wide=True
    )


def _xray(cohort: Cohort, row: Int64[np.ndarray, " 1"]) -> Picture:
    positive, caption = _labels(cohort, int(row[0]))
    return xray(cohort.images("xray", row)[0].numpy(), title=positive, caption=caption)


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
