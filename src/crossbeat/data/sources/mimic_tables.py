"""The tables of MIMIC as published, as far as a cohort needs them.

Sources: MIMIC-IV-ECG 1.0 (doi:10.13026/4nqg-sb35), MIMIC-CXR-JPG 2.1 (doi:10.13026/jsn5-t979),
MIMIC-IV-ED 2.2 (doi:10.13026/5ntk-km72) and MIMIC-IV (doi:10.13026/kpb9-mt58).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl

from crossbeat.data.sources.builder import published, read_csv, times
from crossbeat.data.splits import Split
from crossbeat.data.table import label_column
from crossbeat.findings import CHEXPERT

Labeller = Literal["chexpert", "negbio"]

_TIME = "%Y-%m-%d %H:%M:%S"
_SPLITS: dict[str, Split] = {"train": "train", "validate": "val", "test": "test"}
_PATIENT = pl.format("mimic-{}", "subject_id").alias("patient")


def ecg_table(folder: Path) -> pl.DataFrame:
    """Every ECG: patient, record, time, and its file without suffix.

    Args:
        folder: of MIMIC-IV-ECG, with ``record_list.csv`` and ``files``.

    Raises:
        DataError: the table is absent or damaged.
    """
    columns = {"subject_id": int, "study_id": int, "ecg_time": str, "path": str}
    path = published(folder, "record_list.csv")
    listed = read_csv(path, columns)
    return listed.select(
        _PATIENT,
        pl.format("ecg-{}", "study_id").alias("record"),
        times(listed["ecg_time"], path, _TIME).alias("time"),
        pl.format("{}/{}", pl.lit(str(folder)), "path").alias("file"),
    )


def xray_table(folder: Path, views: tuple[str, ...], dicom: Path | None) -> pl.DataFrame:
    """Every X-ray of some views: patient, record, study, time, view and its file.

    Args:
        folder: of MIMIC-CXR-JPG, with its tables and ``files``.
        views: values of ViewPosition.
        dicom: of MIMIC-CXR, to take its DICOM files.

    Raises:
        DataError: a table is absent or damaged.
    """
    columns = {
        "dicom_id": str,
        "subject_id": int,
        "study_id": int,
        "ViewPosition": str,
        "StudyDate": str,
        "StudyTime": str,
    }
    path = published(folder, "mimic-cxr-2*-metadata.csv")
    listed = read_csv(path, columns)
    clock = pl.col("StudyTime").str.split(".").list.first().str.zfill(6)
    moment = listed.select(pl.concat_str("StudyDate", clock).alias("StudyTime")).to_series()
    listed = listed.with_columns(time=times(moment, path, "%Y%m%d%H%M%S"))
    subject = pl.col("subject_id").cast(pl.String)
    file = pl.format(
        "{}/files/p{}/p{}/s{}/{}.{}",
        pl.lit(str(dicom or folder)),
        subject.str.head(2),
        subject,
        "study_id",
        "dicom_id",
        pl.lit("dcm" if dicom else "jpg"),
    )
    return listed.filter(pl.col("ViewPosition").is_in(views)).select(
        _PATIENT,
        pl.format("cxr-{}", "dicom_id").alias("record"),
        pl.format("study-{}", "study_id").alias("study"),
        "time",
        pl.col("ViewPosition").alias("view"),
        file.alias("file"),
    )


def report_labels(folder: Path, labeller: Labeller) -> pl.DataFrame:
    """The labels that a labeller read from each report: study and ``label:`` columns.

    Raises:
        DataError: the table is absent or damaged.
    """
    return _labels(published(folder, f"mimic-cxr-2*-{labeller}.csv"))


def radiologist_labels(folder: Path) -> pl.DataFrame:
    """The labels of radiologists for part of the official test split.

    Raises:
        DataError: the table is absent or damaged.
    """
    path = published(folder, "mimic-cxr-2*-test-set-labeled.csv")
    return _labels(path, CHEXPERT | {"lung_opacity": "Airspace Opacity"})


def _labels(path: Path, names: Mapping[str, str] = CHEXPERT) -> pl.DataFrame:
    listed = read_csv(path, {"study_id": int} | dict.fromkeys(names.values(), float))
    return listed.select(
        pl.format("study-{}", "study_id").alias("study"),
        *(pl.col(of).cast(pl.Int8).alias(label_column(finding)) for finding, of in names.items()),
    ).unique("study", keep="first", maintain_order=True)


def official_splits(folder: Path) -> dict[str, Split]:
    """The split of each patient of MIMIC-CXR.

    Raises:
        DataError: the table is absent or damaged.
    """
    listed = read_csv(
        published(folder, "mimic-cxr-2*-split.csv"), {"subject_id": int, "split": str}
    )
    split = pl.col("split").replace_strict(_SPLITS)
    return dict(listed.select(_PATIENT, split).unique().rows())


def stays(folder: Path) -> pl.DataFrame:
    """Emergency stays: patient, begin and end.

    Args:
        folder: of MIMIC-IV-ED's tables.

    Raises:
        DataError: the table is absent or damaged.
    """
    path = published(folder, "edstays.csv")
    listed = read_csv(path, {"subject_id": int, "intime": str, "outtime": str})
    return listed.select(
        _PATIENT,
        times(listed["intime"], path, _TIME).alias("begin"),
        times(listed["outtime"], path, _TIME).alias("end"),
    )


def people(folder: Path) -> pl.DataFrame:
    """Every patient's sex, and the year of birth that MIMIC's dates imply.

    Ages above 89 are given as 91, by MIMIC's own rule.

    Args:
        folder: of MIMIC-IV's hospital tables.

    Raises:
        DataError: the table is absent or damaged.
    """
    columns = {"subject_id": int, "gender": str, "anchor_age": int, "anchor_year": int}
    listed = read_csv(published(folder, "patients.csv"), columns)
    return listed.select(
        _PATIENT,
        pl.col("gender").alias("sex"),
        (pl.col("anchor_year") - pl.col("anchor_age")).alias("born"),
    )
