"""The cohort ``virtual``: simulated patients with ECG, X-ray, report labels and known truth."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Unpack

import numpy as np
import polars as pl
from jaxtyping import Bool, Int16, Int64

from crossbeat import simulate
from crossbeat.data.build import Block, How, build_cohort, require_room
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.splits import Shares, Split, split_patients
from crossbeat.data.store import to_int16
from crossbeat.data.table import REPORTED, label_column, truth_column
from crossbeat.errors import ConfigError, require_least
from crossbeat.files import Json
from crossbeat.leads import STANDARD
from crossbeat.signal import Preprocessing

Flag = Bool[np.ndarray, " patient"]

NOTE = (
    "Simulated patients. Prevalences, and how well the findings can be told from an ECG, were set "
    "from physiology: figures compare methods, they say nothing about patients."
)

REPORTS = "The labels are read from simulated reports, with their errors and omissions."

TRUE_LABELS = "The labels are the truth, as no report tells it."


@dataclass(frozen=True, kw_only=True)
class Virtual:
    """Virtual patients with one ECG and one X-ray each. Some training patients may have less.

    The defaults give the cohort on which methods are compared. The settings from ``label_noise`` on
    change one condition each. A higher value adds to what a lower one does: the labels that
    are wrong, the patients who have something, the noise, and the way that a patient's state
    takes are nested.

    Args:
        num_patients: how many; patient i is the same whatever their number.
        seed: another seed is other patients; 0 or more.
        image_size: height and width of an X-ray in pixels, 16 or more; 0 leaves X-rays out.
        fs: sampling rate of the stored ECGs in hertz.
        val: share of the patients for validation, 0 to 1.
        test: share of the patients for testing, 0 to 1.
        label_noise: None takes labels from reports; a number takes the truth, each label turned
            around with this probability, 0 to 0.5, and leaves nothing open.
        paired: share of the training patients with both ECG and X-ray, 0 to 1. The others have an
            ECG and, as labels come from X-ray reports, no label.
        labelled: share of the training pairs with a report, 0 to 1; on average where ``paired`` is
            below 1. The other pairs have no label.
        outside: number of X-rays of other patients who have no ECG, 0 or more. Each of them has a
            report. They belong to the training split and come on top of ``num_patients``.
        hours_apart: time from the ECG to the X-ray and its report, 0 or more. The truth is that of
            the ECG's time.
        film_noise: standard deviation in grey levels of noise on every X-ray, 0 to 255.

    Raises:
        ConfigError: a setting is out of its range.
    """

    num_patients: int = 10_000
    seed: int = 0
    image_size: int = 64
    fs: float = 100.0
    val: float = Shares.val
    test: float = Shares.test
    label_noise: float | None = None
    paired: float = 1.0
    labelled: float = 1.0
    outside: int = 0
    hours_apart: float = 0.0
    film_noise: float = 0.0

    def __post_init__(self) -> None:
        require_least(self, num_patients=1, seed=0, outside=0)
        require_least(self, image_size=16 if self.image_size else 0)
        Shares(val=self.val, test=self.test)
        standard(self.fs)
        self._check_films()

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Simulate the patients into a new folder; its bytes follow from the settings alone."""
        number = self.num_patients + self.outside
        room = {"ecg": self.num_patients}
        if self.image_size:
            room["xray"] = int(self.paired * self.num_patients) + self.outside  # at least
        require_room(folder, self._info(), room)
        patients = simulate.draw_patients(number, self.seed)
        filmed = (
            simulate.draw_patients(number, self.seed, hours=self.hours_apart)
            if self.hours_apart
            else patients
        )
        table = self._table(patients, filmed)
        blocks = [
            partial(_block, self, block, (patients.rows(rows), filmed.rows(rows)), table[rows])
            for block, rows in simulate.spans(number)
        ]
        return build_cohort(folder, self._info(), blocks, **how)

    def _check_films(self) -> None:
        share = "0 to 1, a share of the training patients"
        ranges = {
            "paired": (1.0, share),
            "labelled": (1.0, share),
            "label_noise": (0.5, "0 to 0.5, or none for the labels of reports"),
            "hours_apart": (inf, "0 or more, and finite"),
            "film_noise": (255.0, "0 to 255 grey levels"),
        }
        for name, (most, rule) in ranges.items():
            value = getattr(self, name)
            if value is not None and not (0 <= value <= most and value < inf):
                raise ConfigError(f"Virtual.{name} must be {rule}, got {value}; change it")
        if not self.image_size:
            for name in ("paired", "outside", "film_noise"):
                if getattr(self, name) != getattr(Virtual, name):
                    raise ConfigError(
                        f"Virtual.{name} must be {getattr(Virtual, name)} in a cohort without "
                        f"X-rays, got {getattr(self, name)}; set image_size, or leave it out"
                    )

    def _table(self, patients: simulate.Patients, filmed: simulate.Patients) -> pl.DataFrame:
        names = [f"v{self.seed}-{number:07d}" for number in range(len(patients))]
        splits = split_patients(
            names[: self.num_patients], Shares(val=self.val, test=self.test), self.seed
        )
        splits |= dict.fromkeys(names[self.num_patients :], "train")
        columns = described(patients, names, splits) | {"xray_patient": names}
        if self.label_noise is None:
            labels = simulate.report_labels(filmed, self.seed)
        else:
            labels = simulate.flipped_truth(filmed, self.seed, self.label_noise)
        for finding, codes in labels.items():
            said = pl.Series(codes)
            columns[label_column(finding)] = said.set(said == simulate.NOT_MENTIONED, None)
        training = np.array([splits[name] == "train" for name in names[: self.num_patients]])
        given = recorded(training, self.seed, paired=self.paired, labelled=self.labelled)
        table = pl.DataFrame(columns | truths(patients))
        return _with_gaps(table, given.and_outside(self.outside))

    def _info(self) -> CohortInfo:
        return CohortInfo(
            name="virtual",
            kind="paired" if self.image_size else "single",
            findings=simulate.FINDINGS,
            image_size=self.image_size,
            seed=self.seed,
            settings=asdict(self),
            notes=(NOTE, *_notes(self)),
        ).with_ecgs(standard(self.fs))


def _notes(settings: Virtual) -> Iterator[str]:
    """What the labels are, and how the cohort differs from that of the defaults."""
    if settings.label_noise is None:
        yield REPORTS
    elif settings.label_noise == 0:
        yield TRUE_LABELS
    else:
        yield (
            "The labels are the truth, each turned around with probability "
            f"{settings.label_noise:g}: no report errs like this."
        )
    if settings.paired != 1.0:
        yield (
            f"{100 * settings.paired:g} % of the training patients have an ECG and an X-ray. The "
            "others have an ECG only, and no label."
        )
    if settings.labelled != 1.0:
        yield f"{100 * settings.labelled:g} % of the training pairs have a report, and so labels."
    if settings.outside:
        yield (
            f"{settings.outside:,} further X-rays with a report are of other patients, who have no "
            "ECG. They are for training only."
        )
    if settings.hours_apart:
        yield (
            f"X-rays and labels are of {settings.hours_apart:g} hours after the ECG; the truth is "
            "of the time of the ECG."
        )
    if settings.film_noise:
        yield f"Noise of {settings.film_noise:g} grey levels was added to the X-rays."


def _block(
    settings: Virtual,
    number: int,
    patients: tuple[simulate.Patients, simulate.Patients],  # when the ECG was taken, and the film
    table: pl.DataFrame,
) -> Block:
    present, filmed = patients
    recorded, signals = table["ecg"].to_numpy(), {}
    if recorded.any():
        signals["ecg"] = stored_ecgs(present, number, settings.seed, settings.fs)[recorded]
    if not settings.image_size:
        return Block(table.drop("xray", "xray_patient").with_columns(_numbered("ecg")), signals)
    films = simulate.xray_block(filmed, number, settings.seed, settings.image_size)
    if settings.film_noise:
        films = simulate.noisier(films, number, settings.seed, settings.film_noise)
    signals["xray"] = films[table["xray"].to_numpy()]
    return Block(table.with_columns(_numbered("ecg"), _numbered("xray")), signals)


def described(patients: simulate.Patients, names: list[str], splits: dict[str, Split]) -> Json:
    """The columns of a table that all virtual patients have."""
    return {
        "patient": names,
        "record": names,
        "split": [splits[name] for name in names],
        "age": patients.age,
        "sex": np.where(patients.male, "M", "F"),
    }


def truths(patients: simulate.Patients) -> Json:
    """The columns of what is true: findings, conditions and the noise-free ECG parameters."""
    truth = simulate.truth(patients)
    shown = zip(simulate.DETERMINANTS, simulate.ecg_determinants(patients).T, strict=True)
    return {truth_column(name): there.astype(np.int8) for name, there in truth.items()} | {
        f"latent:{name}": values for name, values in shown
    }


def stored_ecgs(
    patients: simulate.Patients, number: int, seed: int, fs: float
) -> Int16[np.ndarray, "ecg lead time"]:
    """The ECGs of a block of virtual patients, as a cohort stores them."""
    waves = simulate.ecg_block(patients, number, seed)
    clean = standard(fs).apply_batch(waves, STANDARD, float(simulate.FS))
    return to_int16(clean, CohortInfo.ecg_gain, f"simulated block {number}")


def standard(fs: float) -> Preprocessing:
    """What is done to simulated ECGs before they are stored."""
    return Preprocessing.standard(fs=fs, seconds=float(simulate.SECONDS))


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorded:
    """What there is of each patient."""

    ecg: Flag  # an ECG
    xray: Flag  # an X-ray
    report: Flag  # labels, as the report of the X-ray was read

    def and_outside(self, number: int) -> "Recorded":
        """The same, followed by patients with an X-ray, its report and no ECG."""
        there = np.ones(number, dtype=bool)
        return Recorded(
            ecg=np.concatenate([self.ecg, ~there]),
            xray=np.concatenate([self.xray, there]),
            report=np.concatenate([self.report, there]),
        )


def recorded(training: Flag, seed: int, *, paired: float = 1.0, labelled: float = 1.0) -> Recorded:
    """Who has what.

    Validation and test patients have everything, so that selection and measurement stay the same
    while training has less. Who lacks what is drawn by rank: a higher share adds patients to those
    of a lower one, and every share is exact to the nearest patient.
    """
    num = training.sum()
    xray = ~training | (_place(training, seed, "modality") < round(paired * num))
    read = ~training | (_place(training, seed, "report") < round(labelled * num))
    return Recorded(ecg=np.ones(len(training), dtype=bool), xray=xray, report=xray & read)


def _with_gaps(table: pl.DataFrame, there: Recorded) -> pl.DataFrame:
    """The table of complete patients without what they lack.

    Where every report was read, it has no column ``reported``.
    """
    told = [name for name in table.columns if name.startswith(label_column(""))]
    less = table.with_columns(
        pl.when(pl.Series(there.xray)).then(pl.col("xray_patient")).alias("xray_patient"),
        *(pl.when(pl.Series(there.report)).then(pl.col(name)).alias(name) for name in told),
        ecg=pl.Series(there.ecg),
        xray=pl.Series(there.xray),
    )
    return less if there.report.all() else less.with_columns(pl.Series(REPORTED, there.report))


def _numbered(name: str) -> pl.Expr:
    """From whether a row has something to which row of the block's store that is."""
    has = pl.col(name)
    return pl.when(has).then(has.cum_sum().cast(pl.Int64) - 1).alias(name)


def _place(training: Flag, seed: int, name: str) -> Int64[np.ndarray, " patient"]:
    """The place of each training patient in a random order, from 0; -1 of the others."""
    blocks = simulate.spans(len(training))
    chance = np.concatenate(
        [
            simulate.Draws(seed, block, rows.stop - rows.start, "gaps").uniform(name)
            for block, rows in blocks
        ]
    )
    rows = np.flatnonzero(training)
    place = np.full(len(training), -1)
    place[rows[np.argsort(chance[rows], kind="stable")]] = np.arange(len(rows))
    return place
