"""The labels of a virtual MIMIC in the columns of the published files.

Cardiomegaly, edema and pleural effusion are as the simulated report and its labelling program have
them. What else the film would show is coded without error from the heart and the lungs, so that no
column is all blank that a reader may ask for; findings of which the simulator knows nothing are.
"""

import numpy as np
import polars as pl

from crossbeat import simulate
from crossbeat.findings import CHEXPERT
from crossbeat.simulate.hospital.visits import scattered

_COLUMNS = tuple(CHEXPERT.values())

_REREAD = 0.5  # share of the studies of test patients
_DIFFERS = 0.04  # share of the studies of which NegBio reads a certain label as uncertain
_PATCH, _DENSE = 0.35, 0.7  # share of a lobe
_COLLAPSE, _LARGE = 250.0, 500.0  # ml of pleural fluid


def chexpert(
    xrays: pl.DataFrame, told: simulate.Labels, patients: simulate.Patients
) -> pl.DataFrame:
    """The labels of each study by its report: 1.0, 0.0, -1.0 if uncertain, null if not given."""
    patch = np.abs(patients.consolidation)
    fluid = np.maximum(patients.effusion_left, patients.effusion_right)
    columns: dict[str, np.ndarray] = {
        "Consolidation": np.where(patch > _PATCH, 1.0, np.nan),
        "Pneumonia": _graded(patch, _PATCH, _DENSE),
        "Atelectasis": _graded(fluid, _COLLAPSE, _LARGE),
    }
    for finding in simulate.FINDINGS:
        codes = told[finding]
        columns[CHEXPERT[finding]] = np.where(codes == simulate.NOT_MENTIONED, np.nan, codes)
    dense = (columns["Edema"] == 1) | (columns["Consolidation"] == 1)
    columns["Lung Opacity"] = np.where(dense, 1.0, np.nan)
    columns["Enlarged Cardiomediastinum"] = np.where(
        (columns["Cardiomegaly"] == 1) & (patients.wedge_pressure > 25), 1.0, np.nan
    )
    return _complete(xrays.select("subject_id", "study_id"), columns)


def negbio(labels: pl.DataFrame) -> pl.DataFrame:
    """The labels of another program: some that are certain in one are uncertain in the other."""
    columns = {}
    chance = scattered(labels["study_id"].to_numpy())
    for number, name in enumerate(_COLUMNS):
        here = pl.Series((chance + number / len(_COLUMNS)) % 1 < _DIFFERS)
        other = pl.when(pl.col(name) == 1).then(-1.0).when(pl.col(name) == -1).then(1.0)
        columns[name] = pl.when(here).then(other.otherwise(pl.col(name))).otherwise(pl.col(name))
    mixed = labels.with_columns(**columns)
    return _complete(mixed.select("subject_id", "study_id"), _arrays(mixed))


def radiologists(labels: pl.DataFrame, patients: simulate.Patients) -> pl.DataFrame:
    """What people found on some of the studies of test patients: the truth of three findings."""
    columns = _arrays(labels)
    known = simulate.truth(patients)
    for finding in simulate.FINDINGS:
        columns[CHEXPERT[finding]] = known[finding].astype(np.float64)
    made = _complete(labels.select("subject_id", "study_id"), columns)
    again = scattered(labels["study_id"].to_numpy()) < _REREAD
    return made.rename({"Lung Opacity": "Airspace Opacity"}).filter(again)


def _graded(size: np.ndarray, some: float, much: float) -> np.ndarray:
    return np.where(size > much, 1.0, np.where(size > some, -1.0, np.nan))


def _arrays(labels: pl.DataFrame) -> dict[str, np.ndarray]:
    return {
        name: labels[name].fill_null(float("nan")).to_numpy()
        for name in _COLUMNS
        if name != "No Finding"
    }


def _complete(rows: pl.DataFrame, columns: dict[str, np.ndarray]) -> pl.DataFrame:
    """All columns, "No Finding" being what is left when nothing was found or suspected."""
    something = np.zeros(rows.height, dtype=bool)
    for values in columns.values():
        something |= np.isin(values, (1.0, -1.0))
    given = {**columns, "No Finding": np.where(something, np.nan, 1.0)}
    blank = np.full(rows.height, np.nan)
    return rows.with_columns(
        pl.Series(name, given.get(name, blank), dtype=pl.Float64, nan_to_null=True)
        for name in _COLUMNS
    )
