"""A table of the user's own: its format, its columns, and what its values mean.

Every value is read as text, trimmed, and only then understood, so that ids keep their leading zeros
and every error names the row, the column and the value.
"""

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import polars as pl

from crossbeat.data.labels import NEGATIVE, POSITIVE, UNCERTAIN
from crossbeat.data.splits import SPLITS
from crossbeat.errors import ConfigError, DataError, listed, suggestion

NO_COLUMN = "none"
"""The name that says that a table has no such column, even if one is called so."""

OLDEST = 120.0
"""Years: a greater age is a code or an error."""

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
GOT = "<value>"
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)?"
)
_DATES = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%Y", "%d %b %Y", "%d%b%Y"),
)
_CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", ", %H:%M", "%H%M%S", ":%H:%M:%S"),
    *(" %I:%M %p", " %I:%M:%S %p"),
)

_AGE = re.compile(
    r"(\d+(?:\.\d+)?) ?(?:(y|yo|yr|yrs|year|years|years old|jahre|años|ans)|(m)|(w)|(d))?"
)
_PER_YEAR = (1.0, 12.0, 365.25 / 7, 365.25)
"""Years, months, weeks and days, as in DICOM's age strings (PS3.5, AS)."""

_MISSING = (
    "",
    "na",
    "n/a",
    "nan",
    "null",
    "none",
    "<na>",
    "#n/a",
    "nat",
    ".",
    "-",
    "--",
    "missing",
)
_LABELS = dict.fromkeys(
    ("1", "yes", "y", "true", "positive", "pos", "present", "checked", "ja", "si", "sí", "oui"),
    POSITIVE,
)
_LABELS |= dict.fromkeys(
    ("0", "no", "n", "false", "negative", "neg", "absent", "unchecked", "nein", "non", "não"),
    NEGATIVE,
)
_LABELS |= dict.fromkeys(("-1", "uncertain"), UNCERTAIN)
_SEX = dict.fromkeys(("f", "female", "woman", "w", "weiblich", "femme", "mujer", "femenino"), "F")
_SEX |= dict.fromkeys(("m", "male", "man", "männlich", "homme", "hombre", "masculino", "h"), "M")
_SPLIT: dict[str, str] = {name: name for name in SPLITS}
_SPLIT |= {"training": "train", "validation": "val", "valid": "val", "dev": "val"}
_SPLIT |= {"testing": "test"}

_USUAL: Mapping[str, str] = {
    "ecg": "path ecgpath ecgfile ecgfilename file filename filenamehr filenamelr waveform "
    "waveformpath record recordpath",
    "xray": "cxr cxrpath cxrfile xraypath xrayfile xrayfilename film image imagepath imageindex "
    "jpg radiograph",
    "patient": "subjectid patientid mrn subject pid patid personid patnr patientennummer recordid "
    "eid person medicalrecordnumber",
    "record": "studyid ecgid examid accession accessionnumber",
    "time": "ecgtime ecgdate ecgdatetime recordingdate recordingtime acquisitiontime "
    "acquisitiondatetime datetime date zeit datum",
    "xray_time": "cxrtime cxrdate xraydate xraydatetime studydatetime filmtime",
    "age": "ageyears patientage anchorage alter edad ageatecg",
    "sex": "gender patientsex geschlecht sexo",
    "split": "set subset partition fold",
}
"""What other tables call these columns: letters and digits only, in small letters."""

_Value = TypeVar("_Value")


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

    def found(self, there: Sequence[str], path: Path) -> dict[str, str]:
        """The column of each setting that the table has.

        Args:
            there: names of all columns.
            path: of the table, for errors.

        Raises:
            ConfigError: a column that was named is absent, or two settings name one column.
        """
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

    def options(self, roles: Iterable[str], there: Sequence[str]) -> list[str]:
        """What the user may have to add for some roles, such as ``--columns.patient subject_id``.

        Args:
            roles: settings whose columns were not found.
            there: names of the columns that have no role yet.
        """
        plain = {_plain(name): name for name in reversed(there)}
        first: dict[str, str] = {}
        for role in roles:
            usual = [plain[name] for name in _USUAL[role].split() if name in plain]
            left = [name for name in usual if name not in first.values()]
            if left:
                first[role] = left[0]
        return [f"--columns.{role} {quoted(column)}" for role, column in first.items()]


def column_named(name: str, there: Sequence[str]) -> str | None:
    """The column of this name: as it is written, else in another case; None if there is none."""
    if name in there:
        return name
    found = [column for column in there if column.casefold() == name.strip().casefold()]
    return found[0] if len(found) == 1 else None


def require_column(name: str, there: Sequence[str], path: Path, option: str) -> str:
    """The column of this name in any case.

    Raises:
        ConfigError: there is none.
    """
    found = column_named(name, there)
    if found is None:
        raise ConfigError(
            f"{option} must name a column of {path}, got {name!r}{suggestion(name, there)}; its "
            f"columns are {listed(there)}"
        )
    return found


def read_table(path: Path, sheet: str | None = None) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """All columns of a table as trimmed text, empty ones null, and notes on how it was read.

    The format follows from the contents: CSV with commas, semicolons, tabs or vertical bars, in
    UTF-8, UTF-16 or Windows-1252 (Latin-1), also in gzip; Excel and OpenDocument; Parquet.

    Args:
        path: the table; its first line names the columns.
        sheet: of a workbook; may be left out if there is only one that is not empty.

    Raises:
        DataError: the file is absent, damaged, empty, of another format, or names a column twice.
        ConfigError: a workbook has several sheets and ``sheet`` names none of them.
    """
    if path.is_dir() or not path.exists():
        got = "a folder" if path.is_dir() else "nothing there"
        raise DataError(f"{path} must be a table, got {got}; name a CSV, Excel or Parquet file")
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise DataError(
            f"{path} must be a file that can be read, got a damaged or closed one; copy it again"
        ) from error
    notes: tuple[str, ...] = ()
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        table = _workbook(data, path, sheet)
    elif data[:4] == b"PAR1":
        table = _parquet(data, path)
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
        raise DataError(f"{path} must begin with the names of its columns, got an empty line")
    try:
        table = pl.read_csv(
            text.encode(),
            separator=separator,
            has_header=False,
            infer_schema=False,
            new_columns=names,
        )
    except pl.exceptions.PolarsError as error:
        raise _ragged(text, separator, path) from error
    if table.width != len(names):
        raise _ragged(text, separator, path)
    return table[1:], notes


def _split(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator), [])


def _decoded(data: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace").replace("\r\n", "\n"), ()
    if b"\0" in data[:4096]:
        raise DataError(
            f"{path} must be a CSV, Excel or Parquet table, got another format; export it as CSV"
        )
    try:
        text, notes = data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        return text.replace("\r\n", "\n").replace("\r", "\n"), (
            f"{path.name} is not UTF-8, so it was read as Windows-1252 (Latin-1).",
        )
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _ragged(text: str, separator: str, path: Path) -> DataError:
    lines = csv.reader(io.StringIO(text), delimiter=separator)
    width = len(next(lines, []))
    for row in lines:
        if row and len(row) != width:
            return DataError(
                f"line {lines.line_num} of {path} must have {width} values, as the header has, got "
                f"{len(row)} (separated by {_SEPARATORS.get(separator, separator)}); put values "
                "that contain the separator in double quotes"
            )
    return DataError(f"{path} must be a CSV table, but its quotes do not match; export it again")


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


def _parquet(data: bytes, path: Path) -> pl.DataFrame:
    try:
        table = pl.read_parquet(io.BytesIO(data))
        table.columns = _named(table.columns, path)
        moments = pl.selectors.datetime()
        zoned = [n for n, t in table.schema.items() if isinstance(t, pl.Datetime) and t.time_zone]
        return (
            table.with_columns(
                moments.dt.to_string("iso:strict").str.replace("T", " "),
                pl.selectors.float().round(9),
            )
            .with_columns(
                *(pl.col(name).str.replace(r"\[.*\]$", "") for name in zoned),
                *(pl.selectors.by_dtype(pl.Boolean, pl.Date).cast(pl.String),),
            )
            .cast(pl.String)
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{path} must be a Parquet table of texts, numbers and dates, got another; export it "
            "again, or as CSV"
        ) from error


def understood(
    values: pl.Series, read: Callable[[str], _Value | None], rule: str, path: Path
) -> list[_Value | None]:
    """Every value by its meaning, null where there is none.

    Args:
        values: trimmed texts.
        read: the meaning of a text; raises ``ValueError`` if it has none.
        rule: what a value must be and what to do if it is none, for the error: two texts joined
            by a semicolon; ``GOT`` in the second stands for the text that was found.
        path: of the table.

    Raises:
        DataError: a value has no meaning; names the row, the column and the value.
    """
    known: dict[str, _Value | None] = {}
    for text in values.unique(maintain_order=True).drop_nulls():
        try:
            known[text] = read(text)
        except ValueError as error:
            row = values.index_of(text)
            alike = int((values == text).sum())
            must, _, remedy = rule.partition("; ")
            raise DataError(
                f"column {values.name!r} of {path} must be {must}, got {text!r} in row "
                f"{1 + (row or 0)} ({alike} such rows); {remedy.replace(GOT, quoted(text))}"
            ) from error
    return [None if text is None else known[text] for text in values]


def without_missing(values: pl.Series, missing: Sequence[str] = ()) -> pl.Series:
    """The values, null where the text says that there is none: NA, NaN, null, a point, a hyphen.

    Args:
        missing: further texts that say so, such as codes of a registry.
    """
    words = [*_MISSING, *(word.casefold() for word in missing)]
    return values.set(values.str.to_lowercase().is_in(words), None)


def number(text: str) -> float:
    """A number, with a decimal point or comma.

    Raises:
        ValueError: it is none.
    """
    value = float(text.replace(",", "."))
    if text.count(",") > 1 or not abs(value) < float("inf"):
        raise ValueError(text)
    return value


def age_of(text: str) -> float:
    """An age in years, from ``56``, ``56.5``, ``56y``, ``56 years`` or DICOM's ``056Y``.

    Raises:
        ValueError: it is none of 0 to 120 years.
    """
    found = _AGE.fullmatch(text.casefold().replace(",", "."))
    if found is None:
        raise ValueError(text)
    unit = next((place for place, one in enumerate(found.groups()[1:]) if one), 0)
    years = float(found[1]) / _PER_YEAR[unit]
    if not 0 <= years <= OLDEST:
        raise ValueError(text)
    return years


def sex_reader(
    values: pl.Series, female: Sequence[str], male: Sequence[str]
) -> Callable[[str], str]:
    """How a column says F and M.

    Args:
        values: of the column. ``H`` beside ``M`` is hombre and mujer, and M would not be male.
        female: further texts for F.
        male: further texts for M.
    """
    words = dict(_SEX)
    if values.str.to_lowercase().is_in(["h", "hombre"]).any() and "m" not in map(
        str.casefold, [*female, *male]
    ):
        del words["m"]
    words |= dict.fromkeys(map(str.casefold, female), "F")
    words |= dict.fromkeys(map(str.casefold, male), "M")

    def read(text: str) -> str:
        if text.casefold() not in words:
            raise ValueError(text)
        return words[text.casefold()]

    return read


def split_of(text: str) -> str:
    """A split by one of its usual names.

    Raises:
        ValueError: it is none.
    """
    if text.casefold() not in _SPLIT:
        raise ValueError(text)
    return _SPLIT[text.casefold()]


def label_of(text: str) -> float:
    """A label: 1 present, 0 absent, -1 uncertain, or a share of 1.

    Raises:
        ValueError: it is no word for one of them, and no number from 0 to 1.
    """
    if text.casefold() in _LABELS:
        return float(_LABELS[text.casefold()])
    value = number(text)
    if not (0 <= value <= 1 or value == UNCERTAIN):
        raise ValueError(text)
    return value


def moments(values: Mapping[str, pl.Series], form: str | None, path: Path) -> list[pl.Series]:
    """Columns of times as moments; those with a time zone in UTC.

    A column is read as ISO 8601 if all of its values are that, otherwise by ``form``.

    Args:
        values: trimmed texts by the setting that names their column.
        form: of other times, as in Python's ``strftime``.
        path: of the table, for errors.

    Raises:
        ConfigError: ``form`` is no form of a time.
        DataError: a value is no time, or only some of the times have a zone.
    """
    read = {role: _moments_of(texts, form, path) for role, texts in values.items()}
    zoned = {
        (role, each.tzinfo is not None): values[role][row]
        for role, times in read.items()
        for row, each in reversed(list(enumerate(times)))
        if each is not None
    }
    if len({zone for _, zone in zoned}) > 1:
        shown = " and ".join(f"{text!r} ({values[role].name})" for (role, _), text in zoned.items())
        raise DataError(
            f"all times of {path} must have a time zone, or none, got {shown}; write them alike, "
            "since nobody can tell how far apart they are"
        )
    return [
        pl.Series(
            values[role].name,
            [
                each and (each.astimezone(UTC) if each.tzinfo else each).replace(tzinfo=None)
                for each in times
            ],
            pl.Datetime("us"),
        )
        for role, times in read.items()
    ]


def _moments_of(texts: pl.Series, form: str | None, path: Path) -> list[datetime | None]:
    def by_form(text: str) -> datetime:
        try:
            return datetime.strptime(text, form or "")
        except re.error as error:
            raise ConfigError(
                f"--time-format must be a form such as '%d.%m.%Y %H:%M', got {form!r}; correct it"
            ) from error

    def by_iso(text: str) -> datetime:
        if not _ISO.fullmatch(text):
            raise ValueError(text)
        return datetime.fromisoformat(text.replace(" UTC", "Z").replace(" +", "+"))

    there = texts.drop_nulls()
    iso = all(_ISO.fullmatch(text) for text in there.unique())
    if iso or form is None:
        fitting = _forms(there)
        way = " or ".join(repr(each) for each in fitting) or "'%d.%m.%Y %H:%M'"
        rule = (
            "an ISO 8601 time such as 2024-03-31 10:12:00; say how it is written, such as "
            f"--time-format {way}" + (", which fit all rows" if len(fitting) > 1 else "")
        )
        return understood(texts, by_iso, rule, path)
    return understood(texts, by_form, f"a time of the form {form!r}; correct --time-format", path)


def _forms(texts: pl.Series) -> list[str]:
    """Usual forms that every text has."""
    some = texts.unique(maintain_order=True).to_list()
    return [date + clock for date in _DATES for clock in _CLOCKS if _fits(some, date + clock)]


def _fits(texts: Sequence[str], form: str) -> bool:
    try:
        for text in texts:
            datetime.strptime(text, form)
    except ValueError:
        return False
    return bool(texts)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def quoted(name: str) -> str:
    """A text as it is written in a command line."""
    return name if re.fullmatch(r"[\w.\-]+", name) else f"'{name}'"
