"""All models of a study on the same test patients: their metrics and their paired differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from crossbeat.evaluation.choices import METRICS, Distributions, choose, measure
from crossbeat.evaluation.over_seeds import Json, Table, draws, pairs_of, smaller_class
from crossbeat.evaluation.predictions import Predictions, Scored

Runs = Sequence[Predictions] | Mapping[int, Predictions]
"""The runs of a model: all on the same test patients, or by seed, each on those of its seed."""

MEAN = "mean"
"""The name under which the mean over findings stands beside the findings."""


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
    thresholds and calibration are chosen for each run on its own validation scores.

    Runs by seed are compared on the seeds that both models have; without one, the difference is
    undefined. Where every seed has test patients of its own, intervals are over seeds, elsewhere
    over patients and runs.

    Args:
        runs: for each model its runs.
        method: the model that the study is about.
        baseline: the model that it has to beat.
        seed: of the resamples.
        replicates: number of resamples.
        extra: further pairs of models to be compared, the first minus the second.

    Raises:
        ValueError: method, baseline or a model of a pair is not among the runs, a model has no
            run, or the runs do not describe the same findings, samples and patients.
    """
    pairs = pairs_of(list(runs), method=method, baseline=baseline, extra=extra)
    _require(runs, dict.fromkeys((method, baseline, *(name for pair in extra for name in pair))))
    tests = _tests(runs, first=baseline)
    drawn = _draw(runs, tests, seed=seed, replicates=replicates)
    table = _table(tests)
    return {
        "method": method,
        "baseline": baseline,
        "test": _describe(tests),
        "models": {name: table.of_model(each) for name, each in drawn.items()},
        "differences": {
            f"{one} - {other}": table.of_difference(drawn[one], drawn[other], paired=tests.by_seed)
            for one, other in pairs
        },
    }


def estimate(runs: Runs, *, seed: int, replicates: int = 1000) -> Json:
    """The metrics of one model alone, for example of a limit that no model can pass.

    Args:
        runs: of the model.
        seed: of the resamples.
        replicates: number of resamples.

    Raises:
        ValueError: there is no run, or the runs do not describe the same samples.
    """
    alone = {"it": runs}
    _require(alone, alone)
    tests = _tests(alone, first="it")
    drawn = _draw(alone, tests, seed=seed, replicates=replicates)
    return _table(tests).of_model(drawn["it"])


@dataclass(frozen=True)
class _Tests:
    """The test samples that the runs of each seed have in common.

    Args:
        by_seed: whether runs of one seed belong together; else all runs of a model do.
        shared: whether the samples of all seeds are the same.
    """

    findings: tuple[str, ...]
    samples: dict[int, Scored]
    by_seed: bool
    shared: bool


def _keyed(runs: Runs) -> Mapping[int, Predictions]:
    return runs if isinstance(runs, Mapping) else dict(enumerate(runs))


def _require(runs: Mapping[str, Runs], named: Mapping[str, Any]) -> None:
    missing = [name for name in named if name not in runs]
    if missing:
        raise ValueError(f"runs must hold {' and '.join(missing)}, got {', '.join(runs)}")
    empty = [name for name, each in runs.items() if not each]
    if empty:
        raise ValueError(f"every model needs a run, got none of {', '.join(empty)}")


def _tests(runs: Mapping[str, Runs], *, first: str) -> _Tests:
    by_seed = all(isinstance(each, Mapping) for each in runs.values())
    ordered = {first: runs[first]} | dict(runs)
    reference = next(iter(_keyed(runs[first]).values()))
    samples: dict[int, Scored] = {}
    for name, each in ordered.items():
        for seed, run in _keyed(each).items():
            expected = samples.setdefault(seed, run.test if by_seed else reference.test)
            if run.findings != reference.findings or not _same(run.test, expected):
                raise ValueError(
                    f"{name} must be scored on the same findings and test samples as {first}; "
                    "a paired comparison needs the same rows in the same order"
                )
    samples = {seed: samples[seed] for seed in sorted(samples)}
    shared = all(_same(each, reference.test) for each in samples.values())
    return _Tests(reference.findings, samples, by_seed, shared)


def _same(one: Scored, other: Scored) -> bool:
    return np.array_equal(one.targets, other.targets, equal_nan=True) and np.array_equal(
        one.patients, other.patients
    )


def _draw(
    runs: Mapping[str, Runs], tests: _Tests, *, seed: int, replicates: int
) -> dict[str, dict[int, Distributions]]:
    """The metrics of every run on resamples that are the same for all runs of a seed."""
    drawn: dict[str, dict[int, Distributions]] = {name: {} for name in runs}
    patients = {key: test.patients for key, test in tests.samples.items()}
    for key, weights in draws(
        patients, runs, shared=tests.shared, seed=seed, replicates=replicates
    ):
        for name, each in runs.items():
            if key in (keyed := _keyed(each)):
                run = keyed[key]
                drawn[name][key] = _with_mean(measure(choose(run.val), run.test, weights))
    return drawn


def _table(tests: _Tests) -> Table:
    return Table((*tests.findings, MEAN), tuple(METRICS), _sizes(tests), tests.shared)


def _sizes(tests: _Tests) -> dict[int, list[int]]:
    """Of each seed the patients of the smaller class, and for the mean those of the smallest."""
    sizes = {
        seed: [smaller_class(column, test.patients) for column in test.targets.T]
        for seed, test in tests.samples.items()
    }
    return {seed: [*each, min(each)] for seed, each in sizes.items()}


def _with_mean(drawn: Distributions) -> dict[str, Float[np.ndarray, "replicate column"]]:
    """After the last finding, the mean over findings."""
    return {name: np.column_stack([values, values.mean(axis=1)]) for name, values in drawn.items()}


def _describe(tests: _Tests) -> Json:
    """Of all test patients: those of every seed, where they are others."""
    every = list(tests.samples.values())
    counted = every[:1] if tests.shared else every
    return {
        "patients": sum(len(np.unique(each.patients)) for each in counted),
        "samples": sum(len(each.targets) for each in counted),
        "findings": {
            finding: {
                name: sum(int((each.targets[:, column] == value).sum()) for each in counted)
                for name, value in (("positive", 1), ("negative", 0))
            }
            for column, finding in enumerate(tests.findings)
        },
    }
