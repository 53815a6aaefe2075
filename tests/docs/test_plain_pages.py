"""Every page begins with a paragraph that says what the reader can do."""

import re
from pathlib import Path

import pytest
from pages import ROOT

DOCS = ROOT / "docs"
NOT_YET: tuple[str, ...] = ()
"""Pages that are still to be written anew, relative to the folder ``docs``."""

SAYS_WHAT_THE_READER_CAN_DO = re.compile(
    r"after reading this page|this page (?:shows|lists)|you can", re.I
)
NO_TEXT = ("#", "|", "```", "<!--", "- ", "* ", "![", ">")
PAGES = {page.relative_to(DOCS).as_posix(): page for page in sorted(DOCS.rglob("*.md"))}
WRITTEN = [name for name in PAGES if name not in NOT_YET]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_page_begins_with_what_the_reader_can_do(name: str) -> None:
    first = first_paragraph(PAGES[name])
    assert not first.startswith(NO_TEXT), f"{name} begins with {first[:40]!r}"
    assert SAYS_WHAT_THE_READER_CAN_DO.search(first), f"{name} begins with {first!r}"


def first_paragraph(page: Path) -> str:
    """What follows the title, up to the next empty line, in one line."""
    title, _, rest = page.read_text(encoding="utf-8").partition("\n\n")
    assert re.fullmatch(r"# .+", title), f"{page.name} begins with {title!r}"
    return " ".join(rest.partition("\n\n")[0].split())


@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "glossary.md"])
def test_a_page_links_the_glossary(name: str) -> None:
    assert re.search(r"glossary\.md[#)]", PAGES[name].read_text(encoding="utf-8"))


def test_pages_that_are_still_to_be_written_exist() -> None:
    assert [name for name in NOT_YET if name not in PAGES] == []


def test_the_glossary_is_in_alphabetical_order() -> None:
    text = PAGES["glossary.md"].read_text(encoding="utf-8")
    terms = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert len(terms) > 40
    assert terms == sorted(set(terms), key=str.lower)
