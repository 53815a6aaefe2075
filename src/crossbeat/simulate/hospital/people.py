"""The rows of a virtual MIMIC's tables for the patients of a block and their stays."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Int64

from crossbeat import simulate
from crossbeat.simulate.hospital.visits import STAYS, Visits, ids, patient_numbers

OLDEST = 89
"""Years; whoever is older is said to be 91 (MIMIC-IV)."""

_DAY = 86400


@dataclass(frozen=True, eq=False)
class People:
    """The patients of a block.

    Args:
        draws: of the block.
        subjects: subject_id of each.
        first: as they are when their first stay begins.
        split: of MIMIC-CXR that each belongs to.
    """

    draws: simulate.Draws
    subjects: Int64[np.ndarray, " patient"]
    first: simulate.Patients
    split: np.ndarray


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
