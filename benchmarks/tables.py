"""Results as a Markdown table and as a picture, for the documentation.

Run: ``python benchmarks/tables.py RESULTS.json [PICTURE.png]`` with the results of a demo, an
evaluation or a study. Prints AUROC in percent of every model and limit with its 95 % interval and
the paired differences in points; of a study along an axis the mean over findings at each point; of
a search the validation AUROC of every candidate; of hearts R² in percent, screening, retrieval and
moments; of a simulation of intervals how many of them hold.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crossbeat.evaluation.along import read_along
from crossbeat.evaluation.forests import comparisons
from crossbeat.evaluation.gains import along
from crossbeat.evaluation.measurement_results import read_measurement_results

from crossbeat.cli.tables import markdown, markdown_along, markdown_candidates
from crossbeat.evaluation import measurement_names
from crossbeat.evaluation.bars import bars
from crossbeat.evaluation.measurement_markdown import by_model
from crossbeat.evaluation.results import read_results


def kind_of(path: Path) -> str:
    """What the file holds: results, those of hearts, results along an axis, or a search."""
    keys = json.loads(path.read_text(encoding="utf-8"))
    if "measurements" in keys.get("test", {}):
        return "hearts"
    if "coverage" in keys:
        return "coverage"
    return "search" if "chosen" in keys else "along" if "points" in keys else "results"


def rows(path: Path) -> Iterator[str]:
    """The lines of the table."""
    kind = kind_of(path)
    if kind == "coverage":
        return coverage_rows(json.loads(path.read_text(encoding="utf-8"))["coverage"])
    if kind == "search":
        return markdown_candidates(json.loads(path.read_text(encoding="utf-8")))
    if kind == "along":
        return markdown_along(read_along(path))
    if kind == "hearts":
        return by_model(read_measurement_results(path))
    results = read_results(path)
    return _readings(results["readings"]) if results.get("readings") else markdown(results)


def coverage_rows(found: dict[str, dict[str, dict[str, float]]]) -> Iterator[str]:
    """The share of intervals that hold, in percent: a table for each kind of setting.

    Args:
        found: shares by kind, row and column.
    """
    for number, (kind, table) in enumerate(found.items()):
        if number:
            yield ""
        columns = list(next(iter(table.values())))
        yield " | ".join([f"| {kind}", *columns]) + " |"
        yield "| --- " * (len(columns) + 1) + "|"
        for row, shares in table.items():
            yield (
                " | ".join([f"| {row}", *(f"{100 * each:.1f}" for each in shares.values())]) + " |"
            )


def _readings(readings: dict[str, Any]) -> Iterator[str]:
    """A table for each reading; the heads of such a study are told elsewhere."""
    for number, found in enumerate(readings.values()):
        if number:
            yield ""
        yield from markdown(found)


def picture(path: Path) -> Any:
    """The figure of results that have one."""
    if kind_of(path) == "along":
        return along(read_along(path))
    if kind_of(path) == "hearts":
        return comparisons(read_measurement_results(path), metric="r2", called=measurement_names)
    results = read_results(path)
    return comparisons(results) if "question" in results else bars(results)


def main(path: Path, image: Path | None = None) -> None:
    """Print the table; draw the picture if asked to."""
    print("\n".join(rows(path)))
    if image is not None:
        figure = picture(path)
        dpi = max(110, 800 / figure.get_figwidth())  # narrow ones are as sharp as wide ones
        figure.savefig(image, dpi=dpi, facecolor="white")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
