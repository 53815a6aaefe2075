"""On which scale the errors of a metric are nearly normal, and between which ends it lies."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A metric's range, and a transformation that has no end where the metric has one.

    Args:
        span: least and greatest value.
        forward: from a value inside the range to the scale.
        slope: the derivative of ``forward``.
        back: the inverse of ``forward``.
    """

    span: tuple[float, float]
    forward: Callable[[float], float]
    slope: Callable[[float], float]
    back: Callable[[float], float]

    def around(self, value: float, half: float) -> tuple[float, float]:
        """The ends of an interval around a value strictly inside the range.

        Args:
            value: the metric.
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
    """The scale of a metric by its name in results; that of errors where it has no own.

    Args:
        metric: such as ``auroc``, ``r2`` or ``recall@10``.
    """
    return SHARE if metric.startswith(_SHARES) else _BY_NAME.get(metric, AMOUNT)


def of_differences(scale: Scale) -> Scale:
    """The scale of the difference of two values: plain, between the greatest differences."""
    most = scale.span[1] - scale.span[0]
    return Scale((-most, most), PLAIN.forward, PLAIN.slope, PLAIN.back)
