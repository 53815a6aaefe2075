"""Virtual MIMICs that tests write, and how they look at them."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from crossbeat.simulate.hospital import VirtualMimic
from crossbeat.simulate.hospital.faults import Faults

NOTHING_WRONG = Faults(**{field.name: 0.0 for field in fields(Faults)})
NO_ECG = replace(NOTHING_WRONG, patient_without_ecg=1.0)

ECG_TIME = "%Y-%m-%d %H:%M:%S"


def write(folder: Path, **settings: Any) -> Path:
    """A tree of small images, written by one thread."""
    wanted = {"num_patients": 12, "seed": 3, "image_size": 24, "film_size": 16} | settings
    with ThreadPoolExecutor(1) as executor:
        VirtualMimic(**wanted).write(folder, executor=executor)
    assert (folder / "virtual-mimic.json").is_file()
    return folder


def text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def table(root: Path, name: str) -> pl.DataFrame:
    """A table by a part of its file's name."""
    (path,) = root.rglob(f"*{name}.csv*")
    return pl.read_csv(BytesIO(text(path).encode()), infer_schema_length=None)


def labels(root: Path, name: str) -> pl.DataFrame:
    """A table of labels by a part of its file's name; columns may be blank throughout."""
    return table(root, name).with_columns(pl.exclude("subject_id", "study_id").cast(pl.Float64))


def times(column: str) -> pl.Expr:
    return pl.col(column).str.to_datetime(ECG_TIME)


def listed(root: Path) -> dict[str, list]:
    return json.loads((root / "faults.json").read_text())


def image_path(root: Path, row: dict) -> Path:
    subject = str(row["subject_id"])
    folder = root / "mimic-cxr-jpg" / "files" / f"p{subject[:2]}" / f"p{subject}"
    return folder / f"s{row['study_id']}" / f"{row['dicom_id']}.jpg"


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    assert files
    return {str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest() for path in files}
