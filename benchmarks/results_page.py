"""Put the committed results into the documentation.

Run: ``python benchmarks/results_page.py``. In ``docs/results.md`` and ``README.md`` the lines from
``<!-- table: NAME -->`` to ``<!-- end -->`` become the table of ``docs/results/NAME.json``; from
``<!-- rows: NAME -->`` on they keep the rows of its first table that they have, with the values of
now; from ``<!-- means: NAME NAME ... -->`` on every row has its last column in each of these tables
(the mean over findings). Pictures of results that either page shows are drawn again.
"""

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from tables import picture, rows

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs" / "results.md", ROOT / "README.md")
RESULTS, IMAGES = ROOT / "docs" / "results", ROOT / "docs" / "images"
MARKED = re.compile(
    r"(<!-- (table|rows|means): ([\w -]+) -->\n\n)(.*?)(\n\n<!-- end -->)", re.DOTALL
)


def filled(page: str) -> str:
    """The page with every table as the committed results have it."""
    return MARKED.sub(_filled, page)


def _filled(found: re.Match[str]) -> str:
    begin, kind, name, old, end = found.groups()
    if kind == "means":
        return begin + "\n".join(_means(name.split(), old.split("\n"))) + end
    lines = list(rows(RESULTS / f"{name}.json"))
    if kind == "rows":
        wanted = [_first(line) for line in old.split("\n")]
        first_table = takewhile(bool, lines)
        lines = [line for line in first_table if _first(line) in wanted]
    return begin + "\n".join(lines) + end


def _means(names: list[str], old: list[str]) -> Iterator[str]:
    """The rows that there are, with the last column of each table."""
    yield from old[:2]
    tables = [
        {_first(line): line.split(" | ")[-1].removesuffix(" |") for line in takewhile(bool, lines)}
        for lines in (rows(RESULTS / f"{name}.json") for name in names)
    ]
    for line in old[2:]:
        first = _first(line)
        yield " | ".join([first, *(table.get(first, "") for table in tables)]) + " |"


def _first(line: str) -> str:
    return line.split(" | ")[0]


def main() -> None:
    """Write both pages and draw the pictures."""
    for path in PAGES:
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    for name in re.findall(r"\((?:docs/)?images/([\w-]+)\.png\)", text):
        figure = picture(RESULTS / f"{name}.json")
        figure.savefig(IMAGES / f"{name}.png", dpi=110, facecolor="white")


if __name__ == "__main__":
    main()
