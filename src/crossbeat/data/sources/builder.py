"""Data sets in the layout of their publishers: their tables, and their records one by one."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Int16, Shaped

from crossbeat.data.info import CohortInfo
from crossbeat.data.rejected import Rejected
from crossbeat.data.store import to_int16
from crossbeat.errors import ConfigError, DataError
from crossbeat.quality import NOTHING, Allow, Length, require
from crossbeat.readers import Layout, read_ecg
from crossbeat.signal import Preprocessing

BLOCK = 256
"""Records per shard."""

_USUAL = Length()


def read_csv(path: Path, columns: Mapping[str, type]) -> pl.DataFrame:
    """Some columns of a table, each as a Python type.

    Args:
        path: a CSV file with a header line; may be compressed by gzip.
        columns: the name and the type (``str``, ``int`` or ``float``) of those wanted.

    Raises:
        DataError: the file is absent, lacks a column, or holds a value that does not fit.
    """
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
    """The names of a table's columns.

    Raises:
        DataError: the file is absent or no CSV table.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}; name the folder that holds it")
    try:
        return pl.read_csv(path, infer_schema=False, n_rows=1).columns
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _no_table(path, error) from error


def _no_table(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} must be a CSV table, got: {error}; download it again")


def published(folder: Path, name: str) -> Path:
    """A table of a data set, as it was published or unpacked.

    Args:
        folder: that holds it.
        name: its name with ``.csv``; may have wildcards where versions differ.

    Raises:
        DataError: there is none, or there are two versions of it.
    """
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
    """Texts as moments; null where there is none.

    Args:
        values: all of one form; none is guessed.
        path: of the table that they are from, for the message.
        form: as ``strftime`` takes it.

    Raises:
        DataError: a text is no moment of this form.
    """
    try:
        return values.str.to_datetime(form, time_unit="us")
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"every {values.name} of {path} must be a moment such as 2150-01-31 10:00:00, got "
            f"others: {str(error).splitlines()[0]}; correct the table"
        ) from error


def check_image_size(owner: str, pixels: int) -> None:
    """X-rays have a size.

    Args:
        owner: the settings that need it, for the message.
        pixels: of a side.

    Raises:
        ConfigError: it is below 1.
    """
    if pixels < 1:
        raise ConfigError(f"{owner}.image_size must be 1 pixel or more, got {pixels}; raise it")


def spans(num_rows: int) -> list[slice]:
    """The rows of each shard."""
    return [slice(start, start + BLOCK) for start in range(0, num_rows, BLOCK)]


def read_wave(
    file: str,
    *,
    clean: Preprocessing,
    layout: Layout | None = None,
    length: Length = _USUAL,
    checksum: bool = True,
    allow: Allow = NOTHING,
) -> Int16[np.ndarray, "lead time"]:
    """An ECG file as a cohort stores it: checked, repaired, cleaned, in steps of a microvolt.

    Args:
        clean: the form that it is brought to.
        layout: of a file that does not state its rate and unit.
        length: how to treat a longer or shorter one.
        checksum: whether the checksums and first values that WFDB headers state must be right.
        allow: faults with which it is read all the same.

    Raises:
        DataError: the file cannot be read, or a check of ``crossbeat.quality`` rejects the ECG.
    """
    read = read_ecg(file, layout, checksum=checksum)
    ecg = require(read, file, clean.seconds, length, allow)
    return to_int16(clean.apply(ecg).values[None], CohortInfo.ecg_gain, file)[0]


def read_each(
    records: pl.DataFrame,
    read: Callable[[str], Shaped[np.ndarray, "..."]],
    root: Path,
    *,
    signal: str,
) -> tuple[list[int], Shaped[np.ndarray, "record ..."] | None, tuple[Rejected, ...]]:
    """Every record that can be read: its number, its array, and what was left out.

    Args:
        records: with the columns record (its name) and file.
        read: of a file; raises ``DataError`` where it is unusable; arrays have one shape.
        root: left out of files and reasons, so that they are the same on every machine.
        signal: what kind of file they are, such as ``ecg``.

    Returns the arrays as None where there is no record.
    """
    kept, arrays, rejected = [], [], []
    for number, (record, file) in enumerate(records.select("record", "file").rows()):
        try:
            arrays.append(read(file))
            kept.append(number)
        except DataError as error:
            rejected.append(
                Rejected(
                    record=record,
                    file=file.removeprefix(f"{root}/"),
                    rule=error.rule,
                    reason=str(error).replace(f"{root}/", ""),
                    signal=signal,
                )
            )
    return kept, np.array(arrays) if arrays else None, tuple(rejected)
