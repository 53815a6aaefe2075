"""Put the committed results into the documentation.

Run: ``python benchmarks/results_page.py``. In ``docs/results.md`` the lines between ``<!-- table:
NAME -->`` and ``<!-- end -->`` become the table of ``docs/results/NAME.json``, and its picture is
drawn if the page shows one; in ``README.md`` the table of the main study keeps the rows it has.
"""

import re
from pathlib import Path

from tables import picture, rows

ROOT = Path(__file__).parents[1]
RESULTS, IMAGES = ROOT / "docs" / "results", ROOT / "docs" / "images"
MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """The page with every table as the committed results have it."""
    return MARKED.sub(
        lambda found: found[1] + "\n".join(rows(RESULTS / f"{found[2]}.json")) + found[3], page
    )


def shortened(page: str) -> str:
    """The page whose table has some rows of the main study, with their values now."""
    now = {line.split(" | ")[0]: line for line in rows(RESULTS / "transfer.json")}
    return "\n".join(
        now.get(line.split(" | ")[0], line) if " | " in line and re.search(r"\d \(", line) else line
        for line in page.split("\n")
    )


def main() -> None:
    """Write both pages and draw the pictures that the page shows."""
    page, readme = ROOT / "docs" / "results.md", ROOT / "README.md"
    page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    readme.write_text(shortened(readme.read_text(encoding="utf-8")), encoding="utf-8")
    for name in re.findall(r"\(images/([\w-]+)\.png\)", page.read_text(encoding="utf-8")):
        picture(RESULTS / f"{name}.json").savefig(
            IMAGES / f"{name}.png", dpi=110, facecolor="white"
        )


if __name__ == "__main__":
    main()
