"""The tables of a virtual MIMIC: files and columns as published, and the rows of a block.

Source: the pages and files of MIMIC-IV-ECG 1.0 (doi:10.13026/4nqg-sb35), MIMIC-CXR-JPG 2.1.0
(doi:10.13026/jsn5-t979), MIMIC-IV-ED 2.2 and MIMIC-IV 3.1 on PhysioNet, and public code that reads
them. The labels that radiologists gave again say "Airspace Opacity" where the others say "Lung
Opacity"; the order of columns of that one file we could not see, its names we could.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Int64

from crossbeat import simulate
from crossbeat.findings import CHEXPERT
from crossbeat.simulate.hospital.labels import chexpert, negbio, radiologists
from crossbeat.simulate.hospital.records import Films
from crossbeat.simulate.hospital.visits import (
    OLDEST,
    STAYS,
    Visits,
    ids,
    patient_numbers,
    scattered,
)

FOLDERS = {
    "ecg": "mimic-iv-ecg",
    "cxr": "mimic-cxr-jpg",
    "ed": "mimic-iv-ed",
    "hosp": "mimic-iv/hosp",
}
"""Of each part of MIMIC, in the folder of the tree."""

_REPORTS = [f"report_{number}" for number in range(18)]
_LABELS = ",".join(["subject_id,study_id", *CHEXPERT.values()])
_FINDINGS = ",".join(simulate.FINDINGS)

TABLES = {
    "record_list": (
        "mimic-iv-ecg/record_list.csv",
        "subject_id,study_id,file_name,ecg_time,path",
    ),
    "machine_measurements": (
        "mimic-iv-ecg/machine_measurements.csv",
        (
            f"subject_id,study_id,cart_id,ecg_time,{','.join(_REPORTS)},bandwidth,filtering,"
            "rr_interval,p_onset,p_end,qrs_onset,qrs_end,t_end,p_axis,qrs_axis,t_axis"
        ),
    ),
    "chexpert": ("mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv.gz", _LABELS),
    "negbio": ("mimic-cxr-jpg/mimic-cxr-2.0.0-negbio.csv.gz", _LABELS),
    "metadata": (
        "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz",
        (
            "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,"
            "StudyDate,StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,"
            "PatientOrientationCodeSequence_CodeMeaning"
        ),
    ),
    "split": (
        "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz",
        "dicom_id,study_id,subject_id,split",
    ),
    "radiologists": (
        "mimic-cxr-jpg/mimic-cxr-2.1.0-test-set-labeled.csv",
        (
            "study_id,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Lesion,"
            "Airspace Opacity,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,"
            "Pleural Effusion,Pleural Other,Fracture,Support Devices"
        ),
    ),
    "edstays": (
        "mimic-iv-ed/edstays.csv.gz",
        "subject_id,hadm_id,stay_id,intime,outtime,gender,race,arrival_transport,disposition",
    ),
    "patients": (
        "mimic-iv/hosp/patients.csv.gz",
        "subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod",
    ),
    "admissions": (
        "mimic-iv/hosp/admissions.csv.gz",
        (
            "subject_id,hadm_id,admittime,dischtime,deathtime,admission_type,admit_provider_id,"
            "admission_location,discharge_location,insurance,language,marital_status,race,edregtime,"
            "edouttime,hospital_expire_flag"
        ),
    ),
    "truth": ("truth.csv", ",".join(["subject_id", *simulate.FINDINGS, *simulate.CONDITIONS])),
    "truth_of_studies": ("truth-of-studies.csv", f"subject_id,study_id,modality,{_FINDINGS}"),
}
"""The file and the header of every table by a short name; the last two are no part of MIMIC."""

_NOT_MEASURED = 29999  # what a cart writes where it measured nothing
_P_ONSET = 40  # milliseconds before the P wave in the beat that a cart measures
_DAY = 86400


@dataclass(frozen=True, eq=False)
class People:
    """The patients of a block."""

    draws: simulate.Draws  # of the block
    subjects: Int64[np.ndarray, " patient"]  # subject_id of each
    first: simulate.Patients  # as they are when their first stay begins
    split: np.ndarray  # of MIMIC-CXR that each belongs to


def hospital_rows(people: People, visits: Visits) -> dict[str, pl.DataFrame]:
    """The tables patients, edstays, admissions and truth."""
    own = _persons(people, visits)
    stays = _stay_rows(own, people.draws, visits)
    admissions = stays.filter(pl.col("hadm_id").is_not_null()).with_columns(
        admittime=text(pl.col("left")),
        dischtime=text(pl.col("left") + pl.col("ward")),
        deathtime=pl.lit(None, pl.String),
        admission_type=pl.lit("EW EMER."),
        admit_provider_id=pl.format("P{}", pl.col("hadm_id") % 90 + 10),
        admission_location=pl.lit("EMERGENCY ROOM"),
        discharge_location=pl.lit("HOME"),
        insurance=pl.lit("Medicare"),
        language=pl.lit("English"),
        marital_status=pl.lit("MARRIED"),
        edregtime="intime",
        edouttime="outtime",
        hospital_expire_flag=pl.lit(0),
    )
    known = simulate.truth(people.first)
    truth = {name: there.astype(np.int8) for name, there in known.items()}
    return {
        "patients": own,
        "edstays": stays,
        "admissions": admissions,
        "truth": pl.DataFrame({"subject_id": people.subjects, **truth}),
    }


def _persons(people: People, visits: Visits) -> pl.DataFrame:
    draws = people.draws
    age = np.floor(people.first.age).astype(np.int64)
    later = (30 + 700 * draws.uniform("days to death")).astype(np.int64) * _DAY
    death = np.where(draws.uniform("dies") < 0.08, visits.stays.last() + later, -1)
    races = ("WHITE", "BLACK/AFRICAN AMERICAN", "ASIAN", "OTHER", "UNKNOWN")
    race = np.searchsorted((0.65, 0.8, 0.85, 0.93), draws.uniform("race"))
    return pl.DataFrame(
        {
            "patient": np.arange(draws.num),
            "subject_id": people.subjects,
            "gender": np.where(people.first.male, "M", "F"),
            "anchor_age": np.where(age > OLDEST, 91, age),
            "anchor_year": visits.stays.begin[:, 0],
            "anchor_year_group": np.where(
                draws.uniform("year group") < 0.5, "2011 - 2013", "2014 - 2016"
            ),
            "death": death,
            "race": np.array(races)[race],
        }
    ).with_columns(
        pl.from_epoch("anchor_year", "s").dt.year(),
        dod=pl.when(pl.col("death") >= 0).then(pl.from_epoch("death", "s").dt.strftime("%Y-%m-%d")),
    )


def _stay_rows(persons: pl.DataFrame, draws: simulate.Draws, visits: Visits) -> pl.DataFrame:
    patient, stay = np.nonzero(visits.stays.there)
    numbers = patient_numbers(draws)[patient] * STAYS + stay
    admitted = draws.uniform("admitted", STAYS)[patient, stay] < 0.55
    walks = draws.uniform("arrival", STAYS)[patient, stay] < 0.6
    days = 1 + 5 * draws.uniform("days on ward", STAYS)[patient, stay]
    rows = pl.DataFrame(
        {
            "patient": patient,
            "stay_id": ids(numbers, 3, draws.seed),
            "hadm_id": pl.Series(ids(numbers, 2, draws.seed)),
            "arrived": visits.stays.begin[patient, stay],
            "written": visits.stays.written[patient, stay],
            "left": visits.stays.end[patient, stay],
            "ward": (days * _DAY).astype(np.int64),
            "arrival_transport": np.where(walks, "WALK IN", "AMBULANCE"),
            "disposition": np.where(admitted, "ADMITTED", "HOME"),
        }
    )
    return rows.join(persons, on="patient", how="left", maintain_order="left").with_columns(
        pl.when(pl.Series(admitted)).then("hadm_id").alias("hadm_id"),
        intime=text(pl.col("arrived")),
        outtime=text(pl.col("written")),
    )


def text(seconds: pl.Expr) -> pl.Expr:
    """A time in seconds since 1970 as the tables write it."""
    return pl.from_epoch(seconds, "s").dt.strftime("%Y-%m-%d %H:%M:%S")


def ecg_rows(ecgs: pl.DataFrame, patients: simulate.Patients) -> dict[str, pl.DataFrame]:
    """The tables record_list and machine_measurements, with patients at the time of each signal."""
    shown = pl.DataFrame(simulate.ecg_determinants(patients), schema=list(simulate.DETERMINANTS))
    shown = shown[ecgs["signal"].to_numpy()]
    atrial = (shown["fibrillation"] == 1) | (shown["paced"] == 1)
    rounded = {name: pl.col(name).round().cast(pl.Int64) for name in shown.columns}
    qrs_onset = _P_ONSET + rounded["pr"]
    measured = shown.select(
        bandwidth=pl.lit("0.005-150 Hz"),
        filtering=pl.lit("60 Hz notch Baseline filter"),
        rr_interval=(60_000 / pl.col("rate")).round().cast(pl.Int64),
        p_onset=_unless(atrial, pl.lit(_P_ONSET)),
        p_end=_unless(atrial, _P_ONSET + rounded["p_duration"]),
        qrs_onset=qrs_onset,
        qrs_end=qrs_onset + rounded["qrs"],
        t_end=qrs_onset + rounded["qt"],
        p_axis=_unless(atrial, pl.lit(55)),
        qrs_axis=rounded["axis"],
        t_axis=rounded["axis"] - rounded["t_angle"],
    )
    said = [_statements(row) for row in shown.iter_rows(named=True)]
    reports = {
        name: pl.Series([row[at] if at < len(row) else None for row in said], dtype=pl.String)
        for at, name in enumerate(_REPORTS)
    }
    rows = ecgs.with_columns(file_name="study_id")
    return {
        "record_list": rows,
        "machine_measurements": rows.hstack(measured).with_columns(**reports),
    }


def _unless(missing: pl.Series, value: pl.Expr) -> pl.Expr:
    return pl.when(missing).then(_NOT_MEASURED).otherwise(value)


def _statements(shown: dict[str, float]) -> list[str]:
    """The statements of a cart about an ECG, the rhythm first."""
    if shown["paced"]:
        said = ["Ventricular pacing"]
    elif shown["fibrillation"]:
        said = ["Atrial fibrillation"]
    elif shown["rate"] > 100:
        said = ["Sinus tachycardia"]
    else:
        said = ["Sinus bradycardia" if shown["rate"] < 60 else "Sinus rhythm"]
    if not shown["paced"]:
        said += ["Left bundle branch block"] * (shown["left_block"] > 0.5)
        said += ["Right bundle branch block"] * (shown["right_block"] > 0.5)
    said += ["Prolonged QT interval"] * (shown["qtc"] > 460)
    return [*said, "Normal ECG" if said == ["Sinus rhythm"] else "Abnormal ECG"]


def xray_rows(
    people: People,
    xrays: pl.DataFrame,
    films: pl.DataFrame,
    shown: tuple[Films, simulate.Patients],
) -> dict[str, pl.DataFrame]:
    """The tables of MIMIC-CXR-JPG; ``shown`` is what was reported, and the patients at the time."""
    told, patients = shown
    split = pl.Series("split", people.split[xrays["patient"].to_numpy()])
    labels = chexpert(xrays, told.labels, patients)
    reread = radiologists(labels, patients)
    test = xrays["study_id"].filter(split == "test").to_list()
    known = simulate.truth(patients)
    studies = xrays.with_columns(split).with_row_index("xray")
    rows = films.join(
        studies.with_columns(pl.col("xray").cast(pl.Int64)),
        on="xray",
        how="left",
        maintain_order="left",
    )
    return {
        "chexpert": labels,
        "negbio": negbio(labels),
        "radiologists": reread.filter(pl.col("study_id").is_in(test)),
        "metadata": _metadata(rows),
        "split": rows,
        "truth_of_studies": truth_rows(xrays, known, "xray"),
    }


def _metadata(rows: pl.DataFrame) -> pl.DataFrame:
    when = pl.from_epoch("time", "s")
    lateral, front = pl.col("view") == "lateral", pl.col("anteroposterior")
    chance = pl.Series(scattered(rows["study_id"].to_numpy()))
    left = pl.lit(chance < 0.5)
    both = lateral.any().over("study_id")
    of_study = front.first().over("study_id")
    clock = when.dt.hour().cast(pl.Int64) * 10_000 + when.dt.minute().cast(pl.Int64) * 100
    clock = clock + when.dt.second().cast(pl.Int64)
    described = _chosen(
        (both & of_study, "CHEST (AP AND LAT)"),
        (both, "CHEST (PA AND LAT)"),
        (of_study, "CHEST (PORTABLE AP)"),
        otherwise="CHEST (SINGLE VIEW)",
    )
    views = [
        _chosen((lateral & left, from_left), (lateral, aside), (front, ahead), otherwise=behind)
        for from_left, aside, ahead, behind in (
            ("LL", "LATERAL", "AP", "PA"),
            ("left lateral", "lateral", "antero-posterior", "postero-anterior"),
        )
    ]
    return rows.with_columns(
        PerformedProcedureStepDescription=described,
        ProcedureCodeSequence_CodeMeaning=described,
        ViewPosition=views[0],
        ViewCodeSequence_CodeMeaning=views[1],
        PatientOrientationCodeSequence_CodeMeaning=_chosen(
            (pl.col("supine"), "Recumbent"), otherwise="Erect"
        ),
        Rows="size",
        Columns="size",
        StudyDate=when.dt.strftime("%Y%m%d").cast(pl.Int64),
        StudyTime=(clock + chance).round(3),
    )


def _chosen(*cases: tuple[pl.Expr, str], otherwise: str) -> pl.Expr:
    """The word of the first case that applies."""
    found = [pl.when(case).then(pl.lit(word)) for case, word in cases]
    return pl.coalesce(*found, pl.lit(otherwise))


def truth_rows(studies: pl.DataFrame, known: dict[str, np.ndarray], modality: str) -> pl.DataFrame:
    """The findings that were there when something was recorded."""
    columns = {name: pl.Series(known[name].astype(np.int8)) for name in simulate.FINDINGS}
    return studies.select("subject_id", "study_id", modality=pl.lit(modality)).with_columns(
        **columns
    )
