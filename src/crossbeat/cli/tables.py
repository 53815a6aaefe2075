"""Tables on the terminal."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from crossbeat.evaluation.results import external


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with a title; use a fixed width if the output is not a terminal."""
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number == 0 else "default", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    console.print(table)


def percent(estimate: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    """Format a fraction and its interval in percent.

    Args:
        estimate: value, low and high as fractions; None if undefined.
        signed: whether to show a plus sign.
    """
    if estimate is None or estimate["value"] is None:
        return "not defined"
    value, low, high = (
        None if estimate[name] is None else _rounded(100 * estimate[name], signed)
        for name in ("value", "low", "high")
    )
    return f"{value}" if low is None or high is None else f"{value} ({low} to {high})"


def _rounded(value: float, signed: bool) -> str:
    nearest = round(value, 1) + 0.0  # show a difference of -0.04 as 0.0, not as -0.0
    return f"{nearest:+.1f}" if signed and nearest else f"{nearest:.1f}"


def show(results: dict[str, Any], *, as_json: bool) -> None:
    """Print the AUROC of every model and the paired differences, as tables or as JSON."""
    if as_json:
        print(json.dumps(results, indent=1))
        return
    print_models(results, over=over_what(results), where=external(results))


def over_what(results: Mapping[str, Any], own_patients: bool = False) -> str:
    """Name what the intervals of the results are over.

    Args:
        results: results with models.
        own_patients: whether every seed has its own patients.
    """
    if not any("by_run" in found["mean"]["auroc"] for found in results["models"].values()):
        return "patients"
    return "seeds" if own_patients else "patients and runs"


def print_models(results: Mapping[str, Any], *, over: str = "patients", where: str = "") -> None:
    """Print tables of the AUROC of every model and of the paired differences.

    Args:
        results: models, limits and differences.
        over: what the intervals are over.
        where: first words of the titles.
    """
    start = f"{where}: " if where else ""
    columns = list(next(iter(results["models"].values())))
    rows = [
        [model, *(percent(values[column]["auroc"]) for column in columns)]
        for model, values in results["models"].items()
    ]
    rows += [
        [f"limit: {name}", *(percent(values[column]["auroc"]) for column in columns)]
        for name, values in results.get("limits", {}).items()
    ]
    title = f"AUROC in percent (95 % interval over {over})"
    print_table(start + title, ["model", *columns], rows)
    differences = [
        [name, *(percent(values[column]["auroc"], signed=True) for column in columns)]
        for name, values in results["differences"].items()
    ]
    if differences:
        print_table(f"{start}Paired differences in points", ["models", *columns], differences)


def markdown(results: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a Markdown table of AUROCs and paired differences.

    Args:
        results: models, limits and differences.
    """
    columns = list(next(iter(results["models"].values())))
    yield " | ".join(["| model", *(column.replace("_", " ") for column in columns)]) + " |"
    yield "| --- " * (len(columns) + 1) + "|"
    for name, found in results["models"].items():
        yield _row(f"`{name}`", [percent(found[column]["auroc"]) for column in columns])
    for name, found in results.get("limits", {}).items():
        yield _row(f"limit: {name}", [percent(found[column]["auroc"]) for column in columns])
    for name, found in results["differences"].items():
        if "teacher" not in name:
            points = [percent(found[column]["auroc"], signed=True) for column in columns]
            yield _row(name.replace(" - ", " − "), points)


def markdown_along(results: Mapping[str, Any]) -> Iterator[str]:
    """A Markdown table: the baseline's mean AUROC along an axis, and the gain of each model.

    Args:
        results: axis and points.
    """
    points = results["points"]
    places = [f"{at:g}" if isinstance(at := point["at"], float) else f"{at}" for point in points]
    yield " | ".join([f"| {results['axis']}", *places]) + " |"
    yield "| --- " * (len(points) + 1) + "|"
    baseline = points[0]["baseline"]
    reached = [percent(point["models"][baseline]["mean"]["auroc"]) for point in points]
    yield _row(f"`{baseline}`", reached)
    pairs = dict.fromkeys(pair for point in points for pair in point["differences"])
    for pair in pairs:
        told = [point["differences"].get(pair) for point in points]
        gains = [percent(each and each["mean"]["auroc"], signed=True) for each in told]
        yield _row(pair.replace(" - ", " − "), gains)


def markdown_candidates(found: Mapping[str, Any]) -> Iterator[str]:
    """A Markdown table of the validation AUROC of every candidate; the chosen ones are bold.

    Args:
        found: validation and chosen.
    """
    yield "| model | candidate | validation AUROC |"
    yield "| --- | --- | --- |"
    for model, each in found["validation"].items():
        for name, value in each.items():
            mark = "**" * (found["chosen"].get(model) == name)
            yield _row(f"`{model}`", [f"{mark}{name}{mark}", f"{mark}{100 * value:.1f}{mark}"])


def _row(name: str, cells: list[str]) -> str:
    return " | ".join([f"| {name}", *cells]) + " |"
