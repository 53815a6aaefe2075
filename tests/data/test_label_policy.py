import numpy as np
import polars as pl
import pytest

from crossbeat.data.labels import ALL_NEGATIVE, LabelPolicy, check_labels, label_codes
from crossbeat.errors import ConfigError, DataError

NAN = float("nan")


@pytest.mark.parametrize(
    ("uncertain", "missing", "expected"),
    [
        ("negative", "negative", [1, 0, 0, 0]),
        ("positive", "negative", [1, 0, 1, 0]),
        ("ignore", "negative", [1, 0, NAN, 0]),
        ("ignore", "ignore", [1, 0, NAN, NAN]),
        ("positive", "ignore", [1, 0, 1, NAN]),
    ],
)
def test_each_policy_gives_the_labels_worked_out_by_hand(uncertain, missing, expected):
    table = pl.DataFrame({"label:edema": pl.Series([1, 0, -1, None], dtype=pl.Int8)})
    policy = LabelPolicy(uncertain=uncertain, missing=missing)
    labels = policy.apply(label_codes(table, ("label:edema",)))[:, 0]
    np.testing.assert_array_equal(labels, np.array(expected, dtype=np.float32))


def test_the_published_policy_makes_everything_negative_that_is_not_positive():
    assert LabelPolicy(uncertain="negative", missing="negative") == ALL_NEGATIVE


def test_a_policy_that_is_none_is_refused():
    policy = LabelPolicy()
    object.__setattr__(policy, "missing", "positive")
    with pytest.raises(ConfigError, match=r"LabelPolicy\.missing must be one of negative, ignore"):
        policy.__post_init__()


def test_an_unknown_label_is_named_with_row_patient_and_column():
    table = pl.DataFrame(
        {"patient": ["a", "b", "c"], "label:edema": pl.Series([None, 0, 3], dtype=pl.Int8)}
    )
    with pytest.raises(DataError, match=r"'label:edema' must be .* got 3 in row 2 \(patient c\)"):
        check_labels(table, ("label:edema",))
