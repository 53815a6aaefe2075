"""The cohort ``virtual``: simulated patients with ECG, X-ray, report labels and known truth."""

from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from crossbeat import simulate
from crossbeat.data.build import Block, Progress, build_cohort, silent
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.splits import Shares, split_patients
from crossbeat.data.store import to_int16
from crossbeat.data.table import label_column, truth_column
from crossbeat.errors import ConfigError
from crossbeat.leads import STANDARD
from crossbeat.signal import Preprocessing

NOTE = (
    "Simulated patients. Prevalences, and how well the findings can be told from an ECG, were set "
    "from physiology: figures compare methods, they say nothing about patients."
)

TRUE_LABELS = "The labels are the truth, as no report tells it: a cohort for limits only."


@dataclass(frozen=True, kw_only=True)
class Virtual:
    """Virtual patients, one ECG and one X-ray each.

    Args:
        num_patients: how many; patient i is the same whatever their number.
        seed: another seed is other patients; 0 or more.
        image_size: height and width of an X-ray in pixels, 16 or more; 0 leaves X-rays out.
        fs: sampling rate of the stored ECGs in hertz.
        true_labels: the reports make no error and leave nothing open; for limits.
        val: share of the patients that selection sees, 0 to 1.
        test: share of the patients that only the final figures see, 0 to 1.

    Raises:
        ConfigError: a setting is out of its range.
    """

    num_patients: int = 10_000
    seed: int = 0
    image_size: int = 64
    fs: float = 100.0
    true_labels: bool = False
    val: float = Shares.val
    test: float = Shares.test

    def __post_init__(self) -> None:
        least = {"num_patients": 1, "seed": 0, "image_size": 16 if self.image_size else 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ConfigError(
                    f"Virtual.{name} must be {value} or more, got {getattr(self, name)}; raise it"
                )
        self._shares()
        self._preprocessing()

    def build(
        self, folder: Path, *, executor: Executor | None = None, progress: Progress = silent
    ) -> Cohort:
        """Simulate the patients into a new folder; its bytes follow from the settings alone.

        Raises:
            DataError: the folder exists, or the disk is full.
        """
        patients = simulate.draw_patients(self.num_patients, self.seed)
        table = self._table(patients)
        blocks = [
            partial(_block, self, number, patients.rows(rows), table[rows])
            for number, rows in simulate.spans(self.num_patients)
        ]
        return build_cohort(folder, self._info(), blocks, executor=executor, progress=progress)

    def _shares(self) -> Shares:
        return Shares(val=self.val, test=self.test)

    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(
            leads=STANDARD, fs=self.fs, seconds=float(simulate.SECONDS), baseline=True
        )

    def _table(self, patients: simulate.Patients) -> pl.DataFrame:
        names = [f"v{self.seed}-{number:07d}" for number in range(len(patients))]
        splits = split_patients(names, self._shares(), self.seed)
        columns = {
            "patient": names,
            "record": names,
            "split": [splits[name] for name in names],
            "age": patients.age,
            "sex": np.where(patients.male, "M", "F"),
            "xray_patient": names,
        }
        truth = {name: there.astype(np.int8) for name, there in simulate.truth(patients).items()}
        for finding, codes in simulate.report_labels(patients, self.seed).items():
            said = pl.Series(truth[finding] if self.true_labels else codes).cast(pl.Int8)
            columns[label_column(finding)] = said.set(said == simulate.NOT_MENTIONED, None)
        columns |= {truth_column(name): there for name, there in truth.items()}
        shown = simulate.ecg_determinants(patients)
        columns |= {f"latent:{name}": shown[:, i] for i, name in enumerate(simulate.DETERMINANTS)}
        return pl.DataFrame(columns)

    def _info(self) -> CohortInfo:
        return CohortInfo(
            name="virtual",
            kind="paired" if self.image_size else "single",
            findings=simulate.FINDINGS,
            leads=STANDARD,
            fs=self.fs,
            seconds=float(simulate.SECONDS),
            baseline=True,
            image_size=self.image_size,
            seed=self.seed,
            settings=asdict(self),
            notes=(NOTE, TRUE_LABELS) if self.true_labels else (NOTE,),
        )


def _block(
    settings: Virtual, number: int, patients: simulate.Patients, table: pl.DataFrame
) -> Block:
    waves = simulate.ecg_block(patients, number, settings.seed)
    clean = settings._preprocessing().apply_batch(waves, STANDARD, float(simulate.FS))
    gain = settings._info().ecg_gain
    stored = to_int16(clean, gain, f"simulated block {number}")
    rows = pl.int_range(pl.len())
    if not settings.image_size:
        return Block(table.drop("xray_patient").with_columns(ecg=rows), stored)
    films = simulate.xray_block(patients, number, settings.seed, settings.image_size)
    return Block(table.with_columns(ecg=rows, xray=rows), stored, films)
