"""Splits by patient: each patient is in one split only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import polars as pl

from crossbeat.errors import ConfigError, DataError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How patients are divided.

    Args:
        val: share of the patients for validation, 0 to 1.
        test: share of the patients for testing, 0 to 1.

    Raises:
        ConfigError: a share is below 0, or they are above 1 together. With 1 nothing is left for
            training: such a cohort is for evaluation only.

    Source: CroMoTEX divides 70 : 10 : 20 (preprocess/prepare_dataset.py).
    """

    val: float = 0.1
    test: float = 0.2

    def __post_init__(self) -> None:
        if not (min(self.val, self.test) >= 0 and self.val + self.test <= 1):
            raise ConfigError(
                "shares val and test must be 0 or more, and 1 or less together, "
                f"got {self.val} and {self.test}; change them"
            )


def split_patients(patients: Iterable[str], shares: Shares, seed: int) -> dict[str, Split]:
    """The split of each patient, whatever the order or number of mentions in ``patients``.

    Patients are put in the order of SHA-256("seed:patient"); the first part is for testing, the
    next for validation, the rest for training. The parts have the given shares, to the nearest
    patient.
    """
    order = sorted(set(patients), key=lambda patient: sha256(f"{seed}:{patient}".encode()).digest())
    num_test = round(shares.test * len(order))
    num_val = round(shares.val * len(order))
    splits: dict[str, Split] = dict.fromkeys(order, "train")
    splits |= dict.fromkeys(order[:num_test], "test")
    splits |= dict.fromkeys(order[num_test : num_test + num_val], "val")
    return splits


def split_folds(folds: Sequence[int]) -> dict[int, Split]:
    """The split of each fold: the last one present is for testing, the one before for validation.

    For the whole PTB-XL, that is fold 10 and fold 9, as its authors recommend.
    """
    order = sorted(set(folds))
    if len(order) < 3:
        raise DataError(
            f"a split by folds must have 3 folds or more, got {order}; use more of the data set"
        )
    splits: dict[int, Split] = dict.fromkeys(order, "train")
    return splits | {order[-2]: "val", order[-1]: "test"}


def people_in(table: pl.DataFrame) -> pl.DataFrame:
    """The patient, or null, and the split of each ECG and each picture of a table."""
    roles = [name for name in table.columns if name == "patient" or name.endswith("_patient")]
    return pl.concat([table.select(pl.col(role).alias("patient"), "split") for role in roles])


def check_patients_disjoint(table: pl.DataFrame) -> None:
    """Check that every patient is in one split, over ECGs and images together."""
    seen = (
        people_in(table)
        .drop_nulls("patient")
        .group_by("patient")
        .agg(pl.col("split").unique().sort())
        .filter(pl.col("split").list.len() > 1)
        .sort("patient")
    )
    if seen.height:
        first = seen.row(0, named=True)
        raise DataError(
            f"every patient must be in one split, got patient {first['patient']} in "
            f"{' and '.join(first['split'])} ({seen.height} such patients); "
            "split by patient, over ECGs and pictures together"
        )
