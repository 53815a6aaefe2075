"""What the pages say of recipes is what the recipes are."""

import re

import pytest
from pages import ROOT

from crossbeat.cli.show import _flat
from crossbeat.recipes import RECIPES, SUMMARIES
from crossbeat.recipes.settings import to_plain

FOLDER = ROOT / "docs" / "recipes"


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table under a header line that begins with ``heading``."""
    lines = iter((FOLDER / page).read_text(encoding="utf-8").splitlines())
    assert any(line.startswith(f"| {heading} |") for line in lines), heading
    next(lines)
    cells = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells.append([cell.strip() for cell in line.strip("|").split("|")])
    assert cells
    return cells


def test_the_table_of_recipes_has_them_all_with_their_summaries() -> None:
    told = [(name.strip("`"), kind.strip("`"), what) for name, kind, what, *_ in table()]
    known = [(name, type(RECIPES[name]).__name__, SUMMARIES[name]) for name in RECIPES]
    assert told == known


def table() -> list[list[str]]:
    cells = rows("README.md", "recipe")
    assert all(len(row) == 6 and all(row) for row in cells)
    return cells


@pytest.mark.parametrize(
    ("name", "origins"),
    [
        ("cromotex", {"paper", "code", "ours"}),
        ("ptacl", {"MMCL", "ours"}),
        ("eccl-heart", {"code", "ours"}),
    ],
)
def test_a_page_has_every_setting_with_its_value_and_origin(name: str, origins: set[str]) -> None:
    cells = rows(f"{name}.md", "setting")
    told = {setting.strip("`"): value for setting, value, *_ in cells}
    known = {setting: value or "empty" for setting, value in _flat(to_plain(RECIPES[name]), "")}
    assert told == known
    assert {origin for _, _, origin, _ in cells} == origins


@pytest.mark.parametrize(
    ("name", "origins"),
    [
        ("mmcl", {"code", "ours"}),
        ("girlanda", {"MMCL", "ours"}),
        ("dual-phase", {"abstract", "MMCL", "ours"}),
    ],
)
def test_a_page_has_every_setting_that_differs_from_ptacl(name: str, origins: set[str]) -> None:
    cells = rows(f"{name}.md", "setting")
    told = {setting.strip("`"): value for setting, value, *_ in cells}
    known, ptacl = (
        {setting: value or "empty" for setting, value in _flat(to_plain(RECIPES[each]), "")}
        for each in (name, "ptacl")
    )
    assert told.items() <= known.items()
    assert dict(known.items() - ptacl.items()).keys() <= told.keys()
    assert {origin for _, _, origin, _ in cells} == origins


def test_every_known_fault_of_the_authors_code_is_treated() -> None:
    numbers = [int(n) for row in rows("cromotex.md", "no.") for n in re.findall(r"\d+", row[0])]
    assert numbers == list(range(1, 43))


@pytest.mark.parametrize("name", ["cromotex", "mmcl", "girlanda", "dual-phase"])
def test_every_ablation_that_a_page_compares_is_a_recipe(name: str) -> None:
    named = [row[0].split("`")[1] for row in rows(f"{name}.md", f"compare `{name}` with")]
    assert set(named) <= set(RECIPES)
