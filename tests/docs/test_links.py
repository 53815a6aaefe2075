"""Links between the pages, and to files of the repository, lead somewhere."""

import re
from pathlib import Path

import pytest
from pages import PAGES, ROOT

from crossbeat.cli import COMMANDS

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SOURCE = re.compile(r"`((?:src|tests|docs)/[\w./-]+|crossbeat(?:\.\w+)+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}"


def anchors(page: Path) -> set[str]:
    """Of the headings, as repositories show them: small letters, hyphens for spaces."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_module_that_a_page_names_exists(page: Path) -> None:
    for name in SOURCE.findall(page.read_text(encoding="utf-8")):
        if name.startswith("crossbeat"):
            assert is_module_or_name(name), f"{page.name} names {name}"
        else:
            assert (ROOT / name).exists(), f"{page.name} names {name}"


def is_module_or_name(dotted: str) -> bool:
    """A module, or something that a module defines (so looked up without importing it)."""
    *parents, last = dotted.split(".")
    module = ROOT / "src" / Path(*parents, last)
    if module.is_dir() or module.with_suffix(".py").is_file():
        return True
    parent = ROOT / "src" / Path(*parents)
    file = parent / "__init__.py" if parent.is_dir() else parent.with_suffix(".py")
    return file.is_file() and re.search(rf"\b{last}\b", file.read_text("utf-8")) is not None


def test_the_page_on_the_command_line_tells_of_every_command() -> None:
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert not [name for name in COMMANDS if f"crossbeat {name}" not in text]
