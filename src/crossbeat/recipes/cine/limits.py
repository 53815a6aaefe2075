"""Upper limit of cardiac measurements predicted from ECGs of virtual patients."""

import numpy as np
from jaxtyping import Float, Int64
from sklearn.ensemble import HistGradientBoostingRegressor

from crossbeat.data.cohort import Cohort
from crossbeat.evaluation.estimates import Estimated, Estimates
from crossbeat.recipes.limits import latents
from crossbeat.recipes.run import evaluation_rows


def latent_heart_limit(
    cohort: Cohort,
    test: Cohort,
    measurements: tuple[str, ...],
    *,
    seed: int,
    determinants: tuple[str, ...] = (),
) -> Estimates:
    """Train boosted trees on the noise-free parameters of the heart that determine the ECG.

    Args:
        cohort: the cohort for training and validation.
        test: the cohort whose test split is used.
        seed: seed of the trees.
        determinants: input parameters from ``simulate.DETERMINANTS``; empty for all.
    """
    train = cohort.rows("train")
    told = {"val": (cohort, evaluation_rows(cohort, "val"))}
    told |= {"test": (test, evaluation_rows(test, "test"))}
    truth = {split: _measures(of, rows, measurements) for split, (of, rows) in told.items()}
    estimates = {split: np.empty_like(each) for split, each in truth.items()}
    inputs, measures = latents(cohort, train, determinants), _measures(cohort, train, measurements)
    for column in range(len(measurements)):
        known = ~np.isnan(measures[:, column])
        trees = HistGradientBoostingRegressor(learning_rate=0.05, random_state=seed)
        trees.fit(inputs[known], measures[known, column])
        for split, (of, rows) in told.items():
            estimates[split][:, column] = trees.predict(latents(of, rows, determinants))
    splits = {
        split: Estimated(truth[split], estimates[split], np.asarray(of.patients(rows)))
        for split, (of, rows) in told.items()
    }
    return Estimates(measurements, **splits)


def _measures(
    cohort: Cohort, rows: Int64[np.ndarray, " row"], measurements: tuple[str, ...]
) -> Float[np.ndarray, "row measurement"]:
    return cohort.measurements(rows, measurements).double().numpy()
