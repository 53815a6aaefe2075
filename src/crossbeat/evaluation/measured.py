"""What was measured row by row, such as the rank of a patient: means, intervals, comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float64, Shaped

from crossbeat.errors import DataError, reason
from crossbeat.evaluation.bootstrap import Resamples, distribution
from crossbeat.evaluation.choices import Distributions
from crossbeat.metrics import Samples, Values, Weights
from crossbeat.evaluation.over_seeds import Table, draws, pairs_of
from crossbeat.files import write_whole

Json = dict[str, Any]

_ALL = "all"
_PREFIX = "measure:"


@dataclass(frozen=True)
class Measured:
    """Measures of the rows of a test split.

    Args:
        patients: the patient of each row.
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


Runs = Mapping[int, Measured]
"""The runs of a model by training seed."""


def compare_measured(
    runs: Mapping[str, Runs],
    *,
    method: str,
    baseline: str,
    seed: int,
    replicates: int = 1000,
    extra: Sequence[tuple[str, str]] = (),
) -> Json:
    """The mean of every measure of every model, and paired differences of the models that ran.

    Args:
        runs: for each model its runs; the method and the baseline may be absent.
        method: is compared with every other model.
        baseline: every model is compared with it.
        seed: of the resamples of patients.
        replicates: number of resamples.
        extra: further pairs, the first minus the second.

    Returns:
        ``models`` and ``differences``, by model and measure.

    Raises:
        ValueError: there is no run, or the runs do not have the same rows and measures.
    """
    empty = [name for name, each in runs.items() if not each]
    if empty or not runs:
        raise ValueError(f"every model must have a run, got none of {', '.join(empty) or 'any'}")
    patients, measures = _common(runs)
    reference = next(iter(patients.values()))
    shared = all(np.array_equal(each, reference) for each in patients.values())
    drawn: dict[str, dict[int, Distributions]] = {name: {} for name in runs}
    for key, weights in draws(patients, runs, shared=shared, seed=seed, replicates=replicates):
        for name, each in runs.items():
            if key in each:
                drawn[name][key] = _means(each[key], weights)

    sizes = {seed: [len(np.unique(each))] for seed, each in patients.items()}
    table = Table((_ALL,), measures, sizes, shared)
    pairs = pairs_of(list(runs), method=method, baseline=baseline, extra=extra)
    return {
        "models": {name: table.of_model(each)[_ALL] for name, each in drawn.items()},
        "differences": {
            f"{one} - {other}": table.of_difference(drawn[one], drawn[other])[_ALL]
            for one, other in pairs
        },
    }


def write_measured(path: Path, measured: Measured) -> None:
    """Write measures as ``.npz``; the file appears whole or not at all.

    Args:
        path: of the file.
        measured: of a run.
    """
    arrays = {f"{_PREFIX}{name}": values for name, values in measured.measures.items()}
    arrays["patients"] = np.array(measured.patients.tolist())
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def read_measured(path: Path) -> Measured:
    """Read what ``write_measured`` wrote.

    Args:
        path: of the file.

    Raises:
        DataError: there is no such file, or it holds something else.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            named = {
                name.removeprefix(_PREFIX): arrays[name]
                for name in arrays.files
                if name.startswith(_PREFIX)
            }
            return Measured(arrays["patients"], named)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise DataError(
            f"{path} must hold measures as they were written, got: {reason(error)}; "
            "score the model again"
        ) from error


def _common(runs: Mapping[str, Runs]) -> tuple[dict[int, np.ndarray], tuple[str, ...]]:
    """The patients of each seed and the names of the measures."""
    first = next(iter(runs))
    reference = next(iter(runs[first].values()))
    patients: dict[int, np.ndarray] = {}
    for name, each in runs.items():
        for seed, run in each.items():
            same = np.array_equal(patients.setdefault(seed, run.patients), run.patients)
            if not same or list(run.measures) != list(reference.measures):
                raise ValueError(
                    f"{name} must have the same rows and measures as {first}; a paired comparison "
                    "needs the same rows in the same order"
                )
    return {seed: patients[seed] for seed in sorted(patients)}, tuple(reference.measures)


def _means(run: Measured, weights: Resamples) -> Distributions:
    return {
        name: distribution(_mean, values, values, weights)[:, None]
        for name, values in run.measures.items()
    }


def _mean(values: Samples, _: Samples, weights: Weights) -> Values:
    """The weighted mean of what is defined."""
    known = ~np.isnan(values)
    weights = weights[:, known]
    total = weights.sum(axis=1)
    above = weights @ values[known]
    return np.divide(above, total, out=np.full(len(total), np.nan), where=total > 0)
