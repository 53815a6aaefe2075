"""The cohort ``files``: your own ECG and X-ray files, listed in a table with one row each.

Two columns are enough: ``ecg`` and ``xray``, or ``ecg`` and a finding.
"""

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl

from crossbeat.data.build import Block, Progress, build_cohort, silent
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.people import EXACT_IDS, require_one_spelling
from crossbeat.data.rejected import Rejected
from crossbeat.data.sources import (
    check_image_size,
    header_of,
    read_csv,
    read_each,
    read_wave,
    spans,
    table_digest,
    times,
)
from crossbeat.data.splits import SPLITS, Shares, split_patients
from crossbeat.data.table import label_column
from crossbeat.errors import DataError
from crossbeat.quality import Allow, Length
from crossbeat.readers import Layout, read_xray
from crossbeat.signal import Preprocessing

FILES = ("ecg", "xray")
"""Columns that name files."""

KNOWN = (*FILES, "patient", "record", "time", "age", "sex", "split", "xray_time")
"""Columns with a meaning of their own; every other one is a finding."""

_KEPT = ("time", "xray_time", "age", "sex", "split")

_NOTE = (
    "No column patient: every row counts as a different patient. If a patient has several rows, "
    "splits leak."
)


@dataclass(frozen=True, kw_only=True)
class OwnFiles:
    """Files listed in a CSV table, one row for each ECG, X-ray or pair.

    Columns, all but one optional: ``ecg`` and ``xray``, files below the table's folder;
    ``patient``, whose rows stay in one split; ``record``; ``time`` and ``xray_time`` (ISO 8601);
    ``age`` in years; ``sex``, F or M; ``split``, train, val or test. Every other column is a
    finding with 1, 0, -1 (uncertain) or nothing (not mentioned).

    Args:
        table: the CSV file, or gzipped.
        layout: of ECG files that do not state their rate and unit (CSV, NumPy).
        length: how to treat longer and shorter ECGs.
        allow: faults with which ECGs are used all the same.
        seconds: length of the stored ECGs.
        fs: sampling rate of the stored ECGs in hertz.
        image_size: height and width of the stored X-rays in pixels.
        seed: of the split by patients, where there is no column ``split``.
        val: share of the patients for validation, 0 to 1.
        test: share of the patients for testing, 0 to 1.
        exact_ids: whether ids that differ only in blanks, case, leading zeros or a trailing ``.0``
            are different patients; otherwise a table with such ids is refused.

    Raises:
        ConfigError: a setting is out of its range.
    """

    table: Path
    layout: Layout | None = None
    length: Length = Length()
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

    def preprocessing(self) -> Preprocessing:
        """What is done to the ECGs before they are stored."""
        return Preprocessing.standard(fs=self.fs, seconds=self.seconds)

    def build(
        self, folder: Path, *, executor: Executor | None = None, progress: Progress = silent
    ) -> Cohort:
        """Read, clean and store the files in a new folder.

        Raises:
            DataError: the table is absent or damaged, ids of patients differ only in their
                spelling, no record is usable, the folder exists, or the disk is full.
        """
        columns = header_of(self.table)
        if not set(FILES) & set(columns):
            raise DataError(
                f"{self.table} must have a column ecg or xray that names files, got "
                f"{', '.join(columns)}; rename it"
            )
        table = self._listed(columns)
        findings = tuple(name for name in columns if name not in KNOWN)
        blocks = [partial(_block, self, table[rows]) for rows in spans(table.height)]
        info = self._info(columns, findings)
        return build_cohort(folder, info, blocks, executor=executor, progress=progress)

    def _listed(self, columns: list[str]) -> pl.DataFrame:
        types = {name: str if name in KNOWN and name != "age" else float for name in columns}
        listed = read_csv(self.table, types).with_row_index("row")
        for name in {"time", "xray_time"} & set(columns):
            listed = listed.with_columns(times(listed[name], self.table))
        given = {name: pl.col(name) for name in columns if name in KNOWN}
        record = given.get("record", pl.format("row-{}", pl.col("row") + 1))
        folder = self.table.parent
        table = listed.select(
            given.get("patient", record).alias("patient"),
            record.alias("record"),
            *(given[name].alias(name) for name in _KEPT if name in given),
            *(
                pl.format("{}/{}", pl.lit(str(folder)), given[name]).alias(f"{name}_file")
                if name in given
                else pl.lit(None, pl.String).alias(f"{name}_file")
                for name in FILES
            ),
            *(
                pl.col(name).cast(pl.Int8).alias(label_column(name))
                for name in columns
                if name not in KNOWN
            ),
        )
        if not self.exact_ids:
            require_one_spelling(table["patient"].drop_nulls(), str(self.table))
        return table if "split" in given else self._divided(table)

    def _divided(self, table: pl.DataFrame) -> pl.DataFrame:
        patients = table["patient"].drop_nulls().to_list()
        splits = split_patients(patients, Shares(val=self.val, test=self.test), self.seed)
        return table.with_columns(split=pl.col("patient").replace_strict(splits, default=SPLITS[0]))

    def _info(self, columns: list[str], findings: tuple[str, ...]) -> CohortInfo:
        info = CohortInfo(
            name="files",
            kind="paired" if set(FILES) <= set(columns) else "single",
            findings=findings,
            seed=self.seed,
            settings={
                "val": self.val,
                "test": self.test,
                EXACT_IDS: self.exact_ids,
                "table": table_digest(self.table),
            },
            notes=() if "patient" in columns else (_NOTE,),
        )
        if "ecg" in columns:
            info = info.with_ecgs(self.preprocessing())
        return replace(info, image_size=self.image_size) if "xray" in columns else info


def _block(settings: OwnFiles, table: pl.DataFrame) -> Block:
    read = {
        "ecg": partial(
            read_wave,
            clean=settings.preprocessing(),
            layout=settings.layout,
            length=settings.length,
            allow=settings.allow,
        ),
        "xray": partial(read_xray, size=settings.image_size),
    }
    numbered, arrays = table.with_row_index("row"), {}
    rejected: list[Rejected] = []
    for name, of in read.items():
        listed = numbered.filter(pl.col(f"{name}_file").is_not_null())
        files = listed.select("record", pl.col(f"{name}_file").alias("file"))
        kept, arrays[name], lost = read_each(files, of, settings.table.parent)
        places = {row: place for place, row in enumerate(listed["row"][kept])}
        numbered = numbered.with_columns(
            pl.col("row").replace_strict(places, default=None, return_dtype=pl.Int64).alias(name)
        )
        rejected += lost
    usable = numbered.filter(pl.col("ecg").is_not_null() | pl.col("xray").is_not_null())
    rows = usable.with_columns(
        xray_patient=pl.when(pl.col("xray").is_not_null()).then("patient")
    ).drop("row", "ecg_file", "xray_file")
    return Block(rows, arrays["ecg"], arrays["xray"], tuple(rejected))
