"""Which column of a table of the user's own is which."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

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
        """The column of each setting that the table has; it must have files and patients.

        Args:
            there: names of all columns.
            path: of the table, for errors.
            every_row_is_a_patient: whether it has no column of patients.

        Raises:
            ConfigError: a column that was named is absent, two settings name one column, or there
                are patients where none should be.
            DataError: there is no column of files, or none of patients.
        """
        roles = self._found(there, path)
        if every_row_is_a_patient and "patient" in roles:
            raise ConfigError(
                f"{path} must be read without --every-row-is-a-patient, got the column "
                f"{roles['patient']!r}; leave the option out, or add --columns.patient {NO_COLUMN}"
            )
        must: list[str] = []
        wanted: list[Sequence[str]] = []
        otherwise = ""
        if not set(FILES) & set(roles):
            must.append("a column ecg or xray that names files")
            wanted.append(FILES)
        if "patient" not in roles and not every_row_is_a_patient:
            must.append("a column patient")
            wanted.append(("patient",))
            otherwise = ", or say --every-row-is-a-patient if no patient has two rows"
        if must:
            add = " ".join(self._options(wanted, [n for n in there if n not in roles.values()]))
            raise DataError(
                f"{path} must have {' and '.join(must)}, got {listed(there)}; add {add}{otherwise}"
            )
        return roles

    def _found(self, there: Sequence[str], path: Path) -> dict[str, str]:
        """The column of each setting that the table has."""
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

        Args:
            wanted: groups of settings whose columns were not found; one of each group is needed.
            there: names of the columns that have no role yet.
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
    """The column of this name in any case.

    Raises:
        ConfigError: there is none.
    """
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
