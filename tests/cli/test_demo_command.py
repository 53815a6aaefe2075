"""The demo from its first line to its report, at the smallest size that it can have."""

import json
from dataclasses import fields, replace

import pytest

from crossbeat.cli import demo_hearts, main
from crossbeat.cli.demo import DEMOS, Demo
from crossbeat.evaluation.names import LATENT, RATE
from crossbeat.evaluation.phenotype_results import read_phenotype_results
from crossbeat.recipes.presets import PRESETS, demo
from crossbeat.study.hearts import LIMIT, MODELS
from crossbeat.study.kept import RECORD
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
    assert (
        "skipped the linear probe with 1 % of the labels" in capsys.readouterr().err
    )  # one patient
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


@pytest.mark.slow
def test_the_demo_of_hearts_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "hurried", lambda recipe: hurried(demo(recipe)))
    out = tmp_path / "demo"
    given = ["demo", "--recipe", "ptacl", "--out", str(out), "--patients", "120", "--workers", "1"]
    with monkeypatch.context() as stopped:
        stopped.setattr(demo_hearts, "results_of_hearts", stop)
        assert main([*given, "--preset", "hurried"]) == 1
    before = {path: path.stat().st_mtime_ns for path in sorted(out.glob(f"*/{RECORD}"))}
    assert {path.parent.name for path in before} == {*MODELS, LIMIT}
    assert not (out / "results.json").exists()
    assert main([*given, "--preset", "hurried"]) == 0
    assert "│ ptacl − direct" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in before}
    results = read_phenotype_results(out / "results.json")
    assert set(results["models"]) == set(MODELS)
    assert set(results["limits"]) == {LATENT, RATE, LIMIT}
    assert set(results["models"]["ptacl"]["LVEF"]) == {"r2", "pearson", "mae"}
    assert {"global - shuffled", "ptacl-shuffled-frames - global"} <= set(results["differences"])
    assert {"recall@1", "recall@10", "phenotype_difference@10"} <= set(
        results["retrieval"]["shuffled"]
    )
    assert "localisation" in results
    assert "screening" in results
    report = (out / "report.html").read_text()
    assert report.count("data:image/gif") == 2
    assert 'src="http' not in report
    card = (out / "ptacl" / "model" / "metrics.json").read_text()
    assert json.loads(card)
    example = str(out / "example" / "patient.hea")
    assert main(["predict", str(out / "ptacl"), example, "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert len(answer["phenotypes"]) == 10
    assert main([*given, "--preset", "demo"]) == 2
    assert "holds a run with other settings" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "patients"), [([], 7), (["--patients", "5"], 5)])
def test_every_demo_has_a_number_of_patients_of_its_own(tmp_path, monkeypatch, given, patients):
    asked = []

    def keep(wanted):
        asked.append(wanted.patients)
        raise KeyboardInterrupt

    monkeypatch.setitem(DEMOS, "ptacl", Demo(tmp_path, 7, keep, print))
    main(["demo", "--recipe", "ptacl", *given])
    assert asked == [patients]


def stop(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--recipe", "ptalc"], "one of cromotex, ptacl, got 'ptalc'; did you mean 'ptacl'?"),
        (["--recipe", "ptacl", "--abundant", "9"], "--abundant must be left out with --recipe"),
    ],
)
def test_what_no_demo_knows_is_refused_before_anything_is_made(given, told, tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "demo"), *given]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
