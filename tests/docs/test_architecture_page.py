"""The picture of the architecture page shows the layers that the import linter checks."""

import re
import tomllib

from pages import ROOT

NAME = re.compile(r'<text x="[\d.]+" y="(\d+)">(\w+)</text>')


def test_the_picture_has_every_module_in_the_row_of_its_layer() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    drawn: dict[int, list[str]] = {}
    for height, name in NAME.findall((ROOT / "docs/images/architecture.svg").read_text("utf-8")):
        drawn.setdefault(int(height), []).append(name)
    assert [" | ".join(drawn[height]) for height in sorted(drawn)] == layers
