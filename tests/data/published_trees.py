"""Data sets of a few records, in the exact layout of their publishers."""

from pathlib import Path

import numpy as np
from PIL import Image

from crossbeat import simulate
from crossbeat.leads import STANDARD
from crossbeat.signal import resample

SCP = """,description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass
NORM,normal ECG,1.0,,,NORM,NORM
LVH,left ventricular hypertrophy,1.0,,,HYP,LVH
IMI,inferior myocardial infarction,1.0,,,MI,IMI
CLBBB,complete left bundle branch block,1.0,,,CD,CLBBB
NDT,non-diagnostic T abnormalities,1.0,1.0,,STTC,STTC
AFIB,atrial fibrillation,,,1.0,,
SR,sinus rhythm,,,1.0,,
"""
_HEADER = (
    "ecg_id,patient_id,age,sex,recording_date,report,scp_codes,strat_fold,filename_lr,filename_hr"
)


def write_record(stem: Path, fs: int, unit: str, *, seed: int) -> None:
    """Twelve leads of 10 s in WFDB format 16, the limb leads in PTB-XL's capitals."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    ecg = simulate.ecg_block(simulate.draw_patients(1, seed), 0, seed)[0]
    waves = np.rint(1000 * resample(ecg, float(simulate.FS), float(fs))).astype("<i2")
    waves.T.tofile(stem.with_suffix(".dat"))
    lines = [
        f"{stem.name}.dat 16 1000.0(0)/{unit} 16 0 {row[0]} {row.sum(dtype=int) % 2**16} 0 "
        + lead.upper()
        for row, lead in zip(waves, STANDARD, strict=True)
    ]
    stem.with_suffix(".hea").write_text(
        "\n".join([f"{stem.name} 12 {fs} {fs * 10}", *lines]) + "\n"
    )


def write_ptbxl(folder: Path, rows: list[tuple[int, str, float, int, str, int]]) -> Path:
    """Rows: ecg_id, patient_id (as published, with ``.0``), age, sex, scp_codes, fold."""
    lines = [_HEADER]
    for ecg, patient, age, sex, codes, fold in rows:
        low, high = f"records100/00000/{ecg:05d}_lr", f"records500/00000/{ecg:05d}_hr"
        lines.append(
            f'{ecg},{patient},{age},{sex},1984-11-09 09:17:34,ekg,"{codes}",{fold},{low},{high}'
        )
        write_record(folder / low, 100, "mV", seed=ecg)
        write_record(folder / high, 500, "mV", seed=ecg)
    (folder / "ptbxl_database.csv").write_text("\n".join(lines) + "\n")
    (folder / "scp_statements.csv").write_text(SCP)
    return folder


def write_normalised(folder: Path, rows: list[tuple[int, int, str, str, str, int]]) -> Path:
    """Rows: ecg_id, patient_id, superclasses, subclasses, rhythm, fold."""
    head = "ecg_id,patient_id,diagnostic_superclass,diagnostic_subclass,rhythm,form,report"
    lines = [f"{head},strat_fold,filename_lr"]
    for ecg, patient, classes, subclasses, rhythm, fold in rows:
        low = f"records100/00000/{ecg:05d}_lr"
        lines.append(f"{ecg},{patient},{classes},{subclasses},{rhythm},,,{fold},{low}")
        write_record(folder / low, 100, "NU", seed=ecg)
    (folder / "ptbxl_database.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_film(path: Path, pixels: int, *, seed: int) -> None:
    """A square image of grey noise."""
    grey = np.random.default_rng(seed).integers(0, 255, (pixels, pixels), dtype=np.uint8)
    Image.fromarray(grey).save(path)


def write_nih(
    folder: Path, rows: list[tuple[str, str, int, int, str, str]], *, pixels: int = 40
) -> Path:
    """Rows: file name, findings, patient, age, sex, view."""
    images = folder / "images"
    images.mkdir(parents=True)
    lines = [
        (
            "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
            "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
        )
    ]
    for number, (name, findings, patient, age, sex, view) in enumerate(rows):
        lines.append(f"{name},{findings},0,{patient},{age},{sex},{view},2682,2749,0.143,0.143")
        write_film(images / name, pixels, seed=number)
    (folder / "Data_Entry_2017.csv").write_text("\n".join(lines) + "\n")
    return folder
