import numpy as np
import polars as pl
import pytest
import torch
from published_trees import TRAIN, VALID, build, many_films, write_chexpert

from crossbeat.data.sources.chexpert import CheXpert
from crossbeat.errors import DataError
from crossbeat.readers import read_xray


def test_the_published_layout_becomes_a_cohort_with_labels_doubts_and_blanks(tmp_path):
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
    assert table["label:cardiomegaly"].to_list() == [None, -1, None, 1]
    assert table["label:edema"].to_list() == [None, 1, None, 0]
    assert table["label:pneumonia"].to_list() == [None, 0, None, None]
    assert table["label:no_finding"].to_list() == [1, None, None, None]
    expected = read_xray(source / "train/patient00002/study2/view1_frontal.jpg", 32)
    assert torch.equal(cohort.images("xray", np.array([1]))[0], torch.from_numpy(expected))


def test_patients_labelled_by_radiologists_are_the_test_split(tmp_path):
    tables = {
        "train": many_films(range(20)),
        "valid": many_films(range(30, 33)),
        "test": many_films(range(40, 42)),
    }
    source = write_chexpert(tmp_path / "CheXpert-v1.0", tables)
    cohort = build(CheXpert(root=source, image_size=16), tmp_path / "cohort")
    tested = cohort.table.filter(pl.col("split") == "test")["patient"].unique().sort().to_list()
    assert tested == [f"chexpert-patient{i:05d}" for i in (30, 31, 32, 40, 41)]
    assert [len(cohort.rows(part, has=("xray",))) for part in ("train", "val")] == [36, 4]
    assert "labels of radiologists" in cohort.info.notes[0]


def test_all_patients_can_be_divided_by_shares_instead(tmp_path):
    tables = {"train": many_films(range(20)), "valid": many_films(range(30, 40))}
    source = write_chexpert(tmp_path / "CheXpert-v1.0", tables)
    first, second = (
        build(CheXpert(root=source, image_size=16, experts=False, seed=seed), tmp_path / f"{seed}")
        for seed in (0, 1)
    )
    counts = [len(first.rows(part, has=("xray",))) for part in ("train", "val", "test")]
    assert counts == [42, 6, 12]
    assert not first.table["split"].equals(second.table["split"])
    assert not first.info.notes


def test_lateral_views_are_taken_where_they_are_asked_for(tmp_path):
    source = write_chexpert(tmp_path / "CheXpert-v1.0", {"train": TRAIN, "valid": VALID})
    settings = CheXpert(root=source, image_size=16, views=("Frontal", "Lateral"))
    table = build(settings, tmp_path / "cohort").table
    assert table["note:view"].to_list() == ["AP", "PA", "Lateral", "AP", "AP"]


def test_a_path_that_is_not_as_published_is_refused(tmp_path):
    source = write_chexpert(tmp_path / "CheXpert-v1.0", {"train": TRAIN, "valid": VALID})
    table = source / "train.csv"
    table.write_text(table.read_text().replace("patient00001/", "somebody/"))
    with pytest.raises(DataError, match=r"Path in .*train\.csv must be .*got 'CheXpert-v1\.0/tr"):
        build(CheXpert(root=source), tmp_path / "cohort")


def test_a_patient_in_the_tables_of_both_kinds_is_refused(tmp_path):
    tables = {"train": many_films(range(2)), "valid": many_films(range(1, 3))}
    source = write_chexpert(tmp_path / "CheXpert-v1.0", tables)
    with pytest.raises(DataError, match="patient chexpert-patient00001 in test and"):
        build(CheXpert(root=source, image_size=16), tmp_path / "cohort")
