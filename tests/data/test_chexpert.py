from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from published_trees import build, many_films, write_chexpert

from crossbeat.data.sources.chexpert import CheXpert
from crossbeat.errors import DataError
from crossbeat.readers import read_xray


def test_the_published_layout_becomes_a_cohort_with_labels_doubts_and_blanks(source, built):
    cohort = built("chexpert")
    table = cohort.table[[0, 1, 2, 15]]
    assert cohort.info.kind == "single"
    assert table["patient"].equals(table["xray_patient"])
    assert table["record"][1] == "chexpert-patient00002-study2-view1_frontal"
    labels = [f"label:{name}" for name in ("cardiomegaly", "edema", "pneumonia", "no_finding")]
    assert table.select("patient", "age", "sex", "note:view", *labels).rows() == [
        ("chexpert-patient00001", 68, "F", "AP", None, None, None, 1),
        ("chexpert-patient00002", 87, "M", "PA", -1, 1, 0, None),
        ("chexpert-patient00003", 0, None, "AP", None, None, None, None),
        ("chexpert-patient64541", 73, "M", "AP", 1, 0, None, None),
    ]
    expected = read_xray(
        source("chexpert").root / "train/patient00002/study2/view1_frontal.jpg", 16
    )
    assert torch.equal(cohort.images("xray", np.array([1]))[0], torch.from_numpy(expected))


def test_patients_labelled_by_radiologists_are_the_test_split(tmp_path):
    given = {"train": range(20), "valid": range(30, 33), "test": range(40, 42)}
    tables = {name: many_films(numbers) for name, numbers in given.items()}
    source = write_chexpert(tmp_path / "CheXpert-v1.0", tables)
    cohort = build(CheXpert(root=source, image_size=16), tmp_path / "cohort")
    tested = cohort.table.filter(pl.col("split") == "test")["patient"].unique().sort().to_list()
    assert tested == [f"chexpert-patient{i:05d}" for i in (30, 31, 32, 40, 41)]
    assert [len(cohort.rows(part, has=("xray",))) for part in ("train", "val")] == [36, 4]
    assert "labels of radiologists" in cohort.info.notes[0]


def test_lateral_views_are_taken_where_they_are_asked_for(source, tmp_path):
    settings = replace(source("chexpert"), views=("Frontal", "Lateral"), experts=False)
    cohort = build(settings, tmp_path / "cohort")
    assert cohort.table["note:view"][:4].to_list() == ["AP", "PA", "Lateral", "AP"]
    assert not cohort.info.notes


def test_a_path_that_is_not_as_published_is_refused(copied, tmp_path):
    settings = copied("chexpert")
    table = settings.root / "train.csv"
    table.write_text(table.read_text().replace("patient00001/", "somebody/"))
    with pytest.raises(DataError, match=r"Path in .*train\.csv must be .*got 'CheXpert-v1\.0/tr"):
        build(settings, tmp_path / "cohort")


def test_a_patient_in_the_tables_of_both_kinds_is_refused(tmp_path):
    tables = {"train": many_films(range(2)), "valid": many_films(range(1, 3))}
    source = write_chexpert(tmp_path / "CheXpert-v1.0", tables)
    with pytest.raises(DataError, match="patient chexpert-patient00001 in test and"):
        build(CheXpert(root=source, image_size=16), tmp_path / "cohort")
