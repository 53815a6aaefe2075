from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from further_trees import microvolts, write_ludb

from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.ludb import FINDINGS, WHOLE, Ludb, read_ludb
from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import STANDARD
from crossbeat.quality import require
from crossbeat.readers import read_ecg
from crossbeat.signal import Ecg, Preprocessing

ROWS = [
    {
        "ID": "1",
        "Sex": "F",
        "Age": "51",
        "Rhythms": "Sinus bradycardia",
        "Electric axis of the heart": "Electric axis of the heart: left axis deviation",
        "Hypertrophies": "Left ventricular hypertrophy\nLeft ventricular overload",
        "Non-specific repolarization abnormalities": (
            "Non-specific repolarization abnormalities: posterior wall"
        ),
    },
    {
        "ID": "34",
        "Sex": "M",
        "Age": ">89",
        "Rhythms": "Atrial fibrillation",
        "Electric axis of the heart": "Electric axis of the heart: normal",
        "Conduction abnormalities": "Incomplete right bundle branch block\nI degree AV block",
        "Ischemia": ("Undefined ischemia/scar/supp.NSTEMI: septal\nScar formation: anterior wall"),
    },
    {
        "ID": "104",
        "Sex": "F",
        "Age": "75",
        "Rhythms": "Sinus rhythm",
        "Conduction abnormalities": "III degree AV-block",
        "Cardiac pacing": "UNIpolar ventricular pacing\nP-synchrony",
        "Ischemia": "STEMI: lateral wall",
    },
]


def build(settings: Ludb, folder: Path) -> Cohort:
    with ThreadPoolExecutor(1) as executor:
        return settings.build(folder, executor=executor, allow_missing=True)


def labelled(cohort: Cohort, record: str, code: int) -> set[str]:
    row = cohort.table.row(by_predicate=pl.col("record") == record, named=True)
    return {finding for finding in (*FINDINGS, *WHOLE) if row[f"label:{finding}"] == code}


def test_the_published_layout_becomes_a_cohort(tmp_path: Path) -> None:
    cohort = build(Ludb(root=write_ludb(tmp_path / "ludb", ROWS)), tmp_path / "cohort")
    table = cohort.table
    assert (cohort.info.kind, cohort.info.unit) == ("single", "mV")
    assert table["record"].to_list() == ["ludb-1", "ludb-34", "ludb-104"]
    assert table["age"].to_list() == [51, 90, 75]
    assert table["sex"].to_list() == ["F", "M", "F"]
    assert any("gains in the headers" in note for note in cohort.info.notes)
    assert any("every record counts as a different patient" in note for note in cohort.info.notes)


def test_every_line_of_a_cell_is_a_statement(tmp_path: Path) -> None:
    cohort = build(Ludb(root=write_ludb(tmp_path / "ludb", ROWS)), tmp_path / "cohort")
    assert labelled(cohort, "ludb-1", 1) == {
        "sinus_bradycardia",
        "left_axis_deviation",
        "left_ventricular_hypertrophy",
        "repolarization_abnormality",
    }
    assert labelled(cohort, "ludb-34", 1) == {
        "atrial_fibrillation",
        "incomplete_right_bundle_branch_block",
        "first_degree_av_block",
        "scar",
    }
    assert labelled(cohort, "ludb-34", -1) == {"ischemia"}
    assert labelled(cohort, "ludb-104", 1) == {
        "sinus_rhythm",
        "third_degree_av_block",
        "pacing",
        "st_elevation_infarction",
    }
    assert labelled(cohort, "ludb-104", -1) == set()


def test_stored_ecgs_are_microvolts_whatever_the_headers_say(tmp_path: Path) -> None:
    source = write_ludb(tmp_path / "ludb", ROWS)
    cohort = build(Ludb(root=source), tmp_path / "cohort")
    true = Ecg((microvolts(34, fs=500.0, seconds=10.0) / 1000).astype(np.float32), STANDARD, 500.0)
    clean = Preprocessing(leads=STANDARD, fs=100.0, seconds=10.0, baseline=True)
    stored = cohort.ecgs(np.array([1])).values[0].numpy()
    np.testing.assert_allclose(stored, clean.apply(true).values, atol=0.00051)


def test_the_gains_of_the_published_headers_are_wrong_and_the_integers_are_not(
    shared: Path,
) -> None:
    for number in ("1", "104"):
        file = str(shared / f"data/ecg-formats/ludb_{number}.hea")
        with pytest.raises(DataError, match="consistent only with a different gain for each"):
            require(read_ecg(file), file, 10.0)
        ecg = read_ludb(file)
        rows = dict(zip(ecg.leads, ecg.values, strict=True))
        np.testing.assert_allclose(rows["III"], rows["II"] - rows["I"], atol=1e-6)
        np.testing.assert_allclose(rows["aVL"], rows["I"] - rows["II"] / 2, atol=0.000501)
        assert require(ecg, file, 10.0).values.shape == (12, 5000)


def test_records_are_split_by_seed(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "ID": str(number)} for number in range(1, 11)]
    source = write_ludb(tmp_path / "ludb", rows)
    first, second = (build(Ludb(root=source, seed=seed), tmp_path / f"{seed}") for seed in (0, 1))
    assert [len(first.rows(part)) for part in ("train", "val", "test")] == [7, 1, 2]
    assert not first.table["split"].equals(second.table["split"])


def test_unusable_records_are_left_out_with_the_reason(tmp_path: Path) -> None:
    source = write_ludb(tmp_path / "ludb", ROWS)
    (source / "data/1.hea").unlink()
    (source / "data/34.dat").write_bytes(b"too short")
    cohort = build(Ludb(root=source), tmp_path / "cohort")
    assert cohort.table["record"].to_list() == ["ludb-104"]
    left_out = cohort.rejected()
    assert left_out["file"].to_list() == ["ludb/data/1.hea", "ludb/data/34.hea"]
    assert "1.hea must be the header" in left_out["reason"][0]
    assert "34.dat must hold" in left_out["reason"][1]


def test_settings_and_tables_that_are_wrong_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="shares val and test must be 0 or more"):
        Ludb(root=tmp_path, val=0.5, test=0.6)
    with pytest.raises(ConfigError, match="fs must be above 0 Hz"):
        Ludb(root=tmp_path, fs=0.0)
    with pytest.raises(DataError, match=r"there is no file .*ludb\.csv"):
        build(Ludb(root=tmp_path), tmp_path / "cohort")
    source = write_ludb(tmp_path / "ludb", [{**ROWS[0], "Age": "old"}])
    with pytest.raises(DataError, match=r"Age in .*ludb\.csv must be a number or >89"):
        build(Ludb(root=source), tmp_path / "cohort")
