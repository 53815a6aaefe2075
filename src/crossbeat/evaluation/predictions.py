"""What a model predicts of validation and test patients, and what is measured row by row."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Float64, Shaped

from crossbeat.errors import DataError, reason
from crossbeat.files import Json, ReadJson, write_whole
from crossbeat.metrics import Choice
from crossbeat.targets import FINDING, KINDS, Kind, described

_PARTS = ("targets", "outputs", "patients")
_MEASURE = "measure:"

REDUCED: Mapping[str, float] = MappingProxyType({"LVEF": 40.0})
"""A reduced ejection fraction: below 40 %. (The guideline on heart failure counts 40 % itself as
reduced: McDonagh 2021, Eur Heart J 42:3599.)"""


@dataclass(frozen=True)
class Scored:
    """Rows of one split with a model's outputs.

    Args:
        targets: of findings 1 positive and 0 negative, of measurements in their units; NaN where
            it is not known.
        outputs: of findings logits or any real number, higher for more likely; of measurements
            estimates in the same units.
    """

    targets: Float[np.ndarray, "row target"]
    outputs: Float[np.ndarray, "other_row other_target"]
    patients: Shaped[np.ndarray, " patient_row"]

    def __post_init__(self) -> None:
        if self.targets.shape != self.outputs.shape or len(self.patients) != len(self.targets):
            raise ValueError(
                "targets, outputs and patients must describe the same rows and targets, got "
                f"{self.targets.shape}, {self.outputs.shape} and {self.patients.shape}"
            )
        if not np.isfinite(self.outputs).all():
            raise DataError("outputs must be finite, got NaN or infinity; did training diverge?")
        if np.isinf(self.targets).any():
            raise DataError("targets must be finite or NaN, got infinity; check their table")


@dataclass(frozen=True)
class Predictions:
    """One run of one model.

    Args:
        val: what thresholds and calibration are chosen on.
        test: what is reported.

    Raises:
        DataError: a patient is in both splits.
        ValueError: there is not one name of its own per column.
    """

    kind: Kind
    names: tuple[str, ...]
    val: Scored
    test: Scored

    def __post_init__(self) -> None:
        for split in (self.val, self.test):
            if not split.targets.shape[1] == len(self.names) == len(set(self.names)):
                raise ValueError(
                    f"every column must have a name of its own, got {self.names} for "
                    f"{split.targets.shape[1]} columns"
                )
        both = np.intersect1d(self.val.patients, self.test.patients)
        if len(both):
            raise DataError(
                f"a patient must be in one split only, got {len(both)} in both val and test "
                f"(first: {both.tolist()[0]!r}); rebuild the cohort's splits"
            )


@dataclass(frozen=True)
class Measured:
    """Measures of the rows of a test split, such as the rank of a patient in a search.

    Args:
        measures: by name; NaN where a measure is undefined for a row.

    Raises:
        ValueError: there is no measure, or one is not there for every row.
    """

    patients: Shaped[np.ndarray, " row"]
    measures: Mapping[str, Float64[np.ndarray, " measured"]]

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.measures.items()}
        if set(lengths.values()) != {len(self.patients)}:
            raise ValueError(f"every measure must have {len(self.patients)} rows, got {lengths}")


def choose(val: Scored) -> tuple[Choice, ...]:
    """The threshold with the best F1 and the Platt scaling of each finding, from validation."""
    return tuple(map(Choice.of, val.targets.T, val.outputs.T))


def screening(estimates: Predictions, below: Mapping[str, float] = REDUCED) -> Predictions:
    """The findings "measurement below threshold", scored by how low the estimate is.

    What chooses a decision threshold or calibration does so on validation, as for any finding: an
    estimate that is wrong by a constant ranks patients as well as a right one.

    Args:
        below: the threshold of each measurement that is screened for, in its unit.
    """
    absent = [name for name in below if name not in estimates.names]
    if absent or not below:
        raise ValueError(
            f"screening needs estimates of {', '.join(absent) or 'a measurement'}, got those of "
            f"{', '.join(estimates.names)}"
        )
    columns = [estimates.names.index(name) for name in below]
    limits = np.array(list(below.values()))

    def scored(split: Scored) -> Scored:
        truth = split.targets[:, columns]
        low = np.where(np.isnan(truth), np.nan, truth < limits)
        return Scored(low, -split.outputs[:, columns], split.patients)

    findings = tuple(
        f"{name} below {limit:g} {described(name).unit}".rstrip() for name, limit in below.items()
    )
    return Predictions(FINDING, findings, scored(estimates.val), scored(estimates.test))


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write a run as ``.npz``; the file appears whole or not at all."""
    arrays = {"kind": predictions.kind.name, "names": predictions.names} | {
        f"{split}_{part}": getattr(getattr(predictions, split), part)
        for split in ("val", "test")
        for part in _PARTS
    }
    _write_arrays(path, arrays)


def read_predictions(path: Path) -> Predictions:
    """Read what ``write_predictions`` wrote."""
    with _read_arrays(path, what="predictions") as arrays:
        splits = {
            split: Scored(*(arrays[f"{split}_{part}"] for part in _PARTS))
            for split in ("val", "test")
        }
        return Predictions(KINDS[str(arrays["kind"])], tuple(arrays["names"].tolist()), **splits)


def write_measured(path: Path, measured: Measured) -> None:
    """Write measures as ``.npz``; the file appears whole or not at all."""
    arrays = {f"{_MEASURE}{name}": values for name, values in measured.measures.items()}
    _write_arrays(path, arrays | {"patients": measured.patients})


def read_measured(path: Path) -> Measured:
    """Read what ``write_measured`` wrote."""
    with _read_arrays(path, what="measures") as arrays:
        named = {name: arrays[name] for name in arrays if name.startswith(_MEASURE)}
        measures = {name.removeprefix(_MEASURE): values for name, values in named.items()}
        return Measured(arrays["patients"], measures)


def _write_arrays(path: Path, arrays: ReadJson) -> None:
    """Write arrays as ``.npz`` without pickles; texts of any array type become plain ones."""
    plain: Json = {name: np.asarray(values) for name, values in arrays.items()}
    plain |= {name: np.array(each.tolist()) for name, each in plain.items() if each.dtype == object}
    write_whole(path, partial(np.savez, allow_pickle=False, **plain))


@contextmanager
def _read_arrays(path: Path, *, what: str) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of a ``.npz`` file while it is open; a DataError if they are not ``what``."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise DataError(
            f"{path} must hold {what} as this version writes them, got: {reason(error)}; "
            "score the model again"
        ) from error
