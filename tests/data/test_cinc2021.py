import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from published_trees import CINC, build, labelled, microvolts, write_cinc

from crossbeat.data.sources.cinc2021 import FINDINGS, SOURCES, Cinc2021
from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg
from crossbeat.signal import Ecg, Preprocessing


def test_the_published_layout_becomes_a_cohort(built):
    cohort = built("cinc-2021")
    table = cohort.table.sort("record")[:5]
    assert cohort.info.kind == "single"
    names = ["A0001", "E07500", "E09001", "HR00001", "JS20000"]
    assert table["record"].to_list() == [f"cinc-{name}" for name in names]
    assert table["patient"].equals(table["record"])
    assert table["note:source"].to_list() == ["cpsc_2018", "georgia", "georgia", "ptb-xl", "ningbo"]
    assert table["age"].to_list() == [74, 78, None, None, 84]
    assert table["sex"].to_list() == ["F", "M", "F", "M", None]
    assert table["note:dx"][1] == "426177001,67741000119109"
    assert "the split is by records" in cohort.info.notes[0]


def test_codes_are_findings_and_codes_of_one_diagnosis_count_alike(built):
    cohort = built("cinc-2021")
    assert labelled(cohort, "cinc-E07500") == {"sinus_bradycardia"}
    e09001 = {"left_bundle_branch_block", "premature_ventricular_contraction"}
    assert labelled(cohort, "cinc-E09001") == e09001
    assert labelled(cohort, "cinc-HR00001") == {"sinus_rhythm"}
    js20000 = {"premature_atrial_contraction", "sinus_tachycardia"}
    assert labelled(cohort, "cinc-JS20000") == js20000


def test_what_a_source_never_says_is_unknown_and_the_rest_absent(built):
    cohort = built("cinc-2021")
    assert labelled(cohort, "cinc-JS20000", None) == {"atrial_fibrillation"}
    assert "premature_ventricular_contraction" in labelled(cohort, "cinc-HR00001", None)
    assert "atrial_flutter" in labelled(cohort, "cinc-HR00001", 0)
    assert labelled(cohort, "cinc-A0001", None) == set(FINDINGS)
    assert cohort.table.filter(~pl.col("reported"))["record"].to_list() == ["cinc-A0001"]


def test_the_scored_diagnoses_are_those_of_the_challenge():
    codes = [code for diagnosis in FINDINGS.values() for code in diagnosis.codes]
    assert (len(FINDINGS), len(codes), len(set(codes))) == (26, 30, 30)
    uses = [sum(source in each.sources for each in FINDINGS.values()) for source in SOURCES]
    few = {"cpsc_2018": 6, "cpsc_2018_extra": 20, "st_petersburg_incart": 9, "ptb": 5}
    many = {"ptb-xl": 22, "georgia": 23, "chapman_shaoxing": 19, "ningbo": 25}
    assert dict(zip(SOURCES, uses, strict=True)) == few | many


def test_stored_ecgs_are_millivolts_whatever_the_rate_of_the_source(tmp_path):
    source = write_cinc(tmp_path / "cinc", CINC[:1], fs=257, seconds=30.0)
    cohort = build(Cinc2021(root=source, val=0.0, test=0.0), tmp_path / "cohort")
    waves = microvolts(0, fs=257.0, seconds=30.0)[:, :2570] / 1000
    clean = Preprocessing(leads=STANDARD, fs=100.0, seconds=10.0, baseline=True)
    wanted = clean.apply(Ecg(waves.astype(np.float32), STANDARD, 257.0)).values
    np.testing.assert_allclose(cohort.ecgs(np.array([0])).values[0].numpy(), wanted, atol=0.000501)


def test_sources_can_be_left_out(source, tmp_path):
    settings = replace(source("cinc-2021"), sources=("ningbo", "georgia"))
    cohort = build(settings, tmp_path / "cohort")
    assert set(cohort.table["note:source"]) == {"georgia", "ningbo"}
    message = r"such as training/chapman_shaoxing/g1/NAME\.hea, got none"
    with pytest.raises(DataError, match=message):
        build(replace(settings, sources=("chapman_shaoxing",)), tmp_path / "none")


def test_real_records_are_read_and_wrong_headers_are_left_out_with_the_reason(tmp_path, shared):
    samples = shared / "data/ecg-formats"
    sound = {"georgia": ("E07500", "E07511"), "ningbo": ("JS20000",), "ptb-xl": ("HR06004",)}
    for source, names in sound.items():
        place(samples, tmp_path / "cinc/training" / source / "g1", names)
    odd = samples / "cinc2020_v1_odd"
    place(odd, tmp_path / "cinc/training/cpsc_2018_extra/g1", ("Q0005",))
    place(odd, tmp_path / "cinc/training/georgia/g2", ("E00001",))
    place(odd, tmp_path / "cinc/training/ptb-xl/g2", ("HR00001",))
    cohort = build(Cinc2021(root=tmp_path / "cinc"), tmp_path / "cohort")
    assert sorted(cohort.table["record"]) == [
        f"cinc-{name}" for name in ("E07500", "E07511", "HR06004", "JS20000", "Q0005")
    ]
    left_out = {row["record"]: row for row in cohort.rejected().rows(named=True)}
    assert left_out["cinc-HR00001"]["rule"] == "unit"
    assert "is the gain in the header right?" in left_out["cinc-HR00001"]["reason"]
    assert "the record line must be" in left_out["cinc-E00001"]["reason"]
    assert labelled(cohort, "cinc-E07511") == {"sinus_rhythm"}
    row = cohort.table.row(by_predicate=pl.col("record") == "cinc-JS20000", named=True)
    clean = Preprocessing(leads=STANDARD, fs=100.0, seconds=10.0, baseline=True)
    stored = cohort.ecgs(np.array([row["ecg"]])).values[0].numpy()
    wanted = clean.apply(read_ecg(samples / "JS20000.hea")).values
    np.testing.assert_allclose(stored, wanted, atol=0.000501)


def place(samples, folder, names):
    folder.mkdir(parents=True)
    for name in names:
        for suffix in ("hea", "mat"):
            shutil.copyfile(samples / f"{name}.{suffix}", folder / f"{name}.{suffix}")
