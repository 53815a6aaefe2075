"""The figures of the documentation are those of the committed results."""

import importlib.util
import json
import re
from types import ModuleType

import pytest
from pages import ROOT

RESULTS = ROOT / "docs" / "results"
COMMITTED = sorted(path.stem for path in RESULTS.glob("*.json"))


def script(name: str) -> ModuleType:
    """A script of ``benchmarks`` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")  # scripts import one another
        spec.loader.exec_module(module)
    return module


def rows_of(name: str) -> list[str]:
    """The lines of the table that ``benchmarks/tables.py`` prints."""
    return list(script("tables").rows(RESULTS / f"{name}.json"))


@pytest.mark.parametrize("name", COMMITTED)
def test_the_page_of_results_has_the_whole_table(name: str) -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert "\n".join(rows_of(name)) in page
    assert f"results/{name}.json" in page


def test_the_tables_of_the_readme_are_parts_of_the_committed_ones() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    filled = script("results_page").filled(text)
    assert "<!-- means: " in text
    assert filled == text
    unmarked = re.sub(r"<!-- (rows|means).*?<!-- end -->", "", text, flags=re.DOTALL)
    assert not re.search(r"^\|.*\d\.\d \(.*$", unmarked, re.MULTILINE)


def ends_of(text: str) -> set[tuple[float, float]]:
    """The ends of all intervals of a text, without their signs, which prose may turn round."""
    found = re.findall(r"([+-]?\d+\.\d+) to\s+([+-]?\d+\.\d+)", text)
    sizes = [(abs(float(low)), abs(float(high))) for low, high in found]
    return {(min(pair), max(pair)) for pair in sizes}


def test_every_interval_that_a_conclusion_quotes_stands_in_a_table() -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    tables = re.compile(r"<!-- table: [\w-]+ -->.*?<!-- end -->", re.DOTALL)
    known = ends_of("".join(tables.findall(page)))
    quoted = 0
    for paragraph in re.split(r"\n(?=- |\n)", tables.sub("", page)):
        if "git show" in paragraph:  # tells of results of another time
            continue
        ends = ends_of(" ".join(re.findall(r"\([^()]*\)", paragraph)))
        quoted += len(ends)
        assert not ends - known, f"not in a table: {ends - known}; {paragraph.strip():.100}"
    assert quoted > 60


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_intervals_are_those_of_the_committed_values(name: str) -> None:
    again = script("intervals_again").again
    text = (RESULTS / f"{name}.json").read_text(encoding="utf-8")
    assert again(json.loads(text)) == json.loads(text)


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
