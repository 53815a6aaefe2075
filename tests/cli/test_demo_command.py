"""The demo from its first line to its report, at the smallest size that it can have."""

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from crossbeat.cli import demo as module
from crossbeat.cli import demo_runs
from crossbeat.cli.demo import DEMOS, Demo
from crossbeat.evaluation.names import ALL_MEASURED, LATENT, RATE
from crossbeat.evaluation.results import read_results
from crossbeat.recipes import RECIPES, settings_in, with_settings
from crossbeat.recipes.presets import PRESETS, demo
from crossbeat.study.demos import MODELS_OF_HEARTS, MODELS_OF_XRAYS, recipe_of
from crossbeat.study.kept import RECORD
from crossbeat.training import Optimisation


def hurried(recipe):
    """The demo's recipe for one epoch."""
    recipe = demo(recipe)
    short = {
        name: replace(value, epochs=1, batch_size=32)
        for name, value in settings_in(recipe).items()
        if isinstance(value, Optimisation)
    }
    return with_settings(recipe, short)


@pytest.fixture
def play(tmp_path, monkeypatch, called):
    """Plays a demo in a hurry."""
    monkeypatch.setitem(PRESETS, "hurried", hurried)

    def run(*given):
        words = ["--out", tmp_path / "demo", "--workers", 1, "--preset", "hurried"]
        return called("demo", *words, *given)

    return run


def stop(*_, **__):
    raise KeyboardInterrupt


def predicted(called, run, example):
    code, printed, _ = called("predict", run, example, "--json")
    assert code == 0
    return json.loads(printed)[0]["answers"]


@pytest.mark.slow
def test_the_demo_ends_with_results_a_report_and_a_model(tmp_path, play, called):
    out, given = tmp_path / "demo", ["--patients", 240, "--outside", 60, "--abundant", 200]
    code, printed, err = play(*given)
    assert code == 0, err
    assert printed.startswith("With 120 pairs of ECG and X-ray, of which 12 have labels, ")
    assert "Training the X-ray teacher on 72 X-rays: 0 of 6 models done, " in err
    after = err[err.index("Open the report:") :].splitlines()
    assert [line.split()[1] for line in after[1::2]] == ["-m", "predict", "prepare"]
    results = read_results(out / "results.json")
    assert set(results["models"]) == set(MODELS_OF_XRAYS)
    assert "crossbeat - crossbeat-shuffled" in results["differences"]
    assert set(results["limits"]) == {"latent", "ecg-clean-labels"}
    report = (out / "report.html").read_text()
    assert "<html" in report
    assert 'src="http' not in report
    code, _, err = play(*given, "--preset", "demo")
    assert (code, "holds a run with other settings" in err) == (2, True)
    assert len(predicted(called, out / "crossbeat", out / "example" / "patient.hea")) == 3


@pytest.mark.slow
def test_the_demo_of_hearts_goes_on_where_it_was_stopped(tmp_path, play, called, monkeypatch):
    out, given = tmp_path / "demo", ["--recipe", "ptacl", "--patients", 72]
    with monkeypatch.context() as stopped:
        stopped.setattr(demo_runs, "results_of", stop)
        assert play(*given)[0] == 1
    before = {path: path.stat().st_mtime_ns for path in sorted(out.glob(f"*/{RECORD}"))}
    assert {path.parent.name for path in before} == {*MODELS_OF_HEARTS, ALL_MEASURED}
    assert not (out / "results.json").exists()
    code, printed, err = play(*given)
    assert code == 0, err
    assert printed.startswith("With ")
    assert before == {path: path.stat().st_mtime_ns for path in before}
    results = read_results(out / "results.json")
    assert set(results["models"]) == set(MODELS_OF_HEARTS)
    assert set(results["limits"]) == {LATENT, RATE, ALL_MEASURED}
    assert set(results["models"]["ptacl"]["LVEF"]) == {"r2", "pearson", "mae"}
    assert {"global - shuffled", "ptacl-shuffled-frames - global"} <= set(results["differences"])
    names = {"recall@1", "recall@10", "measurement_difference@10"}
    assert names <= set(results["retrieval"]["shuffled"])
    assert {"localisation", "screening"} <= set(results)
    report = (out / "report.html").read_text()
    assert 2 <= report.count("data:image/gif") <= 4  # of patients found by screening as well
    assert 'src="http' not in report
    assert json.loads((out / "ptacl" / "model" / "metrics.json").read_text())
    assert len(predicted(called, out / "ptacl", out / "example" / "patient.hea")) == 10


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


def test_every_demo_has_a_number_of_patients_of_its_own(tmp_path, monkeypatch, called):
    asked = []

    def script(wanted):
        asked.append(wanted.patients)
        raise KeyboardInterrupt

    monkeypatch.setitem(DEMOS, "ptacl", Demo(tmp_path, 7, "a plan", "its script"))
    monkeypatch.setattr(module, "import_module", lambda _: SimpleNamespace(script=script))
    for given in ([], ["--patients", 5]):
        called("demo", "--recipe", "ptacl", *given)
    assert asked == [7, 5]


@pytest.mark.parametrize("name", ["abundant", "outside"])
def test_what_no_demo_knows_is_refused_before_anything_is_made(name, tmp_path, play):
    code, _, err = play("--recipe", "ptacl", f"--{name}", 9)
    assert (code, f"--{name} must be left out with --recipe ptacl" in err) == (2, True)
    assert not (tmp_path / "demo").exists()
