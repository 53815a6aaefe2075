"""All models of a study on the same test patients: their metrics and their paired differences."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crossbeat.evaluation.predictions import Measured, Predictions, Scored, choose
from crossbeat.evaluation.statistics import (
    Distributions,
    Patients,
    Resamples,
    Table,
    distribution,
    draws,
    pairs_of,
)
from crossbeat.files import Json, ReadJson
from crossbeat.metrics import (
    FINDING_METRICS,
    MEAN,
    MEASUREMENT_METRICS,
    Samples,
    Values,
    Weights,
)
from crossbeat.targets import FINDING, MEASUREMENT, described

Runs = Sequence[Predictions] | Mapping[int, Predictions]
"""The runs of a model: all on the same test patients, or by seed, each on those of its seed."""

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
    way = _WAYS[reference.kind.name]
    sizes = {
        key: [way.size(column, test.patients) for column in test.targets.T]
        for key, test in tests.items()
    }
    table = Table(
        (*reference.names, MEAN),
        tuple(reference.kind.metrics),
        {key: [*each, min(each)] for key, each in sizes.items()},
        shared,
    )
    patients = {key: test.patients for key, test in tests.items()}
    drawn = draws(patients, runs, shared=shared, seed=seed, replicates=replicates)
    compared = _compared(runs, drawn, way.measure, table, (pairs, by_seed))
    counted = list(tests.values())[: 1 if shared else None]
    truth = np.concatenate([each.targets for each in counted])
    test = {
        "patients": sum(len(np.unique(each.patients)) for each in counted),
        "samples": len(truth),
        reference.kind.plural: {
            name: way.describe(name, truth[:, at]) for at, name in enumerate(reference.names)
        },
    }
    return {"method": method, "baseline": baseline, "test": test} | compared


def estimate(runs: Runs, *, seed: int, replicates: int = 1000) -> Json:
    """The metrics of one model alone, for example of a limit that no model can pass."""
    alone = compare({"it": runs}, method="it", baseline="it", seed=seed, replicates=replicates)
    return alone["models"]["it"]


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


def _compared(
    runs: ReadJson,
    weights: Iterator[tuple[int, Resamples]],
    measure: Callable[[Any, Resamples], Distributions],
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


def _keyed(runs: Any) -> Mapping[int, Any]:
    return runs if isinstance(runs, Mapping) else dict(enumerate(runs))


def _first(runs: Any) -> Any:
    return next(iter(_keyed(runs).values()))


def _require(runs: ReadJson, named: Iterable[str]) -> None:
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


@dataclass(frozen=True)
class _Way:
    """What depends on the kind of the targets; ``size``: the patients that metrics rest on."""

    measure: Callable[[Predictions, Resamples], Distributions]
    size: Callable[[Samples, Patients], int]
    describe: Callable[[str, Samples], Json]


def _measure_findings(run: Predictions, weights: Resamples) -> Distributions:
    pairs = zip(run.test.targets.T, run.test.outputs.T, strict=True)
    columns = list(zip(choose(run.val), pairs, strict=True))
    found = {
        name: np.stack(
            [distribution(metric(choice), *pair, weights) for choice, pair in columns], axis=1
        )
        for name, metric in FINDING_METRICS.items()
    }
    return _with_mean(found, found)


def _measure_measurements(run: Predictions, weights: Resamples) -> Distributions:
    columns = list(zip(run.test.targets.T, run.test.outputs.T, strict=True))
    found = {
        name: np.stack([distribution(metric, *column, weights) for column in columns], axis=1)
        for name, metric in MEASUREMENT_METRICS.items()
    }
    known = [truth[~np.isnan(truth)] for truth in run.test.targets.T]
    spread = [each.std() if len(np.unique(each)) > 1 else np.nan for each in known]
    return _with_mean(found, found | {"mae": found["mae"] / np.array(spread)})


def _with_mean(found: Mapping[str, np.ndarray], scaled: Mapping[str, np.ndarray]) -> Distributions:
    return {
        name: np.column_stack([values, scaled[name].mean(axis=1)]) for name, values in found.items()
    }


def smaller_class(targets: Samples, patients: Patients) -> int:
    """The number of patients with a positive row or with a negative one, whichever is smaller."""
    return min(len(np.unique(patients[targets == value])) for value in (0, 1))


def _counts(_: str, targets: Samples) -> Json:
    return {"positive": int((targets == 1).sum()), "negative": int((targets == 0).sum())}


def _summary(name: str, targets: Samples) -> Json:
    known = targets[~np.isnan(targets)]
    mean, spread = (float(known.mean()), float(known.std())) if len(known) else (None, None)
    return {"unit": described(name).unit, "measured": len(known), "mean": mean, "sd": spread}


_WAYS: Mapping[str, _Way] = {
    FINDING.name: _Way(_measure_findings, smaller_class, _counts),
    MEASUREMENT.name: _Way(
        _measure_measurements,
        lambda targets, patients: len(np.unique(patients[~np.isnan(targets)])),
        _summary,
    ),
}


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
