"""``crossbeat simulate`` in both layouts."""

import json
from pathlib import Path

import pytest

from crossbeat.cli import main

SMALL = ["--num_patients", "3", "--image_size", "16", "--film_size", "16"]


def test_layout_mimic_writes_a_tree_with_the_settings_that_were_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "tree"
    arguments = ["simulate", "--layout", "mimic", "--out", str(tree), *SMALL, "--seed", "5"]
    arguments += ["--compressed", "false", "--faults.missing_ecg", "0.9"]
    assert main(arguments) == 0
    assert "3 patients" in capsys.readouterr().err
    told = json.loads((tree / "virtual-mimic.json").read_text())["settings"]
    assert (told["num_patients"], told["seed"], told["compressed"]) == (3, 5, False)
    assert told["faults"]["missing_ecg"] == 0.9
    assert (tree / "mimic-iv-ed" / "edstays.csv").is_file()
    before = (tree / "truth.csv").stat().st_mtime_ns
    assert main(arguments) == 0
    assert (tree / "truth.csv").stat().st_mtime_ns == before


def test_without_a_layout_a_cohort_is_written(tmp_path: Path) -> None:
    assert main(["simulate", "--out", str(tmp_path / "cohort"), *SMALL[:4]]) == 0
    assert (tmp_path / "cohort" / "cohort.json").is_file()


def test_what_no_disk_can_hold_is_refused_and_a_smaller_cohort_may_follow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate = ["simulate", "--out", str(tmp_path / "cohort"), *SMALL[:4]]
    assert main([*simulate, "--outside", "1000000000000"]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: the disk must have room for the 256,")
    assert not list(tmp_path.iterdir())
    assert main(simulate) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layout", "mimc"], "must be one of cohort, mimic, got 'mimc'; did you mean 'mimic'?"),
        (["--layout"], "--layout must be one of cohort, mimic, got ''"),
        (["--layout=mimic", "--paired", "0.5"], "crossbeat simulate has no option 'paired'"),
        (["--film_size", "16"], "crossbeat simulate has no option 'film_size'"),
        (
            ["--layout", "mimic", "--faults.missing_egc", "1"],
            "Faults has no setting 'missing_egc'; did you mean 'missing_ecg'?",
        ),
        (["--layout", "mimic", "--faults.flat_lead", "2"], "Faults.flat_lead must be 0 to 1, got"),
        (["--layout", "mimic", "--num_patients", "0"], "VirtualMimic.num_patients must be 1 or"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "--out", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not list(tmp_path.iterdir())


def test_a_layout_in_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("layout: mimic\n")
    arguments = ["simulate", "--out", str(tmp_path / "out"), "--config", str(settings)]
    assert main(arguments) == 2
    assert "write crossbeat simulate --layout mimic" in capsys.readouterr().err
