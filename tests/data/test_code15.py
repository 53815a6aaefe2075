import sys
import tracemalloc

import numpy as np
import pytest
import scipy.io
from published_trees import CODE15, build, microvolts, write_code15

from crossbeat.data.sources.code15 import Code15, without_padding
from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.quality import Length, check
from crossbeat.signal import Ecg, Preprocessing

ROWS = CODE15[:4]
h5py = pytest.importorskip("h5py", reason="h5py is in the extra formats")


def truth(exam, fs, seconds):
    waves = microvolts(exam, fs=400.0, seconds=seconds)[:, :2800] / 1000 + 0.0001
    clean = Preprocessing(leads=STANDARD, fs=fs, seconds=7.0, baseline=True)
    return clean.apply(Ecg(waves.astype(np.float32), STANDARD, 400.0)).values


def test_the_published_layout_becomes_a_cohort(built):
    cohort = built("code-15")
    table = cohort.table[:4]
    assert (cohort.info.kind, cohort.info.unit, cohort.info.seconds) == ("single", "mV", 7.0)
    assert table["record"].to_list() == [f"code15-{exam}" for exam in (11, 12, 13, 14)]
    assert table["patient"].to_list() == [f"code15-{patient}" for patient in (1, 1, 2, 3)]
    assert table["age"].to_list() == [40, 41, 70, 71]
    assert table["sex"].to_list() == ["M", "M", "F", "F"]
    assert table["label:normal"].to_list() == [1, 0, 0, 0]
    assert table["label:first_degree_av_block"].to_list() == [0, 0, 0, 1]
    assert table["label:right_bundle_branch_block"].to_list() == [0, 1, 0, 0]
    assert table["label:left_bundle_branch_block"].to_list() == [0, 0, 0, 1]
    assert table["label:sinus_bradycardia"].to_list() == [0, 1, 0, 0]
    assert table["label:sinus_tachycardia"].to_list() == [0, 0, 0, 1]
    assert table["label:atrial_fibrillation"].to_list() == [0, 0, 1, 0]


def test_each_exam_gets_its_own_tracing_without_padding_in_millivolts(built):
    cohort = built("code-15")
    stored = cohort.ecgs(np.arange(4)).values.numpy()
    for row, (exam, *_, seconds) in enumerate(ROWS):
        np.testing.assert_allclose(stored[row], truth(exam, 100.0, seconds), atol=0.000501)


def test_the_length_is_a_setting_with_a_policy_for_shorter_ecgs(tmp_path):
    source = write_code15(tmp_path / "code15", ROWS)
    strict = build(Code15(root=source, seconds=10.0), tmp_path / "strict")
    assert strict.table["record"].to_list() == ["code15-11", "code15-14"]
    assert strict.rejected()["rule"].to_list() == ["length", "length"]
    padded = build(
        Code15(root=source, seconds=10.0, length=Length(shorter="pad")), tmp_path / "padded"
    )
    assert padded.ecgs(np.arange(4)).values.shape == (4, 12, 1000)


def test_only_zeros_at_the_ends_are_padding():
    stored = np.zeros((10, 2), np.float32)
    stored[3], stored[6, 1] = 1, 2
    np.testing.assert_array_equal(without_padding(stored), stored[3:7])
    assert without_padding(np.zeros((10, 2), np.float32)).shape == (0, 2)


def test_another_unit_can_be_said(tmp_path):
    source = write_code15(tmp_path / "code15", ROWS)
    half = build(Code15(root=source, millivolts=0.5), tmp_path / "half")
    stored = half.ecgs(np.array([0])).values[0].numpy()
    np.testing.assert_allclose(stored, truth(11, 100.0, 10.24) / 2, atol=0.000501)
    assert half.info.notes[0].startswith(
        "CODE-15% does not state its unit clearly: a stored 1 was read as 0.5 mV"
    )


def test_exams_of_absent_parts_are_left_out_and_named(tmp_path):
    source = write_code15(tmp_path / "code15", ROWS)
    (source / "exams_part1.hdf5").unlink()
    cohort = build(Code15(root=source), tmp_path / "cohort")
    assert cohort.table["record"].to_list() == ["code15-11", "code15-12"]
    assert cohort.info.notes[1].endswith("were left out: exams_part1.hdf5.")
    (source / "exams_part0.hdf5").unlink()
    with pytest.raises(DataError, match=r"must hold parts .*such as exams_part0\.hdf5, got none"):
        build(Code15(root=source), tmp_path / "none")


def test_damaged_parts_and_empty_tracings_are_left_out_with_the_reason(tmp_path):
    rows = [*ROWS, (15, 4, 50, True, "", 2, 7.0), (16, 5, 50, True, "", 3, 7.0)]
    source = write_code15(tmp_path / "code15", rows)
    (source / "exams_part1.hdf5").write_bytes(b"not HDF5")
    with h5py.File(source / "exams_part0.hdf5", "r+") as file:
        file["tracings"][0] = 0  # exam 12
    with h5py.File(source / "exams_part2.hdf5", "w") as file:
        file["exam_id"], file["tracings"] = np.array([15]), np.zeros((1, 4096, 3), np.float32)
    with h5py.File(source / "exams_part3.hdf5", "r+") as file:
        file["exam_id"][0] = 99
    cohort = build(Code15(root=source), tmp_path / "cohort")
    assert cohort.table["record"].to_list() == ["code15-11"]
    reasons = dict(cohort.rejected().select("file", "reason").rows())
    assert "must last at least 7 s, got 0 s" in reasons["code15/exams_part0.hdf5:12"]
    assert "exams_part1.hdf5 must be an HDF5 file" in reasons["code15/exams_part1.hdf5:13"]
    assert "(1, 4096, 3)" in reasons["code15/exams_part2.hdf5:15"]
    assert "must be in its part" in reasons["code15/exams_part3.hdf5:16"]


def test_parts_that_would_take_all_memory_are_refused(tmp_path):
    source = write_code15(tmp_path / "code15", ROWS)
    with h5py.File(source / "exams_part0.hdf5", "w") as file:
        file.create_dataset("exam_id", (10**12,), chunks=(1000,), dtype=np.int64)
        shape, chunk = (10**12, 4096, 12), (1, 4096, 12)
        file.create_dataset("tracings", shape, chunks=chunk, dtype=np.float32)
    with h5py.File(source / "exams_part1.hdf5", "w") as file:
        file["exam_id"] = np.array([13, 14])
        shape, chunk = (2, 4096, 12), (2000, 4096, 12)
        file.create_dataset(
            "tracings", shape, chunks=chunk, maxshape=(None, 4096, 12), dtype=np.float32
        )
    with pytest.raises(DataError, match=r"got 4 that cannot, the first.*\(1000000000000, 4096"):
        build(Code15(root=source), tmp_path / "cohort")
    receipts = sorted((tmp_path / "cohort.partial").glob("receipt-*.json"))
    assert "chunks of more than" in receipts[1].read_text()


def test_memory_is_that_of_a_tracing_whatever_the_size_of_the_part(tmp_path):
    source = write_code15(tmp_path / "code15", ROWS[:2])
    with h5py.File(source / "exams_part0.hdf5", "r+") as file:
        tracings = file["tracings"][:]
        del file["tracings"], file["exam_id"]
        file["exam_id"] = np.array([12, 11, *[0] * 19_999])
        shape, chunk = (20_001, 4096, 12), (1, 4096, 12)  # 3.9 GB
        whole = file.create_dataset("tracings", shape, chunks=chunk, dtype=np.float32)
        whole[:2] = tracings[:2]
    tracemalloc.start()
    cohort = build(Code15(root=source), tmp_path / "cohort")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert cohort.table.height == 2
    assert peak < 30e6


def test_without_the_package_for_hdf5_the_extra_is_named(tmp_path, monkeypatch):
    source = write_code15(tmp_path / "code15", ROWS)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r"needs the package h5py; pip install 'crossbeat\[formats"):
        build(Code15(root=source), tmp_path / "cohort")


def test_a_table_without_exams_is_refused(tmp_path):
    source = write_code15(tmp_path / "code15", [])
    with pytest.raises(DataError, match=r"exams\.csv must list exams, got none"):
        build(Code15(root=source), tmp_path / "cohort")


def test_a_real_tracing_is_an_ecg_if_its_unit_is_the_millivolt(shared):
    path = shared / "data/ecg-formats/code15_1238362_400hz.mat"
    stored = scipy.io.loadmat(path)["feats"].astype(np.float32)
    verdicts = check(Ecg(np.ascontiguousarray(stored), STANDARD, 400.0), 7.0)
    assert {verdict.action for verdict in verdicts} == {"ok"}
    assert 2 < np.median(np.ptp(stored, axis=1)) < 4
