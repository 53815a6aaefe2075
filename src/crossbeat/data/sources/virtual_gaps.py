"""Which ECGs, X-rays and reports the training patients of a virtual cohort have.

Validation and test patients have everything, so that selection and measurement stay the same while
training has less. Who lacks what is drawn by rank: a higher share adds patients to those of a lower
one, and every share is exact to the nearest patient.
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
        paired: have both ECG and X-ray, 0 to 1; the others have an ECG and no X-ray.
        labelled: have a report of their X-ray, if they have an X-ray, 0 to 1.

    Raises:
        ConfigError: a share is out of its range.
    """

    paired: float = 1.0
    labelled: float = 1.0

    def __post_init__(self) -> None:
        for name in ("paired", "labelled"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"Virtual.{name} must be 0 to 1, a share of the training patients, got "
                    f"{getattr(self, name)}; change it"
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

    def and_outside(self, number: int) -> "Recorded":
        """The same, followed by patients with an X-ray, its report and no ECG."""
        there = np.ones(number, dtype=bool)
        return Recorded(
            ecg=np.concatenate([self.ecg, ~there]),
            xray=np.concatenate([self.xray, there]),
            report=np.concatenate([self.report, there]),
        )


def recorded(training: Flag, gaps: Gaps, seed: int) -> Recorded:
    """Who has what.

    Args:
        training: the patients who may lack something.
        gaps: how many of them do.
        seed: of the draws; 0 or more.
    """
    num = int(training.sum())
    num_paired, num_read = (round(share * num) for share in (gaps.paired, gaps.labelled))
    xray = ~training | (_place(training, seed, "modality") < num_paired)
    read = ~training | (_place(training, seed, "report") < num_read)
    return Recorded(ecg=np.ones(len(training), dtype=bool), xray=xray, report=xray & read)


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
