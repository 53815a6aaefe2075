"""What the values of a table of the user's own mean.

Functions take the trimmed texts of a column, null where there is none, and the path of the table. A
text that means nothing is a ``DataError`` that names the row, the column and the value.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import polars as pl

from crossbeat.data.labels import NEGATIVE, POSITIVE, UNCERTAIN
from crossbeat.data.sources.own_table import quoted
from crossbeat.data.splits import SPLITS
from crossbeat.data.table import OLDEST
from crossbeat.errors import ConfigError, DataError

_GOT = "<value>"  # stands for the value that was found in what a message tells to do

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

_YEARS = (2, 9998)  # in which a time is one in UTC as well

_AGE = re.compile(
    r"(\d+(?:\.\d+)?) ?(?:(y|yo|yr|yrs|year|years|years old|jahre|años|ans)|(m)|(w)|(d))?"
)
_PER_YEAR = (1.0, 12.0, 365.25 / 7, 365.25)
"""Years, months, weeks and days, as in DICOM's age strings (PS3.5, AS)."""

_MISSING = (
    *("", "na", "n/a", "nan", "null", "none", "<na>", "#n/a"),
    *("nat", ".", "-", "--", "missing"),
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

_HALF = 0.5

_Value = TypeVar("_Value")


def ages(values: pl.Series, path: Path) -> pl.Series:
    """Ages in years, from ``56``, ``56.5``, ``56y``, ``56 years`` or DICOM's ``056Y``."""
    rule = (
        f"a number of years from 0 to {OLDEST:g}, or empty; correct it, or say --missing {_GOT} if "
        "it stands for no age"
    )
    return pl.Series(values.name, _understood(values, _age, rule, path), pl.Float64)


def sexes(
    values: pl.Series, path: Path, *, female: Sequence[str], male: Sequence[str]
) -> pl.Series:
    """F and M, by usual and further texts; M beside H may be mujer, not male, and is refused."""
    words = dict(_SEX)
    if values.str.to_lowercase().is_in(["h", "hombre"]).any():
        del words["m"]
    words |= dict.fromkeys(map(str.casefold, female), "F")
    words |= dict.fromkeys(map(str.casefold, male), "M")
    rule = (
        f"F or M, female or male, or empty; say which it is, --female {_GOT} or --male {_GOT}, or "
        f"--missing {_GOT} if it is neither"
    )
    return pl.Series(values.name, _understood(values, partial(_word, words), rule, path), pl.String)


def splits(values: pl.Series, path: Path) -> pl.Series:
    """Splits by one of their usual names."""
    rule = (
        f"{', '.join(SPLITS[:-1])} or {SPLITS[-1]}; correct it, or say --columns.split none to "
        "divide the patients by --val and --test"
    )
    read = _understood(values.fill_null(""), partial(_word, _SPLIT), rule, path)
    return pl.Series(values.name, read, pl.String)


def labels(
    values: pl.Series, path: Path, *, threshold: float | None, soft: bool
) -> tuple[pl.Series, pl.Series]:
    """Labels 1, 0 and -1, and what they are before they are rounded, from 0 to 1.

    Labels between 0 and 1 are refused without a threshold, unless ``soft`` ones are wanted.
    """
    rule = (
        "1, 0, -1 (uncertain), yes, no or empty; correct it, take the column out of --findings, "
        f"or say --missing {_GOT} if it stands for no label"
    )
    told = pl.Series(values.name, _understood(values, _label, rule, path), pl.Float64)
    between = told.is_between(0, 1, closed="none").fill_null(value=False)
    if between.any() and threshold is None and not soft:
        row = int(between.arg_max() or 0)
        raise DataError(
            f"column {values.name!r} of {path} must be 1, 0, -1, yes, no or empty, got "
            f"{values[row]!r} in row {row + 1}{and_more(int(between.sum()))}; say "
            "--soft-labels to learn such probabilities, or --label-threshold 0.5 to decide"
        )
    uncertain = told == UNCERTAIN
    rounded = (told >= (threshold or _HALF)).cast(pl.Int8).set(uncertain, UNCERTAIN)
    return rounded, told.set(uncertain, None).cast(pl.Float32)


def _understood(
    values: pl.Series, read: Callable[[str], _Value | None], rule: str, path: Path
) -> list[_Value | None]:
    """Every value by its meaning, null where there is none.

    Args:
        read: the meaning of a text; raises ``ValueError`` if it has none.
        rule: what a value must be and what to do if it is none, for the error: two texts joined
            by a semicolon; ``_GOT`` in the second stands for the text that was found.
    """
    known: dict[str, _Value | None] = {}
    wrong: list[str] = []
    for text in values.unique(maintain_order=True).drop_nulls():
        try:
            known[text] = read(text)
        except ValueError:
            wrong.append(text)
    if wrong:
        row = values.index_of(wrong[0]) or 0
        more = and_more(int(values.is_in(wrong).sum()))
        must, _, remedy = rule.partition("; ")
        raise DataError(
            f"column {values.name!r} of {path} must be {must}, got {wrong[0]!r} in row "
            f"{1 + row}{more}; {remedy.replace(_GOT, quoted(wrong[0]))}"
        )
    return [None if text is None else known[text] for text in values]


def and_more(num: int) -> str:
    """How many of ``num`` rows are like the first one that a message names; empty for one."""
    return f" (and {num - 1} more)" if num > 1 else ""


def without_missing(values: pl.Series, missing: Sequence[str] = ()) -> pl.Series:
    """The values, null where the text says that there is none: NA, NaN, null, a point, a hyphen."""
    words = [*_MISSING, *(word.casefold() for word in missing)]
    return values.set(values.str.to_lowercase().is_in(words), None)


def require_all_digits(patients: pl.Series, path: Path) -> None:
    """Check that no id is one that a spreadsheet rounded: 1.23E+14 stands for several patients."""
    rounded = patients.str.contains(r"^\d([.,]\d+)?[eE]\+\d+$")
    if rounded.any():
        row = int(rounded.arg_max() or 0)
        raise DataError(
            f"every id of a patient in {path} must have all of its digits, got {patients[row]!r} "
            f"in row {row + 1}{and_more(int(rounded.sum()))}; export the column as text, or add "
            "--exact-ids if ids are written so"
        )


def _age(text: str) -> float:
    found = _AGE.fullmatch(text.casefold().replace(",", "."))
    if found is None:
        raise ValueError(text)
    unit = next((place for place, one in enumerate(found.groups()[1:]) if one), 0)
    years = float(found[1]) / _PER_YEAR[unit]
    if not 0 <= years <= OLDEST:
        raise ValueError(text)
    return years


def _word(words: Mapping[str, str], text: str) -> str:
    if text.casefold() not in words:
        raise ValueError(text)
    return words[text.casefold()]


def _label(text: str) -> float:
    """A label: 1 present, 0 absent, -1 uncertain, or a share of 1."""
    if text.casefold() in _LABELS:
        return float(_LABELS[text.casefold()])
    if text.count(",") > 1:
        raise ValueError(text)
    value = float(text.replace(",", "."))
    if not (0 <= value <= 1 or value == UNCERTAIN):
        raise ValueError(text)
    return value


def moments(values: Mapping[str, pl.Series], form: str | None, path: Path) -> list[pl.Series]:
    """Columns of times, by their settings, as moments; those with a time zone in UTC.

    A column is read by ``form`` (of ``strftime``) if all of its values have it, or if they are not
    ISO 8601.
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
    def in_range(time: datetime) -> datetime:
        if not _YEARS[0] <= time.year <= _YEARS[1]:
            raise ValueError(time)
        return time

    def by_form(text: str) -> datetime:
        try:
            return in_range(datetime.strptime(text, form or ""))
        except re.error as error:
            raise ConfigError(
                f"--time-format must be a form such as '%d.%m.%Y %H:%M', got {form!r}; correct it"
            ) from error

    def by_iso(text: str) -> datetime:
        if not _ISO.fullmatch(text):
            raise ValueError(text)
        return in_range(datetime.fromisoformat(text.replace(" UTC", "Z").replace(" +", "+")))

    every = texts.drop_nulls().unique().to_list()
    iso = all(_ISO.fullmatch(text) for text in every)
    if form is None or (iso and not _fits(every, form)):
        fitting = [
            date + clock for date in _DATES for clock in _CLOCKS if _fits(every, date + clock)
        ]
        way = " or ".join(repr(each) for each in fitting) or "'%d.%m.%Y %H:%M'"
        rule = (
            "an ISO 8601 time such as 2024-03-31 10:12:00; say how it is written, such as "
            f"--time-format {way}" + (", which fit all rows" if len(fitting) > 1 else "")
        )
        return _understood(texts, by_iso, rule, path)
    return _understood(texts, by_form, f"a time of the form {form!r}; correct --time-format", path)


def _fits(texts: Sequence[str], form: str) -> bool:
    try:
        for text in texts:
            datetime.strptime(text, form)
    except (ValueError, re.error):
        return False
    return bool(texts)
