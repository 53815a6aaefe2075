from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from further_trees import write_chexpert

from crossbeat.cli import main
from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.chexpert import CheXpert
from crossbeat.errors import ConfigError, DataError
from crossbeat.readers import read_xray

Row = tuple[str, str, int, str, dict[str, float]]
TRAIN: list[Row] = [
    ("patient00001/study1/view1_frontal", "Female", 68, "AP", {"No Finding": 1.0}),
    (
        "patient00002/study2/view1_frontal",
        "Male",
        87,
        "PA",
        {"Cardiomegaly": -1.0, "Edema": 1.0, "Pneumonia": 0.0},
    ),
    ("patient00002/study2/view2_lateral", "Male", 87, "", {"Edema": 1.0}),
    ("patient00003/study1/view1_frontal", "Unknown", 0, "AP", {}),
]
VALID: list[Row] = [
    ("patient64541/study1/view1_frontal", "Male", 73, "AP", {"Cardiomegaly": 1.0, "Edema": 0.0}),
]


def build(settings: CheXpert, folder: Path) -> Cohort:
    with ThreadPoolExecutor(1) as executor:
        return settings.build(folder, executor=executor, allow_missing=True)


def many(table: str, numbers: range) -> list[Row]:
    rows: list[Row] = []
    for i in numbers:
        rows += [(f"patient{i:05d}/study{k}/view1_frontal", "Male", 50, "AP", {}) for k in (1, 2)]
    return rows


def test_the_published_layout_becomes_a_cohort(tmp_path: Path) -> None:
    source = write_chexpert(tmp_path / "CheXpert-v1.0-small", {"train": TRAIN, "valid": VALID})
    cohort = build(CheXpert(root=source, image_size=32, val=0.0), tmp_path / "cohort")
    table = cohort.table
    assert cohort.info.kind == "single"
    assert table["patient"].to_list() == [
        f"chexpert-patient{number}" for number in ("00001", "00002", "00003", "64541")
    ]
    assert table["record"][1] == "chexpert-patient00002-study2-view1_frontal"
    assert table["patient"].equals(table["xray_patient"])
    assert table["age"].to_list() == [68, 87, 0, 73]
    assert table["sex"].to_list() == ["F", "M", None, "M"]
    assert table["note:view"].to_list() == ["AP", "PA", "AP", "AP"]
    expected = read_xray(source / "train/patient00002/study2/view1_frontal.jpg", 32)
    assert torch.equal(cohort.images("xray", np.array([1]))[0], torch.from_numpy(expected))


def test_labels_are_positive_negative_uncertain_or_not_mentioned(tmp_path: Path) -> None:
    source = write_chexpert(tmp_path / "CheXpert-v1.0", {"train": TRAIN, "valid": VALID})
    table = build(CheXpert(root=source, image_size=16), tmp_path / "cohort").table
    assert table["label:cardiomegaly"].to_list() == [None, -1, None, 1]
    assert table["label:edema"].to_list() == [None, 1, None, 0]
    assert table["label:pneumonia"].to_list() == [None, 0, None, None]
    assert table["label:no_finding"].to_list() == [1, None, None, None]


def test_patients_labelled_by_radiologists_are_the_test_split(tmp_path: Path) -> None:
    tables = {
        "train": many("train", range(20)),
        "valid": many("valid", range(30, 33)),
        "test": many("test", range(40, 42)),
    }
    source = write_chexpert(tmp_path / "CheXpert-v1.0", tables)
    cohort = build(CheXpert(root=source, image_size=16), tmp_path / "cohort")
    tested = cohort.table.filter(pl.col("split") == "test")["patient"].unique().sort().to_list()
    assert tested == [f"chexpert-patient{i:05d}" for i in (30, 31, 32, 40, 41)]
    assert [len(cohort.rows(part, has=("xray",))) for part in ("train", "val")] == [36, 4]
    assert "labels of radiologists" in cohort.info.notes[0]


def test_all_patients_can_be_divided_by_shares_instead(tmp_path: Path) -> None:
    tables = {"train": many("train", range(20)), "valid": many("valid", range(30, 40))}
    source = write_chexpert(tmp_path / "CheXpert-v1.0", tables)
    first, second = (
        build(CheXpert(root=source, image_size=16, experts=False, seed=seed), tmp_path / f"{seed}")
        for seed in (0, 1)
    )
    counts = [len(first.rows(part, has=("xray",))) for part in ("train", "val", "test")]
    assert counts == [42, 6, 12]
    assert not first.table["split"].equals(second.table["split"])
    assert not first.info.notes


def test_lateral_views_are_taken_where_they_are_asked_for(tmp_path: Path) -> None:
    source = write_chexpert(tmp_path / "CheXpert-v1.0", {"train": TRAIN, "valid": VALID})
    settings = CheXpert(root=source, image_size=16, views=("Frontal", "Lateral"))
    table = build(settings, tmp_path / "cohort").table
    assert table["note:view"].to_list() == ["AP", "PA", "Lateral", "AP", "AP"]


def test_unreadable_images_are_left_out_with_the_reason(tmp_path: Path) -> None:
    source = write_chexpert(tmp_path / "CheXpert-v1.0", {"train": TRAIN, "valid": VALID})
    (source / "train/patient00001/study1/view1_frontal.jpg").unlink()
    (source / "train/patient00003/study1/view1_frontal.jpg").write_bytes(b"no image")
    cohort = build(CheXpert(root=source, image_size=16), tmp_path / "cohort")
    assert cohort.table.height == 2
    left_out = cohort.rejected()
    assert left_out["file"].to_list() == [
        f"CheXpert-v1.0/train/patient0000{i}/study1/view1_frontal.jpg" for i in (1, 3)
    ]
    assert "there is no file" in left_out["reason"][0]
    assert "must be an image" in left_out["reason"][1]


def test_settings_and_tables_that_are_wrong_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"image_size must be 1 pixel or more, got 0"):
        CheXpert(root=tmp_path, image_size=0)
    with pytest.raises(ConfigError, match=r"views must be some of Frontal, Lateral, got none"):
        CheXpert(root=tmp_path, views=())
    with pytest.raises(DataError, match=r"there is no file .*train\.csv"):
        build(CheXpert(root=tmp_path), tmp_path / "cohort")
    source = write_chexpert(tmp_path / "CheXpert-v1.0", {"train": TRAIN, "valid": VALID})
    table = source / "train.csv"
    table.write_text(table.read_text().replace("patient00001/", "somebody/"))
    with pytest.raises(DataError, match=r"Path in .*train\.csv must be .*got 'CheXpert-v1\.0/tr"):
        build(CheXpert(root=source), tmp_path / "cohort")


def test_a_patient_in_the_tables_of_both_kinds_is_refused(tmp_path: Path) -> None:
    tables = {"train": many("train", range(2)), "valid": many("valid", range(1, 3))}
    source = write_chexpert(tmp_path / "CheXpert-v1.0", tables)
    with pytest.raises(DataError, match="patient chexpert-patient00001 in test and"):
        build(CheXpert(root=source, image_size=16), tmp_path / "cohort")


def test_the_command_builds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_chexpert(tmp_path / "CheXpert-v1.0", {"train": TRAIN, "valid": VALID})
    words = ["prepare", "chexpert", "--root", str(source), "--out", str(tmp_path / "cohort")]
    assert main([*words, "--image_size", "16", "--workers", "1"]) == 0
    assert "4 rows" in "".join(capsys.readouterr())
    assert Cohort.open(tmp_path / "cohort").table.height == 4
