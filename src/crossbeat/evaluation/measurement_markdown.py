"""The results of a cardiac MRI study with a row per model: for a terminal, and as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crossbeat.evaluation import measurement_names as names
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.retrieval import DIFFERENCE

Json = Mapping[str, Any]
Column = tuple[str, tuple[str, ...], float]
"""What a column is called, where its estimate lies in a model's, and the factor on it."""

Grid = tuple[list[str], list[list[str]]]
"""The header and the rows of a table."""

SHOWN = ("LVEDV", "LVESV", "LVEF", "LVM", "RVEDV", "LAV", MEAN)
"""The measurements that have a column; the mean is over all."""

_PERCENT = 100.0
_MEASURES: Mapping[str, tuple[tuple[str, float], ...]] = {
    "retrieval": (("recall@1", _PERCENT), ("recall@10", _PERCENT), (DIFFERENCE, 1.0)),
    "localisation": (("answered@1", _PERCENT), ("phase_error", 1.0)),
}


def by_model(results: Json) -> Iterator[str]:
    """The lines of all tables of ``grids``, in Markdown.

    Args:
        results: as ``read_measurement_results`` returns them.
    """
    for number, (header, rows) in enumerate(grids(results)):
        if number:
            yield ""
        yield f"| {' | '.join(header)} |"
        yield "| --- " * len(header) + "|"
        for row in rows:
            yield f"| {' | '.join(row)} |"


def grids(results: Json) -> Iterator[Grid]:
    """R² by the ECG alone and by probes, screening, retrieval and moments: a table each.

    Shares are in percent, their differences in points; models stand in backticks.

    Args:
        results: as ``read_measurement_results`` returns them.
    """
    yield _explained("R² in percent", results, results.get("limits", {}))
    for name, found in results.get("readings", {}).items():
        yield _explained(f"R² in percent of a {name}", found, {})
    if "screening" in results:
        yield _screened(results["screening"])
    for part, measures in _MEASURES.items():
        if part in results:
            columns = [(_titled(name, factor), (name,), factor) for name, factor in measures]
            found = {"models": results[part], "differences": results.get(f"{part}_differences", {})}
            yield _grid("model", columns, found, results.get(f"{part}_limits", {}))


def _explained(title: str, results: Json, limits: Json) -> Grid:
    known = next(iter(results["models"].values()))
    columns = [(name, (name, "r2"), _PERCENT) for name in SHOWN if name in known]
    return _grid(title, columns, results, limits)


def _screened(screening: Json) -> Grid:
    columns = [
        (f"{finding}, AUROC in percent", (finding, "auroc"), _PERCENT)
        for finding in screening["test"]["findings"]
    ]
    return _grid("screening", columns, screening, {})


def _titled(measure: str, factor: float) -> str:
    return names.metric(measure) + (" (%)" if factor == _PERCENT else "")


def _grid(title: str, columns: Sequence[Column], results: Json, limits: Json) -> Grid:
    rows = [(f"`{name}`", found, "") for name, found in results["models"].items()]
    rows += [(f"limit: {name}", found, "") for name, found in limits.items()]
    rows += [
        (name.replace(" - ", " − "), found, "+") for name, found in results["differences"].items()
    ]
    return [title, *(name for name, _, _ in columns)], [
        [name, *(_cell(found, where, factor, sign) for _, where, factor in columns)]
        for name, found, sign in rows
    ]


def _cell(found: Json, where: Sequence[str], factor: float, sign: str) -> str:
    for key in where:
        found = found[key]
    if found["value"] is None:
        return "undefined"
    digits = 1 if factor == _PERCENT else 3
    value, low, high = (_text(found[end], factor, sign, digits) for end in ("value", "low", "high"))
    return f"{value} ({low} to {high})" if low else value


def _text(value: float | None, factor: float, sign: str, digits: int) -> str:
    if value is None:
        return ""
    nearest = round(factor * value, digits) + 0.0
    return f"{nearest:{sign if nearest else ''}.{digits}f}"
