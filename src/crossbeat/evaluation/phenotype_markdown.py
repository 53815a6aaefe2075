"""The results of a cardiac MRI study as Markdown with a row per model, for the documentation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crossbeat.evaluation import phenotype_names as names
from crossbeat.evaluation.compare import MEAN
from crossbeat.evaluation.retrieval import DIFFERENCE

Json = Mapping[str, Any]
Column = tuple[str, tuple[str, ...], float]
"""What a column is called, where its estimate lies in a model's, and the factor on it."""

SHOWN = ("LVEDV", "LVESV", "LVEF", "LVM", "RVEDV", "LAV", MEAN)
"""The phenotypes that have a column; the mean is over all."""

_PERCENT = 100.0
_MEASURES: Mapping[str, tuple[tuple[str, float], ...]] = {
    "retrieval": (("recall@1", _PERCENT), ("recall@10", _PERCENT), (DIFFERENCE, 1.0)),
    "localisation": (("answered@1", _PERCENT), ("phase_error", 1.0)),
}


def by_model(results: Json) -> Iterator[str]:
    """R² by the ECG alone and by probes, screening, retrieval and moments: a table each.

    Shares are in percent, their differences in points.

    Args:
        results: as ``read_phenotype_results`` returns them.
    """
    yield from _explained("R² in percent", results, results.get("limits", {}))
    for name, found in results.get("readings", {}).items():
        yield ""
        yield from _explained(f"R² in percent of a {name}", found, {})
    if "screening" in results:
        yield ""
        yield from _screened(results["screening"])
    for part, measures in _MEASURES.items():
        if part in results:
            columns = [(_titled(name, factor), (name,), factor) for name, factor in measures]
            found = {"models": results[part], "differences": results.get(f"{part}_differences", {})}
            yield ""
            yield from _table("model", columns, found, results.get(f"{part}_limits", {}))


def _explained(title: str, results: Json, limits: Json) -> Iterator[str]:
    known = results["models"][results["baseline"]]
    columns = [(name, (name, "r2"), _PERCENT) for name in SHOWN if name in known]
    yield from _table(title, columns, results, limits)


def _screened(screening: Json) -> Iterator[str]:
    columns = [
        (f"{finding}, AUROC in percent", (finding, "auroc"), _PERCENT)
        for finding in screening["test"]["findings"]
    ]
    yield from _table("screening", columns, screening, {})


def _titled(measure: str, factor: float) -> str:
    return names.metric(measure) + (" (%)" if factor == _PERCENT else "")


def _table(title: str, columns: Sequence[Column], results: Json, limits: Json) -> Iterator[str]:
    yield f"| {' | '.join([title, *(name for name, _, _ in columns)])} |"
    yield "| --- " * (len(columns) + 1) + "|"
    rows = [(f"`{name}`", found, "") for name, found in results["models"].items()]
    rows += [(f"limit: {name}", found, "") for name, found in limits.items()]
    rows += [
        (name.replace(" - ", " − "), found, "+") for name, found in results["differences"].items()
    ]
    for name, found, sign in rows:
        cells = [_cell(found, where, factor, sign) for _, where, factor in columns]
        yield f"| {' | '.join([name, *cells])} |"


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
