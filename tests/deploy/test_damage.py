"""Every way to alter a saved model or a cohort is refused, or makes no difference."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def damage(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("damage")


@pytest.mark.slow
def test_no_altered_model_is_used(damage: Any, tmp_path: Path) -> None:
    found = damage.damage_of_models(tmp_path)
    assert len(found) >= 53
    assert not [row for row in found if row["now"].startswith("MISSED")]
    harmless = {row["altered"] for row in found if row["now"].startswith("harmless")}
    other = "preprocessing.json of another model"  # of the same cohort: the same preprocessing
    assert harmless == {"README.md edited", "metrics.json edited", "a file more", other}


@pytest.mark.slow
def test_no_altered_cohort_is_used(damage: Any, tmp_path: Path) -> None:
    found = damage.damage_of_cohorts(tmp_path)
    assert len(found) >= 21
    assert [row for row in found if not row["now"].startswith("refused")] == [
        {"altered": "a file more", "now": "harmless: same answer"}
    ]


def test_the_page_has_what_the_script_found(damage: Any) -> None:
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "damage.md").read_text(encoding="utf-8")
    found = json.loads((docs / "measured" / "damage.json").read_text(encoding="utf-8"))
    for rows in found.values():
        assert damage.table(rows) in page
        assert not [row for row in rows if row["now"].startswith("MISSED")]
    assert len(found["models"]) == len(list(damage.model_changes()))
    assert len(found["cohorts"]) == len(list(damage.cohort_changes()))
