"""The demo from its first line to its report, at the smallest size that it can have."""

import json
from dataclasses import fields, replace

import pytest

from crossbeat.cli import main
from crossbeat.recipes.presets import PRESETS, demo
from crossbeat.training import Optimisation


def hurried(recipe):
    """The demo's recipe for one epoch."""
    short = {
        field.name: replace(getattr(recipe, field.name), epochs=1, batch_size=32)
        for field in fields(recipe)
        if isinstance(getattr(recipe, field.name), Optimisation)
    }
    return replace(recipe, **short)


@pytest.mark.slow
def test_the_demo_ends_with_results_a_report_and_a_model(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "hurried", lambda recipe: hurried(demo(recipe)))
    out = tmp_path / "demo"
    given = ["--patients", "200", "--abundant", "200", "--workers", "1", "--preset", "hurried"]
    assert main(["demo", "--out", str(out), *given]) == 0
    assert "no linear probe with 1 % of the labels" in capsys.readouterr().err  # one patient
    results = json.loads((out / "results.json").read_text())
    assert "100 %" in results["probes"]
    assert "1 %" not in results["probes"]
    assert set(results["models"]) >= {"direct", "cromotex", "distillation", "shuffled", "teacher"}
    assert set(results["differences"]) >= {"cromotex - direct", "shuffled - direct"}
    assert set(results["limits"]) == {"latent", "ecg-clean-labels"}
    report = (out / "report.html").read_text()
    assert "<html" in report
    assert 'src="http' not in report
    assert main(["demo", "--out", str(out), *given[:-1], "demo"]) == 2
    assert "holds a run with other settings" in capsys.readouterr().err
    example = out / "example" / "patient.hea"
    capsys.readouterr()
    assert main(["predict", str(out / "cromotex"), str(example), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert len(answer["findings"]) == 3
