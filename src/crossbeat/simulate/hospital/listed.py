"""Which rows of a block are faulty, by the keys of ``faults.json``."""

from itertools import combinations

import numpy as np
import polars as pl

from crossbeat.simulate.hospital.faults import ECG_FAULTS, XRAY_FAULTS
from crossbeat.simulate.hospital.labels import COLUMNS
from crossbeat.simulate.hospital.people import OLDEST, People
from crossbeat.simulate.hospital.visits import Stays, Visits

Entries = dict[str, list]

_EARLY = 10 * 3600


def listed(people: People, visits: Visits, films: pl.DataFrame, tables: dict) -> Entries:
    """The entries of each fault in the rows of a block.

    Args:
        people: the patients.
        visits: what happened to them.
        films: the images, with dicom_id and study_id.
        tables: the rows of the block by the name of the table.
    """
    with_ecg = np.isin(np.arange(len(people.subjects)), visits.ecgs["patient"].to_numpy())
    old = np.floor(people.first.age) > OLDEST
    return (
        _ecg_faults(visits)
        | {"patient_without_ecg": people.subjects[~with_ecg].tolist()}
        | _xray_faults(visits, films, tables["chexpert"])
        | _stay_faults(tables["edstays"])
        | {"over_89": people.subjects[old].tolist()}
    )


def _ecg_faults(visits: Visits) -> Entries:
    ecgs = visits.ecgs
    found: Entries = {
        name: ecgs.filter(pl.col("fault") == name)["study_id"].to_list() for name in ECG_FAULTS
    }
    flat = ecgs.filter(pl.col("fault") == "flat_lead")
    found["flat_lead"] = [list(row) for row in flat.select("study_id", "lead").iter_rows()]
    originals = ecgs.filter(pl.col("copy") == 0).select("signal", original="study_id")
    copies = ecgs.filter(pl.col("copy") > 0).join(originals, on="signal", maintain_order="left")
    for name, kind in (("duplicated_ecg", 1), ("shared_ecg", 2)):
        pairs = copies.filter(pl.col("copy") == kind).select("original", "study_id")
        found[name] = [list(row) for row in pairs.iter_rows()]
    return found | {"ecg_outside_stay": _outside(visits.stays, ecgs, "ecg_time")}


def _xray_faults(visits: Visits, films: pl.DataFrame, labels: pl.DataFrame) -> Entries:
    found: Entries = {
        name: films.filter(pl.col("fault") == name)["dicom_id"].to_list() for name in XRAY_FAULTS
    }
    uncertain = labels.unpivot(COLUMNS, index="study_id").filter(pl.col("value") == -1)
    early = visits.xrays.filter(pl.col("time") % 86400 < _EARLY)
    return found | {
        "lateral_view": films.filter(pl.col("view") == "lateral")["dicom_id"].to_list(),
        "several_frontals": films.filter(pl.col("view") == "second")["study_id"].to_list(),
        "xray_outside_stay": _outside(visits.stays, visits.xrays, "time"),
        "early_study_time": early["study_id"].to_list(),
        "uncertain_label": [list(row) for row in uncertain.select("study_id", "variable").rows()],
    }


def _outside(stays: Stays, rows: pl.DataFrame, time: str) -> list[int]:
    held = stays.hold(rows["patient"].to_numpy(), rows[time].to_numpy())
    return rows["study_id"].filter(pl.Series(~held)).to_list()


def _stay_faults(rows: pl.DataFrame) -> Entries:
    ends_early = pl.col("written") < pl.col("arrived")
    found = rows.filter(ends_early)["stay_id"].to_list()
    sound = rows.filter(~ends_early).select("patient", "stay_id", "arrived", "written")
    pairs = [
        [one["stay_id"], other["stay_id"]]
        for some in sound.partition_by("patient", maintain_order=True)
        for one, other in combinations(some.iter_rows(named=True), 2)
        if one["arrived"] <= other["written"] and other["arrived"] <= one["written"]
    ]
    return {"overlapping_stays": pairs, "reversed_stay": found}
