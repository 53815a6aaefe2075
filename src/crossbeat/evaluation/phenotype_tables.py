"""The results of a cardiac MRI study as tables: on the terminal, in Markdown, and in the report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from crossbeat.evaluation import phenotype_names as names
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.regression import REGRESSION
from crossbeat.evaluation.results import verdict
from crossbeat.evaluation.retrieval import DIFFERENCE, NEAREST

Json = Mapping[str, Any]

_WIDTH = 140
_ALONE = f"_difference@{NEAREST}"


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
        results: as ``read_phenotype_results`` returns them.
        metrics: those of phenotypes that are told.
    """
    told = [each for metric in metrics for each in _phenotypes(results, metric)]
    if "screening" in results:
        told += _screening(results["screening"])
    for part, title in (("retrieval", "Retrieval"), ("localisation", "Localisation in time")):
        told += _measured(results, part, title)
    return [sheet for sheet in told if sheet.rows and len(sheet.header) > 1]


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


def _phenotypes(results: Json, metric: str) -> Iterator[Sheet]:
    """A metric of every model and limit, and what pairs differ by: a row per phenotype."""
    models, limits, pairs = (results.get(part, {}) for part in ("models", "limits", "differences"))
    columns = sorted(models[results["baseline"]], key=lambda name: name != MEAN)
    unit = {column: _unit(column) if metric == "mae" else "" for column in columns}
    rows = {name: f"{name} ({unit[name]})" if unit[name] else name for name in columns}
    reached = [*models.values(), *limits.values()]
    labels = [names.model(name).label for name in models]
    yield Sheet(
        f"{names.metric(metric)} of each phenotype",
        ["Phenotype", *labels, *(f"limit: {name}" for name in limits)],
        [
            (rows[name], [_cell(each[name][metric], unit[name]) for each in reached])
            for name in columns
        ],
    )
    yield Sheet(
        f"Differences in {names.metric(metric)}",
        ["Phenotype", *map(names.pair, pairs)],
        [
            (
                rows[name],
                [_change(each[name][metric], metric, unit[name]) for each in pairs.values()],
            )
            for name in columns
        ],
    )


def _screening(results: Json) -> Iterator[Sheet]:
    """The AUROC of every finding, and its differences: a row per model or pair."""
    findings = list(results["test"]["findings"])
    header = ["Model", *(f"AUROC, {finding}" for finding in findings)]
    yield Sheet(
        "Screening",
        header,
        [
            (names.model(name).label, [_cell(found[finding]["auroc"]) for finding in findings])
            for name, found in results["models"].items()
        ],
    )
    yield Sheet(
        "Differences in screening",
        header,
        [
            (names.pair(pair), [_change(found[finding]["auroc"], "auroc") for finding in findings])
            for pair, found in results["differences"].items()
        ],
    )


def _measured(results: Json, part: str, title: str) -> Iterator[Sheet]:
    """Measures over all phenotypes, then by phenotype: a row per model, limit or pair."""
    found = dict(results.get(part, {})) | dict(results.get(f"{part}_limits", {}))
    pairs = results.get(f"{part}_differences", {})
    measures = list(next(iter(found.values()), {}))
    alone = [name for name in measures if name.endswith(_ALONE) and name != DIFFERENCE]
    for chosen, words in (
        ([name for name in measures if name not in alone], title),
        (alone, f"{title}: difference of the {NEAREST} nearest in SD"),
    ):
        header = ["Model", *map(names.metric, chosen)]
        yield Sheet(
            words,
            header,
            [
                (names.model(name).label, [_cell(each[measure]) for measure in chosen])
                for name, each in found.items()
            ],
        )
        yield Sheet(
            f"{words}, differences",
            header,
            [
                (names.pair(pair), [_change(each[measure], measure) for measure in chosen])
                for pair, each in pairs.items()
            ],
        )


def _unit(column: str) -> str:
    return names.DEVIATIONS if column == MEAN else names.phenotype(column).unit


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
