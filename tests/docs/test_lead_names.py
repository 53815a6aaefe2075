"""The tables of names of leads in docs/ecg-files.md hold what the code does, and all of it."""

import re

import pytest
from pages import ROOT

from crossbeat.leads import STANDARD, WORDS, among

TEXT = (ROOT / "docs" / "ecg-files.md").read_text(encoding="utf-8")
SECTION = TEXT[TEXT.index("## Names of leads") : TEXT.index("## CSV and NumPy")]
ROWS = [
    [re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split(" | ")]
    for line in SECTION.splitlines()
    if line.startswith("| `")
]
READ = [row for row in ROWS if len(row) == 3]
NOT_READ = [name for names, _ in (row for row in ROWS if len(row) == 2) for name in names]
BESIDE = ("I", "II", *(f"C{number}" for number in range(1, 7)))
"""What makes C1 to C6 leads."""


@pytest.mark.parametrize(("names", "leads"), [row[:2] for row in READ])
def test_each_spelling_is_read_as_the_table_says(names: list[str], leads: list[str]) -> None:
    expected = leads or names
    for name, lead in zip(names, expected, strict=True):
        others = [] if name in BESIDE[:2] else [each for each in BESIDE if each != name]
        assert among([name, *others])[0] == lead


@pytest.mark.parametrize("name", NOT_READ)
def test_each_name_of_another_lead_is_not_read(name: str) -> None:
    assert among([name]) == {}
    assert 0 not in among([name, *STANDARD])


def test_each_word_of_the_code_is_in_the_table() -> None:
    spellings = " ".join(name.lower() for names, *_ in READ for name in names)
    missing = [word for word in WORDS if word not in spellings]
    assert not missing


def test_each_spelling_of_the_code_is_in_the_table() -> None:
    from crossbeat import leads

    names = {name.lower().split("_")[-1].split(" ")[-1] for row in READ for name in row[0]}
    assert set(leads._SPELLINGS) <= names | {name.lower() for name in STANDARD}


def test_the_numbers_that_the_page_names_are_of_lead_i() -> None:
    from crossbeat.leads import coded

    for code, scheme in (
        ("2:1", ""),
        ("1", "MDC"),
        ("5.6.3-9-1", ""),
        ("2:257", ""),
        ("131329", "MDC"),
    ):
        assert f"`{code}`" in SECTION
        assert coded(code, scheme) == "I"
