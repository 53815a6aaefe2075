"""``crossbeat evaluate`` on other cohorts: it refuses patients of the training."""

import json
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crossbeat.cli import main
from crossbeat.data.build import Block, build_cohort

CONFIG = """
recipe:
  findings: [large, silent]
  ecg: {hidden: [16]}
  fine_tuning: {epochs: 1, batch_size: 24}
trainer: {progress: false, accelerator: cpu}
"""
HEARTS = """
recipe:
  measurements: [LVEF, LVEDV]
  ecg: {encoder: fine-small, normalisation: none}
  regression: {epochs: 1, batch_size: 24}
trainer: {progress: false, accelerator: cpu}
"""
EXCHANGED = pl.col("split").replace({"train": "test", "test": "train"})
STRANGERS = pl.col("patient").str.replace("p", "q")
SIGNALS = ("ecg", "cine", "cine_long")


def called(capsys, *arguments):
    """Exit code, standard output and error stream."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return code, output.out, output.err


def trained(name, cohort, folder, config=CONFIG):
    folder.mkdir(exist_ok=True)
    (folder / "run.yaml").write_text(config)
    options = ["--preset", "demo", "--config", folder / "run.yaml", "--out", folder / name]
    assert main([str(each) for each in ["train", name, "--cohort", cohort, *options]]) == 0
    return folder / name


def rebuilt(tiny, folder, name, **columns):
    """``tiny`` with other columns, as the folder of a cohort of its own."""
    arrays = [np.load(tiny.folder / f"{signal}-00000.npy") for signal in ("ecg", "xray")]
    block = Block(
        tiny.table.with_columns(**columns), dict(zip(("ecg", "xray"), arrays, strict=False))
    )
    info = replace(tiny.info, name=name, files={})
    return build_cohort(folder / name, info, [lambda: block]).folder


@pytest.fixture(scope="module")
def direct(tiny, tmp_path_factory):
    return trained("direct", tiny.folder, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def strangers(tiny, tmp_path_factory):
    """Other people, all of them test patients."""
    columns = {"patient": STRANGERS, "xray_patient": STRANGERS, "split": pl.lit("test")}
    return rebuilt(tiny, tmp_path_factory.mktemp("cohorts"), "elsewhere", **columns)


def test_training_and_test_exchanged_is_refused(direct, tiny, capsys, tmp_path):
    cohort = rebuilt(tiny, tmp_path, "exchanged", split=EXCHANGED)
    out = tmp_path / "results.json"
    code, _, err = called(capsys, "evaluate", direct, "--cohort", cohort, "--out", out)
    assert code == 1
    assert f"{direct} must not be measured on patients that it learned from" in err
    assert "got 72 of 72 test patients of cohort 'exchanged'" in err
    assert not out.exists()
    said = "--other_patients"
    code, _, err = called(capsys, "evaluate", direct, "--cohort", cohort, "--out", out, said)
    assert code == 0, err
    assert json.loads(out.read_text())["other_patients"] is True


def test_another_cohort_is_measured_and_named_in_one_command(
    direct, tiny, strangers, capsys, tmp_path
):
    """Its patients choose nothing: the cohort has no validation split."""
    assert called(capsys, "evaluate", direct)[0] == 0
    before = (direct / "model" / "metrics.json").read_bytes()
    out = tmp_path / "results.json"
    code, table, err = called(capsys, "evaluate", direct, "--cohort", strangers, "--out", out)
    assert code == 0, err
    assert "external: elsewhere, trained on tiny: AUROC in percent" in table
    assert "Thresholds, calibration and linear probes use patients of the training" in err
    results = json.loads(out.read_text())
    assert (results["cohort"]["name"], results["trained_on"]["name"]) == ("elsewhere", "tiny")
    assert results["test"]["patients"] == 120
    assert "other_patients" not in results
    assert (direct / "model" / "metrics.json").read_bytes() == before


def test_a_cohort_without_test_patients_is_refused(direct, tiny, capsys, tmp_path):
    columns = {"patient": STRANGERS, "xray_patient": STRANGERS, "split": pl.lit("train")}
    cohort = rebuilt(tiny, tmp_path, "untested", **columns)
    code, _, err = called(capsys, "evaluate", direct, "--cohort", cohort)
    assert code == 1
    assert "cohort 'untested' in" in err
    assert "must have test patients with all of its signals, got none; build it with" in err


def test_the_runs_own_cohort_is_not_external(direct, tiny, capsys, tmp_path):
    shutil.copytree(tiny.folder, tmp_path / "moved")
    out = tmp_path / "results.json"
    where = ("--cohort", tmp_path / "moved", "--out", out)
    code, table, err = called(capsys, "evaluate", direct, *where)
    assert code == 0
    assert "external" not in table + err
    results = json.loads(out.read_text())
    assert results["cohort"]["fingerprint"] == results["trained_on"]["fingerprint"]


def test_a_run_of_another_cohort_is_checked_against_the_first_runs_cohort(
    direct, tiny, capsys, tmp_path
):
    cohort = rebuilt(tiny, tmp_path, "exchanged", split=EXCHANGED)
    other = trained("resnet1d", cohort, tmp_path / "runs")
    code, _, err = called(capsys, "evaluate", direct, other, "--out", tmp_path / "results.json")
    assert code == 1
    assert f"{other} must not be measured on patients that it learned from" in err
    assert "got 24 of 24 test patients of cohort 'tiny' who are in its training cohort 'exch" in err


def test_runs_of_two_cohorts_are_named_with_their_own(direct, strangers, tiny, capsys, tmp_path):
    columns = {"patient": STRANGERS, "xray_patient": STRANGERS}
    other = trained("resnet1d", rebuilt(tiny, tmp_path, "new", **columns), tmp_path / "runs")
    out, report = tmp_path / "results.json", tmp_path / "report.html"
    code, _, err = called(
        capsys, "evaluate", direct, other, "--out", out, "--report", report, "--json"
    )
    assert code == 0, err
    told = json.loads(out.read_text())["trained_on"]
    assert {model: each["name"] for model, each in told.items()} == {
        "direct": "tiny",
        "resnet1d": "new",
    }
    assert "Cohort: external: tiny, trained on new" in report.read_text(encoding="utf-8")


def test_a_cohort_of_the_training_that_has_moved_can_be_named(tiny, strangers, capsys, tmp_path):
    columns = {"patient": "r" + pl.col("patient"), "xray_patient": "r" + pl.col("patient")}
    cohort = rebuilt(tiny, tmp_path, "mine", **columns)
    run = trained("direct", cohort, tmp_path / "runs")
    cohort.rename(tmp_path / "moved")
    given = ("evaluate", run, "--cohort", strangers, "--out", tmp_path / "results.json")
    code, _, err = called(capsys, *given)
    assert code == 2
    assert f"{cohort} must be the cohort that {run} was trained on" in err
    assert "name it with --trained_on if it has moved" in err
    assert called(capsys, *given, "--trained_on", tmp_path / "moved")[0] == 0


def test_hearts_of_the_training_are_refused_and_others_are_external(tiny_hearts, capsys, tmp_path):
    run = trained("direct-heart", tiny_hearts.folder, tmp_path / "runs", HEARTS)
    strangers = pl.col("patient").str.replace("h2-", "h3-")
    columns = dict.fromkeys(("patient", "cine_patient", "cine_long_patient"), strangers)
    columns["split"] = pl.lit("test")
    arrays = [np.load(tiny_hearts.folder / f"{name}-00000.npy") for name in SIGNALS]
    for name, change in (("exchanged", {"split": EXCHANGED}), ("elsewhere", columns)):
        table = tiny_hearts.table.with_columns(**change)
        block = Block(table, dict(zip(("ecg", "cine", "cine_long"), arrays, strict=True)))
        info = replace(tiny_hearts.info, name=name, files={})
        build_cohort(tmp_path / name, info, [lambda block=block: block])
    out = tmp_path / "results.json"
    code, _, err = called(capsys, "evaluate", run, "--cohort", tmp_path / "exchanged")
    assert (code, "got 72 of 72 test patients" in err) == (1, True)
    where = ("--cohort", tmp_path / "elsewhere", "--out", out)
    code, _, err = called(capsys, "evaluate", run, *where)
    assert code == 0, err
    assert "External: elsewhere, trained on virtual-hearts." in err
    assert json.loads(out.read_text())["cohort"]["name"] == "elsewhere"
