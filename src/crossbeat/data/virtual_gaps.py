"""What a virtual cohort lacks: ECGs, X-rays and reports of some of its training patients.

Validation and test patients have everything, so that what is chosen and what is measured stay
the same while training has less. Who lacks what is drawn by rank: a higher share adds patients to
those of a lower one, and the share is met to the nearest patient.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Bool, Int64

from crossbeat import simulate
from crossbeat.data.table import REPORTED, label_column
from crossbeat.errors import ConfigError

Flag = Bool[np.ndarray, " patient"]


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Shares of the training patients.

    Args:
        paired: have both ECG and X-ray, 0 to 1.
        xray_only: have an X-ray and no ECG, 0 to 1; the rest has an ECG and no X-ray.
        labelled: have had the report of their X-ray read, where there is one, 0 to 1.

    Raises:
        ConfigError: a share is out of its range, or ``paired`` and ``xray_only`` exceed 1.
    """

    paired: float = 1.0
    xray_only: float = 0.0
    labelled: float = 1.0

    def __post_init__(self) -> None:
        for name in ("paired", "xray_only", "labelled"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"Virtual.{name} must be 0 to 1, a share of the training patients, got "
                    f"{getattr(self, name)}; change it"
                )
        if self.paired + self.xray_only > 1:
            raise ConfigError(
                "Virtual.paired and Virtual.xray_only must not exceed 1 together, got "
                f"{self.paired} and {self.xray_only}; lower one of them"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorded:
    """What there is of each patient.

    Args:
        ecg: an ECG.
        xray: an X-ray.
        report: labels, as the report of the X-ray was read.
    """

    ecg: Flag
    xray: Flag
    report: Flag


def recorded(training: Flag, gaps: Gaps, seed: int) -> Recorded:
    """Who has what.

    Args:
        training: the patients who may lack something.
        gaps: how many of them do.
        seed: of the draws; 0 or more.
    """
    num = int(training.sum())
    num_paired, num_with_ecg, num_read = (
        round(round(share * num, 6))  # 1 - 0.95 is 0.05, whatever a float says
        for share in (gaps.paired, 1 - gaps.xray_only, gaps.labelled)
    )
    place, told = (_place(training, seed, name) for name in ("modality", "report"))
    xray = ~training | (place < num_paired) | (place >= num_with_ecg)
    return Recorded(
        ecg=~training | (place < num_with_ecg),
        xray=xray,
        report=xray & (~training | (told < num_read)),
    )


def with_gaps(table: pl.DataFrame, there: Recorded) -> pl.DataFrame:
    """The table of complete patients without what they lack.

    Its columns ``ecg`` and ``xray`` tell whether there is one: see ``numbered``. Where every report
    was read, it has no column ``reported``.
    """
    told = [name for name in table.columns if name.startswith(label_column(""))]
    less = table.with_columns(
        pl.when(pl.Series(there.xray)).then(pl.col("xray_patient")).alias("xray_patient"),
        *(pl.when(pl.Series(there.report)).then(pl.col(name)).alias(name) for name in told),
        ecg=pl.Series(there.ecg),
        xray=pl.Series(there.xray),
    )
    return less if there.report.all() else less.with_columns(pl.Series(REPORTED, there.report))


def numbered(name: str) -> pl.Expr:
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
