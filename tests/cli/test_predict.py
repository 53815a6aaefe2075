"""Recipes with cine MRI from ``crossbeat train`` to ``crossbeat evaluate`` and its report."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossbeat.beats import Rule, correspondence
from crossbeat.cli import heart_illustrations, main
from crossbeat.data.cohort import Cohort
from crossbeat.deploy import Predictor
from crossbeat.errors import CheckpointError
from crossbeat.evaluation.measurement_results import read_measurement_results
from crossbeat.recipes.cine.run import estimates
from crossbeat.recipes.run import Run, evaluation_rows

CONFIG = """recipe:
  measurements: [LVEF, LVEDV]
  ecg: {encoder: fine-small, normalisation: none}
  regression: {epochs: 1, batch_size: 24}
"""
MASKED = "  masked_cine: {epochs: 1, batch_size: 24}\n"
ALIGNED = "  alignment: {epochs: 1, batch_size: 24}\n" + MASKED


@pytest.fixture(scope="module")
def runs(tiny_hearts: Cohort, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = {}
    for name, settings in (
        ("direct-heart", CONFIG),
        ("ptacl", CONFIG + ALIGNED),
        ("dual-phase", CONFIG + ALIGNED.replace(MASKED, "")),
    ):
        (folder / f"{name}.yaml").write_text(settings)
        made[name] = folder / name
        options = ["--preset", "demo", "--config", str(folder / f"{name}.yaml")]
        options += ["--trainer.progress", "false", "--out", str(made[name])]
        assert main(["train", name, "--cohort", str(tiny_hearts.folder), *options]) == 0
    return made


def test_runs_of_hearts_are_measured_and_reported(
    runs: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    folders = [str(runs[name]) for name in ("direct-heart", "ptacl")]
    assert main(["evaluate", *folders, "--report", str(report), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    results = read_measurement_results(runs["direct-heart"] / "results.json")
    assert printed == results
    assert (results["baseline"], results["method"]) == ("direct-heart", "ptacl")
    assert set(results["models"]["ptacl"]) == {"LVEF", "LVEDV", "mean"}
    assert set(results["retrieval"]) == {"ptacl"}
    assert {"recall@1", "recall@10", "measurement_difference@10"} <= set(
        results["retrieval"]["ptacl"]
    )
    assert set(results["retrieval_limits"]) == {"random", "oracle"}
    assert "latent" in results["limits"]
    assert "direct-heart, linear probe" in results["readings"]["linear probe"]["models"]
    text = report.read_text(encoding="utf-8")
    assert text.count("data:image/gif") == 2
    assert text.count("data:image/svg+xml") >= 10


def test_the_picture_of_an_ecg_that_answers_is_of_the_segments_that_were_compared(
    runs: dict[str, Path], tiny_hearts: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results.json"
    folders = [str(runs[name]) for name in ("direct-heart", "ptacl")]
    assert main(["evaluate", *folders, "--out", str(out)]) == 0
    found = read_measurement_results(out)
    run = Run.open(runs["ptacl"])
    drawn: list[str] = []

    def spied(*args: Any, rule: Rule, **others: Any) -> Any:
        drawn.append(rule)
        return correspondence(*args, rule=rule, **others)

    monkeypatch.setattr(heart_illustrations, "correspondence", spied)
    for rule in ("phase_pool", "linear"):
        recipe: Any = replace(run.recipe, correspondence=rule)  # type: ignore[type-var]
        heart_illustrations.illustrate_hearts(found, replace(run, recipe=recipe), tiny_hearts)
    assert drawn == ["phase_pool", "linear"]


def test_a_model_that_sees_two_moments_finds_patients_and_tells_no_others(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    folders = [str(runs[name]) for name in ("direct-heart", "dual-phase")]
    out, report = tmp_path / "results.json", tmp_path / "report.html"
    assert main(["evaluate", *folders, "--out", str(out), "--report", str(report)]) == 0
    results = read_measurement_results(out)
    assert set(results["retrieval"]) == {"dual-phase"}
    assert "localisation" not in results


def test_a_record_gets_the_measures_that_its_row_of_the_cohort_gets(
    runs: dict[str, Path],
    tiny_hearts: Cohort,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    row = evaluation_rows(tiny_hearts, "test")[:1]
    stored = tiny_hearts.ecgs(row)
    file = tmp_path / "ecg.csv"
    values = stored.values[0].numpy().T
    np.savetxt(file, values, delimiter=",", header=",".join(stored.leads), comments="")
    layout = ["--layout.fs", "100", "--layout.unit", "mV"]
    assert main(["predict", str(runs["ptacl"]), str(file), *layout, "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    run = Run.open(runs["ptacl"])
    wanted = estimates(run, tiny_hearts)
    told = {each["measurement"]: each for each in answer["measurements"]}
    assert list(told) == ["LVEF", "LVEDV"]
    assert told["LVEF"]["value"] == pytest.approx(wanted.test.estimate[0, 0], abs=0.5)
    off = (wanted.val.estimate - wanted.val.truth).std(axis=0)
    assert [each["error"] for each in told.values()] == pytest.approx(off.tolist())
    assert [each["unit"] for each in told.values()] == ["%", "ml"]
    assert main(["predict", str(runs["ptacl"] / "model"), str(file), *layout]) == 0
    assert "±" in capsys.readouterr().out
    card = (runs["ptacl"] / "model" / "README.md").read_text(encoding="utf-8")
    assert "LVEF, LVEDV in ml, % or g, each with its error" in card


def test_a_model_of_hearts_is_no_model_of_findings(runs: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json must have findings"):
        Predictor.open(runs["ptacl"])


def test_findings_and_measures_are_not_mixed(
    runs: dict[str, Path], tiny: Cohort, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    short = ["--recipe.findings", "[large]", "--recipe.fine_tuning.epochs", "1"]
    options = ["--preset", "demo", "--trainer.progress", "false", *short]
    other = str(tmp_path / "direct")
    assert main(["train", "direct", "--cohort", str(tiny.folder), "--out", other, *options]) == 0
    assert main(["evaluate", other, str(runs["ptacl"])]) == 2
    assert (
        "must all predict findings or all predict cardiac measurements" in capsys.readouterr().err
    )


def test_a_cohort_without_cines_is_refused_by_name(
    tiny: Cohort, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ["--cohort", str(tiny.folder), "--out", str(tmp_path / "run")]
    assert main(["train", "ptacl", *options]) == 2
    assert "cohort 'tiny' must have measurements, got none" in capsys.readouterr().err


def test_a_cohort_without_findings_is_refused_by_name(
    tiny_hearts: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--cohort", str(tiny_hearts.folder), "--out", str(tmp_path / "run")]
    assert main(["train", "direct", *options]) == 2
    assert f"cohort {tiny_hearts.info.name!r} must have findings" in capsys.readouterr().err
