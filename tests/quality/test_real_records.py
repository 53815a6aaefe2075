"""Real records: those of PTB-XL pass, those whose headers are wrong do not."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_ecgs import of, told_of, with_values

from crossbeat import quality
from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg
from crossbeat.signal import Ecg


@pytest.fixture(scope="module")
def ptb_xl(shared: Path) -> dict[tuple[str, float], Ecg]:
    """By record and rate."""
    table = pl.read_csv(shared / "data/ptb-xl/ptbxl_database.csv")
    names = [name for column in ("filename_lr", "filename_hr") for name in table[column]]
    files = [shared / f"data/ptb-xl/{name}.hea" for name in names]
    records = {file.stem: read_ecg(file) for file in files if file.exists()}
    return {(stem[:5], ecg.fs): ecg for stem, ecg in records.items()}


def test_of_494_records_of_ptb_xl_none_is_refused_and_few_are_remarked_on(ptb_xl):
    remarks = {key: told_of(ecg) for key, ecg in ptb_xl.items()}
    assert len(remarks) == 434 + 60
    assert {action for found in remarks.values() for *_, action in found} == {"ok"}
    assert {key: found for key, found in remarks.items() if found} == {
        ("00182", 100.0): [("reversal", "I", "ok")],  # anteroseptal infarction, LAFB
        ("00190", 100.0): [("reversal", "II", "ok")],  # paced
        ("00200", 100.0): [("wander", "V6", "ok")],
        ("00214", 100.0): [("wander", "V6", "ok")],
        ("00292", 100.0): [("wander", "V1", "ok")],
    }


@pytest.mark.parametrize("limb", [("aVL", "aVF"), ("aVF", "aVL")])
def test_what_is_required_of_ptb_xl_is_what_was_recorded_also_if_two_leads_are_exchanged(
    ptb_xl, limb
):
    order = [STANDARD.index(lead) for lead in (*STANDARD[:4], *limb, *STANDARD[6:])]
    for (name, _), ecg in list(ptb_xl.items())[::6]:
        given = Ecg(ecg.values[order], STANDARD, ecg.fs)
        np.testing.assert_array_equal(quality.require(given, name, 10.0).values, ecg.values)


def test_most_exchanges_of_the_arms_are_suspected_and_none_is_upside_down(ptb_xl):
    few = list(ptb_xl.values())[::2]
    suspected = 0
    for ecg in few:
        rows = dict(zip(STANDARD, ecg.values, strict=True))
        rows |= {"I": -rows["I"], "II": rows["III"], "III": rows["II"]}
        rows |= {"aVL": rows["aVR"], "aVR": rows["aVL"]}
        found = of(with_values(np.stack([rows[lead] for lead in STANDARD]), ecg))
        suspected += bool(found["reversal"].message)
        assert found["inverted"].action == "ok"
    assert suspected > 0.9 * len(few)


def test_nine_of_ten_records_upside_down_are_refused(ptb_xl):
    few = list(ptb_xl.values())[::5]
    refused = [of(with_values(-ecg.values, ecg))["inverted"].action == "reject" for ecg in few]
    assert np.mean(refused) > 0.9


def test_heartbeats_are_found_in_records_of_other_data_sets(shared):
    files = sorted((shared / "data/ecg-formats").rglob("*.hea"))
    ecgs = [read_ecg(file) for file in files if file.stem != "E00001"]  # its header is wrong
    assert len(ecgs) > 20
    for ecg in ecgs:
        found = of(ecg, min(10.0, ecg.values.shape[1] / ecg.fs))
        assert found["heartbeat"].action == found["inverted"].action == "ok"


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("00001_hr.hea", []),
        ("00200_hr.hea", [("wander", "V6", "ok")]),
        ("E07500.hea", []),
        ("HR06004.hea", []),
        ("JS20006.hea", [("mains", "", "ok")]),
        ("JS20018.hea", []),
        ("s0010_re.hea", []),
        ("cinc2020_v1_odd/A0001.hea", []),
        ("cinc2020_v1_odd/Q0005.hea", []),
        ("cinc2020_v1_odd/HR00001.hea", [("unit", "", "reject")]),
        ("ludb_1.hea", [("limb", "", "reject")]),
        ("ludb_104.hea", [("limb", "", "reject"), ("reversal", "II", "ok")]),
    ],
)
def test_each_file_gets_the_verdict_it_deserves(shared, file, found):
    assert told_of(read_ecg(shared / "data/ecg-formats" / file)) == found


@pytest.mark.parametrize("name", ["ludb_1", "ludb_104"])
def test_ludb_is_sound_as_a_microvolt_per_unit_but_not_with_its_gains(shared, name):
    folder = shared / "data/ecg-formats"
    stored = np.fromfile(folder / f"{name}.dat", "<i2").reshape(-1, 12).T
    ecg = Ecg(stored.astype(np.float32) / 1000, STANDARD, 500.0)
    assert [action for *_, action in told_of(ecg) if action != "ok"] == []
    with pytest.raises(DataError, match=r"only with a different gain for each; are the gains in"):
        quality.require(read_ecg(folder / f"{name}.hea"), name, 10.0)
