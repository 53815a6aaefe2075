"""Read the table of measurements of a UK Biobank project, by field and visit."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import polars as pl

from crossbeat.data.sources.builder import header_of, read_csv
from crossbeat.data.table import value_column
from crossbeat.errors import DataError

FIELDS: Mapping[str, int] = MappingProxyType(
    {
        "LVEDV": 24100,
        "LVESV": 24101,
        "LVSV": 24102,
        "LVEF": 24103,
        "LVM": 24105,
        "RVEDV": 24106,
        "RVESV": 24107,
        "RVSV": 24108,
        "RVEF": 24109,
        "LAV": 24110,
    }
)
"""The field of each measure, in ml, % and g; LAV is the largest volume of the left atrium.

Source: Bai 2020 (10.1038/s41591-020-1009-y).
"""

_EID, _SEX, _AGE = "eid", 31, 21003
_SEXES = {"0": "F", "1": "M", "Female": "F", "Male": "M"}


def read_measures(path: Path, visit: int) -> pl.DataFrame:
    """The participants with age, sex and measurements: patient, age, sex and ``value:`` columns.

    Columns may be called as on UK Biobank's showcase (``24103-2.0``) or its research platform
    (``p24103_i2``, ``participant.p24103_i2``), or as the measure (``LVEF``).

    Args:
        path: a CSV file, or gzipped, with a row for each participant.
        visit: the instance of the measures.

    Raises:
        DataError: the file is absent or damaged, has no column eid or none of a measure, or lists
            a participant twice.
    """
    there = header_of(path)
    known = {name: _column(there, field, visit, name) for name, field in FIELDS.items()}
    named = {name: column for name, column in known.items() if column is not None}
    eid = _first(there, (_EID, f"participant.{_EID}"))
    if eid is None or not named:
        raise DataError(
            f"{path} must have the column {_EID} and measures of visit {visit} such as "
            f"24103-{visit}.0, p24103_i{visit} or LVEF, got {', '.join(there)[:300]}; export them"
        )
    age, sex = _column(there, _AGE, visit, "age"), _column(there, _SEX, 0, "sex")
    types: dict[str, type] = dict.fromkeys(named.values(), float) | {eid: str}
    types |= ({} if age is None else {age: float}) | ({} if sex is None else {sex: str})
    table = read_csv(path, types)
    twice = table.filter(pl.col(eid).is_duplicated() | pl.col(eid).is_null())
    if twice.height:
        raise DataError(
            f"{path} must list every participant once, got {twice[eid][0] or 'one without eid'} "
            f"in {twice.height} rows; drop the others"
        )
    return table.select(
        pl.col(eid).alias("patient"),
        pl.lit(None, pl.Float32).alias("age") if age is None else pl.col(age).alias("age"),
        pl.lit(None, pl.String).alias("sex") if sex is None else _sexes(path, table[sex]),
        *(pl.col(column).alias(value_column(name)) for name, column in named.items()),
    )


def _column(there: list[str], field: int, visit: int, name: str) -> str | None:
    platform = f"p{field}" if field == _SEX else f"p{field}_i{visit}"
    return _first(there, (f"{field}-{visit}.0", platform, f"participant.{platform}", name))


def _first(there: list[str], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in there), None)


def _sexes(path: Path, told: pl.Series) -> pl.Series:
    unknown = set(told.drop_nulls()) - set(_SEXES)
    if unknown:
        raise DataError(
            f"{path}: sex must be 0 or Female, 1 or Male, got {', '.join(sorted(unknown))[:80]}; "
            "export field 31 as it is"
        )
    return told.replace_strict(_SEXES, return_dtype=pl.String).alias("sex")
