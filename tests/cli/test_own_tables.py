"""Ten tables as people have them: each becomes a cohort, by the command that the message names."""

import json
import shlex
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
import xlsxwriter
from crossbeat.recipes.networks import ecg_logits
from PIL import Image

from crossbeat.cli import main
from crossbeat.data.cohort import Cohort
from crossbeat.leads import STANDARD
from crossbeat.recipes.run import Run
from crossbeat.recipes.supervised import Direct
from crossbeat.simulate import draw_patients, ecg_block

PEOPLE = 10


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hospital")
    ecgs = ecg_block(draw_patients(PEOPLE, 3), 0, 3)
    for number, values in enumerate(ecgs):
        stored = np.rint(1000 * values).astype("<i2")
        stored.T.tofile(folder / f"e{number}.dat")
        lines = [f"e{number}.dat 16 1000(0)/mV 16 0 0 0 0 {lead}" for lead in STANDARD]
        sizes = f"e{number} 12 500 {values.shape[1]}"
        (folder / f"e{number}.hea").write_text("\n".join([sizes, *lines]) + "\n")
        film = np.random.default_rng(number).integers(0, 255, (64, 64))
        Image.fromarray(film.astype(np.uint8)).save(folder / f"x{number}.png")
    return folder


def rows(line: Callable[[int], str], head: str) -> str:
    return "\n".join([head, *(line(number) for number in range(PEOPLE))]) + "\n"


def excel(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Liste")
        dates = book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        sheet.write_row(0, 0, ["EKG-Datei", "Patientennummer", "Zeit", "Herzinsuffizienz"])
        for number in range(PEOPLE):
            sheet.write_string(number + 1, 0, f"e{number}.hea")
            sheet.write_string(number + 1, 1, f"{number:05d}")
            sheet.write_datetime(number + 1, 2, datetime(2024, 3, 1 + number, 10), dates)
            sheet.write_number(number + 1, 3, number % 2)


REDCAP = rows(
    lambda n: f'{n},"baseline",e{n}.hea,2024-03-{n + 1:02d} 10:12,{n % 2},0,Complete',
    "record_id,redcap_event_name,ecg_file,ecg_date,dx___1,dx___2,form_complete",
)
MIMIC = rows(
    lambda n: f"{10000000 + n},{40000000 + n},e{n},2180-07-23 08:{n:02d}:00,{n % 2}.0",
    "subject_id,study_id,path,ecg_time,Cardiomegaly",
)
PTBXL = rows(
    lambda n: (
        f"{n},{15709 + n}.0,{300.0 if n == 3 else 56.0},{n % 2},1984-11-09 09:17:34,"
        f"\"{{'NORM': 100.0}}\",{n + 1},e{n},e{n},{n % 2}"
    ),
    "ecg_id,patient_id,age,sex,recording_date,scp_codes,strat_fold,filename_lr,filename_hr,NORM",
)
DECIMAL = rows(lambda n: f"e{n}.hea;P{n};{50 + n},5;0,{n}", "ecg;patient;age;p_edema")
DATES = {
    "German": ("{:02d}.03.2024 10:12", "%d.%m.%Y %H:%M"),
    "British": ("{:02d}/03/2024 10:12", "%d/%m/%Y %H:%M"),
    "American": ("3/{:d}/2024 10:12 PM", "%m/%d/%Y %I:%M %p"),
}
TWICE = rows(lambda n: f"e{n}.hea,x{n}.png,{n},1", "ecg,xray,patient,edema") + "e0.hea,x0.png,0,1\n"
LEAKS = rows(
    lambda n: f"e{n}.hea,{n // 2},{'test' if n in (1, 2) else 'train'}", "ecg,patient,split"
)
ZEROS = rows(lambda n: f"e{n}.hea,{n:04d},{n % 2}", "ecg,mrn,edema") + "e0.hea,0,1\n"
ABSENT = rows(lambda n: f"e{n}.hea,films/{n}.png,{n}", "ecg,xray,patient")

CASES: dict[str, tuple[str | None, str, list[str]]] = {
    "excel.xlsx": (
        None,
        (
            "--columns.ecg EKG-Datei --columns.patient Patientennummer --columns.time Zeit "
            "--findings Herzinsuffizienz"
        ),
        [],
    ),
    "redcap.csv": (
        REDCAP,
        "--findings dx___1,dx___2",
        ["--columns.ecg ecg_file --columns.patient record_id"],
    ),
    "mimic.csv": (
        MIMIC,
        "--findings cardiomegaly",
        ["--columns.ecg path --columns.patient subject_id"],
    ),
    "ptbxl.csv": (
        PTBXL,
        "--columns.ecg filename_hr --columns.patient patient_id --findings NORM",
        ["--missing 300.0", "--male 0", "--female 1"],
    ),
    "decimal.csv": (DECIMAL, "--findings p_edema", ["--soft-labels"]),
    **{
        f"{country}.csv": (
            rows(lambda n, text=text: f"e{n}.hea,{n},{text.format(n + 13)}", "ecg,patient,time"),
            "",
            [f"--time-format '{form}'"],
        )
        for country, (text, form) in DATES.items()
    },
    "twice.csv": (TWICE, "--findings edema", []),
    "leaks.csv": (LEAKS, "", ["--columns.split none"]),
    "zeros.csv": (ZEROS, "--columns.patient mrn --findings edema", ["correct the ids"]),
    "absent.csv": (ABSENT, "", ["--allow-missing"]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_table_becomes_a_cohort_by_what_the_message_says(
    name: str, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, given, remedies = CASES[name]
    home = shutil.copytree(files, tmp_path / "home")
    if text is None:
        excel(home / name)
    else:
        (home / name).write_text(text)
    out = tmp_path / "cohort"
    command = ["prepare", "files", "--table", str(home / name), "--out", str(out)]
    command += ["--image-size", "32", "--workers", "1", *shlex.split(given)]
    for remedy in remedies:
        assert main(command) in (1, 2)
        told = capsys.readouterr().err.splitlines()[-1]
        assert told.startswith("error: ")
        assert remedy in told, told
        assert not out.exists()
        if remedy.startswith("--"):
            command += shlex.split(remedy)
        else:  # what only the user can correct
            (home / name).write_text(ZEROS.replace("e0.hea,0,1", "e0.hea,0000,1"))
    assert main(command) == 0, capsys.readouterr().err
    cohort = Cohort.open(out)
    assert cohort.table["ecg"].null_count() == 0
    assert cohort.table["ecg"].n_unique() == PEOPLE
    assert str(home) not in (out / "cohort.json").read_text()


@pytest.mark.parametrize("place", [".", "/", "sub/.."])
def test_a_place_without_a_name_is_refused(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", "files", "--table", "list.csv", "--out", place]) == 2
    assert f"--out must be a new folder, got {place}; give its name" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_files_with_the_names_of_a_build_stay(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "plain.csv").write_text(rows(lambda n: f"e{n}.hea,{n}", "ecg,patient"))
    command = ["prepare", "files", "--table", str(files / "plain.csv"), "--out"]
    (tmp_path / "a.request.json").write_bytes(b"\xff\xfe")
    assert main([*command, str(tmp_path / "a")]) == 2
    (tmp_path / "b.partial").mkdir()
    (tmp_path / "b.partial" / "notes.txt").write_text("mine")
    assert main([*command, str(tmp_path / "b")]) == 1
    assert "b.partial must be free for the unfinished build" in capsys.readouterr().err
    assert (tmp_path / "b.partial" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "b.request.json").exists()


def test_probabilities_are_learned_and_rounded_for_evaluation(files: Path, tmp_path: Path) -> None:
    splits = ["train"] * 6 + ["val"] * 2 + ["test"] * 2
    lines = [f"{files}/e{n}.hea,{n},{splits[n]},{0.7 if n % 2 else 0.2}" for n in range(PEOPLE)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["ecg,patient,split,edema", *lines]) + "\n")
    cohort, run = tmp_path / "cohort", tmp_path / "run"
    prepare = ["prepare", "files", "--table", str(table), "--out", str(cohort), "--workers", "1"]
    assert main([*prepare, "--findings", "edema", "--soft-labels"]) == 0
    stored = Cohort.open(cohort).table
    assert stored["label:edema"].to_list() == [n % 2 for n in range(PEOPLE)]
    assert stored["soft:edema"].to_list() == pytest.approx([0.2, 0.7] * (PEOPLE // 2))
    where = ["--cohort", str(cohort), "--out", str(run), "--recipe.findings", "[edema]"]
    hardware = ["--trainer.accelerator", "cpu", "--trainer.progress", "false"]
    short = ["--recipe.fine_tuning.epochs", "1"]
    assert main(["train", "direct", "--preset", "demo", *where, *short, *hardware]) == 0
    trained = Run.open(run)
    assert isinstance(trained.recipe, Direct)
    val = Cohort.open(cohort).ecgs(np.array([6, 7]))
    with torch.no_grad():
        odds = ecg_logits(trained.parts, val, trained.recipe.ecg).double().numpy()[:, 0]
    told, chance = np.array([0.2, 0.7]), 1 / (1 + np.exp(-odds))
    loss = -(told * np.log(chance) + (1 - told) * np.log(1 - chance)).mean()
    (epoch,) = trained.phases[0]["history"]
    assert epoch["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert main(["evaluate", str(run)]) == 0
    measured = json.loads((run / "results.json").read_text())["models"]["direct"]["edema"]
    assert measured["auroc"]["value"] in (0, 0.5, 1)
