"""Cohorts from ``crossbeat simulate`` and ``crossbeat prepare``, on this machine or a cluster.

Ten tables as people have them: each becomes a cohort, by the command that the message names.
"""

import json
import shlex
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import xlsxwriter
from PIL import Image

from crossbeat.data.cohort import Cohort
from crossbeat.leads import STANDARD
from crossbeat.readers.ecg.wfdb import write_wfdb
from crossbeat.recipes.run import Run, validation
from crossbeat.signal import Ecg
from crossbeat.simulate import draw_patients, ecg_block
from crossbeat.targets import FINDING

PEOPLE = 10


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hospital")
    for number, values in enumerate(ecg_block(draw_patients(PEOPLE, 3), 0, 3)):
        write_wfdb(Ecg(values, STANDARD, 500.0), folder / f"e{number}")
        film = np.random.default_rng(number).integers(0, 255, (64, 64))
        Image.fromarray(film.astype(np.uint8)).save(folder / f"x{number}.png")
    return folder


def rows(head: str, line: str) -> str:
    """A table with a line for each person; ``n`` counts them, every second is ``odd``."""
    lines = (line.format(n=n, odd=n % 2, pair=n // 2, day=n + 13) for n in range(PEOPLE))
    return "\n".join([head, *lines]) + "\n"


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
    "record_id,redcap_event_name,ecg_file,ecg_date,dx___1,dx___2,form_complete",
    '{n},"baseline",e{n}.hea,2024-03-{day} 10:12,{odd},0,Complete',
)
MIMIC = rows(
    "subject_id,study_id,path,ecg_time,Cardiomegaly",
    "1000000{n},4000000{n},e{n},2180-07-23 08:0{n}:00,{odd}.0",
)
PTBXL = rows(
    "ecg_id,patient_id,age,sex,recording_date,scp_codes,strat_fold,filename_lr,filename_hr,NORM",
    "{n},1570{n}.0,56.0,{odd},1984-11-09 09:17:34,\"{{'NORM': 100.0}}\",{n},e{n},e{n},{odd}",
).replace("15703.0,56.0", "15703.0,300.0")
DECIMAL = rows("ecg;patient;age;p_edema", "e{n}.hea;P{n};5{n},5;0,{n}")
DATES = {
    "%d.%m.%Y %H:%M": "{day:02d}.03.2024 10:12",
    "%d/%m/%Y %H:%M": "{day:02d}/03/2024 10:12",
    "%m/%d/%Y %I:%M %p": "3/{day}/2024 10:12 PM",
}
TWICE = rows("ecg,xray,patient,edema", "e{n}.hea,x{n}.png,{n},1") + "e0.hea,x0.png,0,1\n"
LEAKS = rows("ecg,patient,split", "e{n}.hea,{pair},train").replace("0,train", "0,test", 1)
ZEROS = rows("ecg,mrn,edema", "e{n}.hea,{n:04d},{odd}") + "e0.hea,0,1\n"
ABSENT = rows("ecg,xray,patient", "e{n}.hea,films/{n}.png,{n}")
EXCEL = "--columns.ecg EKG-Datei --columns.patient Patientennummer --columns.time Zeit"
CASES = {
    "excel.xlsx": (None, f"{EXCEL} --findings Herzinsuffizienz"),
    "redcap": (
        REDCAP,
        "--findings dx___1,dx___2",
        "--columns.ecg ecg_file --columns.patient record_id",
    ),
    "mimic": (MIMIC, "--findings cardiomegaly", "--columns.ecg path --columns.patient subject_id"),
    "ptbxl": (
        PTBXL,
        "--columns.ecg filename_hr --columns.patient patient_id --findings NORM",
        *("--missing 300.0", "--male 0", "--female 1"),
    ),
    "decimal": (DECIMAL, "--findings p_edema", "--soft-labels"),
    **{
        f"dates {number}": (
            rows("ecg,patient,time", f"e{{n}}.hea,{{n}},{text}"),
            "",
            f"--time-format '{form}'",
        )
        for number, (form, text) in enumerate(DATES.items())
    },
    "twice": (TWICE, "--findings edema"),
    "leaks": (LEAKS, "", "--columns.split none"),
    "zeros": (ZEROS, "--columns.patient mrn --findings edema", "correct the ids"),
    "absent": (ABSENT, "", "--allow-missing"),
}
"""The text of a table, the options, and what messages ask for, one after the other."""


@pytest.mark.parametrize("name", CASES)
def test_a_table_becomes_a_cohort_by_what_the_message_says(name, files, tmp_path, called):
    text, given, *remedies = CASES[name]
    home = shutil.copytree(files, tmp_path / "home")
    table = home / (name if text is None else f"{name}.csv")
    if text is None:
        excel(table)
    else:
        table.write_text(text)
    out = tmp_path / "cohort"
    command = ["prepare", "files", "--table", str(table), "--out", str(out)]
    command += ["--image-size", "32", "--workers", "1", *shlex.split(given)]
    for remedy in remedies:
        code, _, err = called(*command)
        told = err.splitlines()[-1]
        assert code in (1, 2)
        assert told.startswith("error: ")
        assert remedy in told, told
        assert not out.exists()
        if remedy.startswith("--"):
            command += shlex.split(remedy)
        else:  # what only the user can correct
            table.write_text(ZEROS.replace("e0.hea,0,1", "e0.hea,0000,1"))
    code, _, err = called(*command)
    assert code == 0, err
    cohort = Cohort.open(out)
    assert cohort.table["ecg"].null_count() == 0
    assert cohort.table["ecg"].n_unique() == PEOPLE
    assert str(home) not in (out / "cohort.json").read_text()


def test_files_with_the_names_of_a_build_stay(files, tmp_path, called):
    (files / "plain.csv").write_text(rows("ecg,patient", "e{n}.hea,{n}"))
    command = ["prepare", "files", "--table", files / "plain.csv", "--out"]
    (tmp_path / "a.request.json").write_bytes(b"\xff\xfe")
    assert called(*command, tmp_path / "a")[0] == 2
    (tmp_path / "b.partial").mkdir()
    (tmp_path / "b.partial" / "notes.txt").write_text("mine")
    code, _, err = called(*command, tmp_path / "b")
    assert (code, "b.partial must be free for the unfinished build" in err) == (1, True)
    assert (tmp_path / "b.partial" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "b.request.json").exists()


def test_probabilities_are_learned_and_rounded_for_evaluation(files, tmp_path, called):
    splits = ["train"] * 6 + ["val"] * 2 + ["test"] * 2
    lines = [f"{files}/e{n}.hea,{n},{splits[n]},{0.7 if n % 2 else 0.2}" for n in range(PEOPLE)]
    table, cohort, run = (tmp_path / name for name in ("table.csv", "cohort", "run"))
    table.write_text("\n".join(["ecg,patient,split,edema", *lines]) + "\n")
    given = ["--table", table, "--out", cohort, "--workers", 1, "--findings", "edema"]
    assert called("prepare", "files", *given, "--soft-labels")[0] == 0
    stored = Cohort.open(cohort).table
    assert stored["label:edema"].to_list() == [n % 2 for n in range(PEOPLE)]
    assert stored["soft:edema"].to_list() == pytest.approx([0.2, 0.7] * (PEOPLE // 2))
    where = ["--cohort", cohort, "--out", run, "--recipe.findings", "[edema]"]
    hardware = ["--trainer.accelerator", "cpu", "--trainer.progress", "false"]
    short = ["--recipe.fine_tuning.epochs", 1]
    assert called("train", "direct", "--preset", "demo", *where, *short, *hardware)[0] == 0
    trained = Run.open(run)
    odds = validation(trained, Cohort.open(cohort), FINDING).outputs[:, 0]
    told, chance = np.array([0.2, 0.7]), 1 / (1 + np.exp(-odds))
    loss = -(told * np.log(chance) + (1 - told) * np.log(1 - chance)).mean()
    (epoch,) = trained.phases[0]["history"]
    assert epoch["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert called("evaluate", run)[0] == 0
    measured = json.loads((run / "results.json").read_text())["models"]["direct"]["edema"]
    assert measured["auroc"]["value"] in (0, 0.5, 1)


def test_simulate_writes_a_cohort_once_and_prepare_the_same(called, tmp_path):
    few = ["simulate", "--num_patients", 12, "--image_size", 16, "--out", tmp_path / "few"]
    code, _, err = called(*few)
    assert (code, "12 patients" in err) == (0, True)
    cohort = Cohort.open(tmp_path / "few")
    assert (cohort.table.height, cohort.info.image_size) == (12, 16)
    before = (tmp_path / "few" / "cohort.json").stat().st_mtime_ns
    assert called(*few)[0] == 0
    assert (tmp_path / "few" / "cohort.json").stat().st_mtime_ns == before
    again = ["prepare", "virtual", "--num_patients", 12, "--image_size", 16, "--workers", 1]
    assert called(*again, "--out", tmp_path / "same")[0] == 0
    assert Cohort.open(tmp_path / "same").fingerprint() == cohort.fingerprint()
    code, _, err = called(*few, "--seed", 1)
    assert (code, f"{tmp_path / 'few'} was built with other settings" in err) == (2, True)
    (tmp_path / "few").rename(tmp_path / "few.partial")
    code, _, err = called(*few, "--seed", 1)
    assert (code, f"{tmp_path / 'few.partial'} was built with other settings" in err) == (2, True)


def test_what_no_disk_can_hold_is_refused_and_a_smaller_cohort_may_follow(called, tmp_path):
    few = ["simulate", "--num_patients", 3, "--image_size", 16, "--out", tmp_path / "cohort"]
    code, _, err = called(*few, "--outside", 10**12)
    assert code == 1
    assert err.splitlines()[-1].startswith("error: the disk must have room for the 256,")
    assert not list(tmp_path.iterdir())
    assert called(*few)[0] == 0


def simulate(called, tree: Path, num: int, size: int, *more: object) -> str:
    sizes = ["--num_patients", num, "--image_size", size, "--film_size", size]
    code, _, err = called("simulate", "--layout", "mimic", "--out", tree, *sizes, *more)
    assert code == 0, err
    return err


def test_layout_mimic_writes_a_tree_with_the_settings_that_were_given(called, tmp_path):
    tree = tmp_path / "tree"
    given = (3, 16, "--seed", 5, "--compressed", "false", "--faults.missing_ecg", 0.9)
    assert "3 patients" in simulate(called, tree, *given)
    told = json.loads((tree / "virtual-mimic.json").read_text())["settings"]
    assert (told["num_patients"], told["seed"], told["compressed"]) == (3, 5, False)
    assert told["faults"]["missing_ecg"] == 0.9
    assert (tree / "mimic-iv-ed" / "edstays.csv").is_file()
    before = (tree / "truth.csv").stat().st_mtime_ns
    simulate(called, tree, *given)
    assert (tree / "truth.csv").stat().st_mtime_ns == before


MIMIC_RECIPE = "recipe:\n  findings: [cardiomegaly, pleural_effusion, edema]\n" + "".join(
    f"  {phase}: {{epochs: 1, batch_size: 64}}\n"
    for phase in ("teacher", "self_supervision", "alignment", "fine_tuning")
)


def prepare_mimic(tree: Path, out: Path) -> list[str]:
    places = {"ecg": "mimic-iv-ecg", "cxr": "mimic-cxr-jpg", "ed": "mimic-iv-ed"}
    places["hosp"] = "mimic-iv/hosp"
    folders = [f"--{name}={tree / place}" for name, place in places.items()]
    return ["prepare", "mimic", *folders, "--image_size", "32", "--out", str(out)]


def same_bytes(one: Path, other: Path) -> set[str]:
    files = {path.name for path in one.iterdir()}
    assert {path.name for path in other.iterdir()} == files
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in files)
    return files


@pytest.mark.slow
def test_the_whole_way_from_published_folders_to_results_even_if_the_build_is_killed(
    train, called, tmp_path
):
    tree, cohort, draft = (tmp_path / name for name in ("tree", "cohort", "cohort.partial"))
    simulate(called, tree, 500, 32)
    command = prepare_mimic(tree, cohort)
    words = [sys.executable, "-m", "crossbeat.cli", *command, "--workers", "1"]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(draft.glob("receipt-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert list(draft.glob("receipt-*"))
    assert not cohort.exists()
    code, _, told = called(*command, "--workers", 2)
    assert code == 0
    assert "pairs by ed-stay" in told
    assert "rejected.parquet has the reasons" in told
    assert called(*prepare_mimic(tree, tmp_path / "whole"), "--workers", 1)[0] == 0
    files = same_bytes(cohort, tmp_path / "whole")
    assert {"rejected.parquet", "audit.json", "pairing.json"} < files
    given = {"recipe": "cromotex", "config": MIMIC_RECIPE}
    run = train(cohort, tmp_path / "runs", "--trainer.progress", "false", **given)
    assert called("evaluate", run)[0] == 0
    results = json.loads((run / "results.json").read_text())
    assert results["cohort"]["name"] == "mimic"
    assert results["test"]["patients"] > 30
    assert 0.3 < results["models"]["cromotex"]["mean"]["auroc"]["value"] < 0.9


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_two_workers_of_a_cluster_write_the_same_bytes(called, tmp_path):
    from distributed import LocalCluster

    sizes = ("--num_patients", 500, "--image_size", 16, "--fs", 50)
    quiet = {"dashboard_address": "", "silence_logs": 50}
    with LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster:
        address = cluster.scheduler_address.replace("tcp://", "dask://")
        there = ("--out", tmp_path / "there", "--executor", address)
        code, _, err = called("prepare", "virtual", *there, *sizes)
    assert (code, "500 rows" in err) == (0, True)
    assert called("prepare", "virtual", "--out", tmp_path / "here", *sizes, "--workers", 1)[0] == 0
    assert len(same_bytes(tmp_path / "here", tmp_path / "there")) > 4
