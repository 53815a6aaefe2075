"""Results as a Markdown table and as a picture, for the documentation.

Run: ``python benchmarks/tables.py RESULTS.json [PICTURE.png]``. Prints AUROC in percent of every
model and limit with its 95 % interval, and the paired differences against the baseline and of the
method against its controls, in points.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crossbeat.cli.tables import percent
from crossbeat.evaluation import figures
from crossbeat.evaluation.results import read_results


def rows(results: dict[str, Any]) -> Iterator[str]:
    """The lines of the table."""
    columns = list(results["models"][results["baseline"]])
    yield " | ".join(["| model", *(column.replace("_", " ") for column in columns)]) + " |"
    yield "| --- " * (len(columns) + 1) + "|"
    for name, found in results["models"].items():
        yield _row(f"`{name}`", [percent(found[column]["auroc"]) for column in columns])
    for name, found in results["limits"].items():
        yield _row(f"limit: {name}", [percent(found[column]["auroc"]) for column in columns])
    for name, found in results["differences"].items():
        if "teacher" not in name:
            points = [percent(found[column]["auroc"], signed=True) for column in columns]
            yield _row(name.replace(" - ", " − "), points)


def _row(name: str, cells: list[str]) -> str:
    return " | ".join([f"| {name}", *cells]) + " |"


def main(path: Path, image: Path | None = None) -> None:
    """Print the table; draw the picture if asked to."""
    results = read_results(path)
    print("\n".join(rows(results)))
    if image is not None:
        figures.forest(results).savefig(image, dpi=110, facecolor="white")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
