"""The report of a cardiac MRI study: one self-contained HTML file without scripts."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from crossbeat.evaluation import measurement_names as names
from crossbeat.evaluation import measurement_words as words
from crossbeat.evaluation.measurement_results import validate_measurements
from crossbeat.evaluation.measurement_tables import (
    MEASURED,
    Cell,
    Sheet,
    measured_sheets,
    measurement_sheets,
    screening_sheets,
)
from crossbeat.evaluation.regression import REGRESSION
from crossbeat.evaluation.report_parts import (
    Pictures,
    bullets,
    document,
    facts,
    folded,
    paragraph,
    pictures,
    require_places,
    section,
)
from crossbeat.evaluation.report_words import DISCLAIMER
from crossbeat.evaluation.results import measured_on
from crossbeat.files import write_whole

Json = Mapping[str, Any]

PLACES = (
    *("results", "differences", "estimates", "screening", "retrieval", "localisation", "hearts"),
    "training",
)
"""Where pictures can stand."""

_MARKS = {1: ("up", "▲ "), -1: ("down", "▼ "), 0: ("", "")}


def write_measurement_report(path: Path, results: Json, figures: Pictures) -> None:
    """Writes the report; the file appears whole or not at all.

    Args:
        path: of the HTML file.
        results: as ``read_measurement_results`` returns them.
        figures: the pictures of each of ``PLACES``; a place may be left out.

    Raises:
        DataError: the results are not sound.
        ValueError: a place is unknown.
    """
    require_places(figures, PLACES)
    validate_measurements(results, source="the results")
    method, baseline = (names.model(results[role]).label for role in ("method", "baseline"))
    title = f"{method} against {baseline}"
    body = "".join(
        (
            _header(results, title),
            _answer(results),
            _estimates(results, figures),
            _tasks(results, figures),
            section("hearts", "Hearts that beat", pictures(figures.get("hearts", ()))),
            _limits(results),
            _record(results, figures),
            f"<footer>{paragraph(DISCLAIMER)}</footer>",
        )
    )
    write_whole(path, document(title, body))


def _header(results: Json, title: str) -> str:
    parts = [
        f"Cohort: {measured_on(results)}",
        f"{results['test'].get('patients', 0):,} test patients",
        f"{len(results['seeds'])} training seed{'' if len(results['seeds']) == 1 else 's'}",
    ]
    return (
        f'<header><p class="kicker">crossbeat study</p><h1>{escape(title)}</h1>'
        f"{paragraph(' · '.join(parts), 'facts-line')}{paragraph(DISCLAIMER, 'notice')}</header>"
    )


def _answer(results: Json) -> str:
    first, *rest = words.answer(results) or [""]
    asked = results.get("question") or words.question(results)
    return section(
        "asked", "What was asked", paragraph(asked), paragraph(words.kind(results))
    ) + section(
        "answer",
        "The short answer",
        paragraph(words.headline(results), "headline"),
        paragraph(first),
        bullets(rest),
    )


def _estimates(results: Json, figures: Pictures) -> str:
    """How well measurements are estimated, and where a gain comes from."""
    primary, *others = (measurement_sheets(results, metric) for metric in REGRESSION)
    meanings = [names.model(model) for model in results["models"]]
    note = (
        "Below each value its 95 % interval. The mean absolute error of the mean is in standard "
        "deviations of the measurement (SD)."
    )
    marks = (
        "Both models of a pair are measured on the same patients. ▲ and ▼ mark intervals "
        "that exclude zero: the first model is clearly better or clearly worse."
    )
    return (
        section(
            "results",
            "Results",
            pictures(figures.get("results", ())),
            sheet_table(primary[0]),
            paragraph(note, "note"),
            folded("Correlation and error", *(sheet_table(each[0]) for each in others)),
            "<h3>The models</h3>",
            bullets([f"{name.label}: {name.meaning}" for name in meanings if name.meaning]),
        )
        + section(
            "differences",
            "Where a gain comes from",
            pictures(figures.get("differences", ())),
            paragraph(marks, "note"),
            sheet_table(primary[1]),
            folded(
                "Differences in correlation and error", *(sheet_table(each[1]) for each in others)
            ),
        )
        + section("estimates", "Estimates and truth", pictures(figures.get("estimates", ())))
    )


def _tasks(results: Json, figures: Pictures) -> str:
    """Screening, retrieval and localisation, as far as they were measured."""
    tables = {"screening": screening_sheets(results)}
    tables |= {part: measured_sheets(results, part) for part in MEASURED}
    told = ""
    for part, (title, note) in _TASKS.items():
        shown = pictures(figures.get(part, ())) + "".join(map(sheet_table, tables[part]))
        told += section(part, title, paragraph(note, "note"), shown) if shown else ""
    return told


_TASKS = {
    "screening": (
        "Screening",
        "A low estimate calls the finding; the AUROC does not ask whether the estimate is right.",
    ),
    "retrieval": (
        "Patients with similar hearts",
        (
            "Recall is of the own patient; all else is about the 10 nearest other patients, in "
            "standard deviations of the gallery. A random search and one that knows the "
            "measurements are the limits."
        ),
    ),
    "localisation": (
        "Which part of the ECG answers to which moment",
        (
            "Segment s of the ECG belongs to frame s of the cine. By lot the segment that answers "
            "is a quarter of a cycle away."
        ),
    ),
}


def _limits(results: Json) -> str:
    known = [*results.get("notes", ()), *results["cohort"].get("notes", ())]
    return section("limits", "Limits", bullets([*words.LIMITS, *known]))


def _record(results: Json, figures: Pictures) -> str:
    cohort = {name: value for name, value in results["cohort"].items() if name != "notes"}
    measurements = results["test"].get("measurements", {})
    return section(
        "record",
        "How it was run",
        pictures(figures.get("training", ())),
        facts("Cohort", cohort),
        facts("Measurements of the test patients", measurements),
        facts("Seeds", {"training": results["seeds"]}),
        facts("Hours used", results.get("hours", {})),
        facts("Settings", results.get("settings", {})),
        facts("Versions", results.get("versions", {})),
    )


def sheet_table(sheet: Sheet) -> str:
    """A table in HTML, each interval below its value; nothing for a sheet without cells.

    Args:
        sheet: one of ``sheets``.
    """
    if len(sheet.header) < 2:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in sheet.header)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(map(_cell, cells))}</tr>'
        for name, cells in sheet.rows
    )
    return (
        f'<h3>{escape(sheet.title)}</h3><div class="scroll">'
        f'<table aria-label="{escape(sheet.title)}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell) -> str:
    css, mark = _MARKS[cell.better]
    small = f"<small>{escape(cell.ends)}</small>" if cell.ends else ""
    return f'<td><span class="{css}">{mark}{escape(cell.value)}{small}</span></td>'
