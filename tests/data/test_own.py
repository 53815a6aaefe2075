from pathlib import Path

import numpy as np
import pytest
from published_trees import write_film, write_record

from crossbeat.data.cohort import Cohort
from crossbeat.data.own import OwnFiles
from crossbeat.errors import ConfigError, DataError

ROWS = [
    "a.hea,a.png,p1,1,2020-01-01 10:00:00,61,F",
    "b.hea,,p1,0,2020-01-02 10:00:00,61,F",
    ",c.png,p2,-1,,,M",
    "d.hea,d.png,p3,,2020-01-04T10:00:00,40,",
]
HEAD = "ecg,xray,patient,edema,time,age,sex"


def write_files(folder: Path, rows: list[str], head: str = HEAD) -> Path:
    for seed, name in enumerate("abd"):
        write_record(folder / name, 100, "mV", seed=seed)
    for value, name in enumerate("acd"):
        write_film(folder / f"{name}.png", 32, seed=value)
    (folder / "list.csv").write_text("\n".join([head, *rows]) + "\n")
    return folder / "list.csv"


def build(table: Path, **settings: object) -> Cohort:
    made = OwnFiles(table=table, image_size=32, **settings)  # type: ignore[arg-type]
    return made.build(table.parent / "cohort")


def test_rows_are_ecgs_xrays_and_pairs(tmp_path: Path) -> None:
    cohort = build(write_files(tmp_path, ROWS))
    table = cohort.table
    assert table["ecg"].to_list() == [0, 1, None, 2]
    assert table["xray"].to_list() == [0, None, 1, 2]
    assert table["xray_patient"].to_list() == ["p1", None, "p2", "p3"]
    assert table["label:edema"].to_list() == [1, 0, -1, None]
    assert table["age"].to_list() == [61, 61, None, 40]
    assert table["sex"].to_list() == ["F", "F", "M", None]
    assert str(table["time"][3]) == "2020-01-04 10:00:00"
    assert (cohort.info.kind, cohort.info.findings) == ("paired", ("edema",))
    assert cohort.ecgs(np.array([3])).values.shape == (1, 12, 1000)


def test_two_columns_are_enough(tmp_path: Path) -> None:
    cohort = build(write_files(tmp_path, ["a.hea,1", "b.hea,0", "d.hea,"], "ecg,heart_failure"))
    assert cohort.info.kind == "single"
    assert cohort.table["patient"].n_unique() == 3
    assert "every row counts as a different patient" in cohort.info.notes[0]
    assert cohort.table["label:heart_failure"].to_list() == [1, 0, None]


def test_a_row_that_loses_one_side_keeps_the_other(tmp_path: Path) -> None:
    table = write_files(tmp_path, ROWS)
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.dat").write_bytes(b"")
    cohort = build(table)
    assert cohort.table.select("record", "ecg", "xray").rows() == [
        ("row-1", 0, None),
        ("row-3", None, 0),
        ("row-4", 1, 1),
    ]
    assert cohort.rejected().select("record", "file").rows() == [
        ("row-2", "b.hea"),
        ("row-1", "a.png"),
    ]


def test_a_split_that_is_given_is_kept(tmp_path: Path) -> None:
    rows = ["a.hea,test", "b.hea,train", "d.hea,val"]
    cohort = build(write_files(tmp_path, rows, "ecg,split"))
    assert cohort.table["split"].to_list() == ["test", "train", "val"]


@pytest.mark.parametrize(
    ("head", "rows", "message"),
    [
        ("file,edema", ["a.hea,1"], "must have a column ecg or xray that names files, got file"),
        ("ecg,edema", ["a.hea,yes"], "values of .*list.csv must fit their columns"),
        ("ecg,edema", ["a.hea,3"], "label in column 'label:edema' must be 1, 0, -1 or empty"),
        ("ecg,split", ["a.hea,validation"], "split must be one of train, val, test"),
        ("ecg,patient,split", ["a.hea,p,test", "b.hea,p,train"], "every patient must be in one"),
    ],
)
def test_tables_that_are_wrong_are_refused(
    head: str, rows: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        build(write_files(tmp_path, rows, head))


def test_settings_out_of_their_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="image_size must be 1 pixel or more"):
        OwnFiles(table=tmp_path / "list.csv", image_size=0)
    with pytest.raises(ConfigError, match="shares val and test"):
        OwnFiles(table=tmp_path / "list.csv", val=0.6, test=0.6)


def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"every time of .*list\.csv must be a moment"):
        build(write_files(tmp_path, ["a.hea,yesterday"], "ecg,time"))


TWICE = ["a.hea,007", "b.hea,7.0", "d.hea,8"]


def test_two_spellings_of_one_id_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    table = write_files(tmp_path, TWICE, "ecg,patient")
    message = (
        r"list\.csv must spell the id of each patient in one way, got 1 in several: '007' and "
        r"'7\.0'; correct the ids, or set exact_ids to true if they are different people"
    )
    with pytest.raises(DataError, match=message):
        build(table)
    assert not (tmp_path / "cohort.partial").exists()


def test_ids_of_two_spellings_may_be_different_people(tmp_path: Path) -> None:
    cohort = build(write_files(tmp_path, TWICE, "ecg,patient"), exact_ids=True)
    assert cohort.table["patient"].to_list() == ["007", "7.0", "8"]
    assert cohort.info.settings["exact_ids"] is True
