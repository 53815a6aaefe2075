"""Cohorts of one virtual hospital, paired by several rules."""

from concurrent.futures import ThreadPoolExecutor

from crossbeat.data.pairing import Pairing
from crossbeat.data.sources.mimic import VirtualHospital
from crossbeat.simulate.hospital import VirtualMimic

PATIENTS = VirtualMimic(num_patients=40, seed=5, image_size=24, film_size=16, val=0.2, test=0.4)


def built(folder, window):
    hospital = VirtualHospital(patients=PATIENTS, pairing=Pairing(rule="nearest", window=window))
    with ThreadPoolExecutor(1) as executor:
        return hospital.build(folder, executor=executor)


def test_rules_share_files_patients_and_splits(tmp_path):
    near = built(tmp_path / "near", 6.0)
    (tree,) = tmp_path.glob("mimic-????????????")
    written = {path: path.stat().st_mtime_ns for path in tree.rglob("*") if path.is_file()}
    far = built(tmp_path / "far", 1440.0)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    pairs = [cohort.table["ecg"].count() for cohort in (near, far)]
    assert 0 < pairs[0] < pairs[1]
    splits = [dict(cohort.table.select("patient", "split").iter_rows()) for cohort in (near, far)]
    assert splits[0] == splits[1]
    assert set(splits[0].values()) == {"train", "val", "test"}
