import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from mimic_columns import HEADERS
from PIL import Image
from virtual_mimics import NO_ECG, NOTHING_WRONG, digest, image_path, listed, table, text, write

from crossbeat import simulate
from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import MIMIC, STANDARD, limb_leads
from crossbeat.simulate.hospital import VirtualMimic
from crossbeat.simulate.hospital.faults import FAULTS, Faults
from crossbeat.simulate.hospital.records import patients_at
from crossbeat.simulate.hospital.tree import MOST_PATIENTS
from crossbeat.simulate.hospital.visits import STATES, visits

TWELVE = VirtualMimic(num_patients=12, seed=3, image_size=24, film_size=16)


def in_small_blocks(patch):
    for number in ("simulate.streams.BLOCK", "simulate.hospital.visits.BLOCK"):
        patch.setattr(f"crossbeat.{number}", 5)
    patch.setattr("crossbeat.simulate.hospital.records._TOGETHER", 3)


@pytest.fixture
def few_in_a_block(monkeypatch):
    in_small_blocks(monkeypatch)


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    """A tree of twelve patients in three blocks."""
    with pytest.MonkeyPatch.context() as patch:
        in_small_blocks(patch)
        return write(tmp_path_factory.mktemp("mimic") / "twelve")


def test_every_file_is_where_the_tables_say_and_no_other_is(sound):
    records, images = table(sound, "record_list"), table(sound, "metadata")
    told = {
        sound / "mimic-iv-ecg" / f"{path}{suffix}"
        for path in records["path"]
        for suffix in (".hea", ".dat")
    } | {image_path(sound, row) for row in images.iter_rows(named=True)}
    assert told == {path for path in sound.glob("mimic-*/files/**/*") if path.is_file()}
    first = records.row(0, named=True)
    subject, study = first["subject_id"], first["study_id"]
    assert first["path"] == f"files/p{str(subject)[:4]}/p{subject}/s{study}/{study}"
    assert first["file_name"] == study


def test_wfdb_reads_the_leads_and_millivolts_that_were_simulated(tmp_path, monkeypatch):
    wfdb = pytest.importorskip("wfdb")
    ramp = np.linspace(-1, 1, simulate.FS * simulate.SECONDS, dtype=np.float32)
    size = np.arange(1, 13, dtype=np.float32)

    def waves(patients, seed):
        return np.tile(size[:, None] * ramp, (len(patients), 1, 1))

    monkeypatch.setattr(simulate, "ecgs", waves)
    root = write(tmp_path / "tree", num_patients=3, faults=NOTHING_WRONG)
    row = table(root, "record_list").row(0, named=True)
    record = wfdb.rdrecord(str(root / "mimic-iv-ecg" / row["path"]))
    assert tuple(record.sig_name) == MIMIC
    assert (record.fs, set(record.units), set(record.adc_gain)) == (500, {"mV"}, {200.0})
    assert f"{record.base_datetime:%Y-%m-%d %H:%M:%S}" == row["ecg_time"]
    assert record.comments == [f"<subject_id>: {row['subject_id']}"]
    for lead, values in zip(record.sig_name, record.p_signal.T, strict=True):
        np.testing.assert_allclose(values, size[STANDARD.index(lead)] * ramp, atol=0.5 / 200 + 1e-5)
    assert record.checksum == [
        int(values.sum()) % 2**16 for values in np.rint(record.p_signal.T * 200).astype(np.int64)
    ]


def test_the_limb_leads_follow_from_i_and_ii_by_name(sound):
    for path in table(sound, "record_list")["path"].head(5):
        stored = np.fromfile(sound / "mimic-iv-ecg" / f"{path}.dat", "<i2").reshape(-1, 12)
        rows = dict(zip(MIMIC, stored.T / 200, strict=True))
        assert 0.1 < np.abs(stored / 200).max() < 8
        for lead, expected in limb_leads(rows["I"], rows["II"]).items():
            assert np.abs(rows[lead] - expected).max() < 0.011, lead  # two steps of 5 microvolts


def test_images_have_the_size_that_the_tables_tell_and_laterals_are_not_frontal(sound, tmp_path):
    root = write(tmp_path / "both", faults=replace(NO_ECG, lateral_view=1.0))
    rows = table(root, "metadata")
    shown: dict[str, list] = {"frontal": [], "lateral": []}
    for row in rows.iter_rows(named=True):
        if (
            image_path(root, row).is_file()
            and row["dicom_id"] not in listed(root)["truncated_xray"]
        ):
            with Image.open(image_path(root, row)) as image:
                assert (image.mode, image.size) == ("L", (row["Columns"], row["Rows"]))
                kind = "frontal" if row["ViewPosition"] in ("PA", "AP") else "lateral"
                shown[kind].append(np.asarray(image)[:, :4].mean())
    assert set(rows["ViewPosition"]) == {"PA", "AP", "LATERAL", "LL"}
    assert len(shown["lateral"]) > 5
    assert np.mean(shown["lateral"]) < 40 < np.mean(shown["frontal"])
    assert set(table(sound, "metadata")["ViewPosition"]) == {"PA", "AP"}


def test_what_is_recorded_within_hours_shows_one_state_of_the_heart():
    draws = simulate.Draws(3, 0, 256, "mimic")
    ecgs = visits(draws, NOTHING_WRONG).ecgs
    water = pl.Series(patients_at(ecgs, draws).lung_water)
    rows = ecgs.select("patient", "time", water=water)
    pairs = rows.join(rows, on="patient", suffix=" later")
    pairs = pairs.filter(pl.col("time") < pl.col("time later"))
    hours = (pairs["time later"] - pairs["time"]) / 3600
    near, far = (
        np.corrcoef(some["water"], some["water later"])[0, 1]
        for some in (pairs.filter(hours < 12), pairs.filter(hours > 200))
    )
    assert near > 0.95
    assert 0.2 < far < 0.8


def test_a_patient_is_seen_as_the_simulator_says_after_so_many_hours():
    draws = simulate.Draws(3, 0, 20, "mimic")
    events = pl.DataFrame({"patient": [4, 4, 7], "hours": [0.0, 96.0, 3072.0]})
    seen = patients_at(events, draws)
    for row, (patient, hours) in enumerate(events.rows()):
        there = simulate.draw_patients(20, 3, hours=hours)
        assert seen.lung_water[row] == there.lung_water[patient]
        assert seen.age[row] == there.age[patient]
    assert set(visits(draws, Faults()).ecgs["hours"]) <= set(STATES)


def test_without_faults_only_what_follows_from_patient_hour_and_report_is_listed(sound):
    found = listed(sound)
    assert tuple(found) == tuple(FAULTS)
    natural = {"early_study_time", "uncertain_label", "over_89", "patient_without_ecg"}
    assert {name for name, entries in found.items() if entries} <= natural
    assert found["early_study_time"]


def test_the_number_of_workers_does_not_matter(tmp_path, few_in_a_block, twelve):
    with ThreadPoolExecutor(3) as executor:
        TWELVE.write(tmp_path / "three", executor=executor)
    assert digest(twelve) == digest(tmp_path / "three")


def test_no_recording_repeats_the_noise_of_another(tmp_path, monkeypatch):
    monkeypatch.setattr("crossbeat.simulate.hospital.records._TOGETHER", 1)
    files = digest(write(tmp_path / "tree", num_patients=10, faults=NOTHING_WRONG))
    signals = [of for name, of in files.items() if name.endswith(".dat")]
    assert len(set(signals)) == len(signals) > 12


def test_seeds_do(tmp_path, few_in_a_block, twelve):
    one, other = digest(twelve), digest(write(tmp_path / "other", seed=1, num_patients=6))
    assert not [name for name in set(one) & set(other) if name.endswith((".dat", ".jpg"))]
    assert not set(one.values()) & set(other.values())


def test_what_is_recorded_of_a_patient_does_not_depend_on_how_many_follow(
    tmp_path, few_in_a_block, twelve
):
    few = write(tmp_path / "few", num_patients=4)
    for name in HEADERS:
        if "test-set" not in name:
            lines = text(few / name).splitlines()
            assert lines == text(twelve / name).splitlines()[: len(lines)], name
    files = {name: of for name, of in digest(few).items() if name.endswith((".dat", ".jpg"))}
    assert files.items() <= digest(twelve).items()


def stop_after_one(done, total):
    if done == 1:
        raise InterruptedError


def test_a_tree_that_was_stopped_is_completed_without_its_finished_blocks(
    tmp_path, few_in_a_block, twelve
):
    tree = tmp_path / "tree"
    with pytest.raises(InterruptedError), ThreadPoolExecutor(1) as executor:
        TWELVE.write(tree, executor=executor, progress=stop_after_one)
    assert not (tree / "virtual-mimic.json").exists()
    done = (tree / ".unfinished" / "block-00000.json").stat().st_mtime_ns
    written = {path: path.stat().st_mtime_ns for path in tree.rglob("*.jpg")}
    assert min(written.values()) <= done
    steps = []
    with ThreadPoolExecutor(1) as executor:
        TWELVE.write(tree, executor=executor, progress=lambda *step: steps.append(step))
    assert steps[0][0] >= 1
    assert steps[-1] == (3, 3)
    kept = [path for path, when in written.items() if path.stat().st_mtime_ns == when]
    assert len(kept) >= 5
    assert digest(tree) == digest(twelve)


def test_a_finished_tree_is_left_alone_and_one_of_other_settings_is_refused(tmp_path):
    tree = write(tmp_path / "tree", num_patients=2)
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    write(tree, num_patients=2)
    assert before == {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    with pytest.raises(ConfigError, match=r"tree was written with other settings of seed; choose"):
        write(tree, num_patients=2, seed=4)
    (tree / "virtual-mimic.json").rename(tmp_path / "marker.json")
    with pytest.raises(
        ConfigError, match="tree must be free or a virtual MIMIC, got a folder with"
    ):
        write(tree, num_patients=2)
    draft = tree / ".unfinished"
    draft.mkdir()
    settings = json.loads((tmp_path / "marker.json").read_text())["settings"]
    (draft / "settings.json").write_text(json.dumps(settings | {"image_size": 99}))
    with pytest.raises(ConfigError, match=r"other settings of image_size; choose another"):
        write(tree, num_patients=2)


def test_a_full_disk_is_told_in_a_sentence(tmp_path, monkeypatch):
    def fails(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(DataError, match=r"the disk must have room for .*files/p.*; free some"):
        write(tmp_path / "tree")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_patients": 0}, "num_patients must be 1 or more, got 0; raise it"),
        ({"num_patients": MOST_PATIENTS + 1}, f"num_patients must be {MOST_PATIENTS} or less"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"image_size": 15}, "image_size must be 16 or more, got 15"),
        ({"film_size": 8}, "film_size must be 16 or more, got 8"),
        ({"val": 0.5, "test": 0.6}, "1 or less together"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        VirtualMimic(**settings)


def test_patients_without_any_ecg_make_a_tree_too(tmp_path):
    root = write(tmp_path / "tree", num_patients=3, faults=NO_ECG)
    assert table(root, "record_list").is_empty()
    assert table(root, "patients").height == 3
    assert len(listed(root)["patient_without_ecg"]) == 3
