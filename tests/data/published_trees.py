"""Data sets of a few records in the exact layout of their publishers, and their settings.

Every tree has ten patients or more, all of whose files are sound.
"""

import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest
from jaxtyping import Float, Int64
from PIL import Image

from cine_dicoms import slice_files, tilted, write_zip
from crossbeat import simulate
from crossbeat.data.cohort import Cohort
from crossbeat.data.registry import Builder
from crossbeat.data.sources.chexpert import CheXpert
from crossbeat.data.sources.cinc2021 import Cinc2021
from crossbeat.data.sources.code15 import Code15
from crossbeat.data.sources.ludb import Ludb
from crossbeat.data.sources.matched import LabelMatched
from crossbeat.data.sources.mimic import Mimic
from crossbeat.data.sources.nih import NihCxr14
from crossbeat.data.sources.own import OwnFiles
from crossbeat.data.sources.ptbxl import PtbXl
from crossbeat.data.sources.ukb import Ukb
from crossbeat.data.sources.virtual import Virtual
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.findings import CHEXPERT
from crossbeat.leads import STANDARD
from crossbeat.signal import resample
from crossbeat.simulate.hospital import Faults, VirtualMimic

PTBXL = [
    (1, "10.0", 56.0, 1, "{'NORM': 100.0, 'SR': 0.0}", 1),
    (2, "10.0", 57.0, 1, "{'LVH': 35.0, 'NDT': 100.0}", 1),
    (3, "11.0", 300.0, 0, "{'IMI': 100.0, 'AFIB': 0.0}", 2),
    (4, "12.0", 30.0, 0, "{'CLBBB': 100.0}", 8),
    (5, "13.0", 41.0, 0, "{'SR': 0.0}", 9),
]
PTBXL += [(i, f"{i}.0", 50.0, 0, "{'SR': 0.0}", i % 10) for i in range(20, 26)]
PTBXL_NORMALISED = [
    (3, 11, "NORM", "NORM", "SR", 2),  # listed in ROWS too, with other labels
    (6, 10, "HYP;CD", "LVH;IRBBB", "AFIB", 1),
    (7, 14, "STTC", "NST_", "", 9),
]
NIH = [
    (f"{patient:08d}_{number:03d}.png", findings, patient, age, sex, view)
    for patient, number, findings, age, sex, view in [
        (1, 0, "Cardiomegaly|Emphysema", 57, "M", "PA"),
        (1, 1, "Cardiomegaly|Effusion", 58, "M", "AP"),
        (2, 0, "No Finding", 411, "F", "PA"),
        (3, 0, "Edema|Pleural_Thickening", 40, "F", "AP"),
        (4, 0, "No Finding", 41, "F", "PA"),
    ]
]
NIH += [(f"{i:08d}_000.png", "Edema", i, 50, "F", "AP") for i in range(5, 11)]
Row = tuple[str, str, int, str, dict[str, float]]
DOUBTFUL = {"Cardiomegaly": -1.0, "Edema": 1.0, "Pneumonia": 0.0}
TRAIN: list[Row] = [
    ("patient00001/study1/view1_frontal", "Female", 68, "AP", {"No Finding": 1.0}),
    ("patient00002/study2/view1_frontal", "Male", 87, "PA", DOUBTFUL),
    ("patient00002/study2/view2_lateral", "Male", 87, "", {"Edema": 1.0}),
    ("patient00003/study1/view1_frontal", "Unknown", 0, "AP", {}),
]
VALID: list[Row] = [
    ("patient64541/study1/view1_frontal", "Male", 73, "AP", {"Cardiomegaly": 1.0, "Edema": 0.0})
]


def many_films(numbers: range) -> list[Row]:
    """Two studies of each patient."""
    names = [f"patient{i:05d}/study{k}/view1_frontal" for i in numbers for k in (1, 2)]
    return [(name, "Male", 50, "AP", {}) for name in names]


CHEX = {"train": TRAIN + many_films(range(10, 16)), "valid": VALID}
LUDB = [
    {
        "ID": "1",
        "Sex": "F",
        "Age": "51",
        "Rhythms": "Sinus bradycardia",
        "Electric axis of the heart": "Electric axis of the heart: left axis deviation",
        "Hypertrophies": "Left ventricular hypertrophy\nLeft ventricular overload",
        "Non-specific repolarization abnormalities": (
            "Non-specific repolarization abnormalities: posterior wall"
        ),
    },
    {
        "ID": "34",
        "Sex": "M",
        "Age": ">89",
        "Rhythms": "Atrial fibrillation",
        "Electric axis of the heart": "Electric axis of the heart: normal",
        "Conduction abnormalities": "Incomplete right bundle branch block\nI degree AV block",
        "Ischemia": ("Undefined ischemia/scar/supp.NSTEMI: septal\nScar formation: anterior wall"),
    },
    {
        "ID": "104",
        "Sex": "F",
        "Age": "75",
        "Rhythms": "Sinus rhythm",
        "Conduction abnormalities": "III degree AV-block",
        "Cardiac pacing": "UNIpolar ventricular pacing\nP-synchrony",
        "Ischemia": "STEMI: lateral wall",
    },
]
LUDB += [{**LUDB[0], "ID": str(number)} for number in range(201, 208)]
CODE15 = [
    (11, 1, 40, True, "normal_ecg", 0, 10.24),
    (12, 1, 41, True, "RBBB SB", 0, 7.335),
    (13, 2, 70, False, "AF", 1, 7.0),
    (14, 3, 71, False, "1dAVb LBBB ST", 1, 10.0),
]
CODE15 += [(100 + i, 10 + i // 2, 50, True, "", 2 + i, 7.0) for i in range(14)]
CINC = [
    ("georgia/g1", "E07500", "78", "Male", "67741000119109,426177001"),
    ("georgia/g2", "E09001", "NaN", "Female", "733534002,427172004"),
    ("ptb-xl/g1", "HR00001", "300", "M", "426783006"),
    ("ningbo/g1", "JS20000", "84", "Unknown", "284470004, 427084000"),
    ("cpsc_2018/g1", "A0001", "74", "F", ""),
]
CINC += [("ptb/g1", f"S{number:04d}", "50", "Male", "426783006") for number in range(5)]


@cache
def simulated(seed: int, fs: float) -> Float[np.ndarray, "lead time"]:
    ecg = simulate.ecg_block(simulate.draw_patients(1, seed), 0, seed)[0]
    return resample(ecg, float(simulate.FS), fs)


def microvolts(seed: int, *, fs: float, seconds: float) -> Int64[np.ndarray, "lead time"]:
    """The twelve leads of a simulated patient; beyond 10 s the same again."""
    wanted = round(seconds * fs)
    waves = np.resize(simulated(seed, fs).T, (wanted, 12)).T
    return np.rint(1000 * waves).astype(np.int64)


def write_header(stem: Path, fs: int, waves: np.ndarray, fields: list[str], *comments: str) -> None:
    """The header of a WFDB record, with a line of fields for each lead."""
    lines = [f"{stem.name} 12 {fs} {waves.shape[1]}", *fields, *comments]
    stem.with_suffix(".hea").write_text("\n".join(lines) + "\n")


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
    waves = microvolts(seed, fs=float(fs), seconds=10.0).astype("<i2")
    waves.T.tofile(stem.with_suffix(".dat"))
    fields = [
        f"{stem.name}.dat 16 1000.0(0)/{unit} 16 0 {row[0]} {row.sum(dtype=int) % 2**16} 0 "
        + lead.upper()
        for row, lead in zip(waves, STANDARD, strict=True)
    ]
    write_header(stem, fs, waves, fields)


def write_ptbxl(
    folder: Path, rows: list[tuple[int, str, float, int, str, int]], *, both_rates: bool = False
) -> Path:
    """Rows: ecg_id, patient_id (as published, with ``.0``), age, sex, scp_codes, fold."""
    lines = [_HEADER]
    for ecg, patient, age, sex, codes, fold in rows:
        low, high = f"records100/00000/{ecg:05d}_lr", f"records500/00000/{ecg:05d}_hr"
        lines.append(
            f'{ecg},{patient},{age},{sex},1984-11-09 09:17:34,ekg,"{codes}",{fold},{low},{high}'
        )
        write_record(folder / low, 100, "mV", seed=ecg)
        if both_rates:
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


def write_chexpert(
    folder: Path, tables: dict[str, list[tuple[str, str, int, str, dict[str, float]]]]
) -> Path:
    """By table: rows of path below the table's folder, sex, age, AP/PA, labels that are given."""
    head = ",".join(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEXPERT.values()])
    for table, rows in tables.items():
        lines = [head]
        for number, (below, sex, age, side, labels) in enumerate(rows):
            path = f"{table}/{below}.jpg"
            told = ",".join(str(labels.get(name, "")) for name in CHEXPERT.values())
            view = "Lateral" if below.endswith("lateral") else "Frontal"
            lines.append(f"{folder.name}/{path},{sex},{age},{view},{side},{told}")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_film(folder / path, 40, seed=1000 * sum(map(ord, table)) + number)
        (folder / f"{table}.csv").write_text("\n".join(lines) + "\n")
    return folder


LUDB_COLUMNS = (
    *("ID", "Sex", "Age", "Rhythms", "Electric axis of the heart", "Conduction abnormalities"),
    *("Extrasystolies", "Hypertrophies", "Cardiac pacing", "Ischemia"),
    *("Non-specific repolarization abnormalities", "Other states"),
)


def write_ludb(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Rows: the cells of ``ludb.csv`` by column; all but ID end with a line feed, as published."""
    lines = [",".join(LUDB_COLUMNS)]
    for row in rows:
        cells = [f'"{row[name]}\n"' if name in row else "" for name in LUDB_COLUMNS[1:]]
        lines.append(",".join([row["ID"], *cells]))
        write_ludb_record(folder / "data" / row["ID"], seed=int(row["ID"]))
    (folder / "ludb.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_ludb_record(stem: Path, *, seed: int) -> None:
    """Whole microvolts, with the span of each lead in the place of its gain."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    stored = microvolts(seed, fs=500.0, seconds=10.0)
    stored.T.astype("<i2").tofile(stem.with_suffix(".dat"))
    spans = (stored.max(axis=1) - stored.min(axis=1)).tolist()
    levels = np.rint(stored.mean(axis=1)).astype(int).tolist()
    fields = [
        f"{stem.name}.dat 16 {span}({level})/mV 0 0 {start} 0 0 {lead.lower()}"
        for lead, span, level, start in zip(
            STANDARD, spans, levels, stored[:, 0].tolist(), strict=True
        )
    ]
    comments = ["#<age>: 51", "#<sex>: F", "#<diagnoses>:", "#Rhythm: Sinus rhythm."]
    write_header(stem, 500, stored, fields, *comments)


CODE15_COLUMNS = (
    *("exam_id", "age", "is_male", "nn_predicted_age", "1dAVb", "RBBB", "LBBB", "SB", "ST", "AF"),
    *("patient_id", "death", "timey", "normal_ecg", "trace_file"),
)


def write_code15(folder: Path, rows: list[tuple[int, int, int, bool, str, int, float]]) -> Path:
    """Rows: exam, patient, age, is_male, abbreviations that are true, part, seconds.

    Each part ends with a row of zeros for exam 0, as published.
    """
    h5py = pytest.importorskip("h5py", reason="h5py is in the extra formats")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [",".join(CODE15_COLUMNS)]
    parts: dict[int, list[tuple[int, np.ndarray]]] = {}
    for exam, patient, age, male, true, part, seconds in rows:
        flags = [str(name in true.split()) for name in CODE15_COLUMNS[4:10]]
        file = f"exams_part{part}.hdf5"
        first = [str(exam), str(age), str(male), "55.3", *flags, str(patient), "False", "2.1"]
        lines.append(",".join([*first, str("normal_ecg" in true.split()), file]))
        tracing = np.zeros((4096, 12), np.float32)
        wave = microvolts(exam, fs=400.0, seconds=seconds).T / 1000
        start = (4096 - len(wave)) // 2
        tracing[start : start + len(wave)] = wave + 0.0001  # so that no sample is all zero
        parts.setdefault(part, []).append((exam, tracing))
    for part, tracings in parts.items():
        with h5py.File(folder / f"exams_part{part}.hdf5", "w") as file:
            stored = [*reversed(tracings), (0, np.zeros((4096, 12), np.float32))]
            file["exam_id"] = np.array([exam for exam, _ in stored])
            file["tracings"] = np.stack([tracing for _, tracing in stored])
    (folder / "exams.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_cinc(
    root: Path, rows: list[tuple[str, str, str, str, str]], *, fs: int = 500, seconds: float = 10.0
) -> Path:
    """Rows: folder below ``training``, record, age, sex, codes; WFDB 16x1+24 with MATLAB v4."""
    for number, (source, name, age, sex, codes) in enumerate(rows):
        stem = root / "training" / source / name
        stem.parent.mkdir(parents=True, exist_ok=True)
        waves = microvolts(number, fs=float(fs), seconds=seconds).astype("<i2")
        matlab = struct.pack("<5i", 30, *waves.shape, 0, 4) + b"val\0"
        stem.with_suffix(".mat").write_bytes(matlab + waves.T.tobytes())
        fields = [
            f"{name}.mat 16x1+24 1000.0(0)/mV 16 0 {start} 0 0 {lead}"
            for lead, start in zip(STANDARD, waves[:, 0].tolist(), strict=True)
        ]
        comments = [f"# Age: {age}", f"# Sex: {sex}", f"# Dx: {codes}", "# Rx: Unknown"]
        write_header(stem, fs, waves, fields, *comments)
    return root


FRAMES = 10


@cache
def ecg_text(seed: int) -> str:
    """Field 20205: 10 s at 500 Hz in steps of 5 microvolts."""
    steps = microvolts(seed, fs=500.0, seconds=10.0) // 5
    waves = "".join(
        f'<WaveformData lead="{lead}">{",".join(map(str, row.tolist()))}</WaveformData>'
        for lead, row in zip(STANDARD, steps, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="ISO8859-1" ?><CardiologyXML><StripData>'
        '<SampleRate units="Hz">500</SampleRate><Resolution units="uVperLsb">5</Resolution>'
        f"{waves}</StripData></CardiologyXML>"
    )


def write_ukb_ecg(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ecg_text(seed))


def beats(grey: int, *, frames: int = FRAMES, smaller: float = 0.0) -> np.ndarray:
    """A bright disc that shrinks and grows, in the lower right of the image."""
    y, x = np.mgrid[:64, :48]
    far = np.hypot((y - 40) * 1.5, (x - 30) * 2.0)
    radii = 16 - smaller + 5 * np.cos(2 * np.pi * np.arange(frames) / frames)
    return np.where(far <= radii[:, None, None], grey, 20).astype(np.uint16)


@cache
def short_axis(slices: int = 3, *, frames: int = FRAMES, person: int = 0) -> dict[str, bytes]:
    made: dict[str, bytes] = {"manifest.cvs": b"filename,patientid\n"}
    for number in range(1, slices + 1):  # the second of three is the largest
        values = beats(100 * number, frames=frames, smaller=4.0 * abs(number - 2))
        values[:, 22:24, 18:24] = 60 + 5 * person
        name = f"CINE_segmented_SAX_b{number}"
        made |= slice_files(name, -10.0 * number, series=f"1.2.{number}", values=values)
        analysed = slice_files("CINE_segmented_SAX_InlineVF", -10.0 * number, series="1.2.90")
        made |= {f"{number}{file}": data for file, data in analysed.items()}
    return made


@cache
def long_axis() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for number, name in enumerate(("2Ch", "3Ch", "4Ch")):
        files |= slice_files(
            f"CINE_segmented_LAX_{name}",
            0.0,
            series=f"1.3.{number}",
            values=beats(100 + number, frames=FRAMES - 2 * number),
            change=tilted(30.0 * number),
        )
    return files


UKB_HEAD = "eid,31-0.0,21003-2.0,24100-2.0,24103-2.0,24100-3.0"
UKB_ROWS = ["1000011,0,61,120.5,58,130", "1000022,1,70,160,,", "1000033,,,140,61,"]


def write_ukb(folder: Path, *, more: int = 0) -> Path:
    """Three participants with both files, one with an ECG only, and a repeated visit.

    Args:
        more: participants with both files besides.
    """
    eids = [1000011, 1000022, 1000033, *range(2000000, 2000000 + more)]
    for seed, eid in enumerate([*eids, 1000044]):
        below = "10/" if seed < 2 else ""
        write_ukb_ecg(folder / "ecg" / f"{below}{eid}_20205_2_0.xml", seed)
    write_ukb_ecg(folder / "ecg" / "1000011_20205_3_0.xml", 70)
    (folder / "ecg" / "1000011_6025_0_0.xml").write_text("<CardiologyXML/>")
    for person, eid in enumerate(eids):
        size = {"slices": 3, "frames": FRAMES} if person < 3 else {"slices": 1, "frames": 4}
        write_zip(folder / "cine" / f"{eid}_20209_2_0.zip", short_axis(**size, person=person))
    rows = [*UKB_ROWS, *(f"{eid},0,50,100,50," for eid in eids[3:])]
    (folder / "measures.csv").write_text("\n".join([UKB_HEAD, *rows]) + "\n")
    return folder


def ukb(tree: Path, **others: object) -> Ukb:
    given = {"ecg": tree / "ecg", "cine": tree / "cine", "measurements": tree / "measures.csv"}
    given |= {"frames": FRAMES, "cine_size": 32, "side_mm": 60.0}
    return Ukb(**(given | others))  # type: ignore[arg-type]


OWN_HEAD = "ecg,xray,patient,edema,time,age,sex"


def write_own(folder: Path, rows: list[str], head: str = OWN_HEAD) -> Path:
    """The ECGs a, b and d, the X-rays a, c and d, and a table of some rows."""
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate("abd"):
        write_record(folder / name, 100, "mV", seed=seed)
    for value, name in enumerate("acd"):
        write_film(folder / f"{name}.png", 32, seed=value)
    (folder / "list.csv").write_text("\n".join([head, *rows]) + "\n")
    return folder / "list.csv"


def own_of_ten(folder: Path) -> OwnFiles:
    folder.mkdir()
    for number in range(10):
        write_record(folder / f"e{number}", 100, "mV", seed=number)
    rows = [f"e{number}.hea,p{number},{number % 2}" for number in range(10)]
    (folder / "list.csv").write_text("\n".join(["ecg,patient,edema", *rows]) + "\n")
    return OwnFiles(table=folder / "list.csv", findings=("edema",))


def mimic(tree: Path, **changes: object) -> Mimic:
    folders = {"ecg": "mimic-iv-ecg", "cxr": "mimic-cxr-jpg", "ed": "mimic-iv-ed"}
    given = {name: tree / folder for name, folder in (folders | {"hosp": "mimic-iv/hosp"}).items()}
    return Mimic(**({"image_size": 16} | given | changes))  # type: ignore[arg-type]


def sound_mimic(folder: Path) -> Mimic:
    settings = {"num_patients": 20, "seed": 3, "image_size": 24, "film_size": 16}
    sound = Faults(**{field.name: 0.0 for field in fields(Faults)})
    with ThreadPoolExecutor(1) as executor:
        VirtualMimic(**settings, faults=sound).write(folder, executor=executor)  # type: ignore[arg-type]
    return mimic(folder)


CODES = ["{'NORM': 100.0}", "{'LVH': 100.0}", "{'NDT': 100.0}", "{'IMI': 100.0}"]
SHOWN = ["No Finding", "Cardiomegaly", "Edema", "Effusion"]


def matched(folder: Path, **settings: Any) -> LabelMatched:
    """Forty ECGs of twenty patients, and twice sixty X-rays."""
    if not folder.exists():
        ecgs = [(i, f"{i // 2}.0", 40.0 + i, i % 2, CODES[i % 4], i // 2 % 5) for i in range(40)]
        xrays = [
            (f"{i:08d}_{k:03d}.png", SHOWN[(i + k) % 4], i, 30 + i, "MF"[i % 2], "AP")
            for i in range(60)
            for k in range(2)
        ]
        build(PtbXl(root=write_ptbxl(folder / "ptb-xl", ecgs)), folder / "ecgs")
        nih = NihCxr14(root=write_nih(folder / "nih", xrays), image_size=16)
        build(nih, folder / "xrays")
    return LabelMatched(ecgs=folder / "ecgs", xrays=folder / "xrays", **settings)


def labelled(cohort: Cohort, record: str, code: int | None = 1) -> set[str]:
    """The findings of a record whose label has this code."""
    row = cohort.table.row(by_predicate=pl.col("record") == record, named=True)
    return {finding for finding in cohort.info.findings if row[f"label:{finding}"] == code}


def build(settings: Builder, folder: Path, *, allow_missing: bool = True) -> Cohort:
    """A cohort, made by one thread."""
    with ThreadPoolExecutor(1) as executor:
        return settings.build(folder, executor=executor, allow_missing=allow_missing)


TREES: dict[str, Callable[[Path], Builder]] = {
    "virtual": lambda _: Virtual(num_patients=10, image_size=16),
    "virtual-hearts": lambda _: VirtualHearts(num_patients=10, frames=3, cine_size=16),
    "ptb-xl": lambda folder: PtbXl(root=write_ptbxl(folder, PTBXL)),
    "nih-cxr14": lambda folder: NihCxr14(root=write_nih(folder, NIH), image_size=32),
    "chexpert": lambda folder: CheXpert(
        root=write_chexpert(folder / "CheXpert-v1.0", CHEX), image_size=16
    ),
    "ludb": lambda folder: Ludb(root=write_ludb(folder, LUDB)),
    "code-15": lambda folder: Code15(root=write_code15(folder, CODE15)),
    "cinc-2021": lambda folder: Cinc2021(root=write_cinc(folder, CINC)),
    "files": own_of_ten,
    "mimic": sound_mimic,
    "ukb": lambda folder: ukb(write_ukb(folder, more=7)),
    "label-matched": matched,
}
"""Writes the tree of each data set that commands offer; returns the settings that read it."""


def coarse_digest(cohort: Cohort, signal: str, more: str = "") -> str:
    """Of all that is stored, rounded: the last place of a float depends on the processor."""
    rows = np.arange(cohort.table.height)
    rounded = cohort.table.with_columns(cs.float().round_sig_figs(2))
    digest = sha256(rounded.select(pl.all().cast(pl.String)).write_csv().encode())
    digest.update(more.encode())
    digest.update(np.rint(cohort.ecgs(rows).values.numpy() * 8).astype(np.int16).tobytes())
    digest.update((cohort.images(signal, rows).numpy() // 16).tobytes())
    return digest.hexdigest()[:16]
