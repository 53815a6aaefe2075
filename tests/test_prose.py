"""What users read in the source is plain English: none of our own phrases comes back."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import crossbeat

SOURCE = Path(crossbeat.__file__).parent

EXCLUDED = ("evaluation",)
"""Folders of ``src/crossbeat`` that are still being rewritten; to be emptied."""

EXCLUDED_FILES = (
    "cli/demo.py",
    "cli/demo_hearts.py",
    "cli/demo_xray.py",
    "cli/evaluate.py",
    "cli/illustrations.py",
    "data/virtual.py",
    "data/virtual_gaps.py",
    "study/heart_compare.py",
    "study/results.py",
)
"""The same of single files."""

BANNED = {
    r"(tell|tells|telling|told) (the )?(findings|measures|moments|measurements)": "predicts",
    r"what (the model|a model|it|a table|a reading|models) (tell|tells|told)\b": "predicts",
    r"what is told": "the targets",
    r"measures? of the heart": "cardiac measurements",
    r"what passes": "how much does X teach Y",
    r"asks? for nothing": "is self-contained",
    r"nothing from outside": "is self-contained",
    r"(the )?moments meet|meet moments": "segments are aligned with frames",
    r"(ecgs?|cines?|patients?) meets?\b": "is aligned with",
    r"answers? to (which|a|each|every|the) frames?": "matches a frame",
    r"moment by moment": "by frame",
    r"what becomes of": "how to treat",
    r"what there is to teach": "the upper limit",
    r"one in ten": "10 %",
    r"believes of": "predicts for",
    r"teacher's beliefs": "the teacher's predictions",
    r"taught sources": "sources with targets",
    r"in a size that shows that it runs": "a small size",
    r"(patients|records|participants) that (selection|only the final figures) sees?": "validation",
    r"whom it learns from": "the training cohort",
    r"fill in what is hidden": "reconstruct",
    r"does not say (rate|which records|them|its)\b": "does not state",
    r"how far anyone could get": "the upper limit",
    r"else (it is|they are) told": "is reported",
    r"a straight cut through": "a linear probe of",
}
"""Private phrases as regular expressions, in small letters, each with plain words for it."""


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """The strings and docstrings of a file by line; the parts of an f-string are one text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value for part in node.values if isinstance(part, ast.Constant))
            yield node.lineno, " ... ".join(map(str, parts))


def _private(text: str) -> list[str]:
    plain = " ".join(text.lower().split())
    return [f"{phrase} -> {words}" for phrase, words in BANNED.items() if re.search(phrase, plain)]


def _files() -> list[Path]:
    found = (path.relative_to(SOURCE) for path in sorted(SOURCE.rglob("*.py")))
    return [p for p in found if p.parts[0] not in EXCLUDED and p.as_posix() not in EXCLUDED_FILES]


def test_no_text_of_the_source_has_a_private_phrase() -> None:
    wrong = [
        f"{path}:{line}: {found}"
        for path in _files()
        for line, text in _texts(SOURCE / path)
        for found in _private(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_excluded_exists() -> None:
    assert all((SOURCE / name).exists() for name in (*EXCLUDED, *EXCLUDED_FILES))


@pytest.mark.parametrize(
    "text",
    [
        "a recipe that tells findings",
        "Measures of the\n    heart from the ECG alone",
        "What passes from the X-ray to the ECG?",
        "one file that asks for nothing from outside",
    ],
)
def test_a_private_phrase_is_found(text: str) -> None:
    assert _private(text)
