import numpy as np
import pytest
from published_trees import LUDB, build, labelled, write_ludb

from crossbeat.data.sources.ludb import Ludb, read_ludb
from crossbeat.errors import DataError
from crossbeat.quality import require
from crossbeat.readers import read_ecg


def test_the_published_layout_becomes_a_cohort(built):
    cohort = built("ludb")
    table = cohort.table[:3]
    assert cohort.info.kind == "single"
    assert table["record"].to_list() == ["ludb-1", "ludb-34", "ludb-104"]
    assert table["age"].to_list() == [51, 90, 75]
    assert table["sex"].to_list() == ["F", "M", "F"]
    assert any("gains in the headers" in note for note in cohort.info.notes)
    assert any("every record counts as a different patient" in note for note in cohort.info.notes)


def test_every_line_of_a_cell_is_a_statement(built):
    cohort = built("ludb")
    assert labelled(cohort, "ludb-1") == {
        "sinus_bradycardia",
        "left_axis_deviation",
        "left_ventricular_hypertrophy",
        "repolarization_abnormality",
    }
    assert labelled(cohort, "ludb-34") == {
        "atrial_fibrillation",
        "incomplete_right_bundle_branch_block",
        "first_degree_av_block",
        "scar",
    }
    assert labelled(cohort, "ludb-104") == {
        "sinus_rhythm",
        "third_degree_av_block",
        "pacing",
        "st_elevation_infarction",
    }
    assert labelled(cohort, "ludb-34", -1) == {"ischemia"}
    assert labelled(cohort, "ludb-104", -1) == set()


def test_the_gains_of_the_published_headers_are_wrong_and_the_integers_are_not(shared):
    for number in ("1", "104"):
        file = str(shared / f"data/ecg-formats/ludb_{number}.hea")
        with pytest.raises(DataError, match="consistent only with a different gain for each"):
            require(read_ecg(file), file, 10.0)
        ecg = read_ludb(file)
        rows = dict(zip(ecg.leads, ecg.values, strict=True))
        np.testing.assert_allclose(rows["III"], rows["II"] - rows["I"], atol=1e-6)
        np.testing.assert_allclose(rows["aVL"], rows["I"] - rows["II"] / 2, atol=0.000501)
        assert require(ecg, file, 10.0).values.shape == (12, 5000)


def test_unusable_records_are_left_out_with_the_reason(copied, tmp_path):
    settings = copied("ludb")
    (settings.root / "data/1.hea").unlink()
    (settings.root / "data/34.dat").write_bytes(b"too short")
    cohort = build(settings, tmp_path / "cohort")
    assert cohort.table["record"].to_list() == ["ludb-104", *(f"ludb-{n}" for n in range(201, 208))]
    left_out = cohort.rejected()
    assert left_out["file"].to_list() == ["ludb/data/1.hea", "ludb/data/34.hea"]
    assert "1.hea must be the header" in left_out["reason"][0]
    assert "34.dat must hold" in left_out["reason"][1]


def test_an_age_that_is_no_number_is_refused(tmp_path):
    source = write_ludb(tmp_path / "ludb", [{**LUDB[0], "Age": "old"}])
    with pytest.raises(DataError, match=r"Age in .*ludb\.csv must be a number or >89"):
        build(Ludb(root=source), tmp_path / "cohort")
