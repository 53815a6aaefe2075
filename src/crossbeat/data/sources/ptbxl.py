"""The cohort ``ptb-xl``: real ECGs with the statements of cardiologists.

Source: Wagner et al. 2020, PTB-XL (doi:10.1038/s41597-020-0495-6).
"""

from ast import literal_eval
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
    read_csv,
    read_wave,
    settings_of,
    table_digest,
)
from crossbeat.data.splits import split_folds
from crossbeat.data.store import to_int16
from crossbeat.data.table import label_column
from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import canonical
from crossbeat.readers.ecg.wfdb import read_record
from crossbeat.signal import Preprocessing

SECONDS = 10.0
TABLE, STATEMENTS = "ptbxl_database.csv", "scp_statements.csv"

FINDINGS = {
    "normal": "NORM",
    "infarction": "MI",
    "st_t_change": "STTC",
    "conduction": "CD",
    "hypertrophy": "HYP",
    "left_ventricular_hypertrophy": "LVH",
    "left_bundle_branch_block": "CLBBB",
    "right_bundle_branch_block": "CRBBB",
    "atrial_fibrillation": "AFIB",
}
"""The diagnostic class, diagnostic subclass or SCP-ECG statement that each finding is."""

OVER_89 = 300.0
"""What PTB-XL writes for an age over 89 years; it is stored as 90."""

_COLUMNS = {
    "ecg_id": int,
    "patient_id": int,
    "age": float,
    "sex": int,
    "recording_date": str,
    "scp_codes": str,
    "strat_fold": int,
    "filename_lr": str,
    "filename_hr": str,
}
_NORMALISED_COLUMNS = {
    "ecg_id": int,
    "patient_id": int,
    "diagnostic_superclass": str,
    "diagnostic_subclass": str,
    "rhythm": str,
    "strat_fold": int,
    "filename_lr": str,
}
_NU_NOTE = (
    "Each lead was divided by its own standard deviation (unit NU): amplitudes carry no "
    "millivolts, limb-lead equations and lead transforms do not hold; normalise by lead."
)


@dataclass(frozen=True, kw_only=True)
class PtbXl:
    """PTB-XL in its published layout, or part of it.

    The folds are the splits: the last one present is for testing, the one before for validation. A
    statement of any likelihood counts, as in the authors' benchmark, unless ``least_likelihood`` is
    set.

    Args:
        root: the folder of ``ptbxl_database.csv`` and ``records100``.
        normalised: a folder with further records that are already scaled by lead; with them, all
            records are, and the unit is NU. Records of both count once, as in ``root``.
        fs: sampling rate of the stored ECGs in hertz; above 100, ``records500`` is read.
        least_likelihood: percent below which a statement counts as uncertain, 0 to 100; one
            without likelihood (0, as for rhythms) is always certain.
        checksum: whether to leave out records without the checksums and first values that their
            WFDB headers state; ``--no-checksum`` on the command line.

    Raises:
        ConfigError: a setting is out of its range.

    Source: Strodthoff 2021 (doi:10.1109/JBHI.2020.3022989) on folds and classes.
    """

    root: Path
    normalised: Path | None = None
    fs: float = 100.0
    least_likelihood: float = 0.0
    checksum: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.least_likelihood <= 100:
            raise ConfigError(
                "PtbXl.least_likelihood must be 0 to 100 percent, got "
                f"{self.least_likelihood}; change it"
            )

    def preprocessing(self) -> Preprocessing:
        """What is done to the ECGs before they are stored."""
        return Preprocessing.standard(fs=self.fs, seconds=SECONDS)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Read, clean and store the ECGs in a new folder."""
        table = self._published()
        if self.normalised is not None:
            further = _further(self.normalised)
            table = pl.concat([table, further.join(table, on="record", how="anti")], how="diagonal")
        splits = split_folds(table["fold"].to_list())
        table = table.with_columns(split=pl.col("fold").replace_strict(splits)).drop("fold")
        read = read_wave if self.normalised is None else _scaled
        load = partial(read, clean=self.preprocessing(), checksum=self.checksum)
        return build_files(folder, self._info(), table, {"ecg": (load, self.root.parent)}, **how)

    def _info(self) -> CohortInfo:
        scaled = self.normalised is not None
        tables = [part / TABLE for part in (self.root, self.normalised) if part is not None]
        return CohortInfo(
            name="ptb-xl",
            kind="single",
            findings=tuple(FINDINGS),
            unit="NU" if scaled else "mV",
            settings=settings_of(self, "root", "normalised") | {"tables": table_digest(*tables)},
            notes=(_NU_NOTE,) if scaled else (),
        ).with_ecgs(self.preprocessing())

    def _published(self) -> pl.DataFrame:
        published = read_csv(self.root / TABLE, _COLUMNS)
        classes = _classes(self.root / STATEMENTS)
        judge = partial(_labels, classes=classes, least=self.least_likelihood)
        labels = pl.DataFrame(
            [judge(text) for text in published["scp_codes"]],
            schema=dict.fromkeys(map(label_column, FINDINGS), pl.Int8),
            orient="row",
        )
        file = "filename_lr" if self.fs <= 100 else "filename_hr"
        age = pl.when(pl.col("age") == OVER_89).then(90.0).otherwise("age")
        return published.select(
            *_names(),
            time=pl.col("recording_date").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us"),
            age=age.cast(pl.Float32),
            sex=pl.col("sex").replace_strict({0: "M", 1: "F"}, default=None),
            ecg_file=pl.format("{}/{}", pl.lit(str(self.root)), file),
        ).hstack(labels)


def _names() -> list[pl.Expr]:
    return [
        pl.format("ptbxl-{}", "patient_id").alias("patient"),
        pl.format("ptbxl-{}", "ecg_id").alias("record"),
        pl.col("strat_fold").alias("fold"),
    ]


def _classes(path: Path) -> dict[str, set[str]]:
    """Each statement with its diagnostic class and subclass."""
    rows = read_csv(path, {"": str, "diagnostic_class": str, "diagnostic_subclass": str}).rows()
    return {row[0]: {name for name in row if name} for row in rows}


def _labels(text: str, *, classes: dict[str, set[str]], least: float) -> list[int]:
    try:
        statements = literal_eval(text)
        certain: set[str] = set()
        possible: set[str] = set()
        for code, likelihood in statements.items():
            doubtful = 0 < likelihood < least
            (possible if doubtful else certain).update(classes[code])
    except (ValueError, SyntaxError, AttributeError, TypeError, KeyError) as error:
        raise DataError(
            f"scp_codes must be a dictionary of statements that {STATEMENTS} lists, got {text!r}; "
            "use the tables as published"
        ) from error
    return [1 if of in certain else -1 if of in possible else 0 for of in FINDINGS.values()]


def _further(folder: Path) -> pl.DataFrame:
    listed = read_csv(folder / TABLE, _NORMALISED_COLUMNS)
    said = pl.concat_str(
        "diagnostic_superclass", "diagnostic_subclass", "rhythm", separator=";", ignore_nulls=True
    ).str.split(";")
    labels = [
        said.list.contains(of).cast(pl.Int8).alias(label_column(finding))
        for finding, of in FINDINGS.items()
    ]
    file = pl.format("{}/{}", pl.lit(str(folder)), "filename_lr").alias("ecg_file")
    return listed.select(*_names(), file, *labels)


def _scaled(file: str, *, clean: Preprocessing, checksum: bool) -> Int16[np.ndarray, "lead time"]:
    record = read_record(Path(f"{file}.hea"), checksum=checksum)
    values = clean.apply_each(record.values, tuple(map(canonical, record.names)), record.fs)
    deviation = values.std(axis=-1, keepdims=True)
    if not deviation.all():
        raise DataError("every lead must carry a signal, got a flat one; leave the record out")
    scaled = (values - values.mean(axis=-1, keepdims=True)) / deviation
    return to_int16(scaled[None], CohortInfo.ecg_gain, file)[0]
