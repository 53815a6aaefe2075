import json

import numpy as np
import polars as pl
import pytest
from tiny_cohorts import build_tiny, tiny_block

from crossbeat.data.audit import AUDIT_FILE, audit, check_audit, without_leaks
from crossbeat.data.build import Block
from crossbeat.data.cohort import Cohort
from crossbeat.data.table import conform
from crossbeat.errors import DataError

TABLE = conform(
    pl.DataFrame(
        {
            "patient": ["a", "b", "c", "d"],
            "record": ["ra", "rb", "rc", "rd"],
            "split": ["train", "val", "test", "train"],
            "ecg": [0, 1, 2, None],
            "xray": [0, None, None, 1],
            "xray_patient": ["a", None, None, "d"],
            "xray_study": ["s1", None, None, "s2"],
        }
    )
)
APART = {"ecg": ["1", "2", "3"], "xray": ["4", "5"]}


def test_signals_of_the_test_split_are_taken_out_of_the_others():
    kept, rejected = without_leaks(TABLE, APART | {"ecg": ["3", "2", "3"]})
    assert kept["record"].to_list() == ["rb", "rc", "rd"]
    (one,) = rejected
    assert (one.record, one.rule) == ("ra", "leak")
    assert "ra in train has the same signal" in one.reason


def test_validation_is_protected_from_training_alone():
    kept, _ = without_leaks(TABLE, APART | {"ecg": ["2", "2", "2"]})
    assert kept["record"].to_list() == ["rc", "rd"]


def test_a_signal_twice_in_one_split_stays():
    kept, rejected = without_leaks(TABLE, APART | {"xray": ["5", "5"]})
    assert kept.equals(TABLE)
    assert not rejected
    assert audit(TABLE, APART | {"xray": ["5", "5"]})["repeated_signals"] == {"ecg": 0, "xray": 1}


def test_phases_are_counted_by_what_their_rows_must_have():
    phases = audit(TABLE, APART)["phases"]
    rows = {phase: [each["rows"] for each in found.values()] for phase, found in phases.items()}
    assert rows == {"ecg": [1, 1, 1], "xray": [2, 0, 0], "ecg and xray": [1, 0, 0]}


@pytest.mark.parametrize(
    ("changed", "leak"),
    [
        ({"patient": ["a", "b", "a", "d"]}, "patients"),
        ({"xray_patient": ["c", None, None, "d"]}, "patients"),
        ({"record": ["ra", "ra", "rc", "rd"]}, "studies"),
        ({"xray_study": ["s1", "s1", None, "s2"]}, "studies"),
        ({"cine_study": ["s1", None, "s1", None]}, "studies"),
    ],
)
def test_what_is_in_two_splits_is_counted(changed, leak):
    table = TABLE.with_columns(pl.Series(name, values) for name, values in changed.items())
    expected = {"patients": 0, "studies": 0, "signals": 0} | {leak: 1}
    assert audit(table, APART)["in_two_splits"] == expected


def test_a_signal_in_two_splits_is_counted():
    found = audit(TABLE, APART | {"ecg": ["1", "1", "3"]})
    assert found["in_two_splits"]["signals"] == 1


def test_a_built_cohort_has_lost_its_leaks_and_says_so(tmp_path):
    def copied(number):
        block = tiny_block(number)
        ecgs = block.signals["ecg"].copy()
        if number == 1:
            ecgs[0] = tiny_block(0).signals["ecg"][4]  # of the test split
        return Block(block.table, {**block.signals, "ecg": ecgs})

    cohort = build_tiny(tmp_path / "c", copied)
    assert cohort.rejected().select("record", "rule").rows() == [("rp6", "leak")]
    assert "rp6" not in cohort.table["record"]
    assert cohort.table.height == 17
    assert cohort.info.notes == (
        "Left out: 1 ECG (leak 1); rejected.parquet has the reasons. Rows that were kept: 17.",
    )
    np.testing.assert_array_equal(cohort.table["ecg"].to_numpy()[6:8], [7, 8])


def test_a_whole_cohort_has_nothing_left_out(tmp_path):
    cohort = build_tiny(tmp_path / "c")
    assert cohort.rejected().height == 0
    assert not (tmp_path / "c" / "rejected.parquet").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be the audit of a cohort"),
        ('{"table": "x"}', "must be the audit of a cohort"),
        ('{"table": "y", "in_two_splits": {}}', "got that of another"),
        (
            '{"table": "x", "in_two_splits": {"patients": 0, "signals": 2}}',
            "nothing in two splits, got {'signals': 2}",
        ),
    ],
)
def test_an_audit_that_does_not_clear_the_cohort_is_refused(text, message, tmp_path):
    path = tmp_path / AUDIT_FILE
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        check_audit(path, table="x")


def test_a_cohort_opens_with_its_own_audit_alone(tmp_path):
    build_tiny(tmp_path / "c")
    path = tmp_path / "c" / AUDIT_FILE
    path.write_text(json.dumps(json.loads(path.read_text())))
    with pytest.raises(DataError, match=r"audit\.json \(\d+ bytes instead of \d+\); copy"):
        Cohort.open(tmp_path / "c")
