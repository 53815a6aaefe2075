"""Patient-level bootstrap: intervals of a metric, and of the difference of two models.

Patients are drawn with replacement and bring all their rows. The resamples depend on the set of
patients and the seed alone, so that any two models scored on the same patients are compared on
the same resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped, UInt16

from crossbeat.evaluation.metrics import Metric, Samples

Patients = Shaped[np.ndarray, " sample"]
Resamples = UInt16[np.ndarray, "replicate sample"]
Distribution = Float[np.ndarray, " replicate"]
Rows = Float[np.ndarray, "row finding"]

LEVEL = 0.95
"""Share of the resamples that lies inside an interval."""

ENOUGH = 0.9
"""Least share of resamples on which a metric must be defined for its interval to be reported."""

_ELEMENTS_AT_ONCE = 1 << 18  # 2 MiB: what a core has at hand; larger pieces take five times longer


@dataclass(frozen=True)
class Interval:
    """A value and its bootstrap interval.

    Args:
        value: on the samples themselves; None where the metric is undefined.
        low: lower end; None where undefined on too many resamples.
        high: upper end; None together with ``low``.
    """

    value: float | None
    low: float | None
    high: float | None


def resamples(patients: Patients, *, seed: int, replicates: int) -> Resamples:
    """How often each sample counts: first the samples as they are, then one row per resample.

    Args:
        patients: the patient of each sample.
        seed: of the draws.
        replicates: number of resamples, at least 1.

    Raises:
        ValueError: there is no sample, or no replicate is asked for.

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


def two_level(groups: Float[np.ndarray, "group row finding"], *, seed: int) -> Rows:
    """The mean over groups, whose resamples draw groups and then patients within each of them.

    A group that is drawn twice brings two different resamples of its patients. With few groups
    the interval is that of a small sample: it says little about groups that are not there.

    Args:
        groups: for each a metric on its own samples (first row) and on resamples of them, as
            ``distribution`` returns them; all groups have the same number of rows.
        seed: of the draws of groups.

    Source: Davison and Hinkley 1997, section 3.8; Field and Welsh 2007 (J R Stat Soc B 69:369),
    the two-stage bootstrap.
    """
    num, rows = len(groups), groups.shape[1] - 1
    drawn = np.random.default_rng(seed).integers(num, size=(rows, num))
    resample = 1 + (np.arange(rows)[:, None] + np.arange(num)) % rows
    return np.concatenate([groups[:, :1].mean(axis=0), groups[drawn, resample].mean(axis=1)])


def summarise(values: Distribution) -> Interval:
    """The value (first entry) with the percentile interval of the resamples (the others).

    Args:
        values: as ``distribution`` returns them, or a difference or mean of such.

    Source: Efron and Tibshirani 1993, chapter 13.
    """
    value, drawn = values[0], values[1:]
    if np.isnan(value):
        return Interval(None, None, None)
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < ENOUGH * len(drawn):
        return Interval(float(value), None, None)
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(value), float(low), float(high))


def interval(
    metric: Metric,
    targets: Samples,
    scores: Samples,
    patients: Patients,
    *,
    seed: int,
    replicates: int = 1000,
) -> Interval:
    """A metric with its patient-level percentile interval.

    Args:
        metric: one of ``crossbeat.evaluation.metrics``.
        targets: 1 positive, 0 negative, NaN ignored.
        scores: as the metric wants them.
        patients: the patient of each sample.
        seed: of the resamples.
        replicates: number of resamples.
    """
    weights = resamples(patients, seed=seed, replicates=replicates)
    return summarise(distribution(metric, targets, scores, weights))


def difference(
    metric: Metric,
    targets: Samples,
    scores: tuple[Samples, Samples],
    patients: Patients,
    *,
    seed: int,
    replicates: int = 1000,
) -> Interval:
    """How much the first model's metric exceeds the second's, both on the same resamples.

    Args:
        metric: one of ``crossbeat.evaluation.metrics``.
        targets: 1 positive, 0 negative, NaN ignored.
        scores: of the first and of the second model, for the same samples.
        patients: the patient of each sample.
        seed: of the resamples.
        replicates: number of resamples.
    """
    weights = resamples(patients, seed=seed, replicates=replicates)
    first, second = (distribution(metric, targets, one, weights) for one in scores)
    return summarise(first - second)


def mean(
    metrics: Sequence[Metric],
    targets: Float[np.ndarray, "sample finding"],
    scores: Float[np.ndarray, "sample finding"],
    patients: Patients,
    *,
    seed: int,
    replicates: int = 1000,
) -> Interval:
    """The mean over findings, all findings on the same resamples.

    Args:
        metrics: one per finding.
        targets: 1 positive, 0 negative, NaN ignored.
        scores: as the metrics want them.
        patients: the patient of each sample.
        seed: of the resamples.
        replicates: number of resamples.
    """
    weights = resamples(patients, seed=seed, replicates=replicates)
    columns = zip(metrics, targets.T, scores.T, strict=True)
    return summarise(np.mean([distribution(*column, weights) for column in columns], axis=0))
