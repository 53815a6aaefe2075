from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl
import pytest
import torch
from published_trees import (
    PTBXL,
    PTBXL_NORMALISED,
    build,
    labelled,
    write_normalised,
    write_ptbxl,
)

from crossbeat.cli import main
from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.ptbxl import PtbXl
from crossbeat.errors import DataError

ROWS = PTBXL[:5]


def test_the_published_layout_becomes_a_cohort(built):
    cohort = built("ptb-xl")
    table = cohort.table[:5]
    assert cohort.info.kind == "single"
    assert table["patient"].to_list() == [f"ptbxl-{number}" for number in (10, 10, 11, 12, 13)]
    assert table["split"].to_list() == ["train", "train", "train", "val", "test"]
    assert table["age"].to_list() == [56, 57, 90, 30, 41]
    assert table["sex"].to_list() == ["F", "F", "M", "M", "M"]
    assert table["time"][0] == datetime(1984, 11, 9, 9, 17, 34)
    found = [labelled(cohort, f"ptbxl-{number}") for number in range(1, 6)]
    assert found == [
        {"normal"},
        {"hypertrophy", "left_ventricular_hypertrophy", "st_t_change"},
        {"infarction", "atrial_fibrillation"},
        {"conduction", "left_bundle_branch_block"},
        set(),
    ]
    labels = cohort.table.select(pl.col("^label:.*$"))
    assert set(labels.unpivot()["value"]) == {0, 1}


def test_records_that_are_left_out_leave_the_others_their_own_ecgs(copied, built, tmp_path):
    settings = copied("ptb-xl")
    folder = settings.root / "records100/00000"
    damaged = bytearray((folder / "00001_lr.dat").read_bytes())
    damaged[4000] ^= 1
    (folder / "00001_lr.dat").write_bytes(damaged)
    (folder / "00003_lr.dat").unlink()
    checked = build(settings, tmp_path / "checked")
    assert checked.info.notes[0].startswith("Left out: 2 ECGs (checksum 1, unreadable 1); ")
    assert checked.rejected().select("record", "file", "rule").rows() == [
        ("ptbxl-1", "ptb-xl/records100/00000/00001_lr", "checksum"),
        ("ptbxl-3", "ptb-xl/records100/00000/00003_lr", "unreadable"),
    ]
    whole = built("ptb-xl").ecgs(np.array([1, *range(3, 11)])).values
    assert torch.equal(checked.ecgs(np.arange(9)).values, whole)
    given = ["--root", str(settings.root), "--out", str(tmp_path / "trusted"), "--workers", "1"]
    assert main(["prepare", "ptb-xl", *given, "--no-checksum", "--allow-missing"]) == 0
    trusted = Cohort.open(tmp_path / "trusted")
    assert trusted.rejected()["record"].to_list() == ["ptbxl-3"]
    assert (checked.info.settings["checksum"], trusted.info.settings["checksum"]) == (True, False)


def test_a_higher_rate_is_read_from_the_records_of_500_hz(tmp_path):
    source = write_ptbxl(tmp_path / "ptb-xl", ROWS[2:], both_rates=True)
    cohort = build(PtbXl(root=source, fs=250.0), tmp_path / "cohort")
    assert cohort.ecgs(np.array([0])).values.shape == (1, 12, 2500)


def test_doubtful_statements_can_count_as_uncertain(source, tmp_path):
    table = build(replace(source("ptb-xl"), least_likelihood=50.0), tmp_path / "cohort").table[:5]
    assert table["label:hypertrophy"].to_list() == [0, -1, 0, 0, 0]
    assert table["label:atrial_fibrillation"].to_list() == [0, 0, 1, 0, 0]


def test_with_normalised_records_all_are_scaled_by_lead_and_count_once(tmp_path):
    source = write_ptbxl(tmp_path / "ptb-xl", ROWS)
    more = write_normalised(tmp_path / "normalised", PTBXL_NORMALISED)
    cohort = build(PtbXl(root=source, normalised=more), tmp_path / "cohort")
    assert cohort.info.unit == "NU"
    assert "limb-lead equations" in cohort.info.notes[0]
    assert cohort.table["record"].to_list() == [f"ptbxl-{i}" for i in range(1, 8)]
    assert cohort.table["split"].to_list()[-2:] == ["train", "test"]
    assert labelled(cohort, "ptbxl-3") == {"infarction", "atrial_fibrillation"}
    hypertrophies = {"hypertrophy", "left_ventricular_hypertrophy"}
    assert labelled(cohort, "ptbxl-6") == hypertrophies | {"conduction", "atrial_fibrillation"}
    values = cohort.ecgs(np.arange(7)).values
    torch.testing.assert_close(values.mean(-1), torch.zeros(7, 12), atol=1e-3, rtol=0)
    torch.testing.assert_close(values.std(-1), torch.ones(7, 12), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((6, "13.0", 41.0, 0, "{'SR': 0.0}", 2), "patient ptbxl-13 in test and train"),
        ((6, "14.0", 41.0, 0, "{'GOUT': 0.0}", 2), r"scp_codes must be .*got \"{'GOUT': 0.0}\""),
    ],
)
def test_a_patient_in_two_folds_and_unknown_statements_are_refused(wrong, message, tmp_path):
    source = write_ptbxl(tmp_path / "ptb-xl", [*ROWS[2:], wrong])
    with pytest.raises(DataError, match=message):
        build(PtbXl(root=source), tmp_path / "cohort")


@pytest.mark.slow
def test_the_shared_records_become_a_cohort(shared, tmp_path):
    """Every tenth of each table."""
    for name in ("ptb-xl", "ptb-xl-normalised"):
        (tmp_path / name).mkdir()
        for path in (shared / "data" / name).iterdir():
            (tmp_path / name / path.name).symlink_to(path)
        table = tmp_path / name / "ptbxl_database.csv"
        some = pl.read_csv(table, infer_schema=False).gather_every(10)
        table.unlink()
        some.write_csv(table)
    settings = PtbXl(root=tmp_path / "ptb-xl", normalised=tmp_path / "ptb-xl-normalised")
    cohort = build(settings, tmp_path / "cohort")
    assert cohort.table["record"].n_unique() == cohort.table.height == 44 + 163
    assert cohort.rejected().height == 0
