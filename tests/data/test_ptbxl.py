from datetime import datetime

import numpy as np
import polars as pl
import pytest
import torch
from published_trees import PTBXL, PTBXL_NORMALISED, build, write_normalised, write_ptbxl

from crossbeat.cli import main
from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.ptbxl import FINDINGS, PtbXl
from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg
from crossbeat.signal import Preprocessing

ROWS = PTBXL[:5]


def positives(cohort, record):
    row = cohort.table.row(by_predicate=pl.col("record") == record, named=True)
    assert {row[f"label:{finding}"] for finding in FINDINGS} <= {0, 1}
    return {finding for finding in FINDINGS if row[f"label:{finding}"] == 1}


def test_records_with_a_wrong_checksum_are_left_out_unless_the_user_says_so(tmp_path):
    source = write_ptbxl(tmp_path / "ptb-xl", ROWS)
    first = min((source / "records100").rglob("*.dat"))
    data = bytearray(first.read_bytes())
    data[4000] ^= 1
    first.write_bytes(data)
    checked = build(PtbXl(root=source), tmp_path / "checked")
    left_out = checked.rejected()
    assert left_out["rule"].to_list() == ["checksum"]
    given = ["prepare", "ptb-xl", "--root", str(source), "--workers", "1", "--no-checksum"]
    assert main([*given, "--out", str(tmp_path / "trusted")]) == 0
    trusted = Cohort.open(tmp_path / "trusted")
    assert trusted.rejected().height == 0
    assert trusted.table.height == checked.table.height + 1
    assert (checked.info.settings["checksum"], trusted.info.settings["checksum"]) == (True, False)


def test_the_published_layout_becomes_a_cohort(tmp_path):
    source = write_ptbxl(tmp_path / "ptb-xl", ROWS)
    cohort = build(PtbXl(root=source), tmp_path / "cohort")
    assert cohort.info.kind == "single"
    assert cohort.info.unit == "mV"
    table = cohort.table
    assert table["patient"].to_list() == [f"ptbxl-{number}" for number in (10, 10, 11, 12, 13)]
    assert table["split"].to_list() == ["train", "train", "train", "val", "test"]
    assert table["age"].to_list() == [56, 57, 90, 30, 41]
    assert table["sex"].to_list() == ["F", "F", "M", "M", "M"]
    assert table["time"][0] == datetime(1984, 11, 9, 9, 17, 34)
    assert positives(cohort, "ptbxl-1") == {"normal"}
    assert positives(cohort, "ptbxl-2") == {
        "hypertrophy",
        "left_ventricular_hypertrophy",
        "st_t_change",
    }
    assert positives(cohort, "ptbxl-3") == {"infarction", "atrial_fibrillation"}
    assert positives(cohort, "ptbxl-4") == {"conduction", "left_bundle_branch_block"}
    assert positives(cohort, "ptbxl-5") == set()


def test_stored_ecgs_are_the_preprocessed_files_to_half_a_microvolt(tmp_path):
    source = write_ptbxl(tmp_path / "ptb-xl", ROWS)
    cohort = build(PtbXl(root=source), tmp_path / "cohort")
    clean = Preprocessing(leads=STANDARD, fs=100.0, seconds=10.0, baseline=True)
    wanted = clean.apply(read_ecg(source / "records100" / "00000" / "00003_lr"))
    stored = cohort.ecgs(np.array([2])).values[0].numpy()
    np.testing.assert_allclose(stored, wanted.values, atol=0.000501)


def test_a_higher_rate_is_read_from_the_records_of_500_hz(tmp_path):
    source = write_ptbxl(tmp_path / "ptb-xl", ROWS)
    cohort = build(PtbXl(root=source, fs=250.0), tmp_path / "cohort")
    assert cohort.ecgs(np.array([0])).values.shape == (1, 12, 2500)


def test_doubtful_statements_can_count_as_uncertain(tmp_path):
    source = write_ptbxl(tmp_path / "ptb-xl", ROWS)
    cohort = build(PtbXl(root=source, least_likelihood=50.0), tmp_path / "cohort")
    assert cohort.table["label:hypertrophy"].to_list() == [0, -1, 0, 0, 0]
    assert cohort.table["label:atrial_fibrillation"].to_list() == [0, 0, 1, 0, 0]


def test_with_normalised_records_all_are_scaled_by_lead_and_count_once(tmp_path):
    source = write_ptbxl(tmp_path / "ptb-xl", ROWS)
    more = write_normalised(tmp_path / "normalised", PTBXL_NORMALISED)
    cohort = build(PtbXl(root=source, normalised=more), tmp_path / "cohort")
    assert cohort.info.unit == "NU"
    assert "limb-lead equations" in cohort.info.notes[0]
    assert cohort.table["record"].to_list() == [f"ptbxl-{i}" for i in range(1, 8)]
    assert cohort.table["split"].to_list()[-2:] == ["train", "test"]
    assert positives(cohort, "ptbxl-3") == {"infarction", "atrial_fibrillation"}
    assert positives(cohort, "ptbxl-6") == {
        "hypertrophy",
        "left_ventricular_hypertrophy",
        "conduction",
        "atrial_fibrillation",
    }
    values = cohort.ecgs(np.arange(7)).values
    torch.testing.assert_close(values.mean(-1), torch.zeros(7, 12), atol=1e-3, rtol=0)
    torch.testing.assert_close(values.std(-1), torch.ones(7, 12), atol=1e-3, rtol=0)


def test_a_patient_in_two_folds_is_refused(tmp_path):
    rows = [*ROWS, (6, "13.0", 41.0, 0, "{'SR': 0.0}", 2)]
    source = write_ptbxl(tmp_path / "ptb-xl", rows)
    with pytest.raises(DataError, match="patient ptbxl-13 in test and train"):
        build(PtbXl(root=source), tmp_path / "cohort")


def test_a_record_keeps_its_own_ecg_beside_one_that_is_left_out(tmp_path):
    rows = [(i, f"{i}.0", 50.0, 0, "{'SR': 0.0}", i % 4) for i in range(1, 11)]
    source = write_ptbxl(tmp_path / "ptb-xl", rows)
    (source / "records100/00000/00007_lr.dat").unlink()
    cohort = build(PtbXl(root=source), tmp_path / "cohort")
    assert cohort.info.notes[0].startswith("Left out: 1 ECG (unreadable 1); ")
    (left_out,) = cohort.rejected().select("record", "file").rows()
    assert left_out == ("ptbxl-7", "ptb-xl/records100/00000/00007_lr")
    other = build(PtbXl(root=write_ptbxl(tmp_path / "b", rows[7:])), tmp_path / "c")
    assert torch.equal(cohort.ecgs(np.array([6])).values, other.ecgs(np.array([0])).values)


def test_unknown_statements_are_refused(tmp_path):
    rows = [*ROWS, (6, "14.0", 41.0, 0, "{'GOUT': 0.0}", 2)]
    source = write_ptbxl(tmp_path / "ptb-xl", rows)
    with pytest.raises(DataError, match=r"scp_codes must be .*got \"{'GOUT': 0.0}\""):
        build(PtbXl(root=source), tmp_path / "cohort")


@pytest.mark.slow
def test_the_shared_records_become_a_cohort(tmp_path, shared):
    settings = PtbXl(root=shared / "data/ptb-xl", normalised=shared / "data/ptb-xl-normalised")
    cohort = build(settings, tmp_path / "cohort")
    assert cohort.table.height == 434 + 1625 - 27
    assert cohort.table["record"].n_unique() == cohort.table.height
    assert [len(cohort.rows(split)) for split in ("train", "val", "test")] == [1571, 202, 259]
