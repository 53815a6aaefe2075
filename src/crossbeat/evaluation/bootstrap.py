"""Patient-level bootstrap: a metric on resamples of the patients.

Patients are drawn with replacement and bring all their rows. The resamples depend on the set of
patients and the seed alone, so that any two models scored on the same patients are compared on
the same resamples.
"""

import numpy as np
from jaxtyping import Float, Shaped, UInt16

from crossbeat.metrics import Metric, Samples

Patients = Shaped[np.ndarray, " sample"]
Resamples = UInt16[np.ndarray, "replicate sample"]
Distribution = Float[np.ndarray, " replicate"]

_ELEMENTS_AT_ONCE = 1 << 18  # 2 MiB: what a core has at hand; larger pieces take five times longer


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
