"""All models of a study on the same test patients: their metrics and their paired differences."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from crossbeat.evaluation.predictions import Measured, Predictions, Scored
from crossbeat.evaluation.statistics import (
    Distributions,
    Patients,
    Resamples,
    Table,
    distribution,
    draws,
    pairs_of,
)
from crossbeat.files import Json
from crossbeat.metrics import MEAN, Samples, Values, Weights

Runs = Sequence[Predictions] | Mapping[int, Predictions]
"""The runs of a model: all on the same test patients, or by seed, each on those of its seed."""

Each = TypeVar("Each")

_ALL = "all"


def compare(
    runs: Mapping[str, Runs],
    *,
    method: str,
    baseline: str,
    seed: int,
    replicates: int = 1000,
    extra: Sequence[tuple[str, str]] = (),
) -> Json:
    """The part of results that follows from predictions: test, models and differences.

    Every model is compared with the baseline, and the method with every other model. A model
    that was trained with several seeds is represented by the mean of its metrics over the runs;
    thresholds and calibration are chosen for each run on its own validation outputs. The mean over
    the targets stands beside them; that of a mean absolute error is in standard deviations of the
    truth.

    Runs by seed are compared on the seeds that both models have; without one, the difference is
    undefined. Where every seed has test patients of its own, intervals are over seeds, elsewhere
    over patients and runs.
    """
    pairs = pairs_of(list(runs), method=method, baseline=baseline, extra=extra)
    _require(runs, dict.fromkeys((method, baseline, *(name for pair in extra for name in pair))))
    by_seed = all(isinstance(each, Mapping) for each in runs.values())
    tests, shared = _tests(runs, first=baseline, by_seed=by_seed)
    reference = _first(runs[baseline])
    kind = reference.kind
    sizes = {
        key: [kind.size(column, test.patients) for column in test.targets.T]
        for key, test in tests.items()
    }
    table = Table(
        (*reference.names, MEAN),
        kind.metrics,
        {key: [*each, min(each)] for key, each in sizes.items()},
        shared,
    )
    patients = {key: test.patients for key, test in tests.items()}
    drawn = draws(patients, runs, shared=shared, seed=seed, replicates=replicates)
    compared = _compared(runs, drawn, _measure, table, (pairs, by_seed))
    counted = list(tests.values())[: 1 if shared else None]
    truth = np.concatenate([each.targets for each in counted])
    test = {
        "patients": sum(len(np.unique(each.patients)) for each in counted),
        "samples": len(truth),
        kind.plural: {
            name: kind.describe(name, truth[:, at]) for at, name in enumerate(reference.names)
        },
    }
    return {"method": method, "baseline": baseline, "test": test} | compared


def compare_measured(
    runs: Mapping[str, Mapping[int, Measured]],
    *,
    method: str,
    baseline: str,
    seed: int,
    replicates: int = 1000,
    extra: Sequence[tuple[str, str]] = (),
) -> Json:
    """The mean of every measure of every model, and paired differences of the models that ran.

    Args:
        runs: for each model its runs by training seed; the method and the baseline may be absent.
        method: is compared with every other model.
        baseline: is compared with every model.
        seed: of the resamples of patients.
        replicates: number of resamples.
        extra: further pairs.

    Returns:
        ``models`` and ``differences``, by model and measure.

    Raises:
        ValueError: there is no run, or the runs do not have the same rows and measures.
    """
    if not runs:
        raise ValueError("runs must hold a model, got none")
    _require(runs, ())
    first = next(iter(runs))
    measures = list(_first(runs[first]).measures)
    patients: dict[int, Patients] = {}
    for name, each in runs.items():
        for key, run in each.items():
            same = np.array_equal(patients.setdefault(key, run.patients), run.patients)
            _require_alike(same and list(run.measures) == measures, name, first, "measures")
    patients = {key: patients[key] for key in sorted(patients)}
    shared = all(np.array_equal(each, _first(patients)) for each in patients.values())
    sizes = {key: [len(np.unique(each))] for key, each in patients.items()}
    table = Table((_ALL,), tuple(measures), sizes, shared)
    drawn = draws(patients, runs, shared=shared, seed=seed, replicates=replicates)
    pairs = pairs_of(list(runs), method=method, baseline=baseline, extra=extra)
    compared = _compared(runs, drawn, _row_means, table, (pairs, True))
    return {
        part: {name: each[_ALL] for name, each in found.items()} for part, found in compared.items()
    }


def estimate(
    runs: Runs | Mapping[int, Predictions | Measured],
    *,
    seed: int,
    replicates: int = 1000,
    by: Callable[..., Json] = compare,
) -> Json:
    """The metrics or measures of one model alone, for example of a limit that no model can pass.

    Args:
        by: ``compare``, or ``compare_measured`` for runs that were measured row by row.
    """
    alone = by({"it": runs}, method="it", baseline="it", seed=seed, replicates=replicates)
    return alone["models"]["it"]


def _compared(
    runs: Mapping[str, Sequence[Each] | Mapping[int, Each]],
    weights: Iterator[tuple[int, Resamples]],
    measure: Callable[[Each, Resamples], Distributions],
    table: Table,
    pairs: tuple[Sequence[tuple[str, str]], bool],
) -> Json:
    """Models and differences, from resamples that are the same for all runs of a seed."""
    keyed = {name: _keyed(each) for name, each in runs.items()}
    drawn: dict[str, dict[int, Distributions]] = {name: {} for name in runs}
    for key, each in weights:
        for name, by_key in keyed.items():
            if key in by_key:
                drawn[name][key] = measure(by_key[key], each)
    return {
        "models": {name: table.of_model(each) for name, each in drawn.items()},
        "differences": {
            f"{one} - {other}": table.of_difference(drawn[one], drawn[other], paired=pairs[1])
            for one, other in pairs[0]
        },
    }


def _keyed(runs: Sequence[Each] | Mapping[int, Each]) -> Mapping[int, Each]:
    return runs if isinstance(runs, Mapping) else dict(enumerate(runs))


def _first(runs: Sequence[Each] | Mapping[int, Each]) -> Each:
    return next(iter(_keyed(runs).values()))


def _require(runs: Mapping[str, Sized], named: Iterable[str]) -> None:
    missing = [name for name in named if name not in runs]
    if missing:
        raise ValueError(f"runs must hold {' and '.join(missing)}, got {', '.join(runs)}")
    empty = [name for name, each in runs.items() if not each]
    if empty:
        raise ValueError(f"every model must have a run, got none of {', '.join(empty)}")


def _require_alike(alike: bool, name: str, first: str, what: str) -> None:
    if not alike:
        raise ValueError(
            f"{name} must have the same {what} and test rows as {first}; a paired comparison needs "
            "the same rows in the same order"
        )


def _tests(
    runs: Mapping[str, Runs], *, first: str, by_seed: bool
) -> tuple[dict[int, Scored], bool]:
    """The test rows that the runs of each seed have in common, and whether all seeds share them."""
    reference = _first(runs[first])
    tests: dict[int, Scored] = {}
    for name, each in ({first: runs[first]} | dict(runs)).items():
        for key, run in _keyed(each).items():
            expected = tests.setdefault(key, run.test if by_seed else reference.test)
            same = (run.kind, run.names) == (reference.kind, reference.names)
            _require_alike(same and _alike(run.test, expected), name, first, "targets")
    shared = all(_alike(each, reference.test) for each in tests.values())
    return {key: tests[key] for key in sorted(tests)}, shared


def _alike(one: Scored, other: Scored) -> bool:
    return np.array_equal(one.targets, other.targets, equal_nan=True) and np.array_equal(
        one.patients, other.patients
    )


def _measure(run: Predictions, weights: Resamples) -> Distributions:
    """Every metric of every target, and its mean over the targets in the last column."""
    found: Distributions = {}
    columns = list(zip(run.test.targets.T, run.test.outputs.T, strict=True))
    measures = [
        run.kind.measure(*each) for each in zip(run.val.targets.T, run.val.outputs.T, strict=True)
    ]
    for name in run.kind.metrics:
        values = np.stack(
            [
                distribution(metrics[name], *column, weights)
                for metrics, column in zip(measures, columns, strict=True)
            ],
            axis=1,
        )
        spread = _spreads(run.test.targets) if name in run.kind.in_deviations else 1.0
        found[name] = np.column_stack([values, (values / spread).mean(axis=1)])
    return found


def _spreads(targets: Float[np.ndarray, "row target"]) -> Float[np.ndarray, " target"]:
    known = [truth[~np.isnan(truth)] for truth in targets.T]
    return np.array([each.std() if len(np.unique(each)) > 1 else np.nan for each in known])


def _row_means(run: Measured, weights: Resamples) -> Distributions:
    return {
        name: distribution(_mean, values, values, weights)[:, None]
        for name, values in run.measures.items()
    }


def _mean(values: Samples, _: Samples, weights: Weights) -> Values:
    known = ~np.isnan(values)
    weights = weights[:, known]
    total = weights.sum(axis=1)
    above = weights @ values[known]
    return np.divide(above, total, out=np.full(len(total), np.nan), where=total > 0)
