"""What is listed as faulty is faulty, and nothing else is: looked up in the files and tables."""

from itertools import combinations, groupby

import numpy as np
import polars as pl
import pytest
from PIL import Image
from virtual_mimics import image_path, labels, listed, table, times, write

from crossbeat.errors import ConfigError
from crossbeat.leads import MIMIC
from crossbeat.simulate.hospital.faults import FAULTS, Faults

OFTEN = Faults(
    missing_ecg=0.05,
    truncated_ecg=0.05,
    flat_lead=0.05,
    missing_samples=0.05,
    duplicated_ecg=0.2,
    shared_ecg=0.1,
    drifting_carts=0.6,
    most_drift=120.0,
    missing_xray=0.05,
    truncated_xray=0.05,
    several_frontals=0.1,
    overlapping_stays=0.4,
    reversed_stay=0.05,
)


@pytest.fixture(scope="module")
def messy(tmp_path_factory):
    return write(tmp_path_factory.mktemp("mimic") / "messy", num_patients=120, faults=OFTEN)


@pytest.fixture(scope="module")
def ecgs(messy):
    return table(messy, "record_list").with_columns(time=times("ecg_time"))


@pytest.fixture(scope="module")
def signals(messy, ecgs):
    paths = dict(ecgs.select("study_id", "path").rows())
    files = {study: messy / "mimic-iv-ecg" / f"{path}.dat" for study, path in paths.items()}
    return {study: file.read_bytes() for study, file in files.items() if file.is_file()}


def same(found, messy, name):
    """As many entries are listed as were found, the same, and at least one."""
    assert found, f"this tree has no {name}; choose another seed"
    assert sorted(found) == sorted(listed(messy)[name])


def test_every_fault_of_a_kind_is_in_the_list_of_a_messy_tree(messy):
    assert [name for name in FAULTS if not listed(messy)[name]] == []
    assert tuple(listed(messy)) == tuple(FAULTS)


def test_missing_ecgs_have_no_files(messy, ecgs, signals):
    same([study for study in ecgs["study_id"] if study not in signals], messy, "missing_ecg")
    headers = {int(path.stem) for path in messy.rglob("*.hea")}
    assert headers == set(signals)


def test_truncated_ecgs_end_too_early(messy, signals):
    short = [study for study, data in signals.items() if len(data) != 12 * 5000 * 2]
    same(short, messy, "truncated_ecg")


def leads(signals):
    whole = {study: data for study, data in signals.items() if len(data) == 12 * 5000 * 2}
    return {study: np.frombuffer(data, "<i2").reshape(5000, 12).T for study, data in whole.items()}


def test_flat_leads_are_flat(messy, signals):
    flat = [
        [study, MIMIC[row]]
        for study, rows in leads(signals).items()
        for row in np.flatnonzero(np.ptp(rows.astype(int), axis=1) == 0)
    ]
    same(flat, messy, "flat_lead")


def test_missing_samples_are_what_wfdb_calls_missing(messy, ecgs, signals):
    wfdb = pytest.importorskip("wfdb")
    gaps = [study for study, rows in leads(signals).items() if (rows == -32768).any()]
    same(gaps, messy, "missing_samples")
    path = ecgs.filter(pl.col("study_id") == gaps[0])["path"].item()
    read = wfdb.rdrecord(str(messy / "mimic-iv-ecg" / path)).p_signal
    assert np.isnan(read).sum() == 12 * 500


def test_signals_that_are_stored_twice_are_of_one_patient_or_of_two(messy, ecgs, signals):
    owner = dict(ecgs.select("study_id", "subject_id").rows())
    studies = sorted(signals, key=lambda study: signals[study])
    groups = [set(some) for _, some in groupby(studies, key=lambda study: signals[study])]
    pairs = listed(messy)["duplicated_ecg"] + listed(messy)["shared_ecg"]
    joined = {frozenset(some) for some in groups if len(some) > 1}
    assert joined == {
        frozenset({first} | {copy for one, copy in pairs if one == first}) for first, _ in pairs
    }
    assert all(owner[one] == owner[copy] for one, copy in listed(messy)["duplicated_ecg"])
    assert all(owner[one] != owner[copy] for one, copy in listed(messy)["shared_ecg"])


def outside(messy, events):
    stays = table(messy, "edstays").select(
        "subject_id", intime=times("intime"), outtime=times("outtime")
    )
    held = events.join(stays, on="subject_id").filter(
        pl.col("time").is_between(pl.col("intime"), pl.col("outtime"))
    )
    return sorted(set(events["study_id"]) - set(held["study_id"]))


def test_ecgs_outside_every_stay_are_listed(messy, ecgs):
    same(outside(messy, ecgs), messy, "ecg_outside_stay")


def test_xray_studies_outside_every_stay_and_early_ones_are_listed(messy):
    images = table(messy, "metadata").unique("study_id")
    clock = pl.col("StudyTime").floor().cast(pl.Int64).cast(pl.String).str.zfill(6)
    date = pl.col("StudyDate").cast(pl.String)
    studies = images.with_columns(time=(date + clock).str.to_datetime("%Y%m%d%H%M%S"))
    same(outside(messy, studies), messy, "xray_outside_stay")
    early = studies.filter(pl.col("time").dt.hour() < 10)
    assert (early["StudyTime"] < 100_000).all()
    same(early["study_id"].to_list(), messy, "early_study_time")


def test_clocks_of_carts_are_wrong_by_the_minutes_that_are_listed(messy, tmp_path, ecgs):
    settings = {name: getattr(OFTEN, name) for name in vars(OFTEN)} | {"most_drift": 0.0}
    right = write(tmp_path / "right", num_patients=12, faults=Faults(**settings))
    assert listed(right)["clock_drift"] == []
    carts = table(messy, "machine_measurements").select("study_id", "cart_id")
    true = table(right, "record_list").select("study_id", true=times("ecg_time"))
    both = ecgs.join(true, on="study_id").join(carts, on="study_id")
    assert both.height > 15
    drift = dict(listed(messy)["clock_drift"])
    expected = [drift.get(cart, 0) for cart in both["cart_id"]]
    assert any(expected)
    assert (both["time"] - both["true"]).dt.total_minutes().to_list() == expected


def test_patients_without_ecg_are_in_no_record(messy, ecgs):
    everybody = table(messy, "patients")["subject_id"]
    without = sorted(set(everybody) - set(ecgs["subject_id"]))
    same(without, messy, "patient_without_ecg")


def test_missing_and_truncated_images_are_listed(messy):
    found: dict[str, list] = {"missing_xray": [], "truncated_xray": []}
    for row in table(messy, "metadata").iter_rows(named=True):
        path = image_path(messy, row)
        if not path.is_file():
            found["missing_xray"].append(row["dicom_id"])
            continue
        try:
            with Image.open(path) as image:
                image.load()
        except OSError:
            found["truncated_xray"].append(row["dicom_id"])
    for name, entries in found.items():
        same(entries, messy, name)


def test_lateral_and_further_frontal_views_are_listed(messy):
    images = table(messy, "metadata")
    frontal = pl.col("ViewPosition").is_in(["PA", "AP"])
    same(images.filter(~frontal)["dicom_id"].to_list(), messy, "lateral_view")
    count = images.filter(frontal).group_by("study_id").len()
    same(count.filter(pl.col("len") > 1)["study_id"].to_list(), messy, "several_frontals")
    assert count.height == images["study_id"].n_unique()  # every study has a frontal view


def test_uncertain_labels_are_listed(messy):
    told = labels(messy, "chexpert").drop("subject_id").unpivot(index="study_id")
    doubts = told.filter(pl.col("value") == -1).select("study_id", "variable").rows()
    same([list(row) for row in doubts], messy, "uncertain_label")


def test_stays_that_overlap_or_end_before_they_begin_are_listed(messy):
    stays = table(messy, "edstays").with_columns(times("intime"), times("outtime"))
    turned = pl.col("outtime") < pl.col("intime")
    same(stays.filter(turned)["stay_id"].to_list(), messy, "reversed_stay")
    pairs = [
        [one["stay_id"], other["stay_id"]]
        for some in stays.filter(~turned).partition_by("subject_id", maintain_order=True)
        for one, other in combinations(some.iter_rows(named=True), 2)
        if max(one["intime"], other["intime"]) <= min(one["outtime"], other["outtime"])
    ]
    same(pairs, messy, "overlapping_stays")


def test_whoever_is_older_than_89_is_91(messy):
    people = table(messy, "patients")
    assert people["anchor_age"].is_between(18, 91).all()
    assert not (people["anchor_age"] == 90).any()
    old = people.filter(pl.col("anchor_age") > 89)["subject_id"].to_list()
    same(old, messy, "over_89")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"missing_ecg": 1.5}, "missing_ecg must be 0 to 1, got 1.5; change it"),
        ({"reversed_stay": -0.1}, "reversed_stay must be 0 to 1, got -0.1; change it"),
        ({"flat_lead": float("nan")}, "flat_lead must be 0 to 1, got nan; change it"),
        ({"most_drift": 2000.0}, "most_drift must be 0 to 1440, got 2000.0; change it"),
        (
            {"missing_ecg": 0.6, "truncated_ecg": 0.6},
            "missing_ecg, truncated_ecg, .* must not exceed 1 together, got 1.22; lower one",
        ),
        (
            {"missing_xray": 0.6, "truncated_xray": 0.6},
            "missing_xray, truncated_xray must not exceed 1 together, got 1.2; lower one",
        ),
    ],
)
def test_a_rate_out_of_range_is_refused(settings, message):
    with pytest.raises(ConfigError, match=rf"Faults\.{message}"):
        Faults(**settings)
