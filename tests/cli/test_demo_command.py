"""The demo from its first line to its report, at the smallest size that it can have."""

import json
import subprocess
import sys
from dataclasses import fields, replace

import pytest
from crossbeat.cli.demo_xray import MODELS as MODELS_OF_XRAYS
from crossbeat.cli.demo_xray import recipe_of
from crossbeat.evaluation.measurement_results import read_measurement_results

from crossbeat.cli import demo_hearts, main
from crossbeat.cli.demo import DEMOS, Demo
from crossbeat.evaluation.names import LATENT, RATE
from crossbeat.recipes import RECIPES
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
    given = ["--patients", "240", "--outside", "60", "--abundant", "200", "--workers", "1"]
    given += ["--preset", "hurried"]
    assert main(["demo", "--out", str(out), *given]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("With 120 pairs of ECG and X-ray, of which 12 have labels, ")
    assert "Training the X-ray teacher on 72 X-rays: 0 of 6 models done, " in told.err
    after = told.err[told.err.index("Open the report:") :].splitlines()
    assert [line.split()[1] for line in after[1::2]] == ["-m", "predict", "prepare"]
    results = json.loads((out / "results.json").read_text())
    assert set(results["models"]) == set(MODELS_OF_XRAYS)
    assert "crossbeat - crossbeat-shuffled" in results["differences"]
    assert set(results["limits"]) == {"latent", "ecg-clean-labels"}
    report = (out / "report.html").read_text()
    assert "<html" in report
    assert 'src="http' not in report
    assert main(["demo", "--out", str(out), *given[:-1], "demo"]) == 2
    assert "holds a run with other settings" in capsys.readouterr().err
    example = out / "example" / "patient.hea"
    capsys.readouterr()
    assert main(["predict", str(out / "crossbeat"), str(example), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert len(answer["findings"]) == 3


def test_the_plan_is_told_before_anything_heavy_is_imported():
    code = """
import sys
from crossbeat.cli import demo, main
def told(text):
    print(text, [name for name in ("torch", "lightning", "matplotlib") if name in sys.modules])
    raise KeyboardInterrupt
demo.note = told
main(["demo"])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("This demo simulates patients")
    assert ran.stdout.strip().endswith(" []")


@pytest.mark.parametrize("name", MODELS_OF_XRAYS)
def test_all_recipes_of_the_demo_see_millivolts_and_the_same_views(name):
    recipe = recipe_of(name, demo, longer=3)
    if name == "teacher":
        assert recipe.teacher.epochs < demo(RECIPES[name]).teacher.epochs
        return
    assert recipe.ecg.normalisation == "none"
    assert recipe.label_views == recipe_of("crossbeat", demo).label_views
    if hasattr(recipe, "fine_tuning"):
        once = recipe_of(name, demo).fine_tuning
        assert recipe.fine_tuning.epochs == 3 * once.epochs
        assert recipe.fine_tuning.warmup_epochs == 3 * once.warmup_epochs


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
    results = read_measurement_results(out / "results.json")
    assert set(results["models"]) == set(MODELS)
    assert set(results["limits"]) == {LATENT, RATE, LIMIT}
    assert set(results["models"]["ptacl"]["LVEF"]) == {"r2", "pearson", "mae"}
    assert {"global - shuffled", "ptacl-shuffled-frames - global"} <= set(results["differences"])
    assert {"recall@1", "recall@10", "measurement_difference@10"} <= set(
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
    assert len(answer["measurements"]) == 10
    assert main([*given, "--preset", "demo"]) == 2
    assert "holds a run with other settings" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "patients"), [([], 7), (["--patients", "5"], 5)])
def test_every_demo_has_a_number_of_patients_of_its_own(tmp_path, monkeypatch, given, patients):
    asked = []

    def keep(wanted):
        asked.append(wanted.patients)
        raise KeyboardInterrupt

    monkeypatch.setitem(DEMOS, "ptacl", Demo(tmp_path, 7, "a plan", keep, print))
    main(["demo", "--recipe", "ptacl", *given])
    assert asked == [patients]


def stop(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--recipe", "ptalc"], "one of crossbeat, ptacl, got 'ptalc'; did you mean 'ptacl'?"),
        (["--recipe", "ptacl", "--abundant", "9"], "--abundant must be left out with --recipe"),
        (["--recipe", "ptacl", "--outside", "9"], "--outside must be left out with --recipe"),
    ],
)
def test_what_no_demo_knows_is_refused_before_anything_is_made(given, told, tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "demo"), *given]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
