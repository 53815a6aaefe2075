from datetime import datetime

import polars as pl
import pytest

from crossbeat.data.table import SCHEMA, check_table, conform
from crossbeat.errors import DataError
from crossbeat.modalities import MODALITIES


def table(**columns):
    given = {
        "patient": ["a", "b"],
        "record": ["r", "s"],
        "split": ["train", "test"],
        "ecg": [0, 1],
        "label:edema": [1, None],
    }
    return conform(pl.DataFrame(given | columns))


def test_conforming_adds_what_is_absent_as_null_and_casts():
    conformed = table(age=[40, 50])
    assert conformed.columns == [*SCHEMA, "label:edema"]
    assert {name: conformed[name].dtype for name in SCHEMA} == SCHEMA
    assert conformed["label:edema"].dtype == pl.Int8()
    assert conformed["xray_patient"].null_count() == 2
    check_table(conformed, ("edema",))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"split": ["train", "dev"]},
            "split must be one of train, val, test, got row 1.*patient b",
        ),
        ({"patient": [None, "b"]}, "column 'patient' must not be empty, got row 0"),
        ({"sex": ["F", "x"]}, "sex must be F, M or empty, got row 1"),
        ({"age": [300, 40]}, "age must be 0 to 120 years, got row 0"),
        ({"ecg": [0, None]}, "a row must have one of ecg, xray, .*, got row 1"),
        ({"xray": [0, None]}, "xray and xray_patient must be given together, got row 0"),
        ({"label:edema": [1, 2]}, r"must be 1, 0, -1 or empty, got 2 in row 1 \(patient b\)"),
        ({"patient": ["a", "a"]}, "patient a in test and train"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused(columns, message):
    with pytest.raises(DataError, match=message):
        check_table(table(**columns), ("edema",))


def test_absent_and_wrongly_typed_columns_are_refused():
    with pytest.raises(DataError, match="'label:gout' of the table must be Int8, got no such"):
        check_table(table(), ("gout",))
    with pytest.raises(DataError, match="'age' of the table must be Float32, got Int64"):
        check_table(table().with_columns(age=pl.lit(1, dtype=pl.Int64)), ("edema",))


def test_unknown_columns_and_values_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="got 'colour'; rename or drop it"):
        table(colour=["red", "blue"])
    with pytest.raises(DataError, match="values of the table must fit their columns"):
        table(age=["old", "young"])


def test_any_modality_may_have_a_study_a_time_and_labels(monkeypatch):
    with pytest.raises(DataError, match=r"one of .*, cine_time.* or begin with .*; got 'ecg_time'"):
        table(ecg_time=[None, None])
    monkeypatch.setitem(MODALITIES, "ppg", MODALITIES["xray"])
    for name in ("xray", "cine", "ppg"):
        columns = {f"{name}_{end}": ["a", "b"] for end in ("patient", "record", "study")}
        columns |= {f"{name}_time": [datetime(2020, 1, 1)] * 2, f"{name}_label:edema": [1, -1]}
        told = table(**columns, **{name: [0, 1]})
        assert set(told.columns) == {*SCHEMA, "label:edema", name, *columns}
        assert (told[f"{name}_label:edema"].dtype, told[name].dtype) == (pl.Int8(), pl.Int64())
        check_table(told, ("edema",))


def test_a_row_without_a_report_has_no_label():
    check_table(table(reported=[True, False]), ("edema",))
    check_table(table(reported=[None, None]), ("edema",))
    assert "reported" not in table().columns
    with pytest.raises(DataError, match="report was not read must have no label, got row 0"):
        check_table(table(reported=[False, True]), ("edema",))
    with pytest.raises(DataError, match="'reported' of the table must be Boolean, got String"):
        check_table(table().with_columns(reported=pl.lit("no")), ("edema",))
