"""The results of a cardiac MRI study as tables: on the terminal, in Markdown, and in the report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from crossbeat.evaluation.regression import REGRESSION
from rich.console import Console
from rich.table import Table

from crossbeat.evaluation import measurement_names as names
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.results import verdict
from crossbeat.evaluation.retrieval import ALONE, DIFFERENCE, NEAREST

Json = Mapping[str, Any]

MEASURED: Mapping[str, str] = MappingProxyType(
    {"retrieval": "Retrieval", "localisation": "Localisation in time"}
)
"""The parts of results that were measured row by row, and how they are called."""

_WIDTH = 140


@dataclass(frozen=True)
class Cell:
    """An estimate in words.

    Args:
        value: in the unit of the table.
        ends: of its interval; empty where there is none.
        better: of a difference: 1 clearly better, -1 clearly worse, else 0.
    """

    value: str
    ends: str = ""
    better: int = 0


@dataclass(frozen=True)
class Sheet:
    """A table.

    Args:
        title: above it.
        header: of the columns; the first names the rows.
        rows: what each row is called, and a cell per further column.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


def sheets(results: Json, metrics: Sequence[str] = tuple(REGRESSION)) -> list[Sheet]:
    """The tables of results, what models reach before what they differ by.

    Args:
        results: as ``read_measurement_results`` returns them.
        metrics: those of measurements that are told.
    """
    told = [each for metric in metrics for each in measurement_sheets(results, metric)]
    told += screening_sheets(results)
    for part in MEASURED:
        told += measured_sheets(results, part)
    return [sheet for sheet in told if len(sheet.header) > 1]


def print_sheets(told: Sequence[Sheet]) -> None:
    """Tables on the terminal; wide where the output is a file.

    Args:
        told: some of ``sheets``.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for sheet in told:
        table = Table(title=sheet.title, title_justify="left")
        for name in sheet.header:
            table.add_column(name, overflow="fold")
        for name, cells in sheet.rows:
            table.add_row(name, *(f"{cell.value}\n{cell.ends}".rstrip() for cell in cells))
        console.print(table)


def markdown(sheet: Sheet) -> Iterator[str]:
    """The lines of a table in Markdown.

    Args:
        sheet: one of ``sheets``.
    """
    yield f"| {' | '.join(sheet.header)} |"
    yield "| --- " * len(sheet.header) + "|"
    for name, cells in sheet.rows:
        texts = [f"{cell.value} ({cell.ends})" if cell.ends else cell.value for cell in cells]
        yield f"| {' | '.join([name, *texts])} |"


def measurement_sheets(results: Json, metric: str) -> tuple[Sheet, Sheet]:
    """A metric of every model and limit, and what pairs differ by: a row per measurement.

    Args:
        results: as ``read_measurement_results`` returns them.
        metric: one of ``REGRESSION``.
    """
    models, limits, pairs = (results.get(part, {}) for part in ("models", "limits", "differences"))
    columns = sorted(models[results["baseline"]], key=lambda name: name != MEAN)
    unit = {column: _unit(column) if metric == "mae" else "" for column in columns}
    rows = {name: f"{name} ({unit[name]})" if unit[name] else name for name in columns}
    reached = [*models.values(), *limits.values()]
    labels = [names.model(name).label for name in models]
    values = Sheet(
        f"{names.metric(metric)} of each measurement",
        ["Measurement", *labels, *(f"limit: {name}" for name in limits)],
        [
            (rows[name], [_cell(each[name][metric], unit[name]) for each in reached])
            for name in columns
        ],
    )
    differences = Sheet(
        f"Differences in {names.metric(metric)}",
        ["Measurement", *map(names.pair, pairs)],
        [
            (
                rows[name],
                [_change(each[name][metric], metric, unit[name]) for each in pairs.values()],
            )
            for name in columns
        ],
    )

    return values, differences


def screening_sheets(results: Json) -> list[Sheet]:
    """The AUROC of every finding that is screened for, and its differences; none without any.

    Args:
        results: as ``read_measurement_results`` returns them.
    """
    if "screening" not in results:
        return []
    screened = results["screening"]
    findings = list(screened["test"]["findings"])
    header = ["Model", *(f"AUROC, {finding}" for finding in findings)]
    values = [
        (names.model(name).label, [_cell(found[finding]["auroc"]) for finding in findings])
        for name, found in screened["models"].items()
    ]
    differences = [
        (names.pair(pair), [_change(found[finding]["auroc"], "auroc") for finding in findings])
        for pair, found in screened["differences"].items()
    ]
    told = (
        Sheet("Screening", header, values),
        Sheet("Screening, differences", header, differences),
    )
    return [sheet for sheet in told if sheet.rows]


def measured_sheets(results: Json, part: str) -> list[Sheet]:
    """Measures over all measurements, then of each: a row per model, limit or pair.

    Args:
        results: as ``read_measurement_results`` returns them.
        part: one of ``MEASURED``; without it there is no table.
    """
    found = dict(results.get(part, {})) | dict(results.get(f"{part}_limits", {}))
    pairs = results.get(f"{part}_differences", {})
    measures = list(next(iter(found.values()), {}))
    alone = [name for name in measures if name.endswith(ALONE) and name != DIFFERENCE]
    over_all = [name for name in measures if name not in alone]
    told = []
    for chosen, title in (
        (over_all, MEASURED[part]),
        (alone, f"{MEASURED[part]}: difference of the {NEAREST} nearest in SD"),
    ):
        header = ["Model", *map(names.metric, chosen)]
        values = [
            (names.model(name).label, [_cell(each[measure]) for measure in chosen])
            for name, each in found.items()
        ]
        differences = [
            (names.pair(pair), [_change(each[measure], measure) for measure in chosen])
            for pair, each in pairs.items()
        ]
        told += [Sheet(title, header, values), Sheet(f"{title}, differences", header, differences)]
    return [sheet for sheet in told if sheet.rows and len(sheet.header) > 1]


def _unit(column: str) -> str:
    return names.DEVIATIONS if column == MEAN else names.measurement(column).unit


def _cell(found: Json, unit: str = "") -> Cell:
    if found["value"] is None:
        return Cell("undefined")
    value, low, high = (_text(found[end], unit) for end in ("value", "low", "high"))
    return Cell(value, f"{low} to {high}" if low else "")


def _change(found: Json, metric: str, unit: str = "") -> Cell:
    if found["value"] is None:
        return Cell("undefined")
    value, low, high = (_text(found[end], unit, sign="+") for end in ("value", "low", "high"))
    better = -verdict(found) if names.lower_is_better(metric) else verdict(found)
    return Cell(value, f"{low} to {high}" if low else "", better)


def _text(value: float | None, unit: str, *, sign: str = "") -> str:
    """One decimal in millilitres, grams and percent, else three; zero has no sign."""
    if value is None:
        return ""
    digits = 1 if unit not in ("", names.DEVIATIONS) else 3
    nearest = round(value, digits) + 0.0
    text = f"{nearest:{sign if nearest else ''}.{digits}f}"
    return text.replace("-", "−")
