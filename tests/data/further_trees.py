"""More data sets of a few records, in the exact layout of their publishers."""

import struct
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Int64
from published_trees import write_film

from crossbeat import simulate
from crossbeat.leads import STANDARD
from crossbeat.signal import resample

CHEXPERT_LABELS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
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


def write_chexpert(
    folder: Path, tables: dict[str, list[tuple[str, str, int, str, dict[str, float]]]]
) -> Path:
    """By table: rows of path below the table's folder, sex, age, AP/PA, labels that are given."""
    head = ",".join(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEXPERT_LABELS])
    for table, rows in tables.items():
        lines = [head]
        for number, (below, sex, age, side, labels) in enumerate(rows):
            path = f"{table}/{below}.jpg"
            told = ",".join(str(labels.get(name, "")) for name in CHEXPERT_LABELS)
            view = "Lateral" if below.endswith("lateral") else "Frontal"
            lines.append(f"{folder.name}/{path},{sex},{age},{view},{side},{told}")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_film(folder / path, 40, seed=hash_of(table) + number)
        (folder / f"{table}.csv").write_text("\n".join(lines) + "\n")
    return folder


def hash_of(table: str) -> int:
    """Another range of seeds for each table: equal images would be leaks."""
    return 1000 * sum(map(ord, table))


LUDB_COLUMNS = (
    "ID",
    "Sex",
    "Age",
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
    lines = [
        f"{stem.name}.dat 16 {span}({level})/mV 0 0 {start} 0 0 {lead.lower()}"
        for lead, span, level, start in zip(
            STANDARD, spans, levels, stored[:, 0].tolist(), strict=True
        )
    ]
    comments = ["#<age>: 51", "#<sex>: F", "#<diagnoses>:", "#Rhythm: Sinus rhythm."]
    header = [f"{stem.name} 12 500 {stored.shape[1]}", *lines, *comments]
    stem.with_suffix(".hea").write_text("\n".join(header) + "\n")


def microvolts(seed: int, *, fs: float, seconds: float) -> Int64[np.ndarray, "lead time"]:
    """The twelve leads of a simulated patient; beyond 10 s the same again."""
    ecg = simulate.ecg_block(simulate.draw_patients(1, seed), 0, seed)[0]
    waves = resample(ecg, float(simulate.FS), fs)
    wanted = round(seconds * fs)
    return np.rint(1000 * np.resize(waves.T, (wanted, 12)).T).astype(np.int64)


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


CODE15_COLUMNS = (
    "exam_id",
    "age",
    "is_male",
    "nn_predicted_age",
    "1dAVb",
    "RBBB",
    "LBBB",
    "SB",
    "ST",
    "AF",
    "patient_id",
    "death",
    "timey",
    "normal_ecg",
    "trace_file",
)


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
        lines = [
            f"{name}.mat 16x1+24 1000.0(0)/mV 16 0 {start} 0 0 {lead}"
            for lead, start in zip(STANDARD, waves[:, 0].tolist(), strict=True)
        ]
        comments = [f"# Age: {age}", f"# Sex: {sex}", f"# Dx: {codes}", "# Rx: Unknown"]
        header = [f"{name} 12 {fs} {waves.shape[1]}", *lines, *comments]
        stem.with_suffix(".hea").write_text("\n".join(header) + "\n")
    return root
