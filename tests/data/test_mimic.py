import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from published_trees import build, mimic
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from crossbeat.data.pairing import Pairing
from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.simulate.hospital import Faults, VirtualMimic

SPOILT = ("missing_ecg", "truncated_ecg", "flat_lead", "missing_samples")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    size = {"num_patients": 50, "image_size": 24, "film_size": 16, "seed": 3}
    often = dict.fromkeys(("duplicated_ecg", "lateral_view"), 0.2) | dict.fromkeys(SPOILT, 0.04)
    made = VirtualMimic(**size, faults=Faults(**often))
    folder = tmp_path_factory.mktemp("mimic")
    with ThreadPoolExecutor(1) as executor:
        made.write(folder, executor=executor)
    return folder


def write_dicom(path, dark_bones):
    """As MIMIC-CXR's are: 16 bits, bones dark, uncompressed."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.1.1")
    meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    image.Rows, image.Columns = dark_bones.shape
    image.SamplesPerPixel, image.PixelRepresentation = 1, 0
    image.PhotometricInterpretation = "MONOCHROME1"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelData = (dark_bones.astype("<u2") * 16).tobytes()
    image.save_as(path)


@pytest.fixture(scope="module")
def cohort(tree, tmp_path_factory):
    return build(mimic(tree), tmp_path_factory.mktemp("built") / "cohort")


@pytest.fixture(scope="module")
def everything(tree, tmp_path_factory):
    """Every record of the official split, in a pair or not, lateral views too."""
    views = ("PA", "AP", "LATERAL", "LL")
    settings = mimic(tree, split="official", views=views, unpaired_ecgs=True)
    return build(settings, tmp_path_factory.mktemp("built") / "everything")


def faults(tree, name):
    return json.loads((tree / "faults.json").read_text())[name]


def test_rows_are_pairs_and_xrays_without_an_ecg(cohort):
    table = cohort.table
    assert table["xray"].is_not_null().all()
    pairs = table.filter(pl.col("ecg").is_not_null())
    assert 15 < pairs.height < table.height
    assert (pairs["patient"] == pairs["xray_patient"]).all()
    assert pairs["record"].str.starts_with("ecg-").all()
    assert pairs["xray_record"].str.starts_with("cxr-").all()
    hours = (pairs["xray_time"] - pairs["time"]).dt.total_hours()
    assert hours.abs().max() < 48


def test_a_stored_pair_is_that_of_the_files(cohort, tree):
    row = int(cohort.rows("train", has=("ecg", "xray"))[0])
    told = cohort.table.row(row, named=True)
    study = told["record"].removeprefix("ecg-")
    (header,) = (tree / "mimic-iv-ecg").glob(f"files/*/*/s{study}/{study}.hea")
    names = [line.split()[-1] for line in header.read_text().splitlines()[1:13]]
    assert names[4:6] == ["aVF", "aVL"]
    stored = np.fromfile(header.with_suffix(".dat"), "<i2").reshape(-1, 12) / 200
    ours = cohort.ecgs(np.array([row])).values[0].numpy()
    for lead in ("aVL", "aVF", "V5"):
        theirs = stored[::5, names.index(lead)]
        assert np.corrcoef(theirs, ours[STANDARD.index(lead)])[0, 1] > 0.8
    (film,) = (tree / "mimic-cxr-jpg").glob(f"files/*/*/*/{told['xray_record'][4:]}.jpg")
    small = np.asarray(Image.open(film).convert("L").resize((16, 16), Image.Resampling.BILINEAR))
    shown = cohort.images("xray", np.array([row]))[0].numpy().astype(float)
    assert np.abs(small - shown).mean() < 3


@pytest.mark.parametrize("fault", SPOILT)
def test_faulty_ecgs_are_in_no_pair(fault, cohort, tree):
    bad = [each if isinstance(each, int) else each[0] for each in faults(tree, fault)]
    assert bad
    assert not set(cohort.table["record"]) & {f"ecg-{study}" for study in bad}


def test_every_faulty_film_is_rejected_and_no_sound_one(cohort, tree):
    bad = {
        f"cxr-{each}" for name in ("missing_xray", "truncated_xray") for each in faults(tree, name)
    }
    lost = cohort.rejected().filter(pl.col("record").str.starts_with("cxr-"))
    assert set(lost["record"]) <= bad
    assert not set(cohort.table["xray_record"]) & bad
    assert lost.height
    assert not lost["reason"].str.contains(str(tree), literal=True).any()


def test_films_in_dicom_take_the_place_of_the_jpgs(cohort, tree, tmp_path):
    for file in (tree / "mimic-cxr-jpg").glob("files/*/*/*/*.jpg"):
        copy = tmp_path / "dicom" / file.relative_to(tree / "mimic-cxr-jpg").with_suffix(".dcm")
        copy.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # those that are truncated on purpose
            write_dicom(copy, 255 - np.asarray(Image.open(file).convert("L")))
    again = build(mimic(tree, dicom=tmp_path / "dicom"), tmp_path / "c")
    assert again.info.settings["xrays"] == "DICOM"
    assert cohort.info.settings["xrays"] == "JPG"
    assert (again.table["xray_record"] == cohort.table["xray_record"]).all()
    rows = cohort.rows("train", has=("xray",))
    pair = [
        of.images("xray", rows).numpy().astype(float).reshape(len(rows), -1)
        for of in (cohort, again)
    ]
    alike = [np.corrcoef(jpg, dicom)[0, 1] for jpg, dicom in zip(*pair, strict=True)]
    assert min(alike) > 0.99


def test_a_folder_without_dicom_files_is_refused(tree, tmp_path):
    with pytest.raises(DataError, match="must hold a folder files, got none; name the folder of"):
        mimic(tree, dicom=tmp_path).build(tmp_path / "c")


def test_only_frontal_films_are_there_and_others_on_request(cohort, everything, tree):
    assert set(cohort.table["note:view"]) == {"PA", "AP"}
    lateral = {f"cxr-{each}" for each in faults(tree, "lateral_view")}
    assert lateral & set(everything.table["xray_record"])


def test_ages_follow_from_the_year_of_the_record(cohort, tree):
    people = pl.read_csv(tree / "mimic-iv/hosp/patients.csv.gz")
    told = cohort.table.row(0, named=True)
    (one,) = people.filter(pl.format("mimic-{}", "subject_id") == told["patient"]).rows(named=True)
    assert told["sex"] == one["gender"]
    assert told["age"] == one["anchor_age"] + told["time"].year - one["anchor_year"]


def test_an_ecg_that_is_listed_twice_is_kept_once(everything, tree):
    twice, there = faults(tree, "duplicated_ecg"), set(everything.table["record"])
    assert twice
    for one, other in twice:
        assert len({f"ecg-{one}", f"ecg-{other}"} & there) <= 1
    assert "duplicate" in everything.rejected()["rule"].to_list()


def test_the_report_on_pairing_is_part_of_the_cohort(cohort):
    report = json.loads((cohort.folder / "pairing.json").read_text())
    pairs = cohort.table.filter(pl.col("ecg").is_not_null()).height
    assert report["rules"][0]["pairs"] >= pairs
    assert (cohort.folder / "pairing.md").read_text().startswith("# Pairing")
    assert {"pairing.json", "pairing.md"} <= set(cohort.info.files)


def test_the_official_split_is_that_of_the_table(everything, tree):
    listed = pl.read_csv(tree / "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz")
    named = {"train": "train", "validate": "val", "test": "test"}
    splits = {
        f"mimic-{s}": named[split] for s, split in listed.select("subject_id", "split").rows()
    }
    told = dict(everything.table.select("patient", "split").rows())
    assert {split for patient, split in told.items() if patient in splits} == set(named.values())
    assert told == {patient: splits.get(patient, "train") for patient in told}


def test_radiologists_have_the_last_word_on_the_test_split(everything, tree, tmp_path):
    theirs = everything.table.filter(pl.col("note:labels") == "radiologist")
    assert set(theirs["split"]) == {"test"}
    told = pl.read_csv(tree / "mimic-cxr-jpg/mimic-cxr-2.1.0-test-set-labeled.csv")
    row = theirs.row(0, named=True)
    (one,) = told.filter(pl.format("study-{}", "study_id") == row["xray_study"]).rows(named=True)
    assert row["label:lung_opacity"] == one["Airspace Opacity"]
    assert row["label:edema"] == one["Edema"]
    settings = mimic(tree, split="official", radiologists=False, unpaired_xrays=False)
    without = build(settings, tmp_path / "d").table
    assert set(without["note:labels"].drop_nulls()) == {"chexpert"}


def test_the_audit_finds_every_phase_apart(cohort):
    audit = json.loads((cohort.folder / "audit.json").read_text())
    assert audit["in_two_splits"] == {"patients": 0, "studies": 0, "signals": 0}
    assert (
        audit["phases"]["xray"]["train"]["rows"] > audit["phases"]["ecg and xray"]["train"]["rows"]
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cxr": Path()}, r"must hold one table mimic-cxr-2\*-chexpert\.csv"),
        (
            {"pairing": Pairing(rule="nearest", window=0.0), "ed": None},
            "must have patients in common whose records pair by nearest 0 h",
        ),
    ],
)
def test_folders_without_pairs_are_refused(changes, message, tree, tmp_path):
    with pytest.raises(DataError, match=message):
        build(mimic(tree, **changes), tmp_path / "c")
