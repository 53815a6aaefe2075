"""``crossbeat study`` from a file to results, tables and a figure, and again without training."""

import json
import sys
from pathlib import Path

import pytest

from crossbeat.cli import main
from crossbeat.evaluation.results import read_results
from crossbeat.training.module import PhaseModule

HERE = Path(__file__).parents[1] / "study"
TINY = str(HERE / "tiny_study.py")
ALONG = """
from dataclasses import replace
from tiny_study import Tiny, cell, study_of

def study(*, small):
    cells = [
        cell(name, 0, point=point, cohort=Tiny(wrong=wrong))
        for point, wrong in ((0.0, 0), (0.5, 24))
        for name in ("direct", "distillation")
    ]
    return study_of(*cells, axis="share of wrong labels")
"""

SEARCH = """
from tiny_study import cell, short
from crossbeat.study import Search

def study(*, small):
    cells = [
        cell(name, 0, point=f"{epochs} epochs", recipe=short(name, epochs=epochs))
        for name in ("direct", "distillation")
        for epochs in (1, 2)
    ]
    return Search(question="How long?", cells=tuple(cells))
"""


@pytest.fixture(scope="module")
def phases(tmp_path_factory):
    """What two of these studies need is trained once."""
    return str(tmp_path_factory.mktemp("phases"))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    return tmp_path


@pytest.fixture
def run(place, phases):
    fixed = ["--workers", "1", "--trainer.accelerator", "cpu", "--shared", phases]
    return lambda *given: main(["study", *given, *fixed])


def test_a_study_ends_with_results_a_table_and_a_figure(run, place, capsys, monkeypatch):
    assert run(TINY, "--small") == 0
    out = place / "runs" / "studies" / "tiny_study-small"
    shown = capsys.readouterr()
    assert "0 of 2 cells are finished" in shown.err
    assert "finished 1 of 2: direct, seed 0 (" in shown.err
    assert "s left" in shown.err
    assert "AUROC in percent (95 % interval over patients)" in shown.out
    assert "probe: Paired differences in points" in shown.out
    found = read_results(out / "results.json")
    assert list(found["models"]) == ["direct", "distillation"]
    table = (out / "table.md").read_text()
    assert table.startswith("| AUROC in percent | large | silent | mean |")
    assert "| distillation − direct |" in table
    assert "| `direct, probe` |" in table
    assert (out / "figure.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(PhaseModule, "training_step", None)  # whoever trains fails
    assert run(TINY, "--small", "--json") == 0
    again = capsys.readouterr()
    assert "2 of 2 cells are finished" in again.err
    assert json.loads(again.out)["models"] == found["models"]
    (out / "figure.png").unlink()
    for name in ("theme", "forests", "gains"):
        monkeypatch.delitem(sys.modules, f"crossbeat.report.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(TINY, "--small", "--report-only") == 0
    assert "no figure: figures need matplotlib" in capsys.readouterr().err
    assert not (out / "figure.png").exists()


def test_results_along_an_axis_have_a_table_for_each_point(run, place, capsys):
    (place / "along.py").write_text(ALONG)
    assert run("along.py", "--out", "out") == 0
    found = read_results(place / "out" / "results.json")
    assert [point["at"] for point in found["points"]] == [0.0, 0.5]
    table = (place / "out" / "table.md").read_text()
    assert "| share of wrong labels 0.5: AUROC in percent |" in table
    assert "share of wrong labels 0: AUROC in percent" in capsys.readouterr().out
    assert (place / "out" / "figure.png").is_file()


def test_a_search_ends_with_its_choices_by_validation(run, place, capsys, monkeypatch):
    (place / "search.py").write_text(SEARCH)
    assert run("search.py", "--out", "out") == 0
    found = json.loads((place / "out" / "results.json").read_text())
    assert found["question"] == "How long?"
    assert {model: list(each) for model, each in found["validation"].items()} == {
        name: ["1 epochs", "2 epochs"] for name in ("direct", "distillation")
    }
    for model, each in found["validation"].items():
        assert found["chosen"][model] == max(each, key=each.get)
    shown = capsys.readouterr()
    assert "Validation AUROC in percent, mean over targets" in " ".join(shown.out.split())
    for model, each in found["validation"].items():
        for name, value in each.items():
            (line,) = (row for row in shown.out.splitlines() if model in row and name in row)
            assert f"{100 * value:.1f}" in line
            assert ("chosen" in line) == (found["chosen"][model] == name)
    assert "results: out/results.json" in shown.err
    monkeypatch.setattr(PhaseModule, "training_step", None)  # whoever trains fails
    assert run("search.py", "--out", "out", "--json") == 0
    assert json.loads(capsys.readouterr().out) == found


def test_a_report_of_nothing_is_refused_and_trains_nothing(run, place, capsys):
    assert run(TINY, "--report-only", "--out", "out") == 1
    assert "must have finished cells of 'distillation' and of 'direct'" in capsys.readouterr().err
    assert not (place / "out").exists()
