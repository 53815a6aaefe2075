"""What all data sets share: tables are read, patients divided, and files become a cohort."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Unpack

import numpy as np
import polars as pl
from jaxtyping import Int16, Shaped

from crossbeat.data.build import Block, How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.rejected import Rejected
from crossbeat.data.splits import Shares, split_patients
from crossbeat.data.store import to_int16
from crossbeat.data.table import owner_column
from crossbeat.errors import ConfigError, DataError
from crossbeat.quality import NOTHING, Allow, Length, require
from crossbeat.readers import Layout, read_ecg
from crossbeat.signal import Ecg, Preprocessing

BLOCK = 256
"""Rows of a block."""

Read = Mapping[str, tuple[Callable[[str], Shaped[np.ndarray, "..."]], Path]]
"""For each signal how its files are read, and the folder that is left out of their names."""

_USUAL = Length()


def read_csv(path: Path, columns: Mapping[str, type]) -> pl.DataFrame:
    """Some columns of a CSV table, also in gzip, each as ``str``, ``int`` or ``float``."""
    there = header_of(path)
    absent = [name for name in columns if name not in there]
    if absent:
        raise DataError(
            f"{path} must have the columns {', '.join(columns)}, but lacks {', '.join(absent)}; "
            "use the table as published"
        )
    try:
        text = pl.read_csv(path, infer_schema=False, columns=list(columns))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _no_table(path, error) from error
    try:
        return text.select(
            pl.col(name) if dtype is str else pl.col(name).cast(pl.Float64).cast(dtype)
            for name, dtype in columns.items()
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(f"values of {path} must fit their columns: {error}; correct it") from error


def header_of(path: Path) -> list[str]:
    """The names of a table's columns."""
    if not path.is_file():
        raise DataError(f"there is no file {path}; name the folder that holds it")
    try:
        return pl.read_csv(path, infer_schema=False, n_rows=1).columns
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _no_table(path, error) from error


def _no_table(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} must be a CSV table, got: {error}; download it again")


def published(folder: Path, name: str) -> Path:
    """A table of a data set, plain or in gzip; wildcards in its name stand for its version."""
    found = sorted({*folder.glob(name), *folder.glob(f"{name}.gz")})
    plain = [path for path in found if path.suffix == ".csv"]
    if len(plain or found) != 1:
        got = ", ".join(path.name for path in found) or "none"
        raise DataError(
            f"{folder} must hold one table {name} or {name}.gz, got {got}; "
            "name the folder as it was downloaded"
        )
    return (plain or found)[0]


def table_digest(*paths: Path) -> str:
    """A checksum of tables: with the settings, it identifies the source of a cohort."""
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def times(values: pl.Series, path: Path, form: str) -> pl.Series:
    """Texts of one form (as of ``strftime``) as moments; null where there is none."""
    try:
        return values.str.to_datetime(form, time_unit="us")
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"every {values.name} of {path} must be a moment such as 2150-01-31 10:00:00, got "
            f"others: {str(error).splitlines()[0]}; correct the table"
        ) from error


def check_image_size(owner: str, pixels: int) -> None:
    """Check the size of the X-rays of some settings."""
    if pixels < 1:
        raise ConfigError(f"{owner}.image_size must be 1 pixel or more, got {pixels}; raise it")


def divided(table: pl.DataFrame, seed: int, *, val: float, test: float) -> pl.DataFrame:
    """The table with a column ``split``, the same in all rows of a patient."""
    splits = split_patients(table["patient"], Shares(val=val, test=test), seed)
    split = pl.col("patient").replace_strict(splits, return_dtype=pl.String)
    return table.with_columns(split=split)


def settings_of(source: object, *elsewhere: str) -> dict[str, object]:
    """The settings of a data set but for those that are in another part of the cohort's info."""
    assert is_dataclass(source)
    assert not isinstance(source, type)
    return {name: given for name, given in asdict(source).items() if name not in elsewhere}


def read_wave(
    file: str,
    *,
    clean: Preprocessing,
    layout: Layout | None = None,
    length: Length = _USUAL,
    checksum: bool = True,
    allow: Allow = NOTHING,
) -> Int16[np.ndarray, "lead time"]:
    """An ECG file as a cohort stores it; see ``stored_wave``.

    Args:
        layout: of a file that does not state its rate and unit.
        checksum: whether the checksums and first values that WFDB headers state must be right.
    """
    return stored_wave(read_ecg(file, layout, checksum=checksum), file, clean, length, allow)


def stored_wave(
    ecg: Ecg, file: str, clean: Preprocessing, length: Length = _USUAL, allow: Allow = NOTHING
) -> Int16[np.ndarray, "lead time"]:
    """An ECG (mV) as a cohort stores it: checked, repaired, cleaned, in steps of a microvolt."""
    whole = require(ecg, file, clean.seconds, length, allow)
    return to_int16(clean.apply(whole).values[None], CohortInfo.ecg_gain, file)[0]


def build_files(
    folder: Path, info: CohortInfo, table: pl.DataFrame, read: Read, **how: Unpack[How]
) -> Cohort:
    """Build a cohort from listed files: ``build_cohort`` of a ``block_of_files`` for each part."""
    blocks = [partial(block_of_files, part, read) for part in table.iter_slices(BLOCK)]
    return build_cohort(folder, info, blocks, **how)


def block_of_files(table: pl.DataFrame, read: Read) -> Block:
    """A block of a cohort: the rows of which a file can be read, and the arrays that were read.

    A row has columns of a cohort, and for each signal its file, such as ``ecg_file``. A file that
    several rows name is read once. What raises ``DataError`` is left out.
    """
    arrays: dict[str, np.ndarray | None] = {}
    rejected: list[Rejected] = []
    for name, (load, root) in read.items():
        column, kept = f"{name}_file", []
        places: dict[str, int] = {}
        listed = table.drop_nulls(column).unique(column, maintain_order=True)
        for record, file in listed.select("record", column).rows():
            try:
                kept.append(load(file))
                places[file] = len(places)
            except DataError as error:
                rejected.append(Rejected.of(error, record, file, root, name))
        arrays[name] = np.array(kept) if kept else None
        row = pl.col(column).replace_strict(places, default=None, return_dtype=pl.Int64)
        table = table.with_columns(row.alias(name))
    owners = [
        pl.when(pl.col(name).is_not_null()).then("patient").alias(owner_column(name))
        for name in read
        if name != "ecg"
    ]
    usable = table.filter(pl.any_horizontal(pl.col(list(read)).is_not_null()))
    rows = usable.with_columns(owners).drop(f"{name}_file" for name in read)
    return Block(rows, arrays, tuple(rejected))
