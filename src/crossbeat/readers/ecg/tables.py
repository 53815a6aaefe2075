"""ECGs as plain numbers: CSV and NumPy files, with a layout that describes them."""

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import STANDARD, among
from crossbeat.readers.ecg.record import MILLIVOLTS, Record, Signal, assemble, lead_rows
from crossbeat.readers.limits import MOST_CHANNELS, check_size, read_bounded

HOW_TO_SAY = "--layout.fs 500 --layout.unit uV"
"""An example of what a user may have to add, for messages."""

_ABSENT = ("", "-", "nan", "NaN", "NAN", "NA", "null")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?")

_THOUSANDS = r"^[-+]?[1-9]\d{0,2}([.,]\d{3})+$"
"""Numbers such as 1.037, which may be a thousand and more."""

_MISSING = -32768  # what stands for no sample where whole numbers of 16 bits are stored, as in WFDB
_SECONDS = dict.fromkeys(("s", "sec", "second", "seconds"), 1.0)
_SECONDS |= dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3)
_WITH_UNIT = re.compile(r"(?P<name>[^\[\]()]+?)[ _]*[\[(](?P<unit>[^\[\]()]+)[\])]")
_TIME = re.compile(r"(?P<elapsed>elapsed )?time(?:[ _]?[\[(]?(?P<unit>[a-z]+)[\])]?)?")
_SLACK, _ROUNDED = 0.01, 0.002
"""The part, and seconds, by which times may differ from the rate: they are rounded."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the numbers of a CSV or NumPy file are to be read.

    Args:
        fs: sampling rate in hertz, above 0.
        unit: of the numbers: mV, uV, V or nV.
        leads: the name of each column of a CSV file without header line, or of each row or column
            of a NumPy array, in any spelling that a file may have; empty if the header line of a
            CSV file has the names.

    Raises:
        ConfigError: a value breaks its rule.
    """

    fs: float
    unit: str
    leads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.fs < math.inf:
            raise ConfigError(f"fs must be above 0 Hz, got {self.fs}; give the sampling rate")
        if self.unit.strip().lower() not in MILLIVOLTS:
            raise ConfigError(f"unit must be mV, uV or V, got {self.unit!r}; correct it")
        names = [lead.removeprefix("-") for lead in self.names]
        if not len(self.leads) == len(names) == len(set(names)):
            raise ConfigError(
                f"leads must be different ones of {', '.join(STANDARD)}, got "
                f"{', '.join(self.leads)}; correct the list"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The leads in their standard spelling, or ``-aVR``."""
        return tuple(among(self.leads).values())


def split_line(line: str) -> list[str]:
    """The fields of a line of a CSV file, parted by semicolons, tabs or commas, in this order."""
    return [field.strip().strip("\"'").strip() for field in line.split(_separator(line))]


def is_sample(field: str) -> bool:
    """Whether a field of a CSV file is a number, or stands for one that is missing."""
    return field in _ABSENT or _NUMBER.fullmatch(field) is not None


def _separator(line: str) -> str:
    return next((sign for sign in (";", "\t", ",") if sign in line), ",")


def read_csv(path: Path, layout: Layout) -> Record:
    """The leads of a CSV file: a column each, a sample each line.

    The first line may name the leads of the columns, also with their unit, as in ``I (mV)``; if
    not, the layout does. A line of their units may follow it, and must agree with the layout, as
    must times in a column ``Elapsed time``. Between semicolons or tabs, a comma is the decimal
    sign. Empty fields, ``-`` and ``nan`` are missing samples, and so is -32768 among whole numbers.
    """
    text = _plain(read_bounded(path))
    first, _, body = text.partition(b"\n")
    separator, columns = _separator(_line(first)), list(map(column, split_line(_line(first))))
    names = tuple(name for name, _ in columns)
    _check_unit(path, {unit for _, unit in columns if unit}, layout, "line of names")
    units: list[str] = []
    if all(map(is_sample, names)):
        names, body = _named(path, names, layout), text
    else:
        units, body = _units(path, body, lead_rows(names, path), layout)
    rows = lead_rows(names, path)
    if layout.leads and layout.names != tuple(rows.values()):
        raise DataError(
            f"{path} has a line of names, {', '.join(names)[:200]}, and the layout other ones, "
            f"{', '.join(layout.leads)}; leave the leads of the layout out"
        )
    _check_fields(path, body, separator, names)
    clock = _clock(names, units)
    table = _parse(path, body, separator, [*rows, *clock])
    for place, second in enumerate(clock.values(), start=len(rows)):
        _check_times(path, table[:, place], second, layout.fs)
    numbers = zip(rows, _numbers(path, table[:, : len(rows)], separator != ","), strict=True)
    signals = [Signal(names[row], values, layout.unit, layout.fs) for row, values in numbers]
    return assemble(signals, path, [name for row, name in enumerate(names) if row not in rows])


def column(text: str) -> tuple[str, str]:
    """The name of a column, and the unit of voltage behind it, as in ``I (mV)``; empty if none."""
    found = _WITH_UNIT.fullmatch(text.strip())
    unit = found["unit"].strip().lower() if found else ""
    return (found["name"], unit) if found and unit in MILLIVOLTS else (text, "")


def _plain(text: bytes) -> bytes:
    """The text in UTF-8 without empty lines, its lines parted by line feeds."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = text.decode("utf-16", errors="replace").encode()
    text = text.removeprefix(b"\xef\xbb\xbf")
    text = text.translate(None, b"\r") if b"\n" in text else text.replace(b"\r", b"\n")
    return re.sub(rb"\n(?: *\n)+", b"\n", text.strip(b" \n"))


def _line(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _named(path: Path, fields: tuple[str, ...], layout: Layout) -> tuple[str, ...]:
    """The names of the columns by the layout; a separator may end the lines."""
    spare = len(fields) - len(layout.names)
    if spare and (spare != 1 or fields[-1]):
        raise DataError(
            f"{path} must name its {len(fields)} columns, in a first line or by the leads of the "
            f"layout, got {len(layout.names)} leads; add them"
        )
    return layout.names + ("",) * spare


def _units(path: Path, body: bytes, rows: Iterable[int], layout: Layout) -> tuple[list[str], bytes]:
    """The units that a line states, or none, and what follows."""
    line, _, rest = body.partition(b"\n")
    units = [unit.strip("()[]").lower() for unit in split_line(_line(line))]
    stated = {units[row] for row in rows if row < len(units)}
    if not stated or any(is_sample(unit) or any(map(str.isdigit, unit)) for unit in stated):
        return [], body
    _check_unit(path, stated, layout, "line of units")
    return units, rest


def _check_unit(path: Path, stated: set[str], layout: Layout, where: str) -> None:
    factors = {MILLIVOLTS.get(unit) for unit in stated}
    if stated and factors != {MILLIVOLTS[layout.unit.strip().lower()]}:
        raise DataError(
            f"{path} must be in {layout.unit}, the unit of the layout, but its {where} has "
            f"{', '.join(sorted(stated))[:80]}; correct the layout, or the line"
        )


def _check_fields(path: Path, body: bytes, separator: str, names: tuple[str, ...]) -> None:
    """Each line must have a field for each name; a separator may end the lines."""
    first = _fields(body.partition(b"\n")[0], separator)
    needed = len(names) - (names[-1] == "")
    got = wide = len(first)
    if wide in {needed, len(names)} or (wide == needed + 1 and not first[-1]):
        letters = np.frombuffer(body, np.uint8)
        ends = np.append(np.flatnonzero(letters == ord("\n")), letters.size)
        before = np.searchsorted(np.flatnonzero(letters == ord(separator)), ends)
        if (np.diff(before, prepend=0) == wide - 1).all():
            return
        # rare: separators in quotes, or lines that are not alike
        fields = (_fields(line, separator) for line in body.split(b"\n"))
        uneven = (row for row in fields if len(row) != wide)
        # a line may lack the separator that ends others
        got = next((len(row) for row in uneven if len(row) != needed or not row[-1].strip()), wide)
        if got == wide:
            return
    raise DataError(
        f"{path} must have a field for each of its {needed} columns in every line, got {got} in "
        "one; name every column, or copy or export the file again"
    )


def _fields(line: bytes, separator: str) -> list[str]:
    """None of a line that is longer than any of a sample."""
    try:
        return next(csv.reader([_line(line)], delimiter=separator), [])
    except csv.Error:
        return []


def _clock(names: Sequence[str], units: Sequence[str]) -> dict[int, float]:
    """The columns of times of a known unit, and how many seconds it is."""
    found = {}
    for column, name in enumerate(names):
        time = _TIME.fullmatch(name.lower())
        if time:
            stated = units[column] if column < len(units) else ""
            unit = time["unit"] or stated or ("s" if time["elapsed"] else "")
            if unit in _SECONDS:
                found[column] = _SECONDS[unit]
    return found


def _check_times(path: Path, times: pl.Series, second: float, fs: float) -> None:
    begin, end = _seconds(times[0], second), _seconds(times[-1], second)
    num = len(times) - 1
    if num > 0 and abs(end - begin - num / fs) > max(_SLACK * num / fs, _ROUNDED):
        raise DataError(
            f"{path} has {num} samples in {end - begin:g} s by its times, {num / (end - begin):g} "
            f"Hz, but the rate of the layout is {fs:g} Hz; correct the layout, or the times"
            if end > begin
            else f"{path} must have rising times, got {begin:g} to {end:g} s; correct them"
        )


def _seconds(text: str | None, second: float) -> float:
    """NaN of what is no time."""
    parts = (text or "").strip(" \t'\"[]").split(":")
    try:
        numbers = [float(part.replace(",", ".")) for part in parts]
    except ValueError:
        return math.nan
    total = sum(number * 60**power for power, number in enumerate(reversed(numbers)))
    return total * (second if len(parts) == 1 else 1.0)


def _parse(path: Path, body: bytes, separator: str, columns: list[int]) -> pl.DataFrame:
    """The fields of some columns, as text, in the order asked for."""
    ordered = sorted(columns)  # as polars 1 gives them in any case; 2 numbers them in another way
    try:
        table = pl.read_csv(
            io.BytesIO(body),
            has_header=False,
            columns=ordered,
            separator=separator,
            infer_schema=False,
            encoding="utf8-lossy",
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError):
        table = None
    if table is None or table.height != body.count(b"\n") + 1:
        raise DataError(
            f"{path} must have as many fields in every line, and its quotes in pairs within a "
            "line, but has not; correct it, or export the file again"
        )
    return table[:, [ordered.index(column) for column in columns]]


def _numbers(path: Path, table: pl.DataFrame, comma: bool) -> np.ndarray:
    """Samples of each lead in a row, from text in which a comma may be the decimal sign."""
    fields = [column.str.strip_chars(" \t\"'") for column in table]
    _check_signs(path, fields)
    numbers = []
    for text in fields:
        there = text.set(text.is_in(_ABSENT), None)
        plain = there.str.replace(",", ".", literal=True) if comma else there
        try:
            values = plain.cast(pl.Float64)
        except pl.exceptions.InvalidOperationError as error:
            pairs = zip(there.drop_nulls(), plain.drop_nulls(), strict=True)
            got = next((field for field, each in pairs if not is_sample(each)), "another")
            raise DataError(
                f"{path} must have a number in each field of a lead, got {got[:80]!r}; correct it"
            ) from error
        numbers.append(values.fill_null(math.nan).to_numpy())
    return _unmarked(np.stack(numbers))


def _check_signs(path: Path, fields: Sequence[pl.Series]) -> None:
    """Refuse points or commas that may part thousands, and both as decimal signs."""
    commas = any(text.str.contains(",", literal=True).any() for text in fields)
    if commas and any(text.str.contains(".", literal=True).any() for text in fields):
        raise DataError(
            f"{path} must have points or commas as decimal signs, got both; export it again with "
            "one, and without signs between thousands"
        )
    sign = "," if commas else "."
    signed = [text.filter(text.str.contains(sign, literal=True)) for text in fields]
    if not any(map(len, signed)) or not all(text.str.contains(_THOUSANDS).all() for text in signed):
        return
    if any(text.str.contains(r"^[-+]?\d+$").any() for text in fields):
        got = next(text[0] for text in signed if len(text))
        raise DataError(
            f"{path} must have no signs between thousands, got {got} beside whole numbers, which "
            f"may be {got.replace(sign, '')}; export it without them, or with all decimals"
        )


def _unmarked(values: np.ndarray) -> np.ndarray:
    """Whole numbers without the one that stands for no sample; others as they are."""
    marked = values == _MISSING
    if not marked.any():
        return values
    if values.dtype.kind == "f" and not (values == np.rint(values))[np.isfinite(values)].all():
        return values
    floats = values.astype(np.float64)
    floats[marked] = math.nan
    return floats


def read_numpy(path: Path, layout: Layout) -> Record:
    """The leads of an array of real numbers, whose rows or columns are the leads of the layout.

    Among whole numbers, -32768 is a missing sample, as in the formats that store 16 bits.
    """
    check_size(path)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # of what its header may say, numpy raises many
        if "Python objects" in str(error):
            raise DataError(
                f"{path} must hold real numbers, got Python objects; save them as an array of "
                "floats"
            ) from None
        raise DataError(
            f"{path} must be a sound .npy file of numbers, but: {str(error)[:300]}; save it again"
        ) from None
    if array.dtype.kind not in "iuf":
        raise DataError(
            f"{path} must hold real numbers, got {str(array.dtype)[:80]}; save them as floats"
        )
    num, table = len(layout.leads), np.atleast_2d(array)
    if table.ndim != 2 or not 0 < num <= MOST_CHANNELS or table.shape.count(num) != 1:
        raise DataError(
            f"{path} must be an array of leads and samples, one side as long as the {num} leads of "
            f"the layout, got {' x '.join(map(str, array.shape))[:80]}; name the leads"
        )
    rows = _unmarked(np.asarray(table if table.shape[0] == num else table.T))
    named = zip(layout.names, rows, strict=True)
    return assemble((Signal(name, row, layout.unit, layout.fs) for name, row in named), path)
