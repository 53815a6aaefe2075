"""What a trained model estimates of the heart's measures, on the validation and the test split."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float64, Shaped

from crossbeat.errors import DataError, reason
from crossbeat.files import write_whole

_PARTS = ("truth", "estimate", "patients")


@dataclass(frozen=True)
class Estimated:
    """Measurements of one split with a model's estimates of them.

    Args:
        truth: in the unit of each measurement; NaN where it was not measured.
        estimate: in the same units.
        patients: the patient of each row.

    Raises:
        ValueError: the three do not describe the same rows.
        DataError: an estimate is not finite, or a truth is infinite.
    """

    truth: Float64[np.ndarray, "row measurement"]
    estimate: Float64[np.ndarray, "other_row other_measurement"]
    patients: Shaped[np.ndarray, " patient_row"]

    def __post_init__(self) -> None:
        if self.truth.shape != self.estimate.shape or len(self.patients) != len(self.truth):
            raise ValueError(
                "truth, estimate and patients must describe the same rows and measurements, got "
                f"{self.truth.shape}, {self.estimate.shape} and {self.patients.shape}"
            )
        if not np.isfinite(self.estimate).all():
            raise DataError("estimates must be finite, got NaN or infinity; did training diverge?")
        if np.isinf(self.truth).any():
            raise DataError("measurements must be finite or NaN, got infinity; check their table")


@dataclass(frozen=True)
class Estimates:
    """One run of one model.

    Args:
        measurements: the name of each column.
        val: what thresholds are chosen on.
        test: what is reported.

    Raises:
        DataError: a patient is in both splits.
        ValueError: there is not one name of its own per column.
    """

    measurements: tuple[str, ...]
    val: Estimated
    test: Estimated

    def __post_init__(self) -> None:
        for split in (self.val, self.test):
            if not split.truth.shape[1] == len(self.measurements) == len(set(self.measurements)):
                raise ValueError(
                    f"every column must have a name of its own, got {self.measurements} for "
                    f"{split.truth.shape[1]} columns"
                )
        both = np.intersect1d(self.val.patients, self.test.patients)
        if len(both):
            raise DataError(
                f"a patient must be in one split only, got {len(both)} in both val and test "
                f"(first: {both.tolist()[0]!r}); rebuild the cohort's splits"
            )


def write_estimates(path: Path, estimates: Estimates) -> None:
    """Write a run as ``.npz``; the file appears whole or not at all.

    Args:
        path: of the file.
        estimates: of the run.
    """
    arrays: dict[str, Any] = {"measurements": np.array(estimates.measurements)}
    for name in ("val", "test"):
        split = getattr(estimates, name)
        arrays |= {f"{name}_{part}": np.array(getattr(split, part).tolist()) for part in _PARTS[2:]}
        arrays |= {f"{name}_{part}": getattr(split, part) for part in _PARTS[:2]}
    write_whole(path, partial(np.savez, allow_pickle=False, **arrays))


def read_estimates(path: Path) -> Estimates:
    """Read what ``write_estimates`` wrote.

    Args:
        path: of the file.

    Raises:
        DataError: there is no such file, or it holds something else.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            splits = {
                name: Estimated(*(arrays[f"{name}_{part}"] for part in _PARTS))
                for name in ("val", "test")
            }
            return Estimates(tuple(arrays["measurements"].tolist()), **splits)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise DataError(
            f"{path} must hold estimates as they were written, got: {reason(error)}; "
            "score the model again"
        ) from error
