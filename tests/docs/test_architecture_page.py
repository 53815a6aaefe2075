"""The layers that the page draws are those that the import linter checks."""

import re
import tomllib

from pages import ROOT, blocks


def test_the_layers_of_the_page_are_those_of_the_import_linter() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    checked = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    drawn = blocks(ROOT / "docs" / "architecture.md")[0].text
    assert [leading(line) for line in drawn.splitlines()] == checked


def leading(line: str) -> str:
    """The names at the start of a line, before the words that explain them."""
    return re.split(r"\s{2,}", line)[0]
