"""The figures of the documentation are those of the committed results."""

import importlib.util
import json
import re

import pytest
from pages import ROOT

RESULTS = ROOT / "docs" / "results"
COMMITTED = sorted(path.stem for path in RESULTS.glob("*.json"))


def rows_of(name: str) -> list[str]:
    """The lines of the table that ``benchmarks/tables.py`` prints."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    return list(tables.rows(RESULTS / f"{name}.json"))


@pytest.mark.parametrize("name", COMMITTED)
def test_the_page_of_results_has_the_whole_table(name: str) -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert "\n".join(rows_of(name)) in page
    assert f"results/{name}.json" in page


def test_the_tables_of_the_readme_are_parts_of_the_committed_ones() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    marked = re.findall(r"<!-- rows: ([\w-]+) -->\n\n(.*?)\n\n<!-- end -->", text, re.DOTALL)
    assert "transfer" in dict(marked)
    for name, table in marked:
        shown = table.split("\n")
        assert len(shown) >= 4
        assert not set(shown) - set(rows_of(name))
    unmarked = re.sub(r"<!-- rows.*?<!-- end -->", "", text, flags=re.DOTALL)
    assert not re.search(r"^\|.*\d\.\d \(.*$", unmarked, re.MULTILINE)


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_results_name_no_folder_of_anybody(name: str) -> None:
    text = (RESULTS / f"{name}.json").read_text(encoding="utf-8")
    results = json.loads(text)
    for point in results.get("points", [results]):
        assert "folder" not in point.get("cohort", {})
    assert "/home" not in text


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_results_are_of_finished_studies(name: str) -> None:
    cells = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")).get("cells")
    assert cells is None or cells["finished"] == cells["all"]
