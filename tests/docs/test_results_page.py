"""The figures of the documentation are those of the committed results."""

import re

import pytest
from pages import ROOT

from crossbeat.cli.tables import markdown
from crossbeat.evaluation.results import read_results

RESULTS = ROOT / "docs" / "results"
COMMITTED = ("demo", "label-matched")


def rows_of(name: str) -> list[str]:
    """The lines of the table that ``benchmarks/tables.py`` prints."""
    return list(markdown(read_results(RESULTS / f"{name}.json")))


@pytest.mark.parametrize("name", COMMITTED)
def test_the_page_of_results_has_the_whole_table(name: str) -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert "\n".join(rows_of(name)) in page


def test_the_table_of_the_readme_is_part_of_the_demo_s() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\|.*\d\.\d \(.*$", text, re.MULTILINE)
    assert len(shown) >= 8
    assert not set(shown) - set(rows_of("demo"))


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_results_name_no_folder_of_anybody(name: str) -> None:
    assert "folder" not in read_results(RESULTS / f"{name}.json")["cohort"]
    assert "/home" not in (RESULTS / f"{name}.json").read_text(encoding="utf-8")
