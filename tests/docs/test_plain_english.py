"""The pages use the words of the field, and the glossary defines them."""

import re
from pathlib import Path

import pytest
from pages import PAGES, ROOT
from test_links import LINK, anchors

from crossbeat.recipes import SUMMARIES

GLOSSARY = ROOT / "docs" / "glossary.md"

EXCEPT: tuple[str, ...] = ()

BANNED = (
    "tells",
    "telling findings",
    "measures of the heart",
    "what passes",
    "passes from",
    "meets?",
    "pays",
    "asks for nothing",
    "at its heart",
    "believes?",
    "one in ten is",
    "answers to",
    "whoever",
    "nobody",
    "kin",
    "house",
    "lot",
)
"""Private words and phrases, in small letters, as regular expressions of whole words."""

HEADINGS = re.compile(r"^#+ .*$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)

CHECKED = [page for page in PAGES if str(page.relative_to(ROOT)) not in EXCEPT]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The page on one line, without headings, code blocks, links and what the source words."""
    text = page.read_text(encoding="utf-8")
    for summary in SUMMARIES.values():  # a test holds the table of recipes to these words
        text = text.replace(f"| {summary} |", "| |")
    text = re.sub(r"\]\([^)]*\)", "]", HEADINGS.sub("", FENCED.sub("", text)))
    return " ".join(text.split())


@pytest.mark.parametrize("page", CHECKED, ids=name)
def test_a_page_uses_no_private_phrase(page: Path) -> None:
    text = prose(page).lower()
    found = [phrase for phrase in BANNED if re.search(rf"\b{phrase}\b", text)]
    assert not found, f"{name(page)}: {found}"


def test_every_link_to_the_glossary_names_one_of_its_terms() -> None:
    terms = anchors(GLOSSARY)
    for page in PAGES:
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            file, _, anchor = link.partition("#")
            if file.endswith("glossary.md") and anchor:
                assert anchor in terms, f"{name(page)} links to {link}"


def test_every_term_of_the_glossary_has_a_short_definition() -> None:
    text = re.sub(r"\A# .*$", "", GLOSSARY.read_text(encoding="utf-8"), flags=re.MULTILINE)
    terms = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(terms) >= 40
    for term in terms:
        heading, _, definition = term.partition("\n")
        assert 4 <= len(definition.split()) <= 60, heading
