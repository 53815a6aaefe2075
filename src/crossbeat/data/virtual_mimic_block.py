"""One block of the patients of a virtual MIMIC: their files, and their part of every table."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl

from crossbeat import simulate
from crossbeat.data.splits import Shares
from crossbeat.data.virtual_mimic_faults import Faults
from crossbeat.data.virtual_mimic_hospital import People, hospital_rows, text
from crossbeat.data.virtual_mimic_listed import listed
from crossbeat.data.virtual_mimic_records import Films, patients_at, write_ecgs, write_films
from crossbeat.data.virtual_mimic_rows import ecg_rows, truth_rows, xray_rows
from crossbeat.data.virtual_mimic_tables import FOLDERS, TABLES
from crossbeat.data.virtual_mimic_visits import ids, patient_numbers, visits
from crossbeat.files import write_whole
from crossbeat.simulate.patient import draw_block


def write_block(
    draws: simulate.Draws,
    folder: Path,
    part: Path,
    *,
    sizes: tuple[int, int],
    shares: Shares,
    faults: Faults,
) -> None:
    """Write the files of some patients, and then their part of the tables.

    Args:
        draws: of the block.
        folder: of the tree.
        part: a JSON file, for the rows of all tables as CSV, how many there are, and the faults.
        sizes: pixels per side of the X-rays, as they are drawn and as they are stored.
        shares: of the patients in MIMIC-CXR's split.
        faults: how often something is wrong.
    """
    seen = visits(draws, faults)
    people = _people(draws, shares)
    tables = hospital_rows(people, seen)
    subjects = pl.DataFrame({"patient": np.arange(draws.num), "subject_id": people.subjects})
    ecgs, xrays = (
        rows.join(subjects, on="patient", how="left", maintain_order="left")
        for rows in (seen.ecgs, seen.xrays)
    )
    films = _located(seen.films, xrays, draws.seed)
    tables |= _ecgs(folder / FOLDERS["ecg"], ecgs, draws)
    tables |= _xrays(folder / FOLDERS["cxr"], (xrays, films), people, sizes)
    truth = [tables.pop(f"truth_of_{modality}s") for modality in ("ecg", "xray")]
    tables["truth_of_studies"] = pl.concat(truth)
    contents = {
        "tables": {
            name: tables[name].select(table.columns).write_csv(include_header=False)
            for name, table in TABLES.items()
        },
        "rows": {name: tables[name].height for name in TABLES},
        "faults": listed(people, seen, films, tables),
    }
    write_whole(part, json.dumps(contents))


def _people(draws: simulate.Draws, shares: Shares) -> People:
    limits = (shares.test, shares.test + shares.val)
    split = np.searchsorted(limits, draws.uniform("split"), side="right")
    return People(
        draws,
        ids(patient_numbers(draws), 1, draws.seed),
        draw_block(draws.block, draws.seed, draws.num),
        np.array(["test", "validate", "train"])[split],
    )


def _ecgs(folder: Path, rows: pl.DataFrame, draws: simulate.Draws) -> dict[str, pl.DataFrame]:
    subject, study = pl.col("subject_id"), pl.col("study_id")
    ecgs = rows.with_columns(
        path=pl.format("files/p{}/p{}/s{}/{}", subject // 10_000, subject, study, study),
        ecg_time=text(pl.col("ecg_time")),
    )
    patients = patients_at(ecgs.filter(pl.col("copy") == 0), draws)
    write_ecgs(folder, ecgs, patients, draws)
    known = simulate.truth(patients)
    at_each = {name: there[ecgs["signal"].to_numpy()] for name, there in known.items()}
    return ecg_rows(ecgs, patients) | {"truth_of_ecgs": truth_rows(ecgs, at_each, "ecg")}


def _located(films: pl.DataFrame, xrays: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The images with their names and paths."""
    studies = xrays.select("study_id", "subject_id", xray=pl.int_range(pl.len()))
    rows = films.join(studies, on="xray", how="left", maintain_order="left")
    names = [
        _dicom_id(f"{seed}/{study}/{view}")
        for study, view in rows.select("study_id", "view").rows()
    ]
    subject = pl.col("subject_id")
    return rows.with_columns(dicom_id=pl.Series(names, dtype=pl.String)).with_columns(
        path=pl.format(
            "files/p{}/p{}/s{}/{}.jpg", subject // 1_000_000, subject, "study_id", "dicom_id"
        )
    )


def _dicom_id(name: str) -> str:
    """Forty digits in five groups."""
    digits = sha256(name.encode()).hexdigest()
    return "-".join(digits[start : start + 8] for start in range(0, 40, 8))


def _xrays(
    folder: Path,
    rows: tuple[pl.DataFrame, pl.DataFrame],  # studies, images
    people: People,
    sizes: tuple[int, int],
) -> dict[str, pl.DataFrame]:
    xrays, films = rows
    aside = films.filter(pl.col("view") == "lateral")
    aside = aside.select("xray", lateral_path="path", lateral_fault="fault")
    made: dict[str, Films] = {}
    taken = []
    for view, beside in (("frontal", aside), ("second", aside.clear())):
        some = films.filter(pl.col("view") == view)
        some = some.join(beside, on="xray", how="left", maintain_order="left")
        patients = patients_at(xrays[some["xray"].to_numpy()], people.draws)
        made[view] = write_films(folder, some, patients, people.draws, sizes)
        taken.append(
            some.select("xray", "view").with_columns(
                anteroposterior=pl.Series(made[view].anteroposterior),
                supine=pl.Series(made[view].supine),
            )
        )
    films = films.join(pl.concat(taken), on=["xray", "view"], how="left", maintain_order="left")
    films = films.with_columns(size=pl.lit(sizes[1]))
    patients = patients_at(xrays, people.draws)
    tables = xray_rows(people, xrays, films, (made["frontal"], patients))
    return {**tables, "truth_of_xrays": tables.pop("truth_of_studies")}
