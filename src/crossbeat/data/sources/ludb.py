"""The cohort ``ludb``: 200 real ECGs with the diagnoses of cardiologists.

Source: Kalyakulina et al. 2020, LUDB (doi:10.1109/ACCESS.2020.3029211).
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Unpack

import numpy as np
import polars as pl
from jaxtyping import Int16

from crossbeat.data.build import How
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.sources.builder import (
    build_files,
    divided,
    read_csv,
    settings_of,
    stored_wave,
    table_digest,
)
from crossbeat.data.splits import Shares
from crossbeat.data.table import label_column
from crossbeat.errors import DataError
from crossbeat.leads import canonical
from crossbeat.readers.ecg.wfdb import read_record
from crossbeat.readers.ecg.wfdb_header import read_header
from crossbeat.signal import Ecg, Preprocessing

SECONDS = 10.0
TABLE = "ludb.csv"

PER_MILLIVOLT = 1000.0
"""Stored units per millivolt. The headers give each lead its own span as its gain, so that all
would span 1 mV and none would fit Einthoven's law; the stored integers do, as microvolts."""

FINDINGS = {
    "sinus_rhythm": "sinus rhythm",
    "sinus_bradycardia": "sinus bradycardia",
    "sinus_tachycardia": "sinus tachycardia",
    "sinus_arrhythmia": "sinus arrhythmia",
    "atrial_fibrillation": "atrial fibrillation",
    "atrial_flutter": "atrial flutter",
    "premature_atrial_contraction": "atrial extrasystole",
    "premature_ventricular_contraction": "ventricular extrasystole",
    "first_degree_av_block": "i degree av",
    "third_degree_av_block": "iii degree av",
    "left_bundle_branch_block": "complete left bundle branch block",
    "right_bundle_branch_block": "complete right bundle branch block",
    "incomplete_right_bundle_branch_block": "incomplete right bundle branch block",
    "left_anterior_fascicular_block": "left anterior hemiblock",
    "left_axis_deviation": "electric axis of the heart: left axis deviation",
    "right_axis_deviation": "electric axis of the heart: right axis deviation",
    "left_ventricular_hypertrophy": "left ventricular hypertrophy",
    "left_atrial_hypertrophy": "left atrial hypertrophy",
    "st_elevation_infarction": "stemi",
    "ischemia": "ischemia",
    "scar": "scar formation",
}
"""How the statements begin that make a finding positive, in small letters."""

WHOLE = {
    "pacing": "Cardiac pacing",
    "repolarization_abnormality": "Non-specific repolarization abnormalities",
}
"""Findings that any statement of a column makes positive."""

UNDECIDED = "undefined ischemia/scar"
"""How statements begin that leave open whether it is ischemia or scar: both are uncertain."""

OVER_89 = 90.0
"""Years; what ``>89`` is stored as, as with PTB-XL."""

_DIAGNOSES = (
    "Rhythms",
    "Electric axis of the heart",
    "Conduction abnormalities",
    "Extrasystolies",
    "Hypertrophies",
    "Cardiac pacing",
    "Ischemia",
    "Non-specific repolarization abnormalities",
    "Other states",
)
_NOTES = (
    "Stored integers were taken as microvolts: the gains in the headers of LUDB are wrong.",
    "LUDB does not identify patients: every record counts as a different patient.",
)


@dataclass(frozen=True, kw_only=True)
class Ludb:
    """LUDB 1.0.1 in its published layout, or part of it.

    Args:
        root: the folder of ``ludb.csv`` and ``data``.
        fs: sampling rate of the stored ECGs in hertz.
        seed: of the split by records.
        val: share of the records for validation, 0 to 1.
        test: share of the records for testing, 0 to 1.
        checksum: whether to leave out records without the checksums and first values that their
            headers state; ``--no-checksum`` on the command line.

    Raises:
        ConfigError: a setting is out of its range.
    """

    root: Path
    fs: float = 100.0
    seed: int = 0
    val: float = Shares.val
    test: float = Shares.test
    checksum: bool = True

    def __post_init__(self) -> None:
        Shares(val=self.val, test=self.test)
        self.preprocessing()

    def preprocessing(self) -> Preprocessing:
        """What is done to the ECGs before they are stored."""
        return Preprocessing.standard(fs=self.fs, seconds=SECONDS)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Read, clean and store the ECGs in a new folder."""
        table = self._listed()
        info = CohortInfo(
            name="ludb",
            kind="single",
            findings=(*FINDINGS, *WHOLE),
            seed=self.seed,
            settings=settings_of(self, "root", "fs", "seed")
            | {"tables": table_digest(self.root / TABLE)},
            notes=_NOTES,
        ).with_ecgs(self.preprocessing())
        load = partial(_wave, clean=self.preprocessing(), checksum=self.checksum)
        return build_files(folder, info, table, {"ecg": (load, self.root.parent)}, **how)

    def _listed(self) -> pl.DataFrame:
        texts = ("Sex", "Age", *_DIAGNOSES)
        listed = read_csv(self.root / TABLE, {"ID": int, **dict.fromkeys(texts, str)})
        cells = listed.with_columns(pl.col(texts).str.strip_chars().replace("", None))
        age = _age(cells["Age"], self.root / TABLE)
        name = pl.format("ludb-{}", "ID")
        table = cells.select(
            name.alias("patient"),
            name.alias("record"),
            age.alias("age"),
            pl.col("Sex").replace_strict({"F": "F", "M": "M"}, default=None).alias("sex"),
            pl.format("{}/data/{}.hea", pl.lit(str(self.root)), "ID").alias("ecg_file"),
            *_labels(),
        )
        return divided(table, self.seed, val=self.val, test=self.test)


def _age(texts: pl.Series, path: Path) -> pl.Series:
    try:
        return texts.replace(">89", str(OVER_89)).cast(pl.Float32)
    except pl.exceptions.InvalidOperationError as error:
        raise DataError(
            f"Age in {path} must be a number or >89, got other text; correct it"
        ) from error


def _labels() -> list[pl.Expr]:
    said = pl.concat_str(
        pl.col(_DIAGNOSES).str.to_lowercase(), separator="\n", ignore_nulls=True
    ).str.split("\n")

    def begins(text: str) -> pl.Expr:
        return said.list.eval(pl.element().str.strip_chars().str.starts_with(text)).list.any()

    open_between = begins(UNDECIDED)
    told = {finding: begins(text).cast(pl.Int8) for finding, text in FINDINGS.items()}
    for finding in ("ischemia", "scar"):
        told[finding] = (
            pl.when(begins(FINDINGS[finding])).then(1).when(open_between).then(-1).otherwise(0)
        )
    told |= {finding: pl.col(column).is_not_null() for finding, column in WHOLE.items()}
    return [label.cast(pl.Int8).alias(label_column(finding)) for finding, label in told.items()]


def read_ludb(file: str, *, checksum: bool = True) -> Ecg:
    """A record of LUDB by its header file, in millivolts whatever gains the header gives."""
    path = Path(file)
    try:
        channels = read_header(path).channels
        record = read_record(path, checksum=checksum)
    except OSError as error:
        raise DataError(
            f"{path} must be the header of a WFDB record, but {error.strerror or error}; "
            "copy the record again"
        ) from error
    gain = np.array([[channel.gain] for channel in channels], np.float32)
    baseline = np.array([[channel.baseline] for channel in channels], np.float32)
    values = np.rint(record.values * gain + baseline) / np.float32(PER_MILLIVOLT)
    return Ecg(values, tuple(map(canonical, record.names)), record.fs)


def _wave(file: str, *, clean: Preprocessing, checksum: bool) -> Int16[np.ndarray, "lead time"]:
    return stored_wave(read_ludb(file, checksum=checksum), file, clean)
