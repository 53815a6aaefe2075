import json
import pickle
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
import torch
from tiny_cohorts import SIZE

from crossbeat import leads
from crossbeat.data.cohort import Cohort
from crossbeat.data.labels import ALL_NEGATIVE, LabelPolicy
from crossbeat.errors import ConfigError, DataError

ALL = np.arange(18)
FINDINGS = ("edema", "cardiomegaly")


def test_ecgs_are_millivolts_in_the_order_of_the_rows(tiny: Cohort) -> None:
    rows = np.array([17, 0, 6, 6, 5])
    ecgs = tiny.ecgs(rows)
    assert ecgs.leads == leads.STANDARD
    assert ecgs.fs == 10.0
    assert ecgs.values.shape == (5, 12, 10)
    expected = torch.tensor(rows / 1000.0, dtype=torch.float32)
    assert torch.equal(ecgs.values, expected[:, None, None].expand(5, 12, 10))


def test_xrays_are_bytes_in_the_order_of_the_rows(tiny: Cohort) -> None:
    rows = np.array([17, 0, 6, 6, 5])
    expected = torch.tensor(rows, dtype=torch.uint8)[:, None, None]
    assert torch.equal(tiny.xrays(rows), expected.expand(5, SIZE, SIZE))


def test_rows_of_a_split_have_what_is_asked_for(tiny: Cohort) -> None:
    assert tiny.rows("val").tolist() == [2, 8, 14]
    assert tiny.rows("test").tolist() == [4, 10, 16]
    assert tiny.rows("train", has=("ecg", "label:edema")).tolist() == [
        row for row in range(18) if row % 6 in (0, 1, 5)
    ]


def test_labels_follow_the_policy(tiny: Cohort) -> None:
    rows = np.arange(6)
    paper = tiny.labels(rows, ["cardiomegaly", "edema"], ALL_NEGATIVE)
    assert paper.tolist() == [[0, 1], [1, 0], [0, 0], [0, 0], [0, 1], [1, 0]]
    careful = LabelPolicy(uncertain="ignore", missing="ignore")
    ignored = tiny.labels(rows, ["edema"], careful).isnan()[:, 0]
    assert ignored.tolist() == [False, False, True, True, False, False]


def test_truth_is_known_where_there_is_a_column_and_else_the_label(tiny: Cohort) -> None:
    truth = tiny.truth(np.arange(6), ["edema", "cardiomegaly"])
    assert truth[:, 0].tolist() == [1, 0, 1, 0, 1, 0]
    assert truth[:, 1].tolist() == [0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize("missing", ["negative", "ignore"])
def test_without_a_report_no_label_is_known_whatever_the_policy(
    tiny: Cohort, missing: Literal["negative", "ignore"]
) -> None:
    first = pl.int_range(pl.len()) == 0
    columns = [pl.when(~first).then(pl.col(f"label:{f}")).alias(f"label:{f}") for f in FINDINGS]
    cohort = tiny.with_table(tiny.table.with_columns(*columns, reported=~first))
    policy = LabelPolicy(uncertain="negative", missing=missing)
    rows = np.array([4, 0, 1])
    labels = cohort.labels(rows, FINDINGS, policy)
    assert labels.isnan().any(dim=1).tolist() == [missing == "ignore", True, False]
    assert labels[1].isnan().all()
    truth = cohort.truth(rows, FINDINGS)
    assert truth[:, 0].tolist() == [1, 1, 0]
    assert truth[:, 1].isnan().tolist() == [False, True, False]


def test_an_unknown_finding_is_refused_with_those_there_are(tiny: Cohort) -> None:
    with pytest.raises(ConfigError, match=r"one of edema, cardiomegaly .*got oedema"):
        tiny.labels(ALL, ["oedema"], ALL_NEGATIVE)


def test_patients_are_named_by_row(tiny: Cohort) -> None:
    assert tiny.patients(np.array([3, 0])).tolist() == ["p3", "p0"]


def test_a_row_without_an_xray_is_refused(tiny: Cohort) -> None:
    gone = pl.when(pl.int_range(pl.len()) != 3)
    table = tiny.table.with_columns(gone.then(pl.col("xray", "xray_patient")))
    cohort = tiny.with_table(table)
    assert 3 not in cohort.rows("train", has=("xray",))
    with pytest.raises(DataError, match="row 3 of cohort tiny must have column 'xray'"):
        cohort.xrays(ALL)


def test_the_fingerprint_changes_with_anything_that_training_sees(
    tiny: Cohort, tmp_path: Path
) -> None:
    assert Cohort.open(tiny.folder).fingerprint() == tiny.fingerprint()
    for column, value in (("label:edema", 0), ("split", "train"), ("age", 51.0), ("xray", 0)):
        new = pl.lit(value, dtype=tiny.table[column].dtype).alias(column)
        assert tiny.with_table(tiny.table.with_columns(new)).fingerprint() != tiny.fingerprint()
    moved = tiny.folder.rename(tmp_path / "moved")
    assert Cohort.open(moved).fingerprint() == tiny.fingerprint()


def test_a_cohort_pickles_without_its_arrays(tiny: Cohort) -> None:
    tiny.ecgs(ALL)
    again = pickle.loads(pickle.dumps(tiny))
    assert torch.equal(again.ecgs(ALL).values, tiny.ecgs(ALL).values)


def test_a_folder_without_a_cohort_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must be a folder with cohort\.json"):
        Cohort.open(tmp_path)
    (tmp_path / "cohort.json").write_text("{")
    with pytest.raises(DataError, match="must be a cohort's JSON"):
        Cohort.open(tmp_path)


def change_info(folder: Path, **values: object) -> None:
    path = folder / "cohort.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps(info | values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": 99}, "format version 3, got 99; rebuild"),
        ({"kind": "mixed"}, "kind in .* must be one of paired, .*got 'mixed'"),
        ({"surprise": 1}, "must have the keys .*surprise"),
        ({"image_size": 5}, r"X-rays in .* must have the shape \(5, 5\).*got \(4, 4\)"),
        ({"seconds": 2.0}, r"ECGs in .* must have the shape \(12, 20\)"),
        ({"findings": ["gout"]}, "column 'label:gout' of the table must be Int8"),
        ({"files": {}}, r"table\.parquet must be as it was built"),
        ({"files": {"../other": {}}}, "files of its own folder"),
    ],
)
def test_a_changed_info_is_refused(tiny: Cohort, values: dict[str, object], message: str) -> None:
    change_info(tiny.folder, **values)
    with pytest.raises(DataError, match=message):
        Cohort.open(tiny.folder)


def test_a_shard_that_is_missing_or_cut_is_refused(tiny: Cohort) -> None:
    shard = tiny.folder / "ecg-00001.npy"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"ecg-00001\.npy must have \d+ bytes, got \d+; copy"):
        Cohort.open(tiny.folder)
    shard.unlink()
    with pytest.raises(DataError, match=r"ecg-00001\.npy must have \d+ bytes, got None"):
        Cohort.open(tiny.folder)


def test_a_changed_table_is_refused_on_opening(tiny: Cohort) -> None:
    path = tiny.folder / "table.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    with pytest.raises(DataError, match=r"table\.parquet must be as it was built"):
        Cohort.open(tiny.folder)


def test_a_changed_sample_is_found_by_verifying(tiny: Cohort) -> None:
    tiny.verify()
    shard = tiny.folder / "xray-00000.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\xff")
    cohort = Cohort.open(tiny.folder)
    with pytest.raises(DataError, match=r"xray-00000\.npy must be as it was built"):
        cohort.verify()


def test_a_table_with_a_patient_in_two_splits_is_refused(tiny: Cohort) -> None:
    same = pl.lit("p0").alias("patient"), pl.lit("p0").alias("xray_patient")
    with pytest.raises(DataError, match="patient p0 in test and train"):
        tiny.with_table(tiny.table.with_columns(same))


def test_a_table_with_rows_beyond_the_store_is_refused(tiny: Cohort) -> None:
    with pytest.raises(DataError, match=r"column 'ecg' of the table must be 0 to 17.*1 to 18"):
        tiny.with_table(tiny.table.with_columns(pl.col("ecg") + 1))


def test_a_paired_cohort_pairs_a_patient_with_itself(tiny: Cohort) -> None:
    other = pl.col("xray_patient") + "x"
    with pytest.raises(DataError, match="of one patient, got p0 and p0x"):
        tiny.with_table(tiny.table.with_columns(other))
