"""The columns of a cohort's table, and the check that a table has them."""

import polars as pl

from crossbeat.data.labels import check_labels
from crossbeat.data.splits import SPLITS, check_patients_disjoint
from crossbeat.errors import DataError

SCHEMA: dict[str, pl.DataType] = {
    "patient": pl.String(),
    "record": pl.String(),
    "time": pl.Datetime("us"),
    "split": pl.String(),
    "age": pl.Float32(),
    "sex": pl.String(),
    "ecg": pl.Int64(),
    "xray": pl.Int64(),
    "xray_patient": pl.String(),
}
"""One row is one ECG, one X-ray or one pair; ``ecg`` and ``xray`` are rows of the stores."""

_NEVER_NULL = ("patient", "record", "split")
_PREFIXES: dict[str, pl.DataType] = {
    "label": pl.Int8(),
    "truth": pl.Int8(),
    "xray_label": pl.Int8(),
    "latent": pl.Float32(),
    "note": pl.String(),
}
_OLDEST = 120.0


def label_column(finding: str) -> str:
    """Where the table holds what the report says of a finding."""
    return f"label:{finding}"


def truth_column(finding: str) -> str:
    """Where the table of a virtual cohort holds what the patient has."""
    return f"truth:{finding}"


def conform(table: pl.DataFrame) -> pl.DataFrame:
    """The table with every column of the schema, in its order and type; absent ones null.

    Raises:
        DataError: a column is unknown, or a value does not fit its type.
    """
    columns = [
        (pl.col(name) if name in table.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in _columns(table.columns).items()
    ]
    try:
        return table.select(columns)
    except pl.exceptions.InvalidOperationError as error:
        raise DataError(
            f"values of the table must fit their columns, got: {error}; correct the table"
        ) from error


def check_table(table: pl.DataFrame, findings: tuple[str, ...]) -> None:
    """The table is one that training can use without leaking patients.

    Raises:
        DataError: a column is absent, unknown or of another type; a value is outside of its
            range; a row has neither ECG nor X-ray; a patient is in two splits.
    """
    wanted = _columns([*map(label_column, findings), *table.columns])
    for name, dtype in wanted.items():
        if name not in table.columns or table[name].dtype != dtype:
            got = table[name].dtype if name in table.columns else "no such column"
            raise DataError(
                f"column {name!r} of the table must be {dtype}, got {got}; rebuild the cohort"
            )
    for name in _NEVER_NULL:
        _require(table, pl.col(name).is_not_null(), f"column {name!r} must not be empty")
    _require(table, pl.col("split").is_in(SPLITS), f"split must be one of {', '.join(SPLITS)}")
    _require(table, pl.col("sex").is_in(["F", "M"]), "sex must be F, M or empty")
    _require(table, pl.col("age").is_between(0, _OLDEST), f"age must be 0 to {_OLDEST:g} years")
    _require(
        table,
        pl.col("ecg").is_not_null() | pl.col("xray").is_not_null(),
        "a row must have an ECG or an X-ray",
    )
    _require(
        table,
        pl.col("xray").is_null() == pl.col("xray_patient").is_null(),
        "xray and xray_patient must be given together",
    )
    coded = [name for name, dtype in wanted.items() if dtype == pl.Int8()]
    check_labels(table, tuple(coded))
    check_patients_disjoint(table)


def _require(table: pl.DataFrame, rule: pl.Expr, text: str) -> None:
    wrong = table.with_row_index("row").filter(~rule)
    if wrong.height:
        first = {name: wrong[name][0] for name in ("row", *SCHEMA)}
        raise DataError(
            f"{text}, got row {first.pop('row')} of the table: "
            f"{', '.join(f'{name} {value}' for name, value in first.items())} "
            f"({wrong.height} such rows); correct the table"
        )


def _columns(names: list[str]) -> dict:
    """The schema and the types of further columns (no type hint: beartype refuses polars')."""
    columns = dict(SCHEMA)
    for name in names:
        prefix = name.split(":", 1)[0] if ":" in name else ""
        if name not in SCHEMA and prefix not in _PREFIXES:
            raise DataError(
                f"column of the table must be one of {', '.join(SCHEMA)} or begin with "
                f"{', '.join(f'{known}:' for known in _PREFIXES)}; got {name!r}; rename or drop it"
            )
        columns[name] = SCHEMA[name] if name in SCHEMA else _PREFIXES[prefix]
    return columns
