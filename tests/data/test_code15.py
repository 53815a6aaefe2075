import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import scipy.io
from published_trees import CODE15, build, labelled, write_code15

from crossbeat.data.sources.code15 import Code15, without_padding
from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.quality import check
from crossbeat.signal import Ecg

ROWS = CODE15[:4]
h5py = pytest.importorskip("h5py", reason="h5py is in the extra formats")


def test_the_published_layout_becomes_a_cohort(built):
    cohort = built("code-15")
    table = cohort.table[:4]
    assert (cohort.info.kind, cohort.info.seconds) == ("single", 7.0)
    assert table["record"].to_list() == [f"code15-{exam}" for exam in (11, 12, 13, 14)]
    assert table["patient"].to_list() == [f"code15-{patient}" for patient in (1, 1, 2, 3)]
    assert table["age"].to_list() == [40, 41, 70, 71]
    assert table["sex"].to_list() == ["M", "M", "F", "F"]
    assert [labelled(cohort, record) for record in table["record"]] == [
        {"normal"},
        {"right_bundle_branch_block", "sinus_bradycardia"},
        {"atrial_fibrillation"},
        {"first_degree_av_block", "left_bundle_branch_block", "sinus_tachycardia"},
    ]
    assert not any(labelled(cohort, record, None) for record in table["record"])


def test_only_zeros_at_the_ends_are_padding():
    stored = np.zeros((10, 2), np.float32)
    stored[3], stored[6, 1] = 1, 2
    np.testing.assert_array_equal(without_padding(stored), stored[3:7])
    assert without_padding(np.zeros((10, 2), np.float32)).shape == (0, 2)


def test_another_unit_can_be_said(source, built, tmp_path):
    half = build(replace(source("code-15"), millivolts=0.5), tmp_path / "half")
    ours, theirs = (cohort.ecgs(np.arange(4)).values.numpy() for cohort in (half, built("code-15")))
    np.testing.assert_allclose(ours, theirs / 2, atol=0.00101)
    said = "CODE-15% does not state its unit clearly: a stored 1 was read as 0.5 mV"
    assert half.info.notes[0].startswith(said)


def test_exams_of_absent_parts_are_left_out_and_named(copied, tmp_path):
    settings = copied("code-15")
    for number in range(1, 16):
        (settings.root / f"exams_part{number}.hdf5").unlink()
    cohort = build(settings, tmp_path / "cohort")
    assert cohort.table["record"].to_list() == ["code15-11", "code15-12"]
    assert cohort.info.notes[1].endswith("exams_part8.hdf5, exams_part9.hdf5.")
    (settings.root / "exams_part0.hdf5").unlink()
    with pytest.raises(DataError, match=r"must hold parts .*such as exams_part0\.hdf5, got none"):
        build(settings, tmp_path / "none")


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


def test_without_the_package_for_hdf5_the_extra_is_named(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r"needs the package h5py; pip install 'crossbeat\[formats"):
        build(source("code-15"), tmp_path / "cohort")


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
