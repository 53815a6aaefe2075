"""Intervals of 95 %: over seeds that have patients of their own, and over patients and runs.

Where every seed has patients of its own its value is one independent repetition, and the interval
is Student's. Where runs share their test patients, two things are uncertain: the patients, whose
spread a bootstrap tells, and the runs, whose spread is seen between them. Each has the quantile of
its own degrees of freedom, so that two runs are not taken for many.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

LEVEL = 0.95
"""How often an interval has to contain the true value."""

ENOUGH = 0.9
"""Least share of resamples on which a metric must be defined for its interval to be reported."""

Resampled = Float[np.ndarray, "run replicate"]
"""A metric of each run: first on the patients themselves, then on resamples that runs share."""

Others = Float[np.ndarray, "other replicate"]
"""The same of another model, on the same resamples; any number of runs."""


@dataclass(frozen=True)
class Scale:
    """A metric's range, and a transformation that has no end where the metric has one."""

    span: tuple[float, float]
    forward: Callable[[float], float]
    slope: Callable[[float], float]
    back: Callable[[float], float]

    def around(self, value: float, half: float) -> tuple[float, float]:
        """The ends of an interval around a value strictly inside the range.

        Args:
            half: half the width, in the unit of the metric; taken to the scale by the slope.

        Source: the delta method, van der Vaart 1998, section 3.1.
        """
        middle, reach = self.forward(value), half * self.slope(value)
        one, other = self.back(middle - reach), self.back(middle + reach)
        least, most = self.span
        return max(least, min(one, other)), min(most, max(one, other))

    def ends_at(self, value: float) -> bool:
        """Whether a value is not strictly inside the range."""
        return not self.span[0] < value < self.span[1]


def _logistic(value: float) -> float:
    small = math.exp(-abs(value))
    return (1.0 if value >= 0 else small) / (1 + small)


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


SHARE = Scale(
    (0.0, 1.0), lambda x: math.log(x) - math.log1p(-x), lambda x: 1 / (x * (1 - x)), _logistic
)
"""AUROC, recall, errors of probabilities: the logit (Qin and Hotilovac 2008, for the AUROC)."""

CORRELATION = Scale((-1.0, 1.0), math.atanh, lambda x: 1 / (1 - x**2), math.tanh)
"""Fisher's z (Fisher 1915)."""

EXPLAINED = Scale(
    (-math.inf, 1.0), lambda x: math.log1p(-x), lambda x: 1 / (1 - x), lambda y: 1 - _exp(y)
)
"""R²: the logarithm of what is not explained."""

AMOUNT = Scale((0.0, math.inf), math.log, lambda x: 1 / x, _exp)
"""Errors and distances: the logarithm."""

PLAIN = Scale((-math.inf, math.inf), lambda x: x, lambda _: 1.0, lambda y: y)
"""What has no ends, such as the bias of estimates."""

_BY_NAME = {
    **dict.fromkeys(("auroc", "auprc", "f1", "calibration_error", "brier"), SHARE),
    "r2": EXPLAINED,
    "pearson": CORRELATION,
}
_SHARES = ("recall@", "ndcg@", "answered@")


def scale_of(metric: str) -> Scale:
    """The scale of a metric by its name in results; that of errors where it has no own."""
    return SHARE if metric.startswith(_SHARES) else _BY_NAME.get(metric, AMOUNT)


def of_differences(scale: Scale) -> Scale:
    """The scale of the difference of two values: plain, between the greatest differences."""
    most = scale.span[1] - scale.span[0]
    return Scale((-most, most), PLAIN.forward, PLAIN.slope, PLAIN.back)


@dataclass(frozen=True)
class Interval:
    """A value and its interval; None where it is undefined, its ends on too few resamples."""

    value: float | None
    low: float | None
    high: float | None


UNDEFINED = Interval(None, None, None)


@dataclass(frozen=True)
class Deviation:
    """How far a value may be off.

    Args:
        half: half the width of its interval, in the unit of the metric.
        patients: those that it rests on; of two classes, the patients of the smaller.
    """

    half: float
    patients: int

    def around(self, value: float, scale: Scale) -> Interval:
        """The interval around a value.

        A share that is at an end of its scale has the bound of Clopper and Pearson: there, so
        good a result on ``patients`` has a probability of 2.5 %.

        Source: Clopper and Pearson 1934 (Biometrika 26:404).
        """
        if not scale.ends_at(value):
            return Interval(value, *scale.around(value, self.half))
        least, most = scale.span
        exact = 1 - _least(self.patients) if math.isfinite(most - least) else 0.0
        reach = max(self.half, exact)
        return Interval(value, max(least, value - reach), min(most, value + reach))


def _least(patients: int) -> float:
    """The least probability of success at which ``patients`` successes are no surprise."""
    return float(((1 - LEVEL) / 2) ** (1 / max(1, patients)))


def over_seeds(values: Sequence[float | None], scale: Scale, *, patients: int) -> Interval:
    """The mean over seeds that have patients of their own, with Student's interval.

    Whatever share of the spread comes from the seeds and what from their patients, both are in it.

    Args:
        values: one per seed, two or more; None or NaN where undefined.
        patients: of all seeds, the smaller class of two; for values at an end of the scale.

    Source: Student 1908 (Biometrika 6:1).
    """
    known = np.array([np.nan if value is None else value for value in values])
    if np.isnan(known).any():
        return UNDEFINED
    error = known.std(ddof=1) / math.sqrt(len(known))
    half = float(_quantile(len(known) - 1) * error)
    return Deviation(half, patients).around(float(known.mean()), scale)


def over_patients(runs: Resampled, scale: Scale, *, patients: int) -> Interval:
    """The mean over runs on the same patients, with an interval over patients and runs.

    Args:
        runs: one or more; of one, the interval is over patients alone.
        patients: whose number gives the degrees of freedom; of two classes, those of the smaller.
    """
    return _around((runs,), scale, patients)


def difference(
    ones: Resampled, others: Others, scale: Scale, *, paired: bool, patients: int
) -> Interval:
    """The mean of some runs minus that of others; all on the same patients and resamples.

    Args:
        scale: of the metric; differences are not transformed.
        paired: whether the first run of one belongs to the first of the other, and so on.

    The degrees of freedom of runs that are not paired are those of both models together, as if
    the runs of both varied alike: where one varies four times as much, intervals still hold.
    """
    terms = (ones - others,) if paired else (ones, -others)
    found = _around(terms, of_differences(scale), patients)
    if found.value == found.low == 0 and scale.ends_at(float(ones[:, 0].mean())):
        reach = 1 - _least(patients)  # both are at the same end: neither has shown an error
        return Interval(0.0, -reach, reach)
    return found


def _around(terms: tuple[np.ndarray, ...], scale: Scale, patients: int) -> Interval:
    total = np.sum([each.mean(axis=0) for each in terms], axis=0)
    value, known = float(total[0]), ~np.isnan(total[1:])
    if math.isnan(value):
        return UNDEFINED
    if known.mean() < ENOUGH or patients < 2:
        return Interval(value, None, None)
    spread = total[1:][known].var() * patients / (patients - 1)
    between, degrees = 0.0, 0
    for each in terms:
        if (num := len(each)) > 1:
            runs = each[:, 0].var(ddof=1) / num
            spread -= _of_both(each[:, :1], each[:, 1:][:, known]) / num
            between, degrees = between + runs, degrees + num - 1
    half = half_width(max(0.0, spread), between, patients=patients, degrees=degrees)
    return Deviation(half, patients).around(value, scale)


def half_width(spread: float, between: float, *, patients: int, degrees: int) -> float:
    """Half the width of an interval over patients and runs.

    Args:
        patients: those that the value rests on, at least 2.
        degrees: of freedom of ``between``; 0 where no model has several runs.

    Source: Banerjee 1961 (Sankhya A 23:257), the sum of squares with a quantile for each.
    """
    squares = _quantile(patients - 1) ** 2 * spread
    if degrees:
        squares += _quantile(degrees) ** 2 * between
    return math.sqrt(squares)


def _of_both(
    seen: Float[np.ndarray, "run one"], drawn: Float[np.ndarray, "run replicate"]
) -> float:
    """The variance that is neither of the run alone nor of the patients alone.

    It is in the spread between runs as well as in that over patients, and must count once.
    """
    return float((drawn - seen).var(axis=0, ddof=1).mean())


def _quantile(degrees: int) -> float:
    return float(stdtrit(degrees, (1 + LEVEL) / 2))
