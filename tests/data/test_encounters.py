from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from published_trees import write_film, write_record

from crossbeat.data.pairing import Pairing, no_stays
from crossbeat.data.pairing.encounters import Encounters, block_of
from crossbeat.data.sources.builder import read_wave
from crossbeat.leads import STANDARD
from crossbeat.readers import read_xray
from crossbeat.signal import Preprocessing

NOON = datetime(2150, 1, 1, 12)


@pytest.fixture
def given(tmp_path):
    """A patient with ECGs 1, 2 and 3 hours before an X-ray, and one with an ECG alone."""
    for number in range(4):
        write_record(tmp_path / f"e{number}", 100, "mV", seed=number)
    write_film(tmp_path / "x0.png", 24, seed=0)
    write_film(tmp_path / "x1.png", 24, seed=1)
    ecgs = pl.DataFrame(
        {
            "patient": ["a", "a", "a", "b"],
            "record": ["e0", "e1", "e2", "e3"],
            "time": [NOON - timedelta(hours=hours) for hours in (1, 2, 3, 1)],
            "file": [str(tmp_path / f"e{number}") for number in range(4)],
        },
        schema_overrides={"time": pl.Datetime("us")},
    )
    xrays = pl.DataFrame(
        {
            "patient": ["a", "a"],
            "record": ["x0", "x1"],
            "study": ["s0", "s1"],
            "time": [NOON, NOON + timedelta(days=300)],
            "file": [str(tmp_path / "x0.png"), str(tmp_path / "x1.png")],
            "reported": [True, False],
            "label:edema": [1, None],
            "note:view": ["PA", "AP"],
        },
        schema_overrides={"time": pl.Datetime("us"), "label:edema": pl.Int8},
    )
    people = pl.DataFrame(
        {"patient": ["a", "b"], "split": ["train", "val"], "sex": ["F", None], "born": [2100, None]}
    )
    return Encounters(ecgs=ecgs, xrays=xrays, stays=no_stays(), people=people)


def block(given, *, xrays=False, ecgs=False):
    clean = Preprocessing(leads=STANDARD, fs=100.0, seconds=10.0, baseline=True)
    return block_of(
        given,
        pairing=Pairing(rule="nearest", window=24.0),
        read={"ecg": partial(read_wave, clean=clean), "xray": partial(read_xray, size=16)},
        alone={"ecg": ecgs, "xray": xrays},
        root=Path(given.ecgs["file"][0]).parent,
    )


def spoil(given, record):
    (Path(given.ecgs["file"][0]).parent / f"{record}.dat").write_bytes(b"")


def shown(made):
    return made.table.select("record", "ecg", "xray_record", "xray").rows()


def test_the_nearest_ecg_is_paired_and_no_other_is_read(given):
    for record in ("e1", "e2", "e3"):
        spoil(given, record)
    made = block(given)
    assert shown(made) == [("e0", 0, "x0", 0)]
    assert made.rejected == ()


def test_an_ecg_that_is_rejected_makes_room_for_the_next(given):
    spoil(given, "e0")
    spoil(given, "e1")
    made = block(given)
    assert shown(made) == [("e2", 0, "x0", 0)]
    assert [(each.record, each.file, each.rule) for each in made.rejected] == [
        ("e0", "e0", "unreadable"),
        ("e1", "e1", "unreadable"),
    ]


def test_records_without_a_partner_stay_on_request(given):
    assert shown(block(given, xrays=True)) == [("e0", 0, "x0", 0), ("x1", None, "x1", 1)]
    every = block(given, xrays=True, ecgs=True)
    assert shown(every) == [
        ("e2", 2, None, None),
        ("e1", 1, None, None),
        ("e0", 0, "x0", 0),
        ("x1", None, "x1", 1),
        ("e3", 3, None, None),
    ]
    assert every.table["reported"].to_list() == [False, False, True, False, False]
    assert every.table["label:edema"].to_list() == [None, None, 1, None, None]
    assert every.table["split"].to_list() == ["train"] * 4 + ["val"]
    assert every.table["age"].to_list() == [50, 50, 50, 50, None]
    assert every.signals["ecg"].shape == (4, 12, 1000)


def test_the_same_signal_of_a_patient_stays_once(given):
    folder = Path(given.ecgs["file"][0]).parent
    for name in ("e1", "e3"):
        (folder / f"{name}.dat").write_bytes((folder / "e0.dat").read_bytes())
        said = (folder / "e0.hea").read_text()
        (folder / f"{name}.hea").write_text(said.replace("e0", name))
    made = block(given, ecgs=True)
    assert [each.record for each in made.rejected] == ["e1"]
    assert made.rejected[0].rule == "duplicate"
    assert "got that of e0" in made.rejected[0].reason
    ecgs = made.signals["ecg"]
    np.testing.assert_array_equal(ecgs[0], ecgs[2])  # another patient: the audit's task


def test_a_block_whose_records_are_all_spoilt_is_empty(given):
    for record in ("e0", "e1", "e2"):
        spoil(given, record)
    made = block(given)
    assert made.table.height == 0
    assert made.signals == {"ecg": None, "xray": None}
    assert len(made.rejected) == 3
