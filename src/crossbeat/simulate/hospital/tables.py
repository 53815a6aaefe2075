"""The tables of a virtual MIMIC: names of files and columns as published.

Source: the pages and files of MIMIC-IV-ECG 1.0 (doi:10.13026/4nqg-sb35), MIMIC-CXR-JPG 2.1.0
(doi:10.13026/jsn5-t979), MIMIC-IV-ED 2.2 and MIMIC-IV 3.1 on PhysioNet, and public code that reads
them. The labels that radiologists gave again say "Airspace Opacity" where the others say "Lung
Opacity"; the order of columns of that one file we could not see, its names we could.
"""

from dataclasses import dataclass

from crossbeat import simulate
from crossbeat.findings import CHEXPERT

COLUMNS = tuple(CHEXPERT.values())
"""The findings in the order of ``mimic-cxr-2.0.0-chexpert.csv``."""

RADIOLOGISTS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Airspace Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
"""The findings of ``mimic-cxr-2.1.0-test-set-labeled.csv``."""

FOLDERS = {
    "ecg": "mimic-iv-ecg",
    "cxr": "mimic-cxr-jpg",
    "ed": "mimic-iv-ed",
    "hosp": "mimic-iv/hosp",
}
"""Of each part of MIMIC, in the folder of the tree."""

_REPORTS = tuple(f"report_{number}" for number in range(18))


@dataclass(frozen=True)
class Table:
    """One table.

    Args:
        path: in the tree; with ``.gz`` if it is published compressed.
        columns: in the order of the file.
    """

    path: str
    columns: tuple[str, ...]

    def file(self, *, compressed: bool) -> str:
        """The path, with or without compression of what is published compressed."""
        return self.path if compressed else self.path.removesuffix(".gz")


TABLES = {
    "record_list": Table(
        f"{FOLDERS['ecg']}/record_list.csv",
        ("subject_id", "study_id", "file_name", "ecg_time", "path"),
    ),
    "machine_measurements": Table(
        f"{FOLDERS['ecg']}/machine_measurements.csv",
        (
            *("subject_id", "study_id", "cart_id", "ecg_time", *_REPORTS, "bandwidth", "filtering"),
            *("rr_interval", "p_onset", "p_end", "qrs_onset", "qrs_end", "t_end"),
            *("p_axis", "qrs_axis", "t_axis"),
        ),
    ),
    "chexpert": Table(
        f"{FOLDERS['cxr']}/mimic-cxr-2.0.0-chexpert.csv.gz", ("subject_id", "study_id", *COLUMNS)
    ),
    "negbio": Table(
        f"{FOLDERS['cxr']}/mimic-cxr-2.0.0-negbio.csv.gz", ("subject_id", "study_id", *COLUMNS)
    ),
    "metadata": Table(
        f"{FOLDERS['cxr']}/mimic-cxr-2.0.0-metadata.csv.gz",
        (
            *("dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription"),
            *("ViewPosition", "Rows", "Columns", "StudyDate", "StudyTime"),
            *("ProcedureCodeSequence_CodeMeaning", "ViewCodeSequence_CodeMeaning"),
            "PatientOrientationCodeSequence_CodeMeaning",
        ),
    ),
    "split": Table(
        f"{FOLDERS['cxr']}/mimic-cxr-2.0.0-split.csv.gz",
        ("dicom_id", "study_id", "subject_id", "split"),
    ),
    "radiologists": Table(
        f"{FOLDERS['cxr']}/mimic-cxr-2.1.0-test-set-labeled.csv", ("study_id", *RADIOLOGISTS)
    ),
    "edstays": Table(
        f"{FOLDERS['ed']}/edstays.csv.gz",
        (
            *("subject_id", "hadm_id", "stay_id", "intime", "outtime", "gender", "race"),
            *("arrival_transport", "disposition"),
        ),
    ),
    "patients": Table(
        f"{FOLDERS['hosp']}/patients.csv.gz",
        ("subject_id", "gender", "anchor_age", "anchor_year", "anchor_year_group", "dod"),
    ),
    "admissions": Table(
        f"{FOLDERS['hosp']}/admissions.csv.gz",
        (
            *("subject_id", "hadm_id", "admittime", "dischtime", "deathtime", "admission_type"),
            *("admit_provider_id", "admission_location", "discharge_location", "insurance"),
            *("language", "marital_status", "race", "edregtime", "edouttime"),
            "hospital_expire_flag",
        ),
    ),
    "truth": Table("truth.csv", ("subject_id", *simulate.FINDINGS, *simulate.CONDITIONS)),
    "truth_of_studies": Table(
        "truth-of-studies.csv", ("subject_id", "study_id", "modality", *simulate.FINDINGS)
    ),
}
"""Every table by a short name; the last two are no part of MIMIC."""
