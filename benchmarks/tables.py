"""Results as a Markdown table and as a picture, for the documentation.

Run: ``python benchmarks/tables.py RESULTS.json [PICTURE.png]``. Prints AUROC in percent of every
model and limit with its 95 % interval, and the paired differences against the baseline and of the
method against its controls, in points.
"""

import sys
from pathlib import Path

from crossbeat.cli.tables import markdown
from crossbeat.evaluation import figures
from crossbeat.evaluation.results import read_results


def main(path: Path, image: Path | None = None) -> None:
    """Print the table; draw the picture if asked to."""
    results = read_results(path)
    print("\n".join(markdown(results)))
    if image is not None:
        figures.forest(results).savefig(image, dpi=110, facecolor="white")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
