"""Every study file says what it asks, costs and expects, and makes a sound study in both sizes."""

import ast
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crossbeat.cli import main
from crossbeat.evaluation.results import read_results
from crossbeat.study.load import study_named

ROOT = Path(__file__).parents[2]
SHARED = {"choices", "common", "curves"}
STUDIES = sorted(path.stem for path in (ROOT / "studies").glob("*.py") if path.stem not in SHARED)
RESULTS = ROOT / "docs" / "results"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_begins_with_its_question_cost_and_expected_result(name):
    text = ast.get_docstring(ast.parse((ROOT / "studies" / f"{name}.py").read_text("utf-8")))
    assert text is not None
    lines = text.splitlines()
    assert lines[0].endswith("?")
    assert any(line.startswith("Cost: about") for line in lines)
    assert any(line.startswith("Expected") for line in lines)


def test_the_page_of_studies_lists_them_all_with_their_questions():
    page = (ROOT / "docs" / "studies.md").read_text("utf-8")
    for name in STUDIES:
        assert f"| `{name}` | {study_named(name, small=True).question}" in page


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_sound_in_both_sizes(name, small):
    made = study_named(name, small=small)
    assert made.cells
    seeds = {cell.seed for cell in made.cells}
    assert all(seed < 900 for seed in seeds) != (name == "settings")


def test_settings_are_those_that_validation_chose():
    study_named("transfer", small=True)
    found = json.loads((RESULTS / "settings.json").read_text("utf-8"))
    assert found["chosen"] == sys.modules["choices"].CHOSEN


@pytest.mark.slow
def test_the_main_study_runs_in_a_small_size(tmp_path, capsys, monkeypatch):
    def of_one_seed(name, *, small):
        made = study_named(name, small=small)
        slow = ("label-only", "biot", "resnet1d", "eccl")  # no result below is of them
        kept = (cell for cell in made.cells if cell.seed == 1 and cell.model not in slow)
        return replace(made, cells=tuple(kept))

    monkeypatch.setattr("crossbeat.cli.study.study_named", of_one_seed)
    words = ["study", "transfer", "--small", "--workers", "1", "--out", str(tmp_path / "transfer")]
    assert main(words) == 0
    results = read_results(tmp_path / "transfer" / "results.json")
    wanted = ("crossbeat - direct", "crossbeat - distillation", "cromotex - direct")
    assert {*wanted, "shuffled - no-alignment"} <= set(results["differences"])
    assert {"no-alignment", "crossbeat", "teacher"} <= set(results["models"])
    assert set(results["limits"]) == {"latent", "ecg-clean-labels"}
    assert (tmp_path / "transfer" / "figure.png").stat().st_size > 10_000
    assert "crossbeat" in capsys.readouterr().out
