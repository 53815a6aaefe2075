"""Metrics that were resampled for each seed's run, brought together over seeds and patients.

Where the runs of all seeds have the same test patients, intervals are over patients and runs;
where every seed has patients of its own, over seeds.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from crossbeat.evaluation.bootstrap import Patients, Resamples, resamples
from crossbeat.evaluation.choices import Distributions
from crossbeat.evaluation.intervals import (
    UNDEFINED,
    Interval,
    Resampled,
    difference,
    over_patients,
    over_seeds,
)
from crossbeat.metrics import Samples
from crossbeat.evaluation.scales import of_differences, scale_of

Json = dict[str, Any]

Drawn = Mapping[int, Distributions]
"""What one model's metrics come to on resamples of the patients of each seed."""


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
    patients: Mapping[int, Patients],
    runs: Mapping[str, Collection[Any]],
    *,
    shared: bool,
    seed: int,
    replicates: int,
) -> Iterator[tuple[int, Resamples]]:
    """The resamples of the patients of each seed, the same for all models.

    Only one is drawn where intervals are over seeds alone, as the values of the seeds are enough.

    Args:
        patients: the patient of each row, by training seed.
        runs: of each model, by training seed where patients are not shared.
        shared: whether these are the same for all seeds.
        seed: of the resamples.
        replicates: number of resamples.
    """
    if not shared and not _alone([set(each) for each in runs.values()]):
        replicates = 1
    for place, (key, each) in enumerate(patients.items()):
        own = seed if shared else seed + place
        yield key, resamples(each, seed=own, replicates=replicates)


def _alone(seeds: Sequence[set[int]]) -> bool:
    """Whether a model has one seed only, or two models have one only in common."""
    return any(len(one & other) == 1 for one in seeds for other in seeds)


@dataclass(frozen=True)
class Table:
    """How runs become estimates by column and metric.

    Args:
        columns: the names of the columns of the distributions.
        metrics: the names of the distributions.
        patients: of each seed and column; of two classes, the patients of the smaller.
        shared: whether the patients of all seeds are the same.
    """

    columns: tuple[str, ...]
    metrics: tuple[str, ...]
    patients: Mapping[int, Sequence[int]]
    shared: bool

    def of_model(self, runs: Drawn) -> Json:
        """The mean over a model's runs, with its interval and the value of every run.

        Args:
            runs: by seed; where there is none, every estimate is undefined.
        """

        def estimate(at: int, metric: str) -> Json:
            return self._model(runs, at, metric)

        return self._each(estimate)

    def of_difference(self, ones: Drawn, others: Drawn, *, paired: bool = True) -> Json:
        """The mean over one model's runs minus that over another's.

        Args:
            ones: by seed, and so the others.
            paired: whether runs of one seed belong together; then only seeds that both have count.
        """
        if paired:
            common = [seed for seed in ones if seed in others]
            ones, others = ({s: each[s] for s in common} for each in (ones, others))

        def estimate(at: int, metric: str) -> Json:
            return self._difference(ones, others, at, metric, paired)

        return self._each(estimate)

    def _each(self, estimate: Callable[[int, str], Json]) -> Json:
        return {
            column: {metric: estimate(at, metric) for metric in self.metrics}
            for at, column in enumerate(self.columns)
        }

    def _model(self, runs: Drawn, at: int, metric: str) -> Json:
        if not runs:
            return asdict(UNDEFINED)
        drawn, scale = _column(runs, at, metric), scale_of(metric)
        values, size = _values(drawn), self._size(runs, at)
        if self.shared or len(drawn) == 1:
            return _told(over_patients(drawn, scale, patients=size), values)
        return _told(over_seeds(values, scale, patients=size), values)

    def _difference(self, ones: Drawn, others: Drawn, at: int, metric: str, paired: bool) -> Json:
        if not ones or not others:
            return asdict(UNDEFINED)
        one, other = (_column(each, at, metric) for each in (ones, others))
        scale, size = scale_of(metric), self._size(ones, at)
        values = _values(one - other) if paired else []
        if self.shared or len(one) == 1 or not paired:
            found = difference(one, other, scale, paired=paired, patients=size)
            return _told(found, values)
        return _told(over_seeds(values, of_differences(scale), patients=size), values)

    def _size(self, runs: Drawn, at: int) -> int:
        """The number of patients that the runs have together."""
        sizes = [self.patients[seed][at] for seed in runs]
        return sizes[0] if self.shared else sum(sizes)


def smaller_class(targets: Samples, patients: Patients) -> int:
    """The number of patients with a positive row or with a negative one, whichever is smaller."""
    return min(len(np.unique(patients[targets == kind])) for kind in (0, 1))


def _column(runs: Drawn, at: int, metric: str) -> Resampled:
    return np.stack([run[metric][:, at] for run in runs.values()])


def _values(drawn: Resampled) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in drawn[:, 0]]


def _told(found: Interval, values: Sequence[float | None]) -> Json:
    return asdict(found) | ({"by_run": list(values)} if len(values) > 1 else {})
