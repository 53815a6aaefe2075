"""Read a table of the user's own, of any usual format, and find its columns.

All is trimmed text. Ids keep their leading zeros: nothing is guessed to be a number.
"""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import polars as pl

from crossbeat.errors import ConfigError, DataError, listed, suggestion

FILES = ("ecg", "xray")
"""Settings of ``Columns`` that name columns of files."""

NO_COLUMN = "none"
"""The name that says that a table has no such column, even if one is called so."""

_USUAL: Mapping[str, str] = {
    "ecg": "path ecgpath ecgfile ecgfilename file filename filenamehr filenamelr waveform "
    "waveformpath record recordpath ekg ekgdatei ekgpfad",
    "xray": "cxr cxrpath cxrfile xraypath xrayfile xrayfilename film image imagepath imageindex "
    "jpg radiograph röntgen röntgenbild röntgendatei",
    "patient": "subjectid patientid mrn subject pid patid personid patnr patientennr patientenid "
    "patientennummer recordid eid person medicalrecordnumber",
    "record": "studyid ecgid examid accession accessionnumber",
    "time": "ecgtime ecgdate ecgdatetime recordingdate recordingtime acquisitiontime "
    "acquisitiondatetime datetime date zeit datum",
    "xray_time": "cxrtime cxrdate xraydate xraydatetime studydatetime filmtime",
    "age": "ageyears patientage anchorage alter edad ageatecg",
    "sex": "gender patientsex geschlecht sexo",
    "split": "set subset partition fold",
}
"""What other tables call these columns: letters and digits only, in small letters."""


_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def read_table(path: Path, sheet: str | None = None) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """All columns of a table as trimmed text, empty ones null, and notes on how it was read.

    The format follows from the contents: CSV with commas, semicolons, tabs or vertical bars, in
    UTF-8, UTF-16 or Windows-1252 (Latin-1), also in gzip; Excel and OpenDocument; Parquet. Of a
    workbook the sheet may be left out if there is only one that is not empty.
    """
    if path.is_dir() or not path.exists():
        got = "a folder" if path.is_dir() else "nothing there"
        raise DataError(f"{path} must be a table, got {got}; name a CSV, Excel or Parquet file")
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} must be a file that can be read, got a damaged or closed one; copy it again"
        ) from error
    notes: tuple[str, ...] = ()
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        table = _workbook(data, path, sheet)
    elif data[:4] == b"PAR1":
        table, notes = _parquet(data, path)
    else:
        table, notes = _separated(data, path)
    blank = [name for name in table.columns if name.startswith("\0")]
    table = table.with_columns(pl.all().str.strip_chars()).with_columns(
        pl.when(pl.all().str.len_chars() > 0).then(pl.all())
    )
    empty = pl.all_horizontal(pl.all().is_null())
    table = table.filter(~empty).drop(name for name in blank if table[name].is_null().all())
    if not table.height:
        raise DataError(f"{path} must have a row below its header, got none; export it again")
    return table, notes


def _named(names: Sequence[str | None], path: Path) -> list[str]:
    """Trimmed names; a column without one gets a name that no user can write."""
    trimmed = [(name or "").strip().strip("\ufeff") for name in names]
    twice = [name for name, count in Counter(trimmed).items() if name and count > 1]
    if twice:
        raise DataError(
            f"{path} must name every column once, got {twice[0]!r} {trimmed.count(twice[0])} "
            "times; rename one"
        )
    return [name or f"\0{number}" for number, name in enumerate(trimmed)]


def _separated(data: bytes, path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    text, notes = _decoded(data, path)
    try:
        return _parsed(text, path), notes
    except csv.Error as error:
        raise DataError(
            f"{path} must be a CSV table, but has a value of more than "
            f"{csv.field_size_limit():,} letters; export it again"
        ) from error


def _parsed(text: str, path: Path) -> pl.DataFrame:
    first, _, rest = text.partition("\n")
    told = re.fullmatch(r"\"?sep=(.)\"?\s*", first)  # a line that Excel writes and reads
    if told:
        text = rest
        first = rest.partition("\n")[0]
    separator = told[1] if told else max(_SEPARATORS, key=lambda each: len(_split(first, each)))
    lines = csv.reader(io.StringIO(text), delimiter=separator)
    header = next(lines, [])
    names = _named(header, path)
    if not any(name.strip() for name in header):
        raise DataError(
            f"{path} must begin with the names of its columns, got an empty line; add the names, "
            "or export it again"
        )
    unquoted = DataError(
        f"{path} must be a CSV table, but its quotes do not match; export it again"
    )
    try:
        table = pl.read_csv(
            text.encode(),
            separator=separator,
            has_header=False,
            infer_schema=False,
            new_columns=names,
        )
    except pl.exceptions.PolarsError as error:
        _require_even(text, separator, path)
        raise unquoted from error
    if table.width != len(names) or table[1:, -1].has_nulls():  # filled up where values lack
        _require_even(text, separator, path)
    if table.width != len(names):
        raise unquoted
    return table[1:]


def _split(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator), [])


def _decoded(data: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace").replace("\r\n", "\n"), ()
    if b"\0" in data[:4096]:
        raise DataError(
            f"{path} must be a CSV, Excel or Parquet table, got another format; export it as CSV"
        )
    notes: tuple[str, ...] = ()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        notes = (f"{path.name} is not UTF-8, so it was read as Windows-1252 (Latin-1).",)
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _require_even(text: str, separator: str, path: Path) -> None:
    """Check that each line has a value for each column, or is empty."""
    lines = csv.reader(io.StringIO(text), delimiter=separator)
    width = len(next(lines, []))
    for row in lines:
        if any(map(str.strip, row)) and len(row) != width:
            raise DataError(
                f"line {lines.line_num} of {path} must have {width} values, as the header has, got "
                f"{len(row)} (separated by {_SEPARATORS.get(separator, separator)}); put values "
                "that contain the separator in double quotes, or add what is missing"
            )


def _workbook(data: bytes, path: Path, sheet: str | None) -> pl.DataFrame:
    try:
        import fastexcel
    except ImportError:
        raise DataError(
            f"{path} must be read with the package fastexcel, which is not installed; run pip "
            "install 'crossbeat[formats]', or save the table as CSV"
        ) from None
    try:
        book = fastexcel.read_excel(data)
        tables = {
            name: book.load_sheet(name, header_row=None, dtypes="string").to_polars()
            for name in book.sheet_names
            if sheet in (None, name)
        }
    except fastexcel.FastExcelError as error:
        raise DataError(
            f"{path} must be an Excel workbook, got a damaged or protected one; save it again, or "
            "as CSV"
        ) from error
    filled = {name: table for name, table in tables.items() if table.height}
    if len(filled) != 1:
        raise ConfigError(
            f"{path} must be read with --sheet and the name of one sheet, got "
            f"{sheet or 'none'}; its sheets are {', '.join(book.sheet_names)}"
        )
    (table,) = filled.values()
    table.columns = _named(table.row(0), path)
    return table[1:]


def _parquet(data: bytes, path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    try:
        table = pl.read_parquet(io.BytesIO(data))
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{path} must be a Parquet table, got a damaged one; export it again, or as CSV"
        ) from error
    table.columns = _named(table.columns, path)
    texts, others = [], []
    for column in table:
        try:
            texts.append(_as_text(column))
        except pl.exceptions.PolarsError:
            others.append(column.name)
    note = f"Columns of other values than text, numbers and times, not read: {listed(others)}."
    return pl.DataFrame(texts), (note,) if others else ()


def _as_text(column: pl.Series) -> pl.Series:
    if column.dtype.is_nested():
        raise pl.exceptions.InvalidOperationError
    if isinstance(column.dtype, pl.Datetime):
        text = column.dt.to_string("iso:strict").str.replace("T", " ")
        return text.str.replace(r"\[.*\]$", "") if column.dtype.time_zone else text
    return (column.round(9) if column.dtype.is_float() else column).cast(pl.String)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns of a table, in any case.

    A name that is not given is that of the setting. ``none`` says that there is no such column.

    Args:
        ecg: files of the ECGs.
        xray: files of the X-rays.
        patient: ids of the patients.
        record: names of the records.
        time: times of the ECGs.
        xray_time: times of the X-rays.
        age: ages in years.
        sex: F or M.
        split: train, val or test.
    """

    ecg: str | None = None
    xray: str | None = None
    patient: str | None = None
    record: str | None = None
    time: str | None = None
    xray_time: str | None = None
    age: str | None = None
    sex: str | None = None
    split: str | None = None

    def required(
        self, there: Sequence[str], path: Path, *, every_row_is_a_patient: bool
    ) -> dict[str, str]:
        """The column of each setting that the table has; it must have files and patients."""
        roles = self._found(there, path)
        if every_row_is_a_patient and "patient" in roles:
            raise ConfigError(
                f"{path} must be read without --every-row-is-a-patient, got the column "
                f"{roles['patient']!r}; leave the option out, or add --columns.patient {NO_COLUMN}"
            )
        wanted: dict[Sequence[str], str] = {}
        otherwise = ""
        if not set(FILES) & set(roles):
            wanted[FILES] = "a column ecg or xray that names files"
        if "patient" not in roles and not every_row_is_a_patient:
            wanted["patient",] = "a column patient"
            otherwise = ", or say --every-row-is-a-patient if no patient has two rows"
        if wanted:
            add = " ".join(self._options(wanted, [n for n in there if n not in roles.values()]))
            raise DataError(
                f"{path} must have {' and '.join(wanted.values())}, got {listed(there)}; "
                f"add {add}{otherwise}"
            )
        return roles

    def _found(self, there: Sequence[str], path: Path) -> dict[str, str]:
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        roles: dict[str, str] = {}
        for role, name in given.items():
            if name is None:
                column = column_named(role, there)
                if column is not None:
                    roles[role] = column
            elif name != NO_COLUMN:
                roles[role] = require_column(name, there, path, f"--columns.{role}")
        # A column that was named for one setting is not that of another only by its own name.
        named = {column for role, column in roles.items() if given[role] is not None}
        roles = {
            role: column
            for role, column in roles.items()
            if given[role] is not None or column not in named
        }
        twice = [column for column, count in Counter(roles.values()).items() if count > 1]
        if twice:
            both = " and ".join(f"--columns.{r}" for r, column in roles.items() if column in twice)
            raise ConfigError(
                f"{both} must name different columns, got {twice[0]!r} for each; correct one"
            )
        return roles

    @staticmethod
    def _options(wanted: Iterable[Sequence[str]], there: Sequence[str]) -> list[str]:
        """What the user may have to add, such as ``--columns.patient subject_id``.

        One setting of each group that is ``wanted``; ``there`` are columns that have no role yet.
        """
        plain = {_plain(name): name for name in reversed(there)}
        added: list[str] = []
        taken: set[str] = set()
        for group in wanted:
            before = len(added)
            for role in group:
                usual = [plain[name] for name in _USUAL[role].split() if name in plain]
                left = [name for name in usual if name not in taken]
                if left:
                    added.append(f"--columns.{role} {quoted(left[0])}")
                    taken.add(left[0])
            if len(added) == before:
                added.append(f"--columns.{group[0]} COLUMN")
        return added


def column_named(name: str, there: Sequence[str]) -> str | None:
    """The column of this name: as it is written, else in another case; None if there is none."""
    if name in there:
        return name
    found = [column for column in there if column.casefold() == name.strip().casefold()]
    return found[0] if len(found) == 1 else None


def require_column(name: str, there: Sequence[str], path: Path, option: str) -> str:
    """The column of this name in any case."""
    found = column_named(name, there)
    if found is None:
        near = suggestion(name, there, f"its columns are {listed(there)}")
        raise ConfigError(f"{option} must name a column of {path}, got {name!r}{near}")
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def quoted(name: str) -> str:
    """A text as it is written in a command line."""
    return name if re.fullmatch(r"[\w.\-]+", name) else f"'{name}'"
