import math

import polars as pl
import pytest

from crossbeat.data.splits import Shares, check_patients_disjoint, split_folds, split_patients
from crossbeat.errors import ConfigError, DataError

PATIENTS = [f"p{i}" for i in range(100)]


def test_patients_are_divided_as_asked_whatever_their_order_and_mentions():
    splits = split_patients(PATIENTS, Shares(val=0.1, test=0.2), 0)
    counts = [list(splits.values()).count(split) for split in ("train", "val", "test")]
    assert counts == [70, 10, 20]
    assert split_patients(reversed(PATIENTS * 2), Shares(val=0.1, test=0.2), 0) == splits
    assert split_patients(PATIENTS, Shares(val=0.1, test=0.2), 1) != splits


def test_the_last_fold_present_tests_and_the_one_before_validates():
    assert split_folds([1, 3, 9, 2, 9]) == {1: "train", 2: "train", 3: "val", 9: "test"}
    with pytest.raises(DataError, match=r"3 folds or more, got \[1, 2\]"):
        split_folds([1, 2, 2])


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.2), (0.5, 0.6), (math.nan, 0.2)])
def test_impossible_shares_are_refused(val, test):
    with pytest.raises(ConfigError, match="must be 0 or more, and 1 or less together"):
        Shares(val=val, test=test)


@pytest.mark.parametrize(
    ("patients", "xray_patients"),
    [
        (["a", "b", "a"], ["x", "y", "z"]),  # an ECG's patient
        (["a", "b", "c"], ["x", "y", "x"]),  # an X-ray's patient
        (["a", "b", "c"], ["x", "y", "a"]),  # one role here, the other there
    ],
)
def test_a_patient_in_two_splits_in_any_role_is_named(patients, xray_patients):
    table = pl.DataFrame(
        {"patient": patients, "xray_patient": xray_patients, "split": ["train", "val", "test"]}
    )
    with pytest.raises(DataError, match=r"patient [ax] in test and train"):
        check_patients_disjoint(table)


def test_patients_within_their_split_pass():
    table = pl.DataFrame(
        {
            "patient": ["a", "a", "b"],
            "xray_patient": ["x", None, "b"],
            "split": ["val", "val", "test"],
        }
    )
    check_patients_disjoint(table)
