"""How far single estimates lie from the truth: bias and limits of agreement."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from crossbeat.evaluation.bootstrap import Patients, distribution, resamples
from crossbeat.evaluation.intervals import Interval, over_patients
from crossbeat.metrics import Samples, Values, Weights
from crossbeat.evaluation.scales import PLAIN

SPREAD = 1.96
"""Standard deviations from the bias to a limit of agreement: 95 % of normal errors lie within."""


@dataclass(frozen=True)
class Agreement:
    """Errors of estimates, estimate minus truth, in the unit of the measurement.

    Args:
        bias: the mean error.
        lower: bias minus 1.96 standard deviations of the error.
        upper: bias plus 1.96 standard deviations of the error.
    """

    bias: Interval
    lower: Interval
    upper: Interval


def agreement(
    truth: Samples, estimate: Samples, patients: Patients, *, seed: int, replicates: int = 1000
) -> Agreement:
    """Bias and limits of agreement with patient-level intervals.

    Args:
        truth: NaN ignored.
        estimate: in the same unit.
        patients: the patient of each row.
        seed: of the resamples.
        replicates: number of resamples.

    Source: Bland and Altman 1986 (Lancet 327:307).
    """
    weights = resamples(patients, seed=seed, replicates=replicates)
    num = len(np.unique(patients[~np.isnan(truth)]))
    ends = (
        distribution(partial(_limit, deviations=number), truth, estimate, weights)
        for number in (0.0, -SPREAD, SPREAD)
    )
    return Agreement(*(over_patients(each[None], PLAIN, patients=num) for each in ends))


def _limit(truth: Samples, estimate: Samples, weights: Weights, *, deviations: float) -> Values:
    """The mean error and so many of its standard deviations; NaN below two rows."""
    known = ~np.isnan(truth)
    errors, weights = (estimate - truth)[known], weights[:, known]
    total = weights.sum(axis=1)
    enough = total > 1
    count = np.where(enough, total, 2.0)
    mean = weights @ errors / count
    squares = weights @ errors**2 - count * mean**2
    deviation = np.sqrt(np.clip(squares, 0, None) / (count - 1))
    return np.where(enough, mean + deviations * deviation, np.nan)
