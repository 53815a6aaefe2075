"""All models of a study on the same test patients: their metrics and their paired differences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from crossbeat.evaluation.bootstrap import Resamples, resamples, summarise
from crossbeat.evaluation.choices import Distributions, choose, measure
from crossbeat.evaluation.predictions import Predictions

Runs = Sequence[Predictions]
Json = dict[str, Any]

MEAN = "mean"
"""The name under which the mean over findings stands beside the findings."""


def compare(
    runs: Mapping[str, Runs], *, method: str, baseline: str, seed: int, replicates: int = 1000
) -> Json:
    """The part of results that follows from predictions: test, models and differences.

    Every model is compared with the baseline, and the method with every other model. A model
    that was trained with several seeds is represented by the mean of its metrics over the runs;
    thresholds and calibration are chosen for each run on its own validation scores.

    Args:
        runs: for each model its runs, one per training seed.
        method: the model that the study is about.
        baseline: the model that it has to beat.
        seed: of the resamples.
        replicates: number of resamples.

    Raises:
        ValueError: method or baseline is not among the runs, a model has no run, or the runs do
            not describe the same findings, samples and patients.
    """
    first = _same_test(runs, method, baseline)
    weights = resamples(first.test.patients, seed=seed, replicates=replicates)
    drawn = {model: [_distributions(run, weights) for run in each] for model, each in runs.items()}
    pairs = [(model, baseline) for model in runs if model != baseline]
    pairs += [(method, model) for model in runs if model not in (method, baseline)]
    return {
        "method": method,
        "baseline": baseline,
        "test": _describe(first),
        "models": {name: _estimates(first.findings, each) for name, each in drawn.items()},
        "differences": {
            f"{one} - {other}": _estimates(first.findings, [_minus(drawn[one], drawn[other])])
            for one, other in pairs
        },
    }


def estimate(runs: Runs, *, seed: int, replicates: int = 1000) -> Json:
    """The metrics of one model alone, for example of a limit that no model can pass.

    Args:
        runs: one per training seed.
        seed: of the resamples.
        replicates: number of resamples.

    Raises:
        ValueError: there is no run, or the runs do not describe the same samples.
    """
    first = _same_test({"it": runs}, "it", "it")
    weights = resamples(first.test.patients, seed=seed, replicates=replicates)
    return _estimates(first.findings, [_distributions(run, weights) for run in runs])


def _distributions(run: Predictions, weights: Resamples) -> Distributions:
    return measure(choose(run.val), run.test, weights)


def _over_runs(runs: Sequence[Distributions]) -> Distributions:
    return {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}


def _minus(ones: Sequence[Distributions], others: Sequence[Distributions]) -> Distributions:
    one, other = _over_runs(ones), _over_runs(others)
    return {name: one[name] - other[name] for name in one}


def _estimates(findings: tuple[str, ...], runs: Sequence[Distributions]) -> Json:
    mean = _over_runs(runs)
    return {
        finding: {
            name: asdict(summarise(_column(mean[name], index)))
            | (
                {"by_run": [_plain(_column(run[name], index)[0]) for run in runs]}
                if runs[1:]
                else {}
            )
            for name in mean
        }
        for index, finding in enumerate((*findings, MEAN))
    }


def _column(values: np.ndarray, index: int) -> np.ndarray:
    """One finding, or after the last finding the mean over findings."""
    return values[:, index] if index < values.shape[1] else values.mean(axis=1)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _describe(run: Predictions) -> Json:
    targets = run.test.targets
    return {
        "patients": len(np.unique(run.test.patients)),
        "samples": len(targets),
        "findings": {
            finding: {"positive": int((column == 1).sum()), "negative": int((column == 0).sum())}
            for finding, column in zip(run.findings, targets.T, strict=True)
        },
    }


def _same_test(runs: Mapping[str, Runs], method: str, baseline: str) -> Predictions:
    missing = [name for name in (method, baseline) if name not in runs]
    if missing:
        raise ValueError(f"runs must hold {' and '.join(missing)}, got {', '.join(runs)}")
    empty = [name for name, each in runs.items() if not each]
    if empty:
        raise ValueError(f"every model needs a run, got none of {', '.join(empty)}")
    first = runs[baseline][0]
    for name, each in runs.items():
        for run in each:
            if run.findings != first.findings or not (
                np.array_equal(run.test.targets, first.test.targets, equal_nan=True)
                and np.array_equal(run.test.patients, first.test.patients)
            ):
                raise ValueError(
                    f"{name} must be scored on the same findings and test samples as {baseline}; "
                    "a paired comparison needs the same rows in the same order"
                )
    return first
