"""The columns of a cohort's table, and the check that a table has them."""

from io import BytesIO
from pathlib import Path

import polars as pl

from crossbeat.data.labels import check_labels
from crossbeat.data.splits import SPLITS, check_patients_disjoint
from crossbeat.errors import DataError
from crossbeat.files import write_whole
from crossbeat.modalities import MODALITIES

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
"""The columns of every table. One row is one ECG, one other recording or one pair.

A column named after a modality names the rows of its store, and the one with ``_patient`` behind
the name whose recording it is. Of any modality but the ECG there may also be columns that end in
``_record``, ``_study``, ``_time`` and ``_label:FINDING``.
"""

REPORTED = "reported"
"""An optional column: false where no report was read, so that none of the labels is known.

Elsewhere a report was, and what it does not mention is a finding's null.
"""

_NEVER_NULL = ("patient", "record", "split")
_PREFIXES: dict[str, pl.DataType] = {
    "label": pl.Int8(),
    "truth": pl.Int8(),
    "soft": pl.Float32(),
    "latent": pl.Float32(),
    "note": pl.String(),
    "value": pl.Float32(),
}
OLDEST = 120.0
"""Years: a greater age is a code or an error."""


def label_column(finding: str) -> str:
    """The column with the label of a finding from the report."""
    return f"label:{finding}"


def soft_label_column(finding: str) -> str:
    """The column with the label of a finding before it was rounded, 0 to 1."""
    return f"soft:{finding}"


def truth_column(finding: str) -> str:
    """The column of a virtual cohort with the true value of a finding."""
    return f"truth:{finding}"


def value_column(measurement: str) -> str:
    """The column with a cardiac measurement, in its unit."""
    return f"value:{measurement}"


def conform(table: pl.DataFrame) -> pl.DataFrame:
    """The table with every column of the schema and given optional ones, in its order and type."""
    columns = [
        (pl.col(name) if name in table.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in _columns(table.columns).items()
    ]
    try:
        return table.select(columns)
    except pl.exceptions.InvalidOperationError as error:
        raise DataError(
            "values of the table must fit their columns, got others; correct the table"
        ) from error


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a Parquet file."""
    contents = BytesIO()  # Polars does not tell that a disk is full
    table.write_parquet(contents)
    write_whole(path, contents.getvalue())


def check_table(
    table: pl.DataFrame, findings: tuple[str, ...], measurements: tuple[str, ...] = ()
) -> None:
    """Check that training can use the table without leaking patients."""
    told = [*map(label_column, findings), *map(value_column, measurements)]
    wanted = _columns([*told, *table.columns])
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
    _require(table, pl.col("age").is_between(0, OLDEST), f"age must be 0 to {OLDEST:g} years")
    there = signals_in(table)
    _require(
        table,
        pl.any_horizontal(pl.col(there).is_not_null()),
        f"a row must have one of {', '.join(MODALITIES)}",
    )
    for name in there:
        if name != "ecg":
            _require_owner(table, name)
    _check_reported(table)
    for name in table.columns:
        if name.startswith(soft_label_column("")):
            _require(table, pl.col(name).is_between(0, 1), f"{name} must be 0 to 1")
    coded = [name for name, dtype in wanted.items() if dtype == pl.Int8()]
    check_labels(table, tuple(coded))
    check_patients_disjoint(table)


def _require_owner(table: pl.DataFrame, name: str) -> None:
    """A picture and the patient of whom it is are given together."""
    if owner_column(name) not in table.columns:
        raise DataError(
            f"a table with column {name!r} must have column {owner_column(name)!r}, got none; "
            "rebuild the cohort"
        )
    _require(
        table,
        pl.col(name).is_null() == pl.col(owner_column(name)).is_null(),
        f"{name} and {owner_column(name)} must be given together",
    )


def signals_in(table: pl.DataFrame) -> list[str]:
    """The modalities of which a table has a column, the ECG first."""
    return [name for name in MODALITIES if name in table.columns]


def owner_column(name: str) -> str:
    """Where the table holds whose recording it is; of an ECG it is the patient of the row."""
    return "patient" if name == "ecg" else f"{name}_patient"


def study_column(name: str) -> str:
    """Where the table may hold of which study a recording is; of an ECG it is the record."""
    return "record" if name == "ecg" else f"{name}_study"


def time_column(name: str) -> str:
    """Where the table may hold when a recording was made."""
    return "time" if name == "ecg" else f"{name}_time"


def _check_reported(table: pl.DataFrame) -> None:
    told = [name for name in table.columns if name.startswith(label_column(""))]
    if REPORTED in table.columns and told:
        silent = pl.all_horizontal(pl.col(told).is_null())
        reported = pl.col(REPORTED).fill_null(value=True)
        _require(table, reported | silent, "a row whose report was not read must have no label")


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
    columns, prefixes = dict(SCHEMA), dict(_PREFIXES)
    known = SCHEMA | {REPORTED: pl.Boolean()}
    for name in MODALITIES:
        if name != "ecg":
            known |= {name: pl.Int64(), owner_column(name): pl.String()}
            known |= {f"{name}_record": pl.String(), study_column(name): pl.String()}
            known[time_column(name)] = pl.Datetime("us")
            prefixes[f"{name}_label"] = pl.Int8()
    for name in names:
        prefix = name.split(":", 1)[0] if ":" in name else ""
        if name not in known and prefix not in prefixes:
            raise DataError(
                f"column of the table must be one of {', '.join(known)} or begin with "
                f"{', '.join(f'{begin}:' for begin in prefixes)}; got {name!r}; rename or drop "
                "it, or import the file that registers the modality (crossbeat --import FILE.py)"
            )
        columns[name] = known[name] if name in known else prefixes[prefix]
    return columns
