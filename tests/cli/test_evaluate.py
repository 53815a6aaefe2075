"""``crossbeat evaluate``: results of runs, on their own cohort or another, and what is refused."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from crossbeat.cli.simulate import write_example
from crossbeat.data.cohort import Cohort
from crossbeat.evaluation.results import read_results
from crossbeat.files import write_sealed

EXCHANGED = pl.col("split").replace({"train": "test", "test": "train"})
STRANGERS = pl.col("patient").str.replace("p", "q")
OTHERS = {"patient": STRANGERS, "xray_patient": STRANGERS}
ONCE = ("--recipe.fine_tuning.epochs", 1)


@pytest.fixture(scope="module")
def strangers(tiny, rebuilt, tmp_path_factory):
    """Other people, all of them test patients."""
    folder = tmp_path_factory.mktemp("cohorts")
    return rebuilt(tiny, folder, "elsewhere", **OTHERS, split=pl.lit("test"))


def test_a_run_is_measured_with_intervals_and_its_model_gets_the_metrics(
    direct, strangers, called, tmp_path
):
    out = tmp_path / "results.json"
    code, printed, _ = called("evaluate", direct, "--out", out, "--json")
    assert (code, json.loads(printed)) == (0, json.loads(out.read_text()))
    results = read_results(out)
    found = results["models"]["direct"]["large"]["auroc"]
    assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1
    assert set(results) >= {"cohort", "seeds", "models", "differences", "limits", "versions"}
    before = (direct / "model" / "metrics.json").read_text()
    assert json.loads(before)["large"]["auroc"] == found
    # another cohort is measured and named; it has no validation split: its patients choose nothing
    code, table, err = called("evaluate", direct, "--cohort", strangers, "--out", out)
    assert code == 0, err
    assert "external: elsewhere, trained on tiny: AUROC" in " ".join(table.split())
    assert "Thresholds, calibration and linear probes use patients of the training" in err
    results = read_results(out)
    assert (results["cohort"]["name"], results["trained_on"]["name"]) == ("elsewhere", "tiny")
    assert results["test"]["patients"] == 120
    assert "other_patients" not in results
    assert (direct / "model" / "metrics.json").read_text() == before


def test_recipes_with_the_same_seeds_are_compared_with_the_first_by_seed(
    direct, tiny, train, called, tmp_path
):
    runs = [direct, train(tiny.folder, tmp_path / "d1", "--seed", 1)]
    runs += [
        train(tiny.folder, tmp_path / f"r{seed}", *ONCE, "--seed", seed, recipe="resnet1d")
        for seed in (0, 1)
    ]
    out = tmp_path / "results.json"
    code, table, _ = called("evaluate", *runs, "--out", out)
    assert code == 0
    assert "Paired differences" in table
    both = read_results(out)
    assert list(both["differences"]) == ["resnet1d - direct"]
    assert both["seeds"] == [0, 1]
    by_run = {
        name: found["mean"]["auroc"]["by_run"]
        for name, found in (both["models"] | both["differences"]).items()
    }
    apart = np.subtract(by_run["resnet1d"], by_run["direct"])
    assert by_run["resnet1d - direct"] == pytest.approx(apart)
    assert called("evaluate", *runs[:3], "--out", out)[0] == 0
    assert len(read_results(out)["models"]["direct"]["mean"]["auroc"]["by_run"]) == 2


def test_runs_of_hearts_are_measured_with_what_they_aligned(hearts, called, tmp_path):
    out, report = tmp_path / "results.json", tmp_path / "report.html"
    runs = [hearts[name] for name in ("direct-heart", "ptacl", "dual-phase")]
    code, printed, err = called("evaluate", *runs, "--out", out, "--report", report, "--json")
    assert code == 0, err
    results = read_results(out)
    assert json.loads(printed) == results
    assert (results["baseline"], results["method"]) == ("direct-heart", "ptacl")
    assert set(results["models"]["ptacl"]) == {"LVEF", "LVEDV", "mean"}
    assert set(results["retrieval"]) == {"ptacl", "dual-phase"}
    names = {"recall@1", "recall@10", "measurement_difference@10"}
    assert names <= set(results["retrieval"]["ptacl"])
    assert set(results["retrieval_limits"]) == {"random", "oracle"}
    assert set(results["localisation"]) == {"ptacl"}  # the other sees two moments
    assert "latent" in results["limits"]
    assert "direct-heart, linear probe" in results["readings"]["linear probe"]["models"]
    text = report.read_text(encoding="utf-8")
    assert text.count("data:image/gif") == 2
    assert text.count("data:image/svg+xml") >= 10


def test_a_run_of_findings_and_measurements_has_results_and_answers_of_both(
    tiny, rebuilt, train, called, tmp_path
):
    mass = pl.Series("value:LVM", range(tiny.table.height), dtype=pl.Float32)
    cohort = rebuilt(tiny, tmp_path, "both", {"measurements": ("LVM",)}, **{"value:LVM": mass})
    run = train(cohort, tmp_path / "runs", *ONCE, "--recipe.measurements", "[LVM]")
    code, table, err = called("evaluate", run)
    assert code == 0, err
    results = read_results(run / "results.json")
    assert list(results["models"]["direct"]) == ["large", "silent", "mean"]
    inner = results["measurements"]
    assert list(inner["models"]["direct"]) == ["LVM", "mean"]
    assert set(inner["models"]["direct"]["LVM"]) == {"r2", "pearson", "mae"}
    assert "LVM" in table
    metrics = json.loads((run / "model" / "metrics.json").read_text())
    assert metrics == results["models"]["direct"] | {"measurements": inner["models"]["direct"]}
    config = json.loads((run / "model" / "config.json").read_text())
    assert (config["findings"], config["measurements"]) == (["large", "silent"], ["LVM"])
    example = write_example(tmp_path / "example")
    code, printed, _ = called("predict", run, example, "--json")
    assert code == 0
    answers = json.loads(printed)[0]["answers"]
    assert [(each["target"], each["kind"], each["unit"]) for each in answers] == [
        ("large", "finding", ""),
        ("silent", "finding", ""),
        ("LVM", "measurement", "g"),
    ]
    assert answers[2]["error"] > 0
    assert all(0 <= each["value"] <= 1 and each["error"] is None for each in answers[:2])
    code, table, _ = called("predict", run, example)
    assert (code, "probability" in table, "±" in table) == (0, True, True)


def test_what_cannot_be_measured_together_is_refused(direct, hearts, tiny, called, tmp_path):
    copy = shutil.copytree(direct, tmp_path / "copy")

    def refused(message, *words):
        code, _, err = called("evaluate", direct, *words)
        assert (code, message in err) == (2, True), err

    def refused_copy(message, plan):
        (copy / "run.json").write_text(json.dumps(plan))
        text = (copy / "finished.json").read_text()
        names = ("run.json", "weights.safetensors", "learned.parquet")
        write_sealed(copy, last="finished.json", text=text, names=names)
        refused(message, copy)

    refused("must differ in their seed, got seed 0 of direct twice or more; name each", direct)
    refused("--seed must be 0 or more, got -1; raise it", "--seed", "-1")
    separate = "got findings by direct, measurements by ptacl; evaluate them separately"
    refused(separate, hearts["ptacl"])
    refused("--report must have two recipes to compare", "--report", tmp_path / "a.html")
    plan = json.loads((direct / "run.json").read_text())
    other = plan | {"cohort": plan["cohort"] | {"fingerprint": "other"}}
    refused_copy(f"{tiny.folder} must be the cohort that {copy} was", other)
    plan["settings"]["fine_tuning"]["epochs"] = 9
    refused_copy(f"must have the same settings, got others in {copy} than", plan | {"seed": 1})


def test_test_ecgs_that_are_not_measured_are_told_of(direct, tiny, rebuilt, called, tmp_path):
    lacks = (pl.col("split") == "test") & (pl.int_range(pl.len()) % 2 == 0)
    columns = {name: pl.when(~lacks).then(pl.col(name)) for name in ("xray", "xray_patient")}
    cohort = rebuilt(tiny, tmp_path, "fewer", **columns)
    test = Cohort.open(cohort).table.filter(split="test")
    told = f"Measured on {test['xray'].count()} of {len(test)} test ECGs: those with X-rays."
    given = ("evaluate", direct, "--out", tmp_path / "a.json")
    code, _, err = called(*given, "--cohort", cohort, "--other_patients")
    assert (code, told in err) == (0, True)
    code, _, err = called(*given)
    assert (code, "Measured on" in err) == (0, False)


def test_runs_on_two_cohorts_are_not_two_seeds(direct, tiny, rebuilt, train, called, tmp_path):
    other = train(rebuilt(tiny, tmp_path, "elsewhere"), tmp_path / "other")
    code, _, err = called("evaluate", direct, other)
    assert (code, f"must have learned from one cohort, got another for {other}" in err) == (2, True)


def test_patients_of_the_training_are_refused_unless_the_user_says_they_are_others(
    direct, hearts, tiny, tiny_hearts, rebuilt, called, tmp_path
):
    cohort = rebuilt(tiny, tmp_path, "exchanged", split=EXCHANGED)
    out = tmp_path / "results.json"
    code, _, err = called("evaluate", direct, "--cohort", cohort, "--out", out)
    assert code == 1
    assert f"{direct} must not be measured on patients that it learned from" in err
    assert "got 72 of 72 test patients of cohort 'exchanged'" in err
    assert not out.exists()
    said = "--other_patients"
    code, _, err = called("evaluate", direct, "--cohort", cohort, "--out", out, said)
    assert code == 0, err
    assert read_results(out)["other_patients"] is True
    cohort = rebuilt(tiny_hearts, tmp_path, "hearts", split=EXCHANGED)
    code, _, err = called("evaluate", hearts["direct-heart"], "--cohort", cohort)
    assert (code, "got 72 of 72 test patients" in err) == (1, True)


def test_hearts_of_other_patients_are_external(hearts, tiny_hearts, rebuilt, called, tmp_path):
    others = pl.col("patient").str.replace("h2-", "h3-")
    columns = dict.fromkeys(("patient", "cine_patient", "cine_long_patient"), others)
    cohort = rebuilt(tiny_hearts, tmp_path, "elsewhere", **columns, split=pl.lit("test"))
    out = tmp_path / "results.json"
    run = hearts["direct-heart"]
    code, table, err = called("evaluate", run, "--cohort", cohort, "--out", out)
    assert (code, "R²" in table) == (0, True), err
    assert "External: elsewhere, trained on virtual-hearts." in err
    assert read_results(out)["cohort"]["name"] == "elsewhere"


def test_a_cohort_without_test_patients_is_refused(direct, tiny, rebuilt, called, tmp_path):
    cohort = rebuilt(tiny, tmp_path, "untested", **OTHERS, split=pl.lit("train"))
    code, _, err = called("evaluate", direct, "--cohort", cohort)
    assert code == 1
    assert "cohort 'untested' in" in err
    assert "must have test patients with all of its signals, got none; build it with" in err


def test_the_runs_own_cohort_is_not_external(direct, tiny, called, tmp_path):
    shutil.copytree(tiny.folder, tmp_path / "moved")
    out = tmp_path / "results.json"
    code, table, err = called("evaluate", direct, "--cohort", tmp_path / "moved", "--out", out)
    assert code == 0
    assert "external" not in table + err
    results = read_results(out)
    assert results["cohort"]["fingerprint"] == results["trained_on"]["fingerprint"]


def test_a_run_of_another_cohort_is_checked_against_the_first_runs_cohort(
    direct, tiny, rebuilt, train, called, tmp_path
):
    cohort = rebuilt(tiny, tmp_path, "exchanged", split=EXCHANGED)
    other = train(cohort, tmp_path / "runs", *ONCE, recipe="resnet1d")
    code, _, err = called("evaluate", direct, other, "--out", tmp_path / "results.json")
    assert code == 1
    assert f"{other} must not be measured on patients that it learned from" in err
    assert "got 24 of 24 test patients of cohort 'tiny' who are in its training cohort 'exch" in err


def test_runs_of_two_cohorts_are_named_with_their_own_and_one_that_has_moved_can_be_named(
    direct, strangers, tiny, rebuilt, train, called, tmp_path
):
    columns = dict.fromkeys(OTHERS, "r" + pl.col("patient"))
    cohort = rebuilt(tiny, tmp_path, "new", **columns)
    other = train(cohort, tmp_path / "runs", *ONCE, recipe="resnet1d")
    out, report = tmp_path / "results.json", tmp_path / "report.html"
    code, _, err = called("evaluate", direct, other, "--out", out, "--report", report, "--json")
    assert code == 0, err
    told = read_results(out)["trained_on"]
    named = {model: each["name"] for model, each in told.items()}
    assert named == {"direct": "tiny", "resnet1d": "new"}
    assert "Cohort: external: tiny, trained on new" in report.read_text(encoding="utf-8")
    cohort.rename(tmp_path / "moved")
    given = ("evaluate", other, "--cohort", strangers, "--out", out)
    code, _, err = called(*given)
    assert code == 2
    assert f"{cohort} must be the cohort that {other} was trained on" in err
    assert "name it with --trained_on if it has moved" in err
    assert called(*given, "--trained_on", tmp_path / "moved")[0] == 0
