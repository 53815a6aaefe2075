"""Results as a Markdown table and as a picture, for the documentation.

Run: ``python benchmarks/tables.py RESULTS.json [PICTURE.png]`` with the results of a demo, an
evaluation or a study. Prints AUROC or R² in percent of every model and limit with its 95 % interval
and the paired differences in points, screening, retrieval and moments; of a study along an axis the
mean over targets at each point; of a search the validation AUROC of every candidate; of a
simulation of intervals how many of them hold.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crossbeat.evaluation.results import kind_of, read_results
from crossbeat.report.forests import along, bars, comparisons
from crossbeat.report.tables import grids, markdown_candidates, markdown_table
from crossbeat.targets import FINDING


def rows(path: Path) -> Iterator[str]:
    """The lines of the table."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if "coverage" in found:
        return coverage_rows(found["coverage"])
    if "chosen" in found:
        return markdown_candidates(found)
    return _told(read_results(path))


def _told(results: dict[str, Any]) -> Iterator[str]:
    """Along an axis the first table; of a study with probes of findings those alone."""
    sheets = grids(results)
    if "points" in results:
        sheets = sheets[:1]
    elif kind_of(results) is FINDING and results.get("readings"):
        sheets = sheets[1:]
    for number, sheet in enumerate(sheets):
        if number:
            yield ""
        yield from markdown_table(sheet.header, sheet.texts())


def coverage_rows(found: dict[str, dict[str, dict[str, float]]]) -> Iterator[str]:
    """The share of intervals that hold, in percent: a table for each kind of setting.

    Args:
        found: shares by kind, row and column.
    """
    for number, (kind, table) in enumerate(found.items()):
        if number:
            yield ""
        cells = [
            [row, *(f"{100 * each:.1f}" for each in row_cells.values())]
            for row, row_cells in table.items()
        ]
        yield from markdown_table([kind, *next(iter(table.values()))], cells)


def picture(path: Path) -> Any:
    """The figure of results that have one."""
    results = read_results(path)
    if "points" in results:
        return along(results)
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
