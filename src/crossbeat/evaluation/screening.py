"""Whether a measurement lies below a threshold, told from its estimate: screening as a finding."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.evaluation.measurement_names import measurement
from crossbeat.evaluation.predictions import Predictions, Scored

REDUCED: Mapping[str, float] = MappingProxyType({"LVEF": 40.0})
"""A reduced ejection fraction: below 40 %. (The guideline on heart failure counts 40 % itself as
reduced: McDonagh 2021, Eur Heart J 42:3599.)"""


def screening(estimates: Estimates, below: Mapping[str, float] = REDUCED) -> Predictions:
    """The findings "measurement below threshold", scored by how low the estimate is.

    What chooses a decision threshold or calibration does so on validation, as for any finding: an
    estimate that is wrong by a constant ranks patients as well as a right one.

    Args:
        estimates: a run.
        below: the threshold of each measurement that is screened for, in its unit.

    Raises:
        ValueError: a measurement was not estimated, or none is asked for.
    """
    absent = [name for name in below if name not in estimates.measurements]
    if absent or not below:
        raise ValueError(
            f"screening needs estimates of {', '.join(absent) or 'a measurement'}, got those of "
            f"{', '.join(estimates.measurements)}"
        )
    columns = [estimates.measurements.index(name) for name in below]
    limits = np.array(list(below.values()))
    findings = tuple(_called(name, limit) for name, limit in below.items())
    val, test = (_scored(split, columns, limits) for split in (estimates.val, estimates.test))
    return Predictions(findings, val=val, test=test)


def _scored(split: Estimated, columns: list[int], limits: np.ndarray) -> Scored:
    truth = split.truth[:, columns]
    low = np.where(np.isnan(truth), np.nan, truth < limits)
    return Scored(low, -split.estimate[:, columns], split.patients)


def _called(name: str, limit: float) -> str:
    unit = measurement(name).unit
    return f"{name} below {limit:g}{f' {unit}' if unit else ''}"
