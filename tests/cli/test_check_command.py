"""``crossbeat check``: a verdict for each file that is named, and for each ECG of a folder."""

import json
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossbeat import simulate, workers
from crossbeat.cli import check, main
from crossbeat.leads import STANDARD
from crossbeat.readers.ecg.wfdb import write_wfdb
from crossbeat.signal import Ecg

SOUND = Ecg(simulate.ecgs(simulate.draw_patients(2, 0), 0)[1], STANDARD, 500.0)
CHANNELS = [f"ch{row}" for row in range(12)]
KEYS = ["path", "format", "verdict", "findings", "fs", "leads", "unrecognised", "seconds"]

Call = Callable[..., tuple[int, list[dict[str, Any]], str]]


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture
def called(capsys):
    """Exit code, the object of each line, and the error stream of ``check --json``."""

    def call(*arguments):
        code = main(["check", *map(str, arguments), "--json"])
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        lines = shown.out.splitlines()
        return code, [json.loads(line, parse_constant=no_constant) for line in lines], shown.err

    return call


def scaled(lead: str, factor: float) -> Ecg:
    values = SOUND.values.copy()
    values[STANDARD.index(lead)] *= factor
    return Ecg(values, STANDARD, 500.0)


def test_a_wrong_checksum_is_refused_unless_the_user_says_so(tmp_path, called):
    header = write_wfdb(SOUND, tmp_path / "a")
    data = bytearray(header.with_suffix(".dat").read_bytes())
    data[4000] ^= 1
    header.with_suffix(".dat").write_bytes(data)
    code, (told,), _ = called(header)
    assert (code, told["verdict"], told["findings"][0]["name"]) == (1, "reject", "unreadable")
    assert "a.dat must have the checksum" in told["findings"][0]["rule"]
    code, (told,), _ = called(header, "--no-checksum")
    assert (code, told["verdict"]) == (0, "ok")


def test_segments_in_a_folder_are_no_records_of_their_own(tmp_path, called):
    for name, part in (("a", slice(0, 2000)), ("b", slice(2000, None))):
        write_wfdb(Ecg(SOUND.values[:, part], STANDARD, 500.0), tmp_path / name)
    (tmp_path / "layout.hea").write_text("layout 1 500 0\n~ 0 1000 16 0 0 0 0 I\n")
    (tmp_path / "whole.hea").write_text("whole/3 12 500 5000\nlayout 0\na 2000\nb 3000\n")
    code, (told,), _ = called(tmp_path)
    assert (code, told["path"], told["verdict"]) == (0, str(tmp_path / "whole.hea"), "ok")
    assert told["seconds"] == 10
    code, (told,), _ = called(tmp_path / "a.hea")
    assert (code, told["seconds"]) == (1, 4.0)


def test_a_file_is_one_object_with_what_it_holds_and_what_was_found(tmp_path, called):
    header = write_wfdb(SOUND, tmp_path / "a")
    code, (found,), _ = called(header)
    assert code == 0
    assert found == {
        "path": str(header),
        "format": "wfdb",
        "verdict": "ok",
        "findings": [],
        "fs": 500.0,
        "leads": list(STANDARD),
        "unrecognised": [],
        "seconds": 10.0,
    }
    code, (found,), err = called(write_wfdb(scaled("V3", 0), tmp_path / "a"))
    assert (code, found["verdict"]) == (1, "reject")
    rule = "at least 0.005 mV from lowest to highest value"
    assert found["findings"] == [{"name": "flat", "lead": "V3", "value": 0.0, "rule": rule}]
    assert err.endswith("error: 1 of 1 ECGs are rejected; see above\n")
    paced = scaled("aVR", -1)  # what is repaired is no failure, and pacing is a note
    code, (found,), _ = called(write_wfdb(paced, tmp_path / "a"))
    assert (code, found["verdict"]) == (0, "repair")
    assert [(each["name"], each["lead"]) for each in found["findings"]] == [("limb", "aVR")]
    paced.values[:, 100::400] += 2 * np.sign(np.arange(12) - 5)[:, None]  # in all but aVF
    _, (found,), _ = called(write_wfdb(paced, tmp_path / "b"))
    assert "pacing" in [each["name"] for each in found["findings"]]


@pytest.mark.parametrize(
    ("name", "contents", "reason"),
    [
        ("none.hea", None, "there is no file"),
        ("empty.hea", b"", "is empty"),
        ("text.txt", b"Dear colleague, thank you for the ECG.\n", "is text"),
        ("bad.hea", b"bad 1 500 5000\nbad.dat 16 200 16 0 0 0 0 I\n", "bad.dat"),
    ],
)
def test_a_file_that_is_named_gets_a_verdict_even_if_it_cannot_be_read(
    tmp_path, called, name, contents, reason
):
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    code, (found,), _ = called(tmp_path / name)
    assert (code, list(found), found["verdict"]) == (1, KEYS, "reject")
    (finding,) = found["findings"]
    assert (finding["name"], finding["lead"], finding["value"]) == ("unreadable", "", None)
    assert reason in finding["rule"]
    assert (found["fs"], found["leads"], found["seconds"]) == (None, None, None)
    assert found["unrecognised"] == []


def renamed(folder: Path, **names: str) -> Path:
    """A sound file in which some leads have other names."""
    header = write_wfdb(SOUND, folder / "a")
    lines = header.read_text().splitlines()
    for lead, name in names.items():
        row = 1 + STANDARD.index(lead)
        lines[row] = f"{lines[row].removesuffix(lead)}{name}"
    header.write_text("\n".join(lines) + "\n")
    return header


@pytest.mark.parametrize(
    ("names", "verdict", "unrecognised", "shown"),
    [
        ({"V2": "V3R", "aVR": "Pleth one"}, "reject", ["Pleth one", "V3R"], "Plethone,V3R"),
        ({"III": "Pleth"}, "repair", ["Pleth"], "notrecognisedasalead:Pleth"),  # no lead is missing
        ({lead: f"ch{row}" for row, lead in enumerate(STANDARD)}, "reject", CHANNELS, "ch11"),
    ],
)
def test_channels_that_are_not_recognised_are_named(
    names, verdict, unrecognised, shown, tmp_path, called, capsys, monkeypatch
):
    _, (found,), _ = called(renamed(tmp_path, **names))
    assert (found["verdict"], found["unrecognised"]) == (verdict, unrecognised)
    known = [lead for lead in STANDARD if lead not in names]
    assert found["leads"] == (known or None)
    monkeypatch.chdir(tmp_path)
    main(["check", "a.hea"])
    text = "".join(letter for letter in capsys.readouterr().out if letter not in " \n│")
    assert text.count(shown) == 1
    assert ("leadV2ismissing" in text) == ("V2" in names and bool(known))
    assert known or "got ch0, ch1, ch2, " in found["findings"][0]["rule"]


def test_of_a_folder_each_record_is_checked_once_and_the_rest_counted(tmp_path, called):
    write_wfdb(SOUND, tmp_path / "p10" / "b")
    write_wfdb(scaled("V1", 0), tmp_path / "p10" / "a")
    write_wfdb(SOUND, tmp_path / "p9" / "c")
    (tmp_path / "p9" / "broken.hea").write_text("broken 1 500 5000\nbroken.dat 16 200 I\n")
    (tmp_path / "notes.txt").write_text("not an ECG\n")
    (tmp_path / "list.csv").write_text("study,patient\n1,2\n")
    code, found, err = called(tmp_path)
    names = [Path(each["path"]).relative_to(tmp_path).as_posix() for each in found]
    assert names == ["p10/a.hea", "p10/b.hea", "p9/broken.hea", "p9/c.hea"]
    assert [each["verdict"] for each in found] == ["reject", "ok", "reject", "ok"]
    assert "4 ECGs: 2 ok, 0 repaired when used, 2 rejected; 2 other files skipped" in err
    assert code == 1


def test_a_file_is_checked_once_however_often_it_is_reached(tmp_path, called):
    header = write_wfdb(SOUND, tmp_path / "a")
    assert len(called(tmp_path, header, tmp_path)[1]) == 1


def test_a_folder_without_an_ecg_is_no_success_and_numbers_need_a_layout(tmp_path, called):
    (tmp_path / "notes.txt").write_text("not an ECG\n")
    code, found, err = called(tmp_path)
    assert (code, found) == (1, [])
    assert "there must be an ECG to check, got none; give an ECG file" in err
    (tmp_path / "a.csv").write_text("DI,DII\n1,2\n3,4\n")
    code, found, err = called(tmp_path)
    assert (code, found) == (1, [])
    assert "0 rejected; 2 other files skipped" in err
    assert "1 CSV or NumPy files; if they are ECGs, say what they are, such as --layout.fs" in err


def test_tables_are_ecgs_where_a_layout_says_so(tmp_path, called):
    layout = ("--layout.fs", 500, "--layout.unit", "uV")
    file, names = tmp_path / "a.csv", ",".join(STANDARD)
    np.savetxt(file, 1000 * SOUND.values.T, "%.3f", ",", header=names, comments="")
    write_wfdb(SOUND, tmp_path / "b")
    code, found, _ = called(tmp_path, *layout)
    assert code == 0
    assert [(each["format"], each["verdict"]) for each in found] == [("csv", "ok"), ("wfdb", "ok")]
    assert len(called(tmp_path)[1]) == 1
    code, (alone,), _ = called(file)
    assert (code, alone["format"], alone["verdict"]) == (1, "csv", "reject")
    assert "layout" in alone["findings"][0]["rule"]
    np.save(tmp_path / "a.npy", SOUND.values)
    layout = ("--layout.fs", 500, "--layout.unit", "mV", "--layout.leads", f"[{names}]")
    code, (found,), _ = called(tmp_path / "a.npy", *layout)
    assert (code, found["leads"], found["seconds"]) == (0, list(STANDARD), 10.0)


def test_the_length_that_is_needed_and_its_policy_are_options(tmp_path, called):
    header = write_wfdb(SOUND, tmp_path / "a")
    assert called(header, "--seconds", 12)[1][0]["verdict"] == "reject"
    assert called(header, "--seconds", 12, "--length.shorter", "pad")[1][0]["verdict"] == "repair"
    assert called(header, "--seconds", 5, "--length.longer", "last")[1][0]["verdict"] == "ok"


def test_the_table_shows_names_as_they_are(tmp_path, capsys):
    file = tmp_path / "[red]a\x1b.txt"
    file.write_text("not an ECG\n")
    assert main(["check", str(file), str(write_wfdb(scaled("aVR", -1), tmp_path / "b"))]) == 1
    shown = capsys.readouterr()
    text = shown.out.replace("\n", "").replace(" ", "").replace("│", "")
    assert "[red]a?.txt" in text
    assert "\x1b" not in shown.out
    assert "wfdb" in shown.out
    assert "reject" in shown.out
    assert "leadaVRhasthewrongsign;itisinverted" in text


def test_lines_are_printed_as_they_come(capsys):
    one = check.Checked(path="a", format="edf", found=())

    def outcomes():
        yield one
        assert json.loads(capsys.readouterr().out)["path"] == "a"
        yield one

    assert check._print_lines(outcomes(), 2) == {"ok": 2}


@pytest.mark.slow
def test_processes_give_what_one_process_gives_in_the_same_order(tmp_path, called):
    for number in range(18):
        write_wfdb(scaled("V3", 0) if number % 3 else SOUND, tmp_path / f"r{number:02d}")
    alone = called(tmp_path, "--workers", 1)
    assert called(tmp_path, "--workers", 2) == alone
    assert len(alone[1]) == 18


def test_a_worker_that_was_killed_is_told(tmp_path, called, monkeypatch):
    @contextmanager
    def killed(_):
        raise BrokenProcessPool
        yield

    monkeypatch.setattr(workers, "process_pool", killed)
    code, _, err = called(write_wfdb(SOUND, tmp_path / "a"), "--workers", 2)
    assert code == 1
    assert "got one that was killed (is the memory full?); use fewer --workers" in err


def test_every_file_of_the_formats_folder_gets_its_verdict(shared, called):
    folder = shared / "data/ecg-formats"
    code, found, _ = called(folder)
    assert code == 1
    verdicts = {
        Path(each["path"]).name: [finding["name"] for finding in each["findings"]]
        for each in found
        if each["verdict"] != "ok"
    }
    assert verdicts == {
        "HR00001.hea": ["unit"],
        "E00001.hea": ["unreadable"],
        "code15_1238362_400hz.mat": ["length"],
        "ludb_1.hea": ["limb"],
        "ludb_104.hea": ["limb", "reversal"],
    }
    assert len(found) == 32
