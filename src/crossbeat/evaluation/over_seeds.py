"""Metrics that were resampled for each seed's run, brought together over seeds and patients.

Where the runs of all seeds have the same test patients, intervals are over patients; where every
seed has patients of its own, over seeds and patients.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from crossbeat.evaluation.bootstrap import Patients, Resamples, resamples, summarise, two_level
from crossbeat.evaluation.choices import Distributions

Json = dict[str, Any]

Drawn = Mapping[int, Distributions]
"""What one model's metrics come to on resamples of the patients of each seed."""

_NOTHING = {"value": None, "low": None, "high": None}


def pairs_of(
    models: Sequence[str], *, method: str, baseline: str, extra: Sequence[tuple[str, str]] = ()
) -> list[tuple[str, str]]:
    """Every model beside the baseline, then the method beside every other model, then the extra.

    Args:
        models: those that there are; pairs with others are left out.
        method: the model that the study is about.
        baseline: the model that it has to beat.
        extra: further pairs.
    """
    pairs = [(model, baseline) for model in models if model != baseline]
    pairs += [(method, model) for model in models if model not in (method, baseline)]
    pairs += [pair for pair in extra if pair not in pairs]
    return [pair for pair in pairs if set(pair) <= set(models)]


def draws(
    patients: Mapping[int, Patients], *, shared: bool, seed: int, replicates: int
) -> Iterator[tuple[int, Resamples]]:
    """The resamples of the patients of each seed, the same for all models.

    Args:
        patients: the patient of each row, by training seed.
        shared: whether these are the same for all seeds.
        seed: of the resamples.
        replicates: number of resamples.
    """
    for place, (key, each) in enumerate(patients.items()):
        own = seed if shared else seed + place
        yield key, resamples(each, seed=own, replicates=replicates)


def minus(ones: Drawn, others: Drawn) -> dict[int, Distributions]:
    """The differences on the seeds that both have."""
    return {
        seed: {name: one[name] - others[seed][name] for name in one}
        for seed, one in ones.items()
        if seed in others
    }


def tell(
    runs: Drawn,
    columns: Sequence[str],
    metrics: Sequence[str],
    *,
    shared: bool,
    seed: int,
    by_run: bool = True,
) -> Json:
    """Estimates by column and metric, from runs on resamples.

    Args:
        runs: by seed; where there is none, every estimate is undefined.
        columns: the names of the columns of the distributions.
        metrics: the names of the distributions.
        shared: whether the resamples of all seeds are of the same patients.
        seed: of the draws of seeds.
        by_run: whether the value of every run is told as well, where there are several.
    """
    pooled = pool(runs, metrics, shared=shared, seed=seed) if runs else {}
    return tell_pooled(pooled, runs, columns, metrics, by_run=by_run)


def pool(runs: Drawn, metrics: Sequence[str], *, shared: bool, seed: int) -> dict[str, np.ndarray]:
    """One distribution of each metric from those of all runs.

    Args:
        runs: by seed, one or more.
        metrics: as for ``tell``, and so the others.
    """
    stacked = {name: np.stack([run[name] for run in runs.values()]) for name in metrics}
    return {
        name: values.mean(axis=0) if shared else two_level(values, seed=seed)
        for name, values in stacked.items()
    }


def tell_pooled(
    pooled: Distributions,
    runs: Drawn,
    columns: Sequence[str],
    metrics: Sequence[str],
    *,
    by_run: bool = True,
) -> Json:
    """What ``tell`` tells, from distributions that ``pool`` has brought together.

    Args:
        pooled: with all of the columns.
        runs: as for ``tell``, and so the others.
    """
    if not runs:
        return {column: {name: dict(_NOTHING) for name in metrics} for column in columns}
    return {
        column: {
            name: asdict(summarise(pooled[name][:, at]))
            | (_by_run(runs, name, at) if by_run and len(runs) > 1 else {})
            for name in metrics
        }
        for at, column in enumerate(columns)
    }


def _by_run(runs: Drawn, name: str, at: int) -> Json:
    values = [run[name][0, at] for run in runs.values()]
    return {"by_run": [None if np.isnan(value) else float(value) for value in values]}
