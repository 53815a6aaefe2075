"""The cohort ``virtual``: simulated patients with ECG, X-ray, report labels and known truth."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Unpack

import numpy as np
import polars as pl
from jaxtyping import Bool, Int16

from crossbeat import simulate
from crossbeat.data.build import Block, How, build_cohort, require_room
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.splits import Shares, split_patients
from crossbeat.data.store import to_int16
from crossbeat.data.table import label_column, truth_column
from crossbeat.data.virtual_gaps import Gaps, numbered, recorded, with_gaps
from crossbeat.errors import ConfigError
from crossbeat.leads import STANDARD
from crossbeat.signal import Preprocessing

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
    paired: float = Gaps.paired
    labelled: float = Gaps.labelled
    outside: int = 0
    hours_apart: float = 0.0
    film_noise: float = 0.0

    def __post_init__(self) -> None:
        least = {"num_patients": 1, "seed": 0, "outside": 0}
        least |= {"image_size": 16 if self.image_size else 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ConfigError(
                    f"Virtual.{name} must be {value} or more, got {getattr(self, name)}; raise it"
                )
        self._shares()
        self._gaps()
        self._preprocessing()
        self._check_films()

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Simulate the patients into a new folder; its bytes follow from the settings alone.

        Raises:
            DataError: the folder exists, or the disk is full or too small.
        """
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

    def _shares(self) -> Shares:
        return Shares(val=self.val, test=self.test)

    def _gaps(self) -> Gaps:
        return Gaps(paired=self.paired, labelled=self.labelled)

    def _preprocessing(self) -> Preprocessing:
        return Preprocessing.standard(fs=self.fs, seconds=float(simulate.SECONDS))

    def _check_films(self) -> None:
        ranges = {
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
        splits = split_patients(names[: self.num_patients], self._shares(), self.seed)
        splits |= dict.fromkeys(names[self.num_patients :], "train")
        columns = {
            "patient": names,
            "record": names,
            "split": [splits[name] for name in names],
            "age": patients.age,
            "sex": np.where(patients.male, "M", "F"),
            "xray_patient": names,
        }
        truth = {name: there.astype(np.int8) for name, there in simulate.truth(patients).items()}
        for finding, codes in self._labels(filmed).items():
            said = pl.Series(codes)
            columns[label_column(finding)] = said.set(said == simulate.NOT_MENTIONED, None)
        columns |= {truth_column(name): there for name, there in truth.items()}
        shown = simulate.ecg_determinants(patients)
        columns |= {f"latent:{name}": shown[:, i] for i, name in enumerate(simulate.DETERMINANTS)}
        training = np.array([splits[name] == "train" for name in names[: self.num_patients]])
        there = recorded(training, self._gaps(), self.seed).and_outside(self.outside)
        return with_gaps(pl.DataFrame(columns), there)

    def _labels(self, filmed: simulate.Patients) -> simulate.Labels:
        if self.label_noise is None:
            return simulate.report_labels(filmed, self.seed)
        return simulate.flipped_truth(filmed, self.seed, self.label_noise)

    def _info(self) -> CohortInfo:
        return CohortInfo(
            name="virtual",
            kind="paired" if self.image_size else "single",
            findings=simulate.FINDINGS,
            image_size=self.image_size,
            seed=self.seed,
            settings=asdict(self),
            notes=(NOTE, *_notes(self)),
        ).with_ecgs(self._preprocessing())


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
    if settings.paired != Gaps.paired:
        yield (
            f"{_percent(settings.paired)} of the training patients have an ECG and an X-ray. The "
            "others have an ECG only, and no label."
        )
    if settings.labelled != Gaps.labelled:
        yield f"{_percent(settings.labelled)} of the training pairs have a report, and so labels."
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


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _block(
    settings: Virtual,
    number: int,
    patients: tuple[simulate.Patients, simulate.Patients],  # when the ECG was taken, and the film
    table: pl.DataFrame,
) -> Block:
    present, filmed = patients
    stored = _stored_ecgs(settings, number, present, table["ecg"].to_numpy())
    if not settings.image_size:
        return Block(
            table.drop("xray", "xray_patient").with_columns(numbered("ecg")), {"ecg": stored}
        )
    films = simulate.xray_block(filmed, number, settings.seed, settings.image_size)
    if settings.film_noise:
        films = simulate.noisier(films, number, settings.seed, settings.film_noise)
    films = films[table["xray"].to_numpy()]
    return Block(
        table.with_columns(numbered("ecg"), numbered("xray")), {"ecg": stored, "xray": films}
    )


def _stored_ecgs(
    settings: Virtual, number: int, patients: simulate.Patients, recorded: Bool[np.ndarray, " row"]
) -> Int16[np.ndarray, "ecg lead time"] | None:
    """The ECGs of a block's patients who have one; None where nobody has."""
    if not recorded.any():
        return None
    waves = simulate.ecg_block(patients, number, settings.seed)[recorded]
    clean = settings._preprocessing().apply_batch(waves, STANDARD, float(simulate.FS))
    return to_int16(clean, settings._info().ecg_gain, f"simulated block {number}")
