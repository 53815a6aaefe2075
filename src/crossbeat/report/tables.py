"""Results as tables: for the terminal, in Markdown and in the report.

Shares are in percent and their differences in points; errors are in the unit of their target.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from crossbeat.evaluation import names
from crossbeat.evaluation.results import external, verdict
from crossbeat.evaluation.retrieval import ALONE, DIFFERENCE, NEAREST
from crossbeat.files import ReadJson
from crossbeat.metrics import MEAN
from crossbeat.targets import SECOND, described

MEASURED: Mapping[str, str] = MappingProxyType(
    {"retrieval": "Retrieval", "localisation": "Localisation in time"}
)
"""The parts of results that were measured row by row, and how they are called."""

_UNDEFINED = "not defined"
_WIDE = 8  # columns of a table that is turned round
_FOLLOWS = ("LVSV", "RVESV", "RVSV", "RVEF")
"""Measurements that Markdown leaves out: they follow from others, or are like them."""


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

    def __str__(self) -> str:
        return f"{self.value} ({self.ends})" if self.ends else self.value


@dataclass(frozen=True)
class Sheet:
    """A table; the first column of the header names the rows."""

    title: str
    header: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]

    def texts(self) -> list[list[str]]:
        """The rows as text."""
        return [[name, *map(str, cells)] for name, cells in self.rows]

    def turned(self) -> "Sheet":
        """Rows as columns."""
        columns = zip(*(cells for _, cells in self.rows), strict=True)
        header = [self.header[0], *(name for name, _ in self.rows)]
        return Sheet(self.title, header, list(zip(self.header[1:], columns, strict=True)))

    def fitting(self) -> "Sheet":
        """As it is, or turned if it would be too wide for a page or a terminal."""
        wide = len(self.header) > max(_WIDE, len(self.rows) + 1)
        return self.turned() if wide else self


def cell(found: ReadJson | None, metric: str, unit: str = "", *, signed: bool = False) -> Cell:
    """An estimate in percent if its metric is a share, else in its unit.

    One decimal in percent and in units such as ml, else three; zero has no sign.

    Args:
        unit: of a metric that is no share.
    """
    if found is None or found["value"] is None:
        return Cell(_UNDEFINED)
    factor = 100 if names.in_percent(metric) else 1
    digits = 1 if factor == 100 or unit not in ("", names.DEVIATIONS) else 3

    def text(number: float) -> str:
        nearest = round(factor * number, digits) + 0.0  # not as -0.0
        return f"{nearest:{'+' if signed and nearest else ''}.{digits}f}"

    ends = "" if found["low"] is None else f"{text(found['low'])} to {text(found['high'])}"
    sign = -1 if names.lower_is_better(metric) else 1
    return Cell(text(found["value"]), ends, sign * verdict(found) if signed else 0)


def leads(found: ReadJson) -> str:
    """The leading metric of models that are compared: the first that they have."""
    columns = next(iter(found["models"].values()))
    return next(iter(next(iter(columns.values()))))


def columns_of(found: ReadJson) -> list[str]:
    """The targets of models that are compared, then the mean if there are several."""
    columns = list(next(iter(found["models"].values())))
    return columns if len(columns) > 2 else columns[:1]


def mean_first(found: ReadJson) -> list[str]:
    """``columns_of`` in the order of the report."""
    return sorted(columns_of(found), key=lambda target: target != MEAN)


def titled(metric: str) -> str:
    """A metric with its unit if it is a share."""
    return names.metric(metric) + (" in percent" if names.in_percent(metric) else "")


def of_targets(
    found: ReadJson,
    metric: str,
    *,
    part: str = "models",
    called: Callable[[str], str] = str,
    columns: Sequence[str] = (),
) -> Sheet:
    """A metric of every model, limit or pair: a column per target.

    Args:
        columns: the targets in order; by default all, the mean last if there are several.
    """
    shown = columns or columns_of(found)
    units = [_unit(column) if metric == "mae" else "" for column in shown]
    labels = [column.replace("_", " ") for column in shown]
    header = [
        f"{name} ({unit})" if unit else name for name, unit in zip(labels, units, strict=True)
    ]
    signed = part == "differences"
    rows = [
        (
            called(name),
            [
                cell(each.get(column, {}).get(metric), metric, unit, signed=signed)
                for column, unit in zip(shown, units, strict=True)
            ],
        )
        for name, each in found.get(part, {}).items()
    ]
    return Sheet(titled(metric), ["models" if signed else "model", *header], rows)


def of_measures(
    results: ReadJson,
    part: str,
    *,
    ending: str = "",
    alone: bool = False,
    called: Callable[[str], str] = str,
) -> Sheet:
    """Measures of every model, limit or pair: a column per measure, or per single measurement."""
    measures = list(next(iter(results[part].values()), {}))
    single = [name for name in measures if name.endswith(ALONE) and name != DIFFERENCE]
    shown = single if alone else [name for name in measures if name not in single]
    header = [names.metric(name) + " (%)" * names.in_percent(name) for name in shown]
    signed = ending == "_differences"
    rows = [
        (called(name), [cell(each.get(measure), measure, signed=signed) for measure in shown])
        for name, each in results.get(f"{part}{ending}", {}).items()
    ]
    title = MEASURED[part] + f": difference of the {NEAREST} nearest in SD" * alone
    return Sheet(title, ["models" if signed else "model", *header], rows)


def sheets(results: ReadJson, *, own_patients: bool = False) -> Iterator[Sheet]:
    """The tables of results for the terminal.

    Of metrics in percent the leading one is shown, of others all.
    """
    for where, found in _blocks(results):
        start = f"{where}: " if where else ""
        over = f"(95 % interval over {over_what(found, own_patients)})"
        first = leads(found)
        metrics = next(iter(next(iter(found["models"].values())).values()))
        for metric in [name for name in metrics if name == first or not names.in_percent(name)]:
            values = of_targets(found, metric)
            limits = of_targets(found, metric, part="limits", called=_limit)
            told = "points" if names.in_percent(metric) else names.metric(metric)
            yield from _shown(
                Sheet(f"{start}{values.title} {over}", values.header, [*values.rows, *limits.rows]),
                of_targets(found, metric, part="differences"),
                f"{start}Paired differences in {told}",
            )
        for part in MEASURED:
            if part in found:
                for alone in (False, True):
                    values = _with_limits(found, part, alone)
                    pairs = of_measures(found, part, ending="_differences", alone=alone)
                    title = f"{start}{values.title}"
                    values = Sheet(title, values.header, values.rows)
                    yield from _shown(values, pairs, f"{title}, differences")


def _shown(values: Sheet, pairs: Sheet, title: str) -> Iterator[Sheet]:
    """Tables with cells, turned round if they would be too wide."""
    for sheet in (values, Sheet(title, pairs.header, pairs.rows)):
        if sheet.rows and len(sheet.header) > 1:
            yield sheet.fitting()


def _with_limits(results: ReadJson, part: str, alone: bool = False) -> Sheet:
    values = of_measures(results, part, alone=alone)
    limits = of_measures(results, part, ending="_limits", alone=alone, called=_limit)
    return Sheet(values.title, values.header, [*values.rows, *limits.rows])


def _blocks(results: ReadJson) -> Iterator[tuple[str, ReadJson]]:
    """Results, at each point of an axis, and the results inside them, with the name of each."""
    for point in results.get("points", [results]):
        if "at" in point:
            at = f"{results['axis']} {_place(point)}"
        else:
            at = external(point) if "cohort" in point else ""
        yield at, point
        inner = dict(point.get("readings", {}))
        inner |= {name: point[name] for name in (*SECOND, "screening") if name in point}
        for name, found in inner.items():
            if found["models"]:
                yield ", ".join(filter(None, (at, name))), found


def over_what(results: ReadJson, own_patients: bool = False) -> str:
    """What the intervals of results are over."""
    metric = leads(results)
    if not any("by_run" in found[MEAN][metric] for found in results["models"].values()):
        return "patients"
    return "seeds" if own_patients else "patients and runs"


def markdown(results: ReadJson) -> Iterator[str]:
    """The lines of all tables of ``grids`` in Markdown, with an empty line between tables."""
    for number, sheet in enumerate(grids(results)):
        if number:
            yield ""
        yield from markdown_table(sheet.header, sheet.texts())


def grids(results: ReadJson) -> list[Sheet]:
    """The tables of results for Markdown: models, limits and pairs in one, by the leading metric.

    Pairs with a teacher are left out: it sees the other modality.
    """
    tables = [_along(results)] if "points" in results else []
    tables += [_in_one(where, found) for where, found in _blocks(results)]
    for point in results.get("points", [results]):
        for part in MEASURED:
            if part in point:
                values = _with_limits(point, part)
                pairs = of_measures(point, part, ending="_differences")
                tables.append(_merged(values.title, values, pairs))
    return tables


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table in Markdown."""
    yield f"| {' | '.join(header)} |"
    yield "| --- " * len(header) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _in_one(where: str, found: ReadJson) -> Sheet:
    metric = leads(found)
    every = columns_of(found)
    columns = [column for column in every if column not in _FOLLOWS] or every
    models = of_targets(found, metric, columns=columns)
    limits = of_targets(found, metric, part="limits", called=_limit, columns=columns)
    values = Sheet(models.title, models.header, [*models.rows, *limits.rows])
    title = f"{where}: {models.title}" if where else models.title
    return _merged(title, values, of_targets(found, metric, part="differences", columns=columns))


def _merged(title: str, values: Sheet, pairs: Sheet) -> Sheet:
    limit = _limit("")
    rows = [(name if name.startswith(limit) else f"`{name}`", each) for name, each in values.rows]
    rows += [
        (pair.replace(" - ", " − "), each) for pair, each in pairs.rows if not _has_teacher(pair)
    ]
    return Sheet(title, [title, *values.header[1:]], rows)


def _has_teacher(pair: str) -> bool:
    return any(each.split(", ")[0] in names.TEACHERS for each in pair.split(" - "))


def _along(results: ReadJson) -> Sheet:
    points = results["points"]
    baseline, metric = points[0]["baseline"], leads(points[0])
    reached = [cell(point["models"][baseline][MEAN][metric], metric) for point in points]
    rows = [(f"`{baseline}`", reached)]
    for pair in dict.fromkeys(pair for point in points for pair in point["differences"]):
        told = [point["differences"].get(pair, {}).get(MEAN, {}).get(metric) for point in points]
        gains = [cell(each, metric, signed=True) for each in told]
        rows.append((pair.replace(" - ", " − "), gains))
    return Sheet(results["axis"], [results["axis"], *map(_place, points)], rows)


def _place(point: ReadJson) -> str:
    return f"{point['at']:g}" if isinstance(point["at"], float) else str(point["at"])


def candidates(found: ReadJson) -> Iterator[tuple[str, str, str, bool]]:
    """Every candidate of a search: model, candidate, leading metric in percent, if chosen."""
    for model, each in found["validation"].items():
        for name, value in each.items():
            yield model, name, f"{100 * value:.1f}", found["chosen"].get(model) == name


def markdown_candidates(found: ReadJson) -> Iterator[str]:
    """A Markdown table of every candidate's metric on validation; the chosen ones are bold."""
    rows = [
        [f"`{model}`", *(f"**{text}**" if chosen else text for text in (name, value))]
        for model, name, value, chosen in candidates(found)
    ]
    return markdown_table(
        ["model", "candidate", f"validation {names.metric(found['metric'])}"], rows
    )


def _limit(name: str) -> str:
    return f"limit: {name}"


def _unit(column: str) -> str:
    return names.DEVIATIONS if column == MEAN else described(column).unit
