"""Metrics on resamples of the patients, and how runs and seeds become estimates with intervals.

Patients are drawn with replacement and bring all their rows. The resamples depend on the set of
patients and the seed alone, so that any two models scored on the same patients are compared on the
same resamples. Where the runs of all seeds have the same test patients, intervals are over patients
and runs; where every seed has patients of its own, over seeds.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Shaped, UInt16

from crossbeat.evaluation.intervals import (
    PLAIN,
    UNDEFINED,
    Interval,
    Resampled,
    difference,
    of_differences,
    over_patients,
    over_seeds,
    scale_of,
)
from crossbeat.files import Json
from crossbeat.metrics import Metric, Samples, limit_of_agreement

Patients = Shaped[np.ndarray, " sample"]
Resamples = UInt16[np.ndarray, "replicate sample"]
Distribution = Float[np.ndarray, " replicate"]
Distributions = dict[str, Float[np.ndarray, "replicate column"]]
"""By the name of the metric."""

Drawn = Mapping[int, Distributions]
"""What one model's metrics come to on resamples of the patients of each seed."""

_ELEMENTS_AT_ONCE = 1 << 18  # 2 MiB: what a core has at hand; larger pieces take five times longer
_SPREAD = 1.96  # standard deviations from the bias to a limit of agreement


def resamples(patients: Patients, *, seed: int, replicates: int) -> Resamples:
    """How often each sample counts: first the samples as they are, then one row per resample.

    Args:
        replicates: number of resamples, at least 1.

    Source: Efron and Tibshirani 1993, chapter 6; Field and Welsh 2007 (J R Stat Soc B 69:369), the
    cluster bootstrap.
    """
    if len(patients) == 0 or replicates < 1:
        raise ValueError(
            f"a bootstrap needs samples and replicates, got {len(patients)} and {replicates}"
        )
    names, patient = np.unique(patients, return_inverse=True)
    rng = np.random.default_rng(seed)
    counts = np.ones((1 + replicates, len(names)), dtype=np.uint16)
    for row in counts[1:]:
        row[:] = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
    return counts[:, patient]


def distribution(
    metric: Metric, targets: Samples, scores: Samples, weights: Resamples
) -> Distribution:
    """The metric on every row of ``weights``; NaN where it is undefined."""
    step = max(1, _ELEMENTS_AT_ONCE // max(1, len(targets)))
    parts = [
        metric(targets, scores, weights[start : start + step].astype(np.float64))
        for start in range(0, len(weights), step)
    ]
    return np.concatenate(parts)


def draws(
    patients: Mapping[int, Patients],
    runs: Mapping[str, Collection[object]],
    *,
    shared: bool,
    seed: int,
    replicates: int,
) -> Iterator[tuple[int, Resamples]]:
    """The resamples of the patients of each seed, the same for all models.

    Only one is drawn where intervals are over seeds alone, as the values of the seeds are enough.

    Args:
        patients: the patient of each row, by training seed.
    """
    if not shared:
        seeds = [set(each) for each in runs.values()]
        if not any(len(one & other) == 1 for one in seeds for other in seeds):
            replicates = 1
    for place, (key, each) in enumerate(patients.items()):
        own = seed if shared else seed + place
        yield key, resamples(each, seed=own, replicates=replicates)


def agreement(
    truth: Samples, estimate: Samples, patients: Patients, *, seed: int, replicates: int = 1000
) -> tuple[Interval, Interval, Interval]:
    """Lower limit of agreement, bias and upper limit, with patient-level intervals.

    The bias is the mean of estimate minus truth; a limit lies 1.96 standard deviations from it.

    Args:
        estimate: in the same unit.

    Source: Bland and Altman 1986 (Lancet 327:307).
    """
    weights = resamples(patients, seed=seed, replicates=replicates)
    num = len(np.unique(patients[~np.isnan(truth)]))

    def end(deviations: float) -> Interval:
        metric = partial(limit_of_agreement, deviations=deviations)
        drawn = distribution(metric, truth, estimate, weights)
        return over_patients(drawn[None], PLAIN, patients=num)

    return end(-_SPREAD), end(0.0), end(_SPREAD)


def pairs_of(
    models: Sequence[str], *, method: str, baseline: str, extra: Sequence[tuple[str, str]] = ()
) -> list[tuple[str, str]]:
    """Every model beside the baseline, then the method beside every other model, then the extra.

    Args:
        models: those that there are; pairs with others are left out.
    """
    pairs = [(model, baseline) for model in models if model != baseline]
    pairs += [(method, model) for model in models if model not in (method, baseline)]
    pairs += [pair for pair in extra if pair not in pairs]
    return [pair for pair in pairs if set(pair) <= set(models)]


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
        """The mean over a model's runs, with its interval and the value of every run."""
        return self._each(partial(self._model, runs))

    def of_difference(self, ones: Drawn, others: Drawn, *, paired: bool = True) -> Json:
        """The mean over one model's runs minus that over another's.

        Args:
            paired: whether runs of one seed belong together; then only seeds that both have count.
        """
        if paired:
            common = [seed for seed in ones if seed in others]
            ones, others = ({s: each[s] for s in common} for each in (ones, others))
        return self._each(partial(self._difference, ones, others, paired))

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

    def _difference(self, ones: Drawn, others: Drawn, paired: bool, at: int, metric: str) -> Json:
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
        sizes = [self.patients[seed][at] for seed in runs]
        return sizes[0] if self.shared else sum(sizes)


def _column(runs: Drawn, at: int, metric: str) -> Resampled:
    return np.stack([run[metric][:, at] for run in runs.values()])


def _values(drawn: Resampled) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in drawn[:, 0]]


def _told(found: Interval, values: Sequence[float | None]) -> Json:
    return asdict(found) | ({"by_run": list(values)} if len(values) > 1 else {})
