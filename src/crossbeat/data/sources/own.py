"""The cohort ``files``: your own ECG and X-ray files, listed in a table with one row each."""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Unpack

import polars as pl

from crossbeat.data.build import MOST_LOST, How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.people import require_one_spelling
from crossbeat.data.sources.builder import (
    BLOCK,
    block_of_files,
    check_image_size,
    divided,
    read_wave,
    settings_of,
    table_digest,
)
from crossbeat.data.sources.own_table import FILES, Columns, read_table, require_column
from crossbeat.data.sources.own_values import (
    ages,
    and_more,
    labels,
    moments,
    require_all_digits,
    sexes,
    splits,
    without_missing,
)
from crossbeat.data.splits import Shares, check_patients_disjoint
from crossbeat.data.table import label_column, soft_label_column
from crossbeat.errors import ConfigError, DataError, listed
from crossbeat.quality import Allow, Length
from crossbeat.readers import Layout, read_ecg, read_xray
from crossbeat.signal import Preprocessing

_EVERY_ROW = "Every row counts as another patient, as --every-row-is-a-patient says."


@dataclass(frozen=True, kw_only=True)
class OwnFiles:
    """Files listed in a table, one row for each ECG, X-ray or pair.

    The table is CSV (commas, semicolons or tabs; gzip too), Excel, OpenDocument or Parquet. One
    column names the ECG files, the X-ray files, or both; one the patients. All others are
    optional, and those that are not named here are ignored.

    Args:
        table: the table; its first line names the columns.
        columns: which column is which, where the names differ from those of the settings.
        findings: columns of findings: 1 or yes, 0 or no, -1 (uncertain), empty (not mentioned).
        every_row_is_a_patient: no patient has two rows. Otherwise the table must have a column
            of patients, so that no patient is in two splits.
        root: the folder that files are named from; by default the folder of the table.
        sheet: the sheet to read, where a workbook has several.
        time_format: how times are written, if not in ISO 8601, such as ``%d.%m.%Y %H:%M``.
        missing: further texts that stand for no value, besides NA, NaN, null, a point, a hyphen.
        female: further texts for the sex F.
        male: further texts for the sex M.
        soft_labels: keep labels between 0 and 1, such as the probabilities of a labeller, as
            targets of the training. Evaluation counts a label of ``label_threshold`` (or of 0.5,
            if there is none) or more as present.
        label_threshold: labels of this or more are present, lower ones absent; above 0, at most 1.
            Without it, and without ``soft_labels``, labels between 0 and 1 are refused.
        layout: rate and unit of CSV and NumPy ECGs, which do not state them, such as
            ``--layout.fs 500 --layout.unit uV``.
        length: how to treat longer and shorter ECGs.
        checksum: leave out WFDB records whose checksums or first values are not those of their
            headers; ``--no-checksum`` keeps them.
        allow: faults with which ECGs are used all the same.
        seconds: length of the stored ECGs.
        fs: sampling rate of the stored ECGs in hertz.
        image_size: height and width of the stored X-rays in pixels.
        seed: chooses who is in which split, where there is no column of splits.
        val: share of the patients for validation, 0 to 1.
        test: share of the patients for testing, 0 to 1.
        exact_ids: ids that differ only in blanks, case, leading zeros or a trailing ``.0`` are
            different patients. Otherwise a table with such ids is refused.

    Raises:
        ConfigError: a setting is out of its range.
    """

    table: Path
    columns: Columns = Columns()
    findings: tuple[str, ...] = ()
    every_row_is_a_patient: bool = False
    root: Path | None = None
    sheet: str | None = None
    time_format: str | None = None
    missing: tuple[str, ...] = ()
    female: tuple[str, ...] = ()
    male: tuple[str, ...] = ()
    soft_labels: bool = False
    label_threshold: float | None = None
    layout: Layout | None = None
    length: Length = Length()
    checksum: bool = True
    allow: Allow = Allow()
    seconds: float = 10.0
    fs: float = 100.0
    image_size: int = 224
    seed: int = 0
    val: float = Shares.val
    test: float = Shares.test
    exact_ids: bool = False

    def __post_init__(self) -> None:
        check_image_size("OwnFiles", self.image_size)
        Shares(val=self.val, test=self.test)
        self.preprocessing()
        if self.label_threshold is not None and not 0 < self.label_threshold <= 1:
            raise ConfigError(
                "--label-threshold must be above 0 and at most 1, got "
                f"{self.label_threshold:g}; correct it"
            )
        if len(set(self.findings)) < len(self.findings):
            raise ConfigError(
                f"--findings must be different, got {', '.join(self.findings)}; leave one out"
            )

    def preprocessing(self) -> Preprocessing:
        """What is done to the ECGs before they are stored."""
        return Preprocessing.standard(fs=self.fs, seconds=self.seconds)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Read, clean and store the files in a new folder."""
        table, info = self._listed()
        if not how.get("allow_missing", False):
            for name in FILES:
                _require_files(table, name, self.table)
        if self.layout is None:
            _require_rates(table)
        root = self.root or self.table.parent
        wave = partial(
            read_wave,
            clean=self.preprocessing(),
            layout=self.layout,
            length=self.length,
            checksum=self.checksum,
            allow=self.allow,
        )
        read = {"ecg": (wave, root), "xray": (partial(read_xray, size=self.image_size), root)}
        blocks = [partial(block_of_files, part, read) for part in _by_patient(table)]
        return build_cohort(folder, info, blocks, **how)

    def _listed(self) -> tuple[pl.DataFrame, CohortInfo]:
        """The rows of the table in words of the cohort, and what the cohort will be."""
        given, notes = read_table(self.table, self.sheet)
        roles = self.columns.required(
            given.columns, self.table, every_row_is_a_patient=self.every_row_is_a_patient
        )
        columns = [
            require_column(n, given.columns, self.table, "--findings") for n in self.findings
        ]
        used = {*roles.values(), *columns}
        unused = [name for name in given.columns if name not in used and name.isprintable()]
        if unused:
            notes = (*notes, f"Columns that are not used: {listed(unused)}.")
        table = self._identified(given, roles)
        told = {
            role: without_missing(given[column], self.missing)
            for role, column in roles.items()
            if role not in ("patient", "record")
        }
        none = [None] * given.height
        table = table.with_columns(
            *(
                pl.Series(f"{name}_file", map(self._file, told.get(name, none)), pl.String)
                for name in FILES
            ),
            *self._described(told),
            *(
                series
                for finding, column in zip(self.findings, columns, strict=True)
                for series in self._labels(finding, without_missing(given[column], self.missing))
            ),
        )
        table, more = self._distinct(table)
        if "split" in roles:
            self._check_split(table)
        else:
            table = divided(table, self.seed, val=self.val, test=self.test)
        if not self.findings:
            more = (*more, "No findings: name their columns with --findings to learn them.")
        if self.every_row_is_a_patient:
            more = (_EVERY_ROW, *more)
        return table, self._info(roles, (*notes, *more))

    def _identified(self, given: pl.DataFrame, roles: dict[str, str]) -> pl.DataFrame:
        numbers = pl.Series("row", range(1, given.height + 1))
        record = pl.format("row-{}", numbers)
        if "record" in roles:
            record = pl.coalesce(without_missing(given[roles["record"]]), record)
        table = pl.DataFrame({"row": numbers}).with_columns(record=record)
        if "patient" not in roles:
            patient = pl.format("row-{}", "row")
            return table.with_columns(patient=patient).select("row", "patient", "record")
        patients = without_missing(given[roles["patient"]], self.missing).alias("patient")
        if patients.null_count():
            row = int(patients.is_null().arg_max() or 0)
            raise DataError(
                f"every row of {self.table} must have a patient, got none in row {row + 1} "
                f"(column {roles['patient']!r}){and_more(patients.null_count())}; add the id or "
                "remove the row"
            )
        if not self.exact_ids:
            require_all_digits(patients, self.table)
            require_one_spelling(patients, str(self.table))
        return table.with_columns(patients).select("row", "patient", "record")

    def _described(self, told: dict[str, pl.Series]) -> Iterator[pl.Series]:
        times: dict[str, pl.Series] = {r: told[r] for r in ("time", "xray_time") if r in told}
        for role, read in zip(times, moments(times, self.time_format, self.table), strict=True):
            yield read.alias(role)
        if "age" in told:
            yield ages(told["age"], self.table).alias("age")
        if "sex" in told:
            read = sexes(told["sex"], self.table, female=self.female, male=self.male)
            yield read.alias("sex")
        if "split" in told:
            yield splits(told["split"], self.table).alias("split")

    def _labels(self, finding: str, values: pl.Series) -> Iterator[pl.Series]:
        rounded, told = labels(
            values, self.table, threshold=self.label_threshold, soft=self.soft_labels
        )
        yield rounded.alias(label_column(finding))
        if self.soft_labels:
            yield told.alias(soft_label_column(finding))

    def _file(self, name: str | None) -> str | None:
        """Where a file is; names may be absolute, or have the separators of Windows."""
        if name is None:
            return None
        folder = self.root or self.table.parent
        path = folder / name
        if "\\" in name and not path.exists():
            path = folder / name.replace("\\", "/")
        return str(path)

    def _distinct(self, table: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
        """The table without rows that repeat an earlier one; every file is of one patient."""
        kept = table
        if not self.every_row_is_a_patient:
            same = [name for name in table.columns if name not in ("row", "record")]
            kept = table.unique(same, keep="first", maintain_order=True)
        for name in FILES:
            owners = (
                kept.drop_nulls(f"{name}_file")
                .group_by(f"{name}_file", maintain_order=True)
                .agg(pl.col("patient").unique(maintain_order=True), "row")
                .filter(pl.col("patient").list.len() > 1)
            )
            if owners.height:
                file, patients, rows = owners.row(0)
                raise DataError(
                    f"every file of {self.table} must be of one patient, got {file} in rows "
                    f"{' and '.join(map(str, rows[:2]))} of patients {' and '.join(patients[:2])} "
                    f"({owners.height} such files); correct the table"
                )
        lost = table.height - kept.height
        return kept, (f"{lost} rows that repeat an earlier row were left out.",) if lost else ()

    def _check_split(self, table: pl.DataFrame) -> None:
        try:
            check_patients_disjoint(table)
        except DataError as error:
            raise DataError(
                f"{self.table}: {error}, or say --columns.split none to divide the patients by "
                "--val and --test"
            ) from error

    def _info(self, roles: Collection[str], notes: tuple[str, ...]) -> CohortInfo:
        info = CohortInfo(
            name="files",
            kind="paired" if set(FILES) <= set(roles) else "single",
            findings=self.findings,
            seed=self.seed,
            settings=settings_of(self, "table", "root", "findings", "seed")
            | {"table": table_digest(self.table)},
            notes=notes,
        )
        if "ecg" in roles:
            info = info.with_ecgs(self.preprocessing())
        return replace(info, image_size=self.image_size) if "xray" in roles else info


def _require_files(table: pl.DataFrame, name: str, listed_in: Path) -> None:
    """Check that nearly all files of a column exist, before the first of them is read."""
    files = table[f"{name}_file"].drop_nulls().unique(maintain_order=True).to_list()
    absent = [
        file
        for file in files  # a stem is that of the files of a WFDB record
        if not os.path.exists(file) and not os.path.exists(f"{file}.hea")
    ]
    if absent and len(absent) > MOST_LOST * len(files):
        raise DataError(
            f"the files of column {name} of {listed_in} must exist, got {len(absent)} of "
            f"{len(files)} that do not, the first: {absent[0]}; correct the names, say --root "
            "and the folder that they are named from, or --allow-missing to go on without them"
        )


def _require_rates(table: pl.DataFrame) -> None:
    """Check that ECG files state their rate and unit: one of each suffix, before the build."""
    files = table["ecg_file"].drop_nulls()
    suffixes = files.str.extract(r"(\.[^./\\]*)$").fill_null("")
    for file in files.filter(suffixes.is_first_distinct()):
        with suppress(DataError):  # told as the others that cannot be read
            read_ecg(file)


def _by_patient(table: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows in blocks of whole patients, so that a file that two rows name is read once."""
    first = pl.col("row").min().over("patient")
    together = table.sort(first, "row")
    ends = together["patient"].rle().struct.field("len").cum_sum().to_list()
    together, start = together.drop("row"), 0
    for end in ends:
        if end - start >= BLOCK or end == ends[-1]:
            yield together[start:end]
            start = end
