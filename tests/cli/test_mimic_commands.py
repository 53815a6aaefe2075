"""From the folders of MIMIC to a trained and measured model, and through a kill."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crossbeat.cli import main

TINY = """
recipe:
  findings: [cardiomegaly, pleural_effusion, edema]
  ecg: {encoder: cromotex-small, normalisation: none, hidden: [16]}
  teacher: {epochs: 1, batch_size: 64}
  self_supervision: {epochs: 1, batch_size: 64}
  alignment: {epochs: 1, batch_size: 64}
  fine_tuning: {epochs: 1, batch_size: 64}
trainer: {progress: false, accelerator: cpu}
"""


def simulate(folder: Path, num_patients: int) -> None:
    given = ["--num_patients", num_patients, "--image_size", 32, "--film_size", 32, "--out", folder]
    assert main(["simulate", "--layout", "mimic", *map(str, given)]) == 0


def prepare(tree: Path, out: Path) -> list[str]:
    folders = {
        "--ecg": tree / "mimic-iv-ecg",
        "--cxr": tree / "mimic-cxr-jpg",
        "--ed": tree / "mimic-iv-ed",
        "--hosp": tree / "mimic-iv/hosp",
    }
    options = [str(each) for pair in folders.items() for each in pair]
    return ["prepare", "mimic", *options, "--image_size", "32", "--out", str(out)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hospital")
    simulate(folder / "tree", 2000)
    return folder / "tree"


@pytest.mark.slow
def test_the_whole_way_from_published_folders_to_results(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(prepare(tree, tmp_path / "cohort")) == 0
    told = capsys.readouterr().err
    assert "pairs by ed-stay" in told
    assert "rejected.parquet has the reasons" in told
    (tmp_path / "run.yaml").write_text(TINY)
    run, cohort = tmp_path / "run", tmp_path / "cohort"
    given = ["--preset", "demo", "--config", tmp_path / "run.yaml", "--cohort", cohort]
    assert main(["train", "cromotex", *map(str, given), "--out", str(run)]) == 0
    assert main(["evaluate", str(run)]) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["cohort"]["name"] == "mimic"
    assert results["test"]["patients"] > 150
    assert 0.3 < results["models"]["cromotex"]["mean"]["auroc"]["value"] < 0.9


@pytest.mark.slow
def test_a_build_that_is_killed_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    simulate(tree, 600)
    command = [sys.executable, "-m", "crossbeat.cli", *prepare(tree, tmp_path / "cohort")]
    process = subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.DEVNULL)
    draft, deadline = tmp_path / "cohort.partial", time.monotonic() + 120
    while not list(draft.glob("receipt-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    receipts = {path.name: path.stat().st_mtime_ns for path in draft.glob("receipt-*")}
    assert receipts
    assert not (tmp_path / "cohort").exists()
    assert main([*prepare(tree, tmp_path / "cohort"), "--workers", "2"]) == 0
    assert main([*prepare(tree, tmp_path / "whole"), "--workers", "2"]) == 0
    files = {path.name for path in (tmp_path / "whole").iterdir()}
    assert {"rejected.parquet", "audit.json", "pairing.json"} < files
    assert {path.name for path in (tmp_path / "cohort").iterdir()} == files
    for name in files:
        one, other = (tmp_path / folder / name for folder in ("cohort", "whole"))
        assert one.read_bytes() == other.read_bytes()
