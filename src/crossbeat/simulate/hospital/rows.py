"""The rows of a virtual MIMIC's tables for the ECGs and X-rays of a block."""

import numpy as np
import polars as pl

from crossbeat import simulate
from crossbeat.simulate.hospital.labels import chexpert, negbio, radiologists
from crossbeat.simulate.hospital.people import People
from crossbeat.simulate.hospital.records import Films
from crossbeat.simulate.hospital.visits import scattered

_NOT_MEASURED = 29999
"""What a cart writes where it measured nothing."""

_P_ONSET = 40
"""Milliseconds before the P wave in the beat that a cart measures."""

_REPORTS = 18


def ecg_rows(ecgs: pl.DataFrame, patients: simulate.Patients) -> dict[str, pl.DataFrame]:
    """The tables record_list and machine_measurements.

    Args:
        ecgs: of the block, with subject_id, path, cart_id and ecg_time as text.
        patients: at the time of each signal.
    """
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
        f"report_{at}": pl.Series(
            [row[at] if at < len(row) else None for row in said], dtype=pl.String
        )
        for at in range(_REPORTS)
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
    """The tables of MIMIC-CXR-JPG.

    Args:
        people: the patients.
        xrays: the studies, with subject_id.
        films: the images, with dicom_id, anteroposterior and supine, and size in pixels.
        shown: what was reported of each study, and the patients at its time.
    """
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
    described = (
        pl.when(both & of_study)
        .then(pl.lit("CHEST (AP AND LAT)"))
        .when(both)
        .then(pl.lit("CHEST (PA AND LAT)"))
        .when(of_study)
        .then(pl.lit("CHEST (PORTABLE AP)"))
        .otherwise(pl.lit("CHEST (SINGLE VIEW)"))
    )
    return rows.with_columns(
        PerformedProcedureStepDescription=described,
        ProcedureCodeSequence_CodeMeaning=described,
        ViewPosition=_by_view(lateral, left, front, ("LL", "LATERAL", "AP", "PA")),
        ViewCodeSequence_CodeMeaning=_by_view(
            lateral,
            left,
            front,
            ("left lateral", "lateral", "antero-posterior", "postero-anterior"),
        ),
        PatientOrientationCodeSequence_CodeMeaning=pl.when("supine")
        .then(pl.lit("Recumbent"))
        .otherwise(pl.lit("Erect")),
        Rows="size",
        Columns="size",
        StudyDate=when.dt.strftime("%Y%m%d").cast(pl.Int64),
        StudyTime=(clock + chance).round(3),
    )


def _by_view(
    lateral: pl.Expr, left: pl.Expr, front: pl.Expr, words: tuple[str, str, str, str]
) -> pl.Expr:
    from_left, from_aside, from_front, from_behind = map(pl.lit, words)
    return (
        pl.when(lateral & left)
        .then(from_left)
        .when(lateral)
        .then(from_aside)
        .when(front)
        .then(from_front)
        .otherwise(from_behind)
    )


def truth_rows(studies: pl.DataFrame, known: dict[str, np.ndarray], modality: str) -> pl.DataFrame:
    """The findings that were there when something was recorded.

    Args:
        studies: subject_id and study_id of each.
        known: the truth at the time of each.
        modality: "ecg" or "xray".
    """
    columns = {name: pl.Series(known[name].astype(np.int8)) for name in simulate.FINDINGS}
    return studies.select("subject_id", "study_id", modality=pl.lit(modality)).with_columns(
        **columns
    )
