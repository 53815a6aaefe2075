import json
import pickle
import shutil
from hashlib import sha256

import numpy as np
import polars as pl
import pytest
import torch
from tiny_cohorts import SIZE

from crossbeat import leads
from crossbeat.data.cohort import Cohort
from crossbeat.data.labels import ALL_NEGATIVE, LabelPolicy
from crossbeat.errors import ConfigError, DataError
from crossbeat.files import sha256_of

ALL = np.arange(18)
FINDINGS = ("edema", "cardiomegaly")


def test_ecgs_in_millivolts_xrays_in_bytes_and_patients_are_in_the_order_of_the_rows(tiny):
    rows = np.array([17, 0, 6, 6, 5])
    ecgs = tiny.ecgs(rows)
    assert (ecgs.leads, ecgs.fs) == (leads.STANDARD, 10.0)
    expected = torch.tensor(rows / 1000.0, dtype=torch.float32)
    assert torch.equal(ecgs.values, expected[:, None, None].expand(5, 12, 10))
    expected = torch.tensor(rows, dtype=torch.uint8)[:, None, None]
    assert torch.equal(tiny.images("xray", rows), expected.expand(5, SIZE, SIZE))
    assert tiny.patients(rows).tolist() == ["p17", "p0", "p6", "p6", "p5"]


def test_rows_of_a_split_have_what_is_asked_for(tiny):
    assert tiny.rows("val").tolist() == [2, 8, 14]
    assert tiny.rows("test").tolist() == [4, 10, 16]
    assert tiny.rows("train", has=("ecg", "label:edema")).tolist() == [
        row for row in range(18) if row % 6 in (0, 1, 5)
    ]


def test_labels_follow_the_policy(tiny):
    rows = np.arange(6)
    paper = tiny.labels(rows, ["cardiomegaly", "edema"], ALL_NEGATIVE)
    assert paper.tolist() == [[0, 1], [1, 0], [0, 0], [0, 0], [0, 1], [1, 0]]
    careful = LabelPolicy(uncertain="ignore", missing="ignore")
    ignored = tiny.labels(rows, ["edema"], careful).isnan()[:, 0]
    assert ignored.tolist() == [False, False, True, True, False, False]


def test_truth_is_known_where_there_is_a_column_and_else_the_label(tiny):
    truth = tiny.truth(np.arange(6), ["edema", "cardiomegaly"])
    assert truth[:, 0].tolist() == [1, 0, 1, 0, 1, 0]
    assert truth[:, 1].tolist() == [0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize("missing", ["negative", "ignore"])
def test_without_a_report_no_label_is_known_whatever_the_policy(tiny, missing):
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


def test_an_unknown_finding_is_refused_with_those_there_are(tiny):
    with pytest.raises(ConfigError, match=r"one of edema, cardiomegaly, .*got oedema"):
        tiny.labels(ALL, ["oedema"], ALL_NEGATIVE)


def test_a_row_without_an_xray_is_refused(tiny):
    gone = pl.when(pl.int_range(pl.len()) != 3)
    table = tiny.table.with_columns(gone.then(pl.col("xray", "xray_patient")))
    cohort = tiny.with_table(table)
    assert 3 not in cohort.rows("train", has=("xray",))
    with pytest.raises(DataError, match="row 3 of cohort tiny must have column 'xray'"):
        cohort.images("xray", ALL)


def test_the_fingerprint_changes_with_anything_that_training_sees(tiny, tmp_path):
    assert Cohort.open(tiny.folder).fingerprint() == tiny.fingerprint()
    for column, value in (("label:edema", 0), ("split", "train"), ("age", 51.0), ("xray", 0)):
        new = pl.lit(value, dtype=tiny.table[column].dtype).alias(column)
        assert tiny.with_table(tiny.table.with_columns(new)).fingerprint() != tiny.fingerprint()
    moved = tiny.folder.rename(tmp_path / "moved")
    assert Cohort.open(moved).fingerprint() == tiny.fingerprint()


def test_a_cohort_pickles_without_its_arrays(tiny):
    tiny.ecgs(ALL)
    again = pickle.loads(pickle.dumps(tiny))
    assert torch.equal(again.ecgs(ALL).values, tiny.ecgs(ALL).values)


def test_a_folder_without_a_cohort_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"must be a folder with cohort\.json"):
        Cohort.open(tmp_path)
    (tmp_path / "cohort.json").write_text("{")
    with pytest.raises(DataError, match="must be a cohort's JSON"):
        Cohort.open(tmp_path)


def change_info(folder, **values):
    """As a builder of another version would have written it: with a digest that is right."""
    path = folder / "cohort.json"
    info = json.loads(path.read_text()) | values
    del info["sha256"]
    text = json.dumps(info, sort_keys=True, separators=(",", ":"))
    path.write_text(json.dumps(info | {"sha256": sha256(text.encode()).hexdigest()}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": 99}, "format version 5, got 99; rebuild"),
        ({"kind": "mixed"}, "kind in .* must be one of paired, .*got 'mixed'"),
        ({"surprise": 1}, "must have the keys .*surprise"),
        ({"findings": ["gout"]}, "column 'label:gout' of the table must be Int8"),
        ({"files": {}}, r"table\.parquet \(no entry in cohort\.json\)"),
        ({"files": {"table.parquet": {"rows": 3}}}, "must be a cohort's JSON, got: other"),
        ({"files": {"../other": {}}}, "files of its own folder"),
    ],
)
def test_a_changed_info_is_refused(tiny, values, message):
    change_info(tiny.folder, **values)
    with pytest.raises(DataError, match=message):
        Cohort.open(tiny.folder)


def test_signals_of_another_shape_than_the_info_says_are_refused(tiny):
    change_info(tiny.folder, image_size=5, seconds=2.0)
    changed = Cohort.open(tiny.folder)
    with pytest.raises(DataError, match=r"ecg-00000\.npy must hold .*12, 20\) and type int16"):
        changed.ecgs(ALL)
    with pytest.raises(DataError, match=r"xray-00000\.npy must hold .*5, 5\) .*, 4, 4\) and uint8"):
        changed.images("xray", ALL)


def flip(path, at=-1):
    contents = bytearray(path.read_bytes())
    contents[at] ^= 1
    path.write_bytes(contents)


def test_a_shard_that_is_missing_or_cut_is_refused(tiny):
    shard = tiny.folder / "ecg-00001.npy"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"ecg-00001\.npy \(\d+ bytes instead of \d+\); copy"):
        Cohort.open(tiny.folder)
    shard.unlink()
    with pytest.raises(DataError, match=r"ecg-00001\.npy \(no such file\)"):
        Cohort.open(tiny.folder)


def test_a_changed_table_is_refused_on_opening(tiny):
    flip(tiny.folder / "table.parquet", 200)
    with pytest.raises(DataError, match=r"table\.parquet \(other contents\)"):
        Cohort.open(tiny.folder)


def test_a_cohort_json_that_was_edited_is_refused(tiny):
    path = tiny.folder / "cohort.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps(info))  # the same contents in other words
    assert Cohort.open(tiny.folder).info == tiny.info
    for change in ({"fs": 2 * info["fs"]}, {"leads": info["leads"][::-1]}, {"sha256": None}):
        path.write_text(json.dumps(info | change))
        with pytest.raises(DataError, match=r"cohort\.json must be as it was built, got other"):
            Cohort.open(tiny.folder)


@pytest.mark.parametrize("version", [3, 4])
def test_a_cohort_of_an_earlier_version_opens_and_keeps_its_text(version, tiny):
    path = tiny.folder / "cohort.json"
    info = json.loads(path.read_text()) | {"version": version}
    old = {("phenotypes" if name == "measurements" else name): info[name] for name in info}
    del old["forms"], old["sha256"]
    if version == 4:
        text = json.dumps(old, sort_keys=True, separators=(",", ":"))
        old["sha256"] = sha256(text.encode()).hexdigest()
    text = json.dumps(old, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
    opened = Cohort.open(tiny.folder)
    assert opened.info.files == tiny.info.files
    assert opened.info.to_json() == text


def test_training_sees_no_shard_that_was_damaged_whoever_verified_it_before(tiny):
    whole = tiny.contents("xray", ALL)["files"]
    flip(tiny.folder / "xray-00000.npy")
    for cohort in (tiny, Cohort.open(tiny.folder)):
        tiny.contents("ecg", ALL)
        with pytest.raises(DataError, match=r"got .*xray-00000\.npy \(other contents\); copy"):
            cohort.contents("xray", ALL)
    flip(tiny.folder / "xray-00000.npy")
    assert tiny.contents("xray", ALL)["files"] == whole


def test_a_shard_is_read_once_and_a_copy_again(tiny, tmp_path, monkeypatch):
    read = []

    def count(path):
        read.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr("crossbeat.data.verified.sha256_of", count)
    tiny.contents("ecg", ALL)
    number = len(read)
    assert number == len(set(read)) > 1
    monkeypatch.setattr("crossbeat.data.verified._here", {})  # as in another process
    tiny.contents("ecg", ALL)
    assert len(read) == number
    shutil.copytree(tiny.folder, tmp_path / "copied")  # with all times, as copies keep them
    Cohort.open(tmp_path / "copied").contents("ecg", ALL)
    assert len(read) - number >= number
    for text in ("[", '{"ecg-00000.npy": {}}', '{"ecg-00000.npy": ["", Infinity, 1, 1, 1]}'):
        (tiny.folder / ".verified.json").write_text(text)
        monkeypatch.setattr("crossbeat.data.verified._here", {})
        tiny.contents("ecg", ALL)


def test_all_damaged_files_are_named_and_marks_do_not_count_when_asked(tiny):
    tiny.verify()
    tiny.contents("xray", ALL)
    tiny.contents("ecg", ALL)
    for name in ("xray-00000.npy", "ecg-00000.npy"):
        flip(tiny.folder / name)
    (tiny.folder / "ecg-00001.npy").unlink()
    with pytest.raises(DataError) as told:
        tiny.verify()
    for name in ("ecg-00000.npy (other", "ecg-00001.npy (no such file)", "xray-00000.npy (other"):
        assert name in str(told.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit("p0").alias("patient"), "patient p0 in test and train"),
        (pl.col("ecg") + 1, r"column 'ecg' of the table must be 0 to 17.*1 to 18"),
        (pl.col("xray_patient") + "x", "of one patient, got p0 and p0x"),
    ],
)
def test_a_table_that_does_not_fit_the_store_or_a_paired_cohort_is_refused(tiny, change, message):
    with pytest.raises(DataError, match=message):
        tiny.with_table(tiny.table.with_columns(change))
