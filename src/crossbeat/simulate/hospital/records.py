"""The files of a virtual MIMIC: WFDB records and JPGs, made a few at a time from the hearts.

An X-ray is drawn coarser than it is stored and enlarged, which costs a quarter. A lateral
image is no lateral film: it only has to be there, so that whoever wants frontal ones finds out.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Bool, Int16
from PIL import Image

from crossbeat import simulate
from crossbeat.files import disk_with_room
from crossbeat.leads import MIMIC, STANDARD, complete
from crossbeat.simulate.film import take_film
from crossbeat.simulate.hospital.visits import STATES
from crossbeat.simulate.patient import draw_block, joined

GAIN = 200
"""Stored integers per millivolt."""

_MISSING = -32768
"""What stands for a missing sample in format 16 (WFDB Applications Guide, signal(5))."""

_TOGETHER = 32
"""Recordings made at a time; films fit into the processor's cache, and memory stays flat."""

_QUALITY = 95  # of the JPGs, as of MIMIC-CXR-JPG (Johnson et al. 2019, arXiv:1901.07042)


@dataclass(frozen=True, eq=False)
class Films:
    """How frontal images of some X-ray studies were taken, and the labels of their reports."""

    anteroposterior: Bool[np.ndarray, " film"]  # taken from the front, in bed
    supine: Bool[np.ndarray, " film"]  # lying flat
    labels: simulate.Labels  # of the report, by finding


def patients_at(events: pl.DataFrame, draws: simulate.Draws) -> simulate.Patients:
    """The patients as they are when something is recorded, a row each.

    ``events`` have columns patient, the row in the block, and hours, one of ``STATES``.
    """
    states = sorted(set(events["hours"])) or [STATES[0]]
    drawn = [draw_block(draws.block, draws.seed, draws.num, hours) for hours in states]
    state = np.searchsorted(states, events["hours"].to_numpy())
    return joined(drawn).rows(state * draws.num + events["patient"].to_numpy())


def write_ecgs(
    folder: Path, ecgs: pl.DataFrame, patients: simulate.Patients, draws: simulate.Draws
) -> None:
    """The records of a block, of patients at the time of each signal, in order of the signals."""
    rows = ecgs.partition_by("signal", as_dict=True)
    for number, part in simulate.spans(len(patients), _TOGETHER):
        seed = _recording_seed(draws, "ecg", number)
        waves = complete(simulate.ecgs(patients.rows(part), seed), STANDARD, MIMIC)
        stored = np.clip(np.rint(waves * GAIN), _MISSING + 1, -_MISSING - 1).astype("<i2")
        for signal, values in enumerate(stored, start=part.start):
            for row in rows[(signal,)].iter_rows(named=True):
                _write_record(folder / row["path"], row, values)


def _write_record(stem: Path, row: dict, values: Int16[np.ndarray, "lead time"]) -> None:
    fault = row["fault"]
    if fault == "missing_ecg":
        return
    if fault == "flat_lead":
        values[MIMIC.index(row["lead"])] = 0
    if fault == "missing_samples":
        start = row["study_id"] % values.shape[1] // 2
        values[:, start : start + 500] = _MISSING
    data = values.T.tobytes()
    if fault == "truncated_ecg":
        data = data[: len(data) * 5 // 8 + 1]
    _write(stem.with_suffix(".dat"), data)
    _write(stem.with_suffix(".hea"), _header(row, values).encode())


def _header(row: dict, values: Int16[np.ndarray, "lead time"]) -> str:
    """A header as MIMIC-IV-ECG 1.0 has them, with the time of day, the date and the patient."""
    name, when = row["study_id"], datetime.fromisoformat(row["ecg_time"])
    lines = [f"{name} {len(MIMIC)} {simulate.FS} {values.shape[1]} {when:%H:%M:%S %d/%m/%Y}"]
    lines += [
        f"{name}.dat 16 {GAIN}.0(0)/mV 16 0 {first} {checksum} 0 {lead}"
        for first, checksum, lead in zip(
            values[:, 0], values.sum(axis=1, dtype=np.int64) % 2**16, MIMIC, strict=True
        )
    ]
    return "\n".join([*lines, f"# <subject_id>: {row['subject_id']}"]) + "\n"


def write_films(
    folder: Path,
    films: pl.DataFrame,
    patients: simulate.Patients,
    draws: simulate.Draws,
    sizes: tuple[int, int],
) -> Films:
    """The frontal images of some studies, one each, with the lateral ones that belong to them.

    Args:
        films: path, fault and view, the same in all rows; lateral_path, lateral_fault, or null.
        patients: at the time of each film.
        sizes: pixels per side of the images, as they are drawn and as they are stored.
    """
    made: list[Films] = []
    rows = films.to_dicts()
    for number, part in simulate.spans(len(patients), _TOGETHER):
        some, seed = patients.rows(part), _recording_seed(draws, rows[0]["view"], number)
        images = simulate.xrays(some, seed, sizes[0])
        for image, row in zip(images, rows[part], strict=True):
            large = (sizes[1], sizes[1])
            frontal = Image.fromarray(image).resize(large, Image.Resampling.BICUBIC)
            _write_jpg(folder / row["path"], frontal, row["fault"])
            if row["lateral_path"] is not None:
                _write_jpg(folder / row["lateral_path"], _from_aside(frontal), row["lateral_fault"])
        taken = take_film(some, simulate.Draws(seed, 0, len(some), "film"))
        told = simulate.report_labels(some, seed)
        made.append(Films(taken.anteroposterior, taken.supine, told))
    return _joined(made)


def _joined(made: list[Films]) -> Films:
    none = np.zeros(0, dtype=bool)
    return Films(
        np.concatenate([none, *(some.anteroposterior for some in made)]),
        np.concatenate([none, *(some.supine for some in made)]),
        {
            name: np.concatenate([none.astype(np.int8), *(some.labels[name] for some in made)])
            for name in simulate.FINDINGS
        },
    )


def _recording_seed(draws: simulate.Draws, what: str, portion: int) -> int:
    """A seed of its own for the noise, electrodes, exposure and reports of some recordings."""
    text = f"{draws.seed}/{draws.block}/{what}/{portion}"
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def _from_aside(frontal: Image.Image) -> Image.Image:
    """Both halves of the chest over each other, half as wide, before a dark background."""
    width, height = frontal.size
    turned = frontal.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    narrow = Image.blend(frontal, turned, 0.5).resize((width // 2, height))
    side = Image.new("L", (width, height), 12)
    side.paste(narrow, (width // 4, 0))
    return side


def _write_jpg(path: Path, image: Image.Image, fault: str) -> None:
    if fault == "missing_xray":
        return
    encoded = BytesIO()
    image.save(encoded, "JPEG", quality=_QUALITY)
    data = encoded.getvalue()
    _write(path, data[: len(data) * 5 // 8] if fault == "truncated_xray" else data)


def _write(path: Path, data: bytes) -> None:
    """Without waiting for the disk: a block whose files are in doubt is written again."""
    with disk_with_room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
