"""ECGs as plain numbers: CSV and NumPy files, with a layout that describes them."""

import io
import re
from pathlib import Path

import numpy as np
import polars as pl

from crossbeat.errors import DataError
from crossbeat.readers.layout import Layout
from crossbeat.readers.limits import MOST_CHANNELS, check_size, read_bounded
from crossbeat.readers.record import Record, Signal, assemble, lead_rows

_ABSENT = ["", "nan", "NaN", "NAN", "NA", "null"]
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?")


def split_line(line: str) -> list[str]:
    """The fields of a line of a CSV file, parted by semicolons, tabs or commas, in this order.

    Args:
        line: without its end.
    """
    return [field.strip().strip("\"'").strip() for field in line.split(_separator(line))]


def is_sample(field: str) -> bool:
    """Whether a field of a CSV file is a number, or stands for one that is missing."""
    return field in _ABSENT or _NUMBER.fullmatch(field) is not None


def _separator(line: str) -> str:
    return next((sign for sign in (";", "\t", ",") if sign in line), ",")


def read_csv(path: Path, layout: Layout) -> Record:
    """The leads of a CSV file: a column each, a sample each line.

    The first line may name the leads of the columns; if not, the layout does.
    Between semicolons or tabs, a comma is the decimal sign. Empty fields and ``nan`` are missing
    samples.

    Args:
        path: the file.
        layout: rate, unit and, if the file has no line of names, leads.

    Raises:
        DataError: neither the file nor the layout names the columns, they disagree, or a field of
            a lead is no number.
    """
    text = read_bounded(path)
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = text.decode("utf-16", errors="replace").encode()
    text = text.removeprefix(b"\xef\xbb\xbf").strip(b" \r\n")
    first, _, rest = text.partition(b"\n")
    line = first.decode("utf-8", errors="replace").rstrip("\r")
    fields = split_line(line)
    if all(map(is_sample, fields)):
        names, body = layout.names, text
    else:
        names, body = tuple(fields), rest
    if len(names) != len(fields):
        raise DataError(
            f"{path} must name its {len(fields)} columns, in a first line or by the leads of the "
            f"layout, got {len(names)} leads; add them"
        )
    rows = lead_rows(names, path)
    if layout.leads and layout.names != tuple(rows.values()):
        raise DataError(
            f"{path} has a line of names, {', '.join(names)[:200]}, and the layout other ones, "
            f"{', '.join(layout.leads)}; leave the leads of the layout out"
        )
    table = _parse(path, body, _separator(line), list(rows))
    return assemble(
        (
            Signal(names[row], values, layout.unit, layout.fs)
            for row, values in zip(rows, table, strict=True)
        ),
        path,
        [name for row, name in enumerate(names) if row not in rows],
    )


def _parse(path: Path, body: bytes, separator: str, rows: list[int]) -> list[np.ndarray]:
    spaces = b" " if separator == "\t" else b" \t"
    try:
        frame = pl.read_csv(
            io.BytesIO(body.translate(None, spaces + b"\r")),
            has_header=False,
            columns=rows,
            separator=separator,
            decimal_comma=separator != "," and b"," in body,
            schema_overrides=[pl.Float64] * (max(rows) + 1),
            null_values=_ABSENT,
            encoding="utf8-lossy",
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{path} must have a number in each field of a lead, but: {reason[:300]}; correct it"
        ) from None
    return [frame[:, column].fill_null(np.nan).to_numpy() for column in range(frame.width)]


def read_numpy(path: Path, layout: Layout) -> Record:
    """The leads of an array, whose rows or columns are the leads of the layout.

    Args:
        path: a .npy file of real numbers.
        layout: rate, unit and leads.

    Raises:
        DataError: the file is damaged, holds something else than real numbers, or neither rows nor
            columns, or both, are as many as the leads.
    """
    check_size(path)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # of what its header may say, numpy raises many
        raise DataError(
            f"{path} must be a sound .npy file of numbers, but: {str(error)[:300]}; save it again"
        ) from None
    if array.dtype.kind not in "iuf":
        raise DataError(
            f"{path} must hold real numbers, got {str(array.dtype)[:80]}; save them as floats"
        )
    num = len(layout.leads)
    table = np.atleast_2d(array)
    if (
        table.ndim != 2
        or not 0 < num <= MOST_CHANNELS
        or (table.shape[0] == num) == (table.shape[1] == num)
    ):
        raise DataError(
            f"{path} must be an array of leads and samples, one side as long as the {num} leads of "
            f"the layout, got {' x '.join(map(str, array.shape))[:80]}; name the leads"
        )
    rows = table if table.shape[0] == num else table.T
    return assemble(
        (
            Signal(name, np.asarray(row), layout.unit, layout.fs)
            for name, row in zip(layout.names, rows, strict=True)
        ),
        path,
    )
