"""``crossbeat cohort show`` tells what is in a cohort, and shows some of it without names."""

import json
import re
import shutil
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from crossbeat.cli import main
from crossbeat.data.build import Block, build_cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.rejected import Rejected
from crossbeat.data.summary import summary
from crossbeat.leads import STANDARD
from crossbeat.report.cohort_tables import tables

NOON = datetime(2180, 5, 1, 12)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Six patients; every code of a label, a row without a report, one without an X-ray."""
    names = [f"secret{number}" for number in range(6)]
    table = pl.DataFrame(
        {
            "patient": names,
            "record": names,
            "time": [NOON.replace(hour=hour) for hour in (12, 12, 12, 12, 12, 13)],
            "split": ["train"] * 4 + ["val", "test"],
            "ecg": range(6),
            "xray": [0, 1, 2, None, 3, 4],
            "xray_patient": [*names[:3], None, *names[4:]],
            "xray_time": [NOON.replace(hour=14), NOON, NOON.replace(hour=8), None, None, NOON],
            "reported": [True, True, True, False, True, True],
            "label:edema": [1, 0, -1, None, None, 1],
        }
    )
    random = np.random.default_rng(0)
    form = {"leads": STANDARD, "fs": 100.0, "seconds": 2.0, "image_size": 16}
    info = CohortInfo(name="<b>own</b>", kind="paired", findings=("edema",), **form)
    signals = {
        "ecg": random.integers(-500, 500, (6, 12, 200)).astype(np.int16),
        "xray": random.integers(0, 256, (5, 16, 16)).astype(np.uint8),
    }
    rejected = Rejected(record="bad", file="bad.hea", rule="flat", reason="lead I is flat")
    block = Block(table, signals, (rejected,))
    return build_cohort(tmp_path_factory.mktemp("small") / "small", info, [lambda: block])


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main(["cohort", "show", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_a_cohort_is_counted_by_split(small, capsys):
    found = json.loads(shown(capsys, small.folder, "--json"))
    assert (found["name"], found["kind"]) == ("<b>own</b>", "paired")
    assert found["form"] == {
        "leads": list(STANDARD), "fs": 100.0, "seconds": 2.0, "unit": "mV", "image_size": 16,
        "frames": 0, "cine_size": 0,
    }  # fmt: skip
    assert found["splits"]["train"] == {
        "patients": 4, "rows": 4, "ecg": 4, "xray": 3, "pairs": 3, "reported": 3,
    }  # fmt: skip
    assert [found["splits"][name]["rows"] for name in ("all", "val", "test")] == [6, 1, 1]
    assert found["findings"]["edema"] == {
        "all": {"positive": 2, "negative": 1, "uncertain": 1, "not mentioned": 1},
        "train": {"positive": 1, "negative": 1, "uncertain": 1, "not mentioned": 0},
        "val": {"positive": 0, "negative": 0, "uncertain": 0, "not mentioned": 1},
        "test": {"positive": 1, "negative": 0, "uncertain": 0, "not mentioned": 0},
    }
    assert found["rejected"] == {"flat": 1}
    assert found["audit"]["in_two_splits"] == {"patients": 0, "studies": 0, "signals": 0}
    assert found["audit"]["phases"]["xray"]["train"] == {"rows": 3, "patients": 3}
    assert found["notes"] == list(small.info.notes)
    found["audit"]["alike"] = {"pairs": 1200, "across_splits": 3, "listed": []}
    (leaks,) = [rows for title, _, rows in tables(found) if title == "Leaks"]
    assert leaks[-2:] == [
        ["nearly equal signals of different patients", "1,200 pairs"],
        ["nearly equal signals in two splits", "3 pairs"],
    ]
    gaps = found["gaps"]["xray"]  # hours from the ECG to the X-ray
    assert (gaps["pairs"], gaps["without a time"]) == (4, 1)
    assert (gaps["hours"]["least"], gaps["hours"]["median"], gaps["hours"]["most"]) == (-4, -0.5, 2)


def test_a_cohort_of_hearts_is_told(tiny_hearts, capsys):
    found = json.loads(shown(capsys, tiny_hearts.folder, "--json"))
    assert (found["splits"]["all"]["cine"], found["splits"]["all"]["pairs"]) == (120, 120)
    rows = np.arange(120)
    measured = tiny_hearts.measurements(rows, ["LVEF"]).double().numpy()
    told = found["measurements"]["LVEF"]["all"]
    assert told["measured"] == 120
    assert told["mean"] == pytest.approx(measured.mean(), rel=1e-5)
    assert told["deviation"] == pytest.approx(measured.std(ddof=1), rel=1e-5)
    out = shown(capsys, tiny_hearts.folder)
    assert "cines of 6 frames of 32 pixels" in out
    assert "Cardiac measurements" in out


def test_a_cohort_is_told_in_tables_without_what_it_does_not_have(small, tiny, capsys):
    out = shown(capsys, small.folder)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    assert ["train", "4", "4", "4", "3", "3", "3"] in rows
    assert ["edema", "all", "2", "1", "1", "1", "40.0 %"] in rows
    assert ["flat", "1"] in rows
    assert any(row[:2] == ["4 pairs", "-4.0"] for row in rows)
    assert "paired · ECGs of 12 leads, 2 s, 100 Hz · X-rays of 16 pixels" in out
    assert "note: Left out: 1 " in out
    bare = shown(capsys, tiny.folder)
    assert "Hours" not in bare
    assert "Left out" not in bare


def test_hours_to_the_recordings_of_every_modality_are_told(tiny_hearts):
    later = pl.lit(NOON).dt.cast_time_unit("us")
    table = tiny_hearts.table.with_columns(
        time=later, cine_time=later.dt.offset_by("30m"), cine_long_time=later.dt.offset_by("-2h")
    )
    found = summary(tiny_hearts.with_table(table))
    assert {name: gap["hours"]["median"] for name, gap in found["gaps"].items()} == {
        "cine": 0.5,
        "cine_long": -2.0,
    }
    told = {title: rows for title, _, rows in tables(found) if title.startswith("Hours")}
    assert list(told) == [
        "Hours from the ECG to the cine MRI",
        "Hours from the ECG to the long-axis cine MRI",
    ]
    assert told["Hours from the ECG to the cine MRI"][0][:2] == ["120 pairs", "0.5"]
    (one,) = [
        title
        for title, *_ in tables(summary(tiny_hearts.with_table(table.drop("cine_long_time"))))
        if title.startswith("Hours")
    ]
    assert one == "Hours from the ECG to the cine MRI"


def test_the_page_shows_training_examples_with_labels_and_without_names(small, tmp_path, capsys):
    page = tmp_path / "pages" / "small.html"
    shown(capsys, small.folder, "--page", page)
    text = page.read_text(encoding="utf-8")
    assert "secret" not in text
    assert "<b>own</b>" not in text
    assert "&lt;b&gt;own&lt;/b&gt;" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    titles = re.findall(r"<figcaption><b>([^<]*)</b> ([^<]*)</figcaption>", text)
    assert sorted(titles) == [
        ("Edema.", ""),
        ("Nothing positive.", "Negative: edema."),
        ("Nothing positive.", "Uncertain: edema."),
        *[("X-ray", "")] * 3,
    ]


def test_examples_are_of_the_seed(tiny, tmp_path, capsys):
    pages = []
    for seed in (0, 0, 1):
        shown(capsys, tiny.folder, "--page", tmp_path / "a.html", "--examples", 1, "--seed", seed)
        pages.append((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert pages[0] == pages[1] != pages[2]
    assert pages[0].count("<figure") == 2


def test_hearts_beat_beside_their_ecgs(tiny_hearts, tmp_path, capsys):
    shown(capsys, tiny_hearts.folder, "--page", tmp_path / "a.html", "--examples", 2)
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert text.count("data:image/gif") == text.count('alt="12-lead ECG"') == 2
    assert "Nothing positive" not in text


@pytest.mark.parametrize(("lacking", "figures"), [("xray", 2), ("ecg", 2), ("pairs", 4)])
def test_what_is_not_in_pairs_is_shown_apart(lacking, figures, tmp_path, capsys):
    names = ["p0", "p1", "p2", "p3"]
    first, last = [0, 1, None, None], [None, None, 0, 1]
    table = pl.DataFrame(
        {
            "patient": names,
            "record": names,
            "split": ["train"] * 4,
            "ecg": pl.Series(first, dtype=pl.Int64),
            "xray": pl.Series(last, dtype=pl.Int64),
            "xray_patient": [None, None, "p2", "p3"],
            "label:edema": [0, 1, 0, 1],
        }
    )
    kept = {"xray": table[:2], "ecg": table[2:], "pairs": table}[lacking]
    leads = {} if lacking == "ecg" else {"leads": STANDARD, "fs": 100.0, "seconds": 2.0}
    size = {} if lacking == "xray" else {"image_size": 16}
    random = np.random.default_rng(0)
    waves = random.integers(-500, 500, (2, 12, 200)).astype(np.int16)
    films = random.integers(0, 256, (2, 16, 16)).astype(np.uint8)
    block = Block(kept, {"ecg": waves if leads else None, "xray": films if size else None})
    info = CohortInfo(name="one", kind="single", findings=("edema",), **leads, **size)
    cohort = build_cohort(tmp_path / "one", info, [lambda: block])
    shown(capsys, cohort.folder, "--page", tmp_path / "one.html")
    text = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert text.count("<figure") == figures
    assert text.count("12-lead ECG") == (2 if leads else 0)


def test_verifying_names_every_damaged_file(small, tmp_path, capsys):
    folder = shutil.copytree(small.folder, tmp_path / "small")
    command = ["cohort", "verify", str(folder)]
    whole = f"all {len(small.info.files) + 1} files"
    assert main(command) == 0
    assert f"{whole} are as they were built" in capsys.readouterr().out
    damaged = dict.fromkeys(("ecg-00000.npy", "table.parquet"), "other contents")
    for name in damaged:
        contents = bytearray((folder / name).read_bytes())
        contents[len(contents) // 2] ^= 1
        (folder / name).write_bytes(contents)
    (folder / "xray-00000.npy").unlink()
    damaged["xray-00000.npy"] = "no such file"
    assert main(command) == 1
    told = capsys.readouterr()
    assert all(f"{folder / name}: {what}" in told.out for name, what in damaged.items())
    assert f"{whole} of {folder} must be" in told.err
    assert "got 3 that are not; copy the folder again" in told.err
    assert main([*command, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == len(small.info.files) + 1
    assert set(found["damaged"]) == set(damaged)
