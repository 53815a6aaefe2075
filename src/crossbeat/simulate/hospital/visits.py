"""When virtual patients come to the emergency department, and what is recorded of them.

A patient has one to three stays within days to months, in each of them some ECGs and X-ray
studies, and further ones after the last stay, on a ward or as an outpatient. How many of
each there are was set by eye so that a tree has all cases, not after any hospital.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from jaxtyping import Bool, Float64, Int64

from crossbeat.leads import MIMIC
from crossbeat.simulate import BLOCK, Draws
from crossbeat.simulate.hospital.faults import ECG_FAULTS, XRAY_FAULTS, Faults

STAYS, ECGS, XRAYS = 3, 3, 2
"""At most: stays of a patient, ECGs and X-ray studies of a stay."""

SLOTS = 2 * STAYS * ECGS + 1
"""ECGs that a patient can have: those of all stays twice, and one of another patient."""

OLDEST = 89
"""Years; whoever is older is said to be 91 (MIMIC-IV)."""

CARTS = 80
"""Machines that ECGs are recorded with."""

STATES = (0.0, 1.0, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 192.0, 384.0, 768.0, 1536.0, 3072.0)
"""Hours since the first stay at which patients are looked at; in between, the nearest counts."""

_HOUR, _DAY = 3600, 86400
_IDS = 10_000_000
_SPREAD = 6_180_339  # shares no factor with _IDS, so that no identifier comes twice

Seconds = Int64[np.ndarray, "patient stay"]
Flags = Bool[np.ndarray, "patient stay"]


@dataclass(frozen=True, eq=False)
class Stays:
    """The stays of each patient of a block; times in seconds since 1970."""

    there: Flags  # whether there is such a stay; the first is there always
    begin: Seconds  # when the patient came
    end: Seconds  # when the patient left
    written: Seconds  # the end that the tables give

    def last(self) -> Int64[np.ndarray, " patient"]:
        """The end of each patient's last stay."""
        return np.where(self.there, self.end, 0).max(axis=1)

    def hold(
        self, patient: Int64[np.ndarray, " event"], time: Int64[np.ndarray, " event"]
    ) -> Bool[np.ndarray, " event"]:
        """Whether a time lies in a stay of the patient, by the times in the tables."""
        after = self.begin[patient] <= time[:, None]
        return (self.there[patient] & after & (time[:, None] <= self.written[patient])).any(axis=1)


@dataclass(frozen=True, eq=False)
class Visits:
    """What happened to the patients of a block.

    Args:
        ecgs: rows of study_id, patient, cart_id, time, ecg_time (by the cart's clock), hours,
            signal, copy, fault, lead: ``signal`` numbers the signals, ``copy`` is 0 for the
            original, 1 for a copy of the same patient, 2 for one of another.
        films: rows of xray, a row of ``xrays``, view ("frontal", "second", "lateral"), fault.
    """

    stays: Stays  # when each was there
    ecgs: pl.DataFrame
    xrays: pl.DataFrame  # rows of study_id, patient, time, hours
    films: pl.DataFrame


def visits(draws: Draws, faults: Faults) -> Visits:
    """All that happened to the patients of a block, a table row each."""
    stays = _stays(draws, faults)
    without = draws.uniform("without ecg") < faults.patient_without_ecg
    xrays, films = _xrays(draws, stays, faults)
    return Visits(stays, _ecgs(draws, stays, without, faults), xrays, films)


def ids(
    numbers: Int64[np.ndarray, " row"], first_digit: int, seed: int
) -> Int64[np.ndarray, " row"]:
    """Identifiers of eight digits in no apparent order, as MIMIC has them; each number has its own.

    The first digit is 1 for patients, 2 admissions, 3 stays, 4 ECGs, 5 X-ray studies.
    """
    start = (7919 * seed + 1_234_567 * first_digit) % _IDS
    return first_digit * _IDS + (numbers + start) * _SPREAD % _IDS


def scattered(ids: Int64[np.ndarray, " row"]) -> Float64[np.ndarray, " row"]:
    """A number in [0, 1) of each identifier, evenly spread and always the same."""
    return (ids * 2_654_435_761 % 2**32) / 2**32


def patient_numbers(draws: Draws) -> Int64[np.ndarray, " patient"]:
    """The number of each patient of a block in the whole tree."""
    return draws.block * BLOCK + np.arange(draws.num)


def clock_drift(seed: int, faults: Faults) -> Int64[np.ndarray, " cart"]:
    """Minutes by which the clock of each cart is ahead."""
    draws = Draws(seed, 0, 1, "carts")
    wrong = draws.uniform("drifts", CARTS)[0] < faults.drifting_carts
    minutes = np.rint((2 * draws.uniform("minutes", CARTS)[0] - 1) * faults.most_drift)
    return np.where(wrong, minutes, 0).astype(np.int64)


def cart_id(cart: Int64[np.ndarray, " row"]) -> Int64[np.ndarray, " row"]:
    """The identifiers of carts by their number."""
    return 6_800_000 + 37 * cart


def drifting(minutes: np.ndarray) -> list[list[int]]:
    """Each cart whose clock is wrong, and by how many minutes."""
    wrong = np.flatnonzero(minutes)
    return np.stack([cart_id(wrong), minutes[wrong]], axis=1).tolist()


def _stays(draws: Draws, faults: Faults) -> Stays:
    there = draws.uniform("stays", 1) < np.array([1.0, 0.35, 0.12])
    hours = np.clip(6 * np.exp(0.5 * draws.normal("length", STAYS)), 1, 30)
    days = np.clip(10 * np.exp(draws.normal("gap", STAYS)), 2, 120)
    early = draws.uniform("overlap", STAYS) < faults.overlapping_stays
    length = (hours * _HOUR).astype(np.int64)
    begin = np.empty(length.shape, dtype=np.int64)
    begin[:, 0] = _arrival(draws)
    for stay in range(1, STAYS):
        later = length[:, stay - 1] + (days[:, stay] * _DAY).astype(np.int64)
        begin[:, stay] = begin[:, stay - 1] + np.where(
            early[:, stay], length[:, stay - 1] // 2, later
        )
    turned = draws.uniform("reversed", STAYS) < faults.reversed_stay
    written = begin + np.where(turned, -length // 10, length)
    return Stays(there, begin, begin + length, written)


def _arrival(draws: Draws) -> Int64[np.ndarray, " patient"]:
    """A time in the years 2110 to 2190, as MIMIC moves all dates of a patient into the future."""
    day = np.floor(draws.uniform("day") * 80 * 365).astype(np.int64)
    second = np.floor(draws.uniform("second") * _DAY).astype(np.int64)
    return np.datetime64("2110-01-01", "s").astype(np.int64) + day * _DAY + second


def _times(
    draws: Draws, what: str, stays: Stays, outside: float, most: int
) -> Int64[np.ndarray, "patient stay event"]:
    """When something is done: within the stay, or one to five days after the last one."""
    shape = (STAYS, most)
    part = 0.02 + 0.96 * draws.uniform(f"{what} time", *shape)
    length = (stays.end - stays.begin)[..., None]
    inside = stays.begin[..., None] + (part * length).astype(np.int64)
    after = (1 + 4 * draws.uniform(f"{what} days after", *shape)) * _DAY
    late = draws.uniform(f"{what} outside", *shape) < outside
    return np.where(late, stays.last()[:, None, None] + after.astype(np.int64), inside)


def _ecgs(
    draws: Draws, stays: Stays, without: Bool[np.ndarray, " patient"], faults: Faults
) -> pl.DataFrame:
    shape = (STAYS, ECGS)
    some = draws.uniform("ecgs", STAYS, 1) < np.array([0.9, 0.35, 0.1])
    where = np.nonzero(some & stays.there[..., None] & ~without[:, None, None])
    fault = _one_of(draws.uniform("ecg fault", *shape)[where], ECG_FAULTS, faults)
    rows = pl.DataFrame(
        {
            "patient": where[0],
            "time": _times(draws, "ecg", stays, faults.ecg_outside_stay, ECGS)[where],
            "cart": _below(draws.uniform("cart", *shape)[where], CARTS),
            "signal": np.arange(len(where[0])),
            "fault": fault,
            "lead": np.array(MIMIC)[_below(draws.uniform("flat lead", *shape)[where], len(MIMIC))],
            "copy": np.zeros(len(where[0]), dtype=np.int64),
        }
    )
    sound = pl.col("fault") == ""
    again = draws.uniform("duplicated ecg", *shape)[where] < faults.duplicated_ecg
    twice = rows.filter(pl.Series(again) & sound).with_columns(pl.col("time") + 60, copy=pl.lit(1))
    taken = _shared(rows.filter(sound), draws, stays, without, faults)
    rows = pl.concat([rows, twice.cast(rows.schema), taken.select(rows.columns).cast(rows.schema)])
    rows = _numbered(rows.sort("patient", "copy", maintain_order=True), draws, 4)
    drift = clock_drift(draws.seed, faults)[rows["cart"].to_numpy()] * 60
    return _dated(rows, stays).with_columns(
        ecg_time=pl.col("time") + pl.Series(drift),
        cart_id=pl.Series(cart_id(rows["cart"].to_numpy())),
    )


def _shared(
    sound: pl.DataFrame,
    draws: Draws,
    stays: Stays,
    without: Bool[np.ndarray, " patient"],
    faults: Faults,
) -> pl.DataFrame:
    """The first sound ECG of a patient, stored for the next one too, in that one's first stay."""
    takes = (draws.uniform("shared ecg") < faults.shared_ecg) & ~without
    middle = (stays.begin[:, 0] + stays.end[:, 0]) // 2
    who = pl.DataFrame({"patient": np.arange(draws.num), "middle": middle}).filter(pl.Series(takes))
    first = sound.group_by("patient", maintain_order=True).first()
    first = first.with_columns(pl.col("patient") + 1, copy=pl.lit(2))
    return first.join(who, on="patient").with_columns(time=pl.col("middle"))


def _xrays(draws: Draws, stays: Stays, faults: Faults) -> tuple[pl.DataFrame, pl.DataFrame]:
    shape = (STAYS, XRAYS)
    some = draws.uniform("xrays", STAYS, 1) < np.array([0.85, 0.12])
    where = np.nonzero(some & stays.there[..., None])
    second = draws.uniform("several frontals", *shape)[where] < faults.several_frontals
    lateral = draws.uniform("lateral view", *shape)[where] < faults.lateral_view
    fault = _one_of(draws.uniform("xray fault", *shape, 3)[where], XRAY_FAULTS, faults)
    taken = np.stack([np.ones_like(second), second, lateral], axis=1)
    study, view = np.nonzero(taken)
    films = {
        "xray": study,
        "view": np.array(["frontal", "second", "lateral"])[view],
        "fault": fault[taken],
    }
    times = _times(draws, "xray", stays, faults.xray_outside_stay, XRAYS)[where]
    rows = _numbered(pl.DataFrame({"patient": where[0], "time": times}), draws, 5)
    return _dated(rows, stays), pl.DataFrame(films)


def _numbered(rows: pl.DataFrame, draws: Draws, first_digit: int) -> pl.DataFrame:
    """The rows, sorted by patient, with a ``study_id``."""
    slot = pl.int_range(pl.len()).over("patient")
    place = rows.select(pl.col("patient") * SLOTS + slot).to_series().to_numpy()
    start = int(patient_numbers(draws)[0]) * SLOTS
    return rows.with_columns(study_id=pl.Series(ids(start + place, first_digit, draws.seed)))


def _dated(rows: pl.DataFrame, stays: Stays) -> pl.DataFrame:
    """The rows with the ``hours`` since the first stay, as one of ``STATES``."""
    passed = rows["time"].to_numpy() - stays.begin[rows["patient"].to_numpy(), 0]
    states = np.array(STATES)
    middle = (states[1:] + states[:-1]) / 2
    return rows.with_columns(hours=pl.Series(states[np.searchsorted(middle, passed / _HOUR)]))


def _one_of(chance: np.ndarray, names: tuple[str, ...], faults: Faults) -> np.ndarray:
    """Which of some faults there is, or "", from numbers spread evenly over [0, 1)."""
    rates = np.cumsum([getattr(faults, name) for name in names])
    return np.array([*names, ""])[np.searchsorted(rates, chance, side="right")]


def _below(chance: np.ndarray, most: int) -> np.ndarray:
    return np.minimum((chance * most).astype(np.int64), most - 1)


Entries = dict[str, list]


def faulty(visits: Visits, films: pl.DataFrame, tables: dict[str, pl.DataFrame]) -> Entries:
    """The entries of each fault in the rows of a block, by the keys of ``FAULTS``."""
    people, with_ecg = tables["patients"], visits.ecgs["patient"].implode()
    without = people.filter(~pl.col("patient").is_in(with_ecg))
    old = people.filter(pl.col("anchor_age") > OLDEST)
    return (
        _ecg_faults(visits)
        | {"patient_without_ecg": without["subject_id"].to_list()}
        | _xray_faults(visits, films, tables["chexpert"])
        | _stay_faults(tables["edstays"])
        | {"over_89": old["subject_id"].to_list()}
    )


def _ecg_faults(visits: Visits) -> Entries:
    ecgs = visits.ecgs
    found: Entries = {
        name: ecgs.filter(pl.col("fault") == name)["study_id"].to_list() for name in ECG_FAULTS
    }
    flat = ecgs.filter(pl.col("fault") == "flat_lead").select("study_id", "lead")
    found["flat_lead"] = _pairs(flat)
    originals = ecgs.filter(pl.col("copy") == 0).select("signal", original="study_id")
    copies = ecgs.filter(pl.col("copy") > 0).join(originals, on="signal", maintain_order="left")
    for name, kind in (("duplicated_ecg", 1), ("shared_ecg", 2)):
        twice = copies.filter(pl.col("copy") == kind).select("original", "study_id")
        found[name] = _pairs(twice)
    return found | {"ecg_outside_stay": _outside(visits.stays, ecgs, "ecg_time")}


def _xray_faults(visits: Visits, films: pl.DataFrame, labels: pl.DataFrame) -> Entries:
    found: Entries = {
        name: films.filter(pl.col("fault") == name)["dicom_id"].to_list() for name in XRAY_FAULTS
    }
    uncertain = labels.unpivot(index=["subject_id", "study_id"]).filter(pl.col("value") == -1)
    early = visits.xrays.filter(pl.col("time") % _DAY < 10 * _HOUR)
    return found | {
        "lateral_view": films.filter(pl.col("view") == "lateral")["dicom_id"].to_list(),
        "several_frontals": films.filter(pl.col("view") == "second")["study_id"].to_list(),
        "xray_outside_stay": _outside(visits.stays, visits.xrays, "time"),
        "early_study_time": early["study_id"].to_list(),
        "uncertain_label": _pairs(uncertain.select("study_id", "variable")),
    }


def _pairs(rows: pl.DataFrame) -> list[list]:
    return [list(row) for row in rows.iter_rows()]


def _outside(stays: Stays, rows: pl.DataFrame, time: str) -> list[int]:
    held = stays.hold(rows["patient"].to_numpy(), rows[time].to_numpy())
    return rows["study_id"].filter(pl.Series(~held)).to_list()


def _stay_faults(rows: pl.DataFrame) -> Entries:
    ends_early = pl.col("written") < pl.col("arrived")
    sound = rows.filter(~ends_early).select("patient", "stay_id", "arrived", "written")
    overlapping = [
        [one["stay_id"], other["stay_id"]]
        for some in sound.partition_by("patient", maintain_order=True)
        for one, other in combinations(some.iter_rows(named=True), 2)
        if one["arrived"] <= other["written"] and other["arrived"] <= one["written"]
    ]
    reversed_stays = rows.filter(ends_early)["stay_id"].to_list()
    return {"overlapping_stays": overlapping, "reversed_stay": reversed_stays}
