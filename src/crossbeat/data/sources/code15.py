"""The cohort ``code-15``: real ECGs of CODE-15% with six abnormalities and their patients.

Source: Ribeiro et al. 2021, CODE-15% (doi:10.5281/zenodo.4916206).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import polars as pl
from jaxtyping import Float, Int16

from crossbeat.data.build import Block, How, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.info import CohortInfo
from crossbeat.data.sources.builder import (
    BLOCK,
    block_of_files,
    divided,
    read_csv,
    settings_of,
    stored_wave,
    table_digest,
)
from crossbeat.data.splits import Shares
from crossbeat.data.table import label_column
from crossbeat.errors import ConfigError, DataError, reason
from crossbeat.leads import STANDARD
from crossbeat.quality import Allow, Length
from crossbeat.readers.limits import missing_extra
from crossbeat.signal import Ecg, Preprocessing

TABLE = "exams.csv"
FS = 400.0
NUM_STORED = 4096
"""Samples that every tracing has, with zeros before and after a shorter ECG."""

MOST_EXAMS = 1_000_000
"""Of a part; the published ones have 20,000."""

MOST_CHUNK = 2**25
"""Values that are unpacked together, so that no file takes all memory."""

FINDINGS = {
    "normal": "normal_ecg",
    "first_degree_av_block": "1dAVb",
    "right_bundle_branch_block": "RBBB",
    "left_bundle_branch_block": "LBBB",
    "sinus_bradycardia": "SB",
    "sinus_tachycardia": "ST",
    "atrial_fibrillation": "AF",
}
"""The column of each finding. Bundle branch blocks are not marked as complete."""

_COLUMNS = {
    "exam_id": int,
    "age": float,
    "is_male": str,
    "patient_id": int,
    "trace_file": str,
    **dict.fromkeys(FINDINGS.values(), str),
}
_TRUTH = {"true": 1, "false": 0}
_UNIT_NOTE = (
    "CODE-15% does not state its unit clearly: a stored 1 was read as {:g} mV. Compare amplitudes "
    "with those of other data sets with care."
)


@dataclass(frozen=True, kw_only=True)
class Code15:
    """CODE-15% in its published layout, or some of its parts.

    Most exams last 7.3 s, most of the others fill the 10.24 s of a tracing.

    Args:
        root: the folder of ``exams.csv`` and ``exams_part0.hdf5`` to ``exams_part17.hdf5``;
            exams of absent parts are left out.
        seconds: length of the stored ECGs.
        length: how to treat longer and shorter ECGs; for 10 s, most are padded.
        allow: faults with which ECGs are used all the same.
        millivolts: the value of a stored 1. The description of the data states both 1e-4 V and
            millivolts; only millivolts give plausible amplitudes.
        fs: sampling rate of the stored ECGs in hertz.
        seed: of the split by patients.
        val: share of the patients for validation, 0 to 1.
        test: share of the patients for testing, 0 to 1.

    Raises:
        ConfigError: a setting is out of its range.

    Source: github.com/antonior92/automatic-ecg-diagnosis, README, on rate, leads, padding, unit.
    """

    root: Path
    seconds: float = 7.0
    length: Length = Length()
    allow: Allow = Allow()
    millivolts: float = 1.0
    fs: float = 100.0
    seed: int = 0
    val: float = Shares.val
    test: float = Shares.test

    def __post_init__(self) -> None:
        if self.millivolts <= 0:
            raise ConfigError(
                f"Code15.millivolts must be above 0 mV, got {self.millivolts}; raise it"
            )
        Shares(val=self.val, test=self.test)
        self.preprocessing()

    def preprocessing(self) -> Preprocessing:
        """What is done to the ECGs before they are stored."""
        return Preprocessing.standard(fs=self.fs, seconds=self.seconds)

    def build(self, folder: Path, **how: Unpack[How]) -> Cohort:
        """Read, clean and store the ECGs in a new folder."""
        listed = self._listed()
        here = [part.name for part in self.root.glob("*.hdf5")]
        table = listed.filter(pl.col("part").is_in(here))
        if not table.height:
            raise DataError(
                f"{self.root} must hold parts that {TABLE} names, such as {listed['part'][0]}, "
                "got none; unpack them there"
            )
        blocks = [
            partial(_block, self, rows)
            for exams in table.partition_by("part", maintain_order=True)
            for rows in exams.iter_slices(BLOCK)
        ]
        info = self._info(sorted(set(listed["part"]) - set(here)))
        return build_cohort(folder, info, blocks, **how)

    def _info(self, absent: list[str]) -> CohortInfo:
        missing = f"Exams of parts that are not there were left out: {', '.join(absent)}."
        unit = _UNIT_NOTE.format(self.millivolts)
        return CohortInfo(
            name="code-15",
            kind="single",
            findings=tuple(FINDINGS),
            seed=self.seed,
            settings=settings_of(self, "root", "seconds", "fs", "seed")
            | {"tables": table_digest(self.root / TABLE)},
            notes=(unit, missing) if absent else (unit,),
        ).with_ecgs(self.preprocessing())

    def _listed(self) -> pl.DataFrame:
        listed = read_csv(self.root / TABLE, _COLUMNS)
        if not listed.height:
            raise DataError(f"{self.root / TABLE} must list exams, got none; download it again")
        sex = {"true": "M", "false": "F"}
        table = listed.select(
            pl.col("trace_file").alias("part"),
            pl.format("code15-{}", "patient_id").alias("patient"),
            pl.format("code15-{}", "exam_id").alias("record"),
            pl.col("age").cast(pl.Float32),
            pl.col("is_male").str.to_lowercase().replace_strict(sex, default=None).alias("sex"),
            *(
                pl.col(of)
                .str.to_lowercase()
                .replace_strict(_TRUTH, default=None, return_dtype=pl.Int8)
                .alias(label_column(finding))
                for finding, of in FINDINGS.items()
            ),
            ecg_file=pl.format("{}/{}:{}", pl.lit(str(self.root)), "trace_file", "exam_id"),
        )
        return divided(table, self.seed, val=self.val, test=self.test)


def _block(settings: Code15, table: pl.DataFrame) -> Block:
    with _opened(settings.root / table["part"][0]) as part:
        load = partial(_wave, settings=settings, part=part)
        return block_of_files(table.drop("part"), {"ecg": (load, settings.root.parent)})


@dataclass(frozen=True)
class _Part:
    tracings: Any
    rows: dict[int, int]


@contextmanager
def _opened(path: Path) -> Iterator[_Part | DataError]:
    """The tracings of a part on disk and their rows by exam, or why there are none."""
    try:
        import h5py
    except ImportError:
        raise missing_extra(path, "an HDF5 file", "h5py") from None
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        yield _damaged(path, error)
        return
    with file:
        yield _described(path, file)


def _described(path: Path, file: Any) -> _Part | DataError:
    try:
        tracings, exams = file["tracings"], file["exam_id"]
        whole = tracings.shape[1:] == (NUM_STORED, len(STANDARD)) and tracings.dtype.kind == "f"
        if not whole or exams.shape != tracings.shape[:1] or exams.size > MOST_EXAMS:
            return _damaged(path, f"shapes {tracings.shape} and {exams.shape}")
        if max(prod(each.chunks or ()) for each in (tracings, exams)) > MOST_CHUNK:
            return _damaged(path, f"chunks of more than {MOST_CHUNK:,} values")
        return _Part(tracings, {exam: row for row, exam in enumerate(exams[:].tolist())})
    except (OSError, KeyError, AttributeError, RuntimeError) as error:
        return _damaged(path, error)


def _damaged(path: Path, why: object) -> DataError:
    return DataError(
        f"{path} must be an HDF5 file with exam_id and tracings of {NUM_STORED} samples of "
        f"{len(STANDARD)} leads, got: {why}; download and unpack it again"
    )


def _wave(
    file: str, *, settings: Code15, part: _Part | DataError
) -> Int16[np.ndarray, "lead time"]:
    if isinstance(part, DataError):
        raise part
    exam = int(file.rpartition(":")[2])
    if exam not in part.rows:
        raise DataError(f"{file} must be in its part, got no such exam; download it again")
    try:
        stored = part.tracings[part.rows[exam]]  # one tracing: parts are larger than memory
    except OSError as error:
        raise DataError(
            f"{file} must be readable, got: {reason(error)}; unpack it again"
        ) from error
    ecg = Ecg(without_padding(stored).T * np.float32(settings.millivolts), STANDARD, FS)
    return stored_wave(ecg, file, settings.preprocessing(), settings.length, settings.allow)


def without_padding(stored: Float[np.ndarray, "time lead"]) -> Float[np.ndarray, "kept lead"]:
    """A tracing without the samples at its ends that are 0 in all leads; of zeros only, nothing."""
    used = np.flatnonzero(stored.any(axis=1))
    return stored[used[0] : used[-1] + 1] if used.size else stored[:0]
