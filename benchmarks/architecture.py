"""Draw the layers of the package and what they import: ``docs/images/architecture.svg``.

Run: ``python benchmarks/architecture.py [OUT.svg]``. The rows are the layers of ``pyproject.toml``,
which ``lint-imports`` checks, the names are the modules with their lines of code, and the lines are
the imports between them, where there are at least 4.
"""

import ast
import sys
import tomllib
from collections import Counter
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "crossbeat"
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
WIDTH, ROW, BOX, GAP = 940, 66, 34, 14
FEWEST = 4
"""Imports between two modules below which no line is drawn."""
INK, LINE, FACE, TEXT = "#1d2329", "#0072b2", "#eef4f9", "#5c6670"


def layers() -> list[list[str]]:
    """The modules of each layer, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    return [row.split(" | ") for row in contract["layers"]]


def files_of(name: str) -> list[Path]:
    """The source files of a module or package."""
    single = PACKAGE / f"{name}.py"
    return [single] if single.is_file() else sorted((PACKAGE / name).rglob("*.py"))


def imports() -> Counter[tuple[str, str]]:
    """How many imports each module has of each other one."""
    found: Counter[tuple[str, str]] = Counter()
    for name in (each for row in layers() for each in row):
        for path in files_of(name):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crossbeat"):
                    inner = (node.module or "").split(".")[1:]
                    targets = inner[:1] or [alias.name for alias in node.names]
                    found.update((name, other) for other in targets if other != name)
    return found


def places() -> dict[str, tuple[float, float, float]]:
    """The left edge, the top and the width of the box of each module."""
    found = {}
    for number, row in enumerate(layers()):
        widths = {name: 9.0 * len(name) + 62 for name in row}
        left = (WIDTH - sum(widths.values()) - GAP * (len(row) - 1)) / 2
        for name, width in widths.items():
            found[name] = (left, 14.0 + ROW * number, width)
            left += width + GAP
    return found


def svg() -> str:
    """The picture."""
    at = places()
    height = ROW * len(layers()) + 10
    parts = []
    for (name, other), count in sorted(imports().items()):
        if name in at and other in at and count >= FEWEST:
            (x, y, width), (x2, y2, width2) = at[name], at[other]
            start, end = x + width / 2, x2 + width2 / 2
            thick = min(4.0, 0.5 + count / 12)
            parts.append(
                f'<path d="M{start:.0f},{y + BOX:.0f} C{start:.0f},{y + BOX + 40:.0f} '
                f'{end:.0f},{y2 - 40:.0f} {end:.0f},{y2:.0f}" stroke-width="{thick:.1f}"/>'
            )
    boxes = []
    for name, (x, y, width) in at.items():
        lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files_of(name))
        boxes.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{BOX}" rx="5"/>'
            f'<text x="{x + 10:.0f}" y="{y + 22:.0f}">{escape(name)}</text>'
            f'<text class="n" x="{x + width - 8:.0f}" y="{y + 22:.0f}">{lines:,}</text>'
        )
    style = (
        f"path{{fill:none;stroke:{LINE};stroke-opacity:.22}}rect{{fill:{FACE};stroke:{INK}}}"
        f"text{{font:14px sans-serif;fill:{INK}}}.n{{font-size:11px;fill:{TEXT};text-anchor:end}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="The layers of crossbeat: imports point downwards">'
        f"<style>{style}</style>{''.join(parts)}{''.join(boxes)}</svg>\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else PICTURE).write_text(svg(), encoding="utf-8")
