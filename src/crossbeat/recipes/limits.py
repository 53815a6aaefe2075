"""Upper limits of prediction from the ECG on a virtual cohort, whose truth is known.

``latent`` learns the truth from the noise-free parameters of the heart that determine the ECG. It
is the limit of any model. ``ecg-clean-labels`` is a run of the direct recipe on many other patients
with true labels. It is the limit of this encoder.
"""

import numpy as np
from jaxtyping import Float, Int64

from crossbeat.data.cohort import Cohort
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.probes import fit_trees
from crossbeat.recipes.run import evaluation_rows
from crossbeat.targets import Kind


def latent_limit(
    abundant: Cohort,
    cohort: Cohort,
    kind: Kind,
    names: tuple[str, ...],
    *,
    seed: int,
    determinants: tuple[str, ...] = (),
) -> Predictions:
    """Train boosted trees on the noise-free ECG parameters with the truth.

    Args:
        abundant: the patients for training and validation.
        cohort: the cohort whose test split is used.
        names: the targets of this kind.
        seed: seed of the trees.
        determinants: input parameters from ``simulate.DETERMINANTS``; empty for all.
    """
    train = abundant.rows("train")
    rows = {"val": evaluation_rows(abundant, "val"), "test": evaluation_rows(cohort, "test")}
    of = {"val": abundant, "test": cohort}
    inputs = {split: latents(of[split], rows[split], determinants) for split in rows}
    truth = {split: kind.truth(of[split], rows[split], names).double().numpy() for split in rows}
    told = {split: np.empty_like(each) for split, each in truth.items()}
    learned = kind.truth(abundant, train, names).double().numpy()
    parameters = latents(abundant, train, determinants)
    for column in range(len(names)):
        trees = fit_trees(kind, parameters, learned[:, column], seed=seed)
        for split, values in inputs.items():
            told[split][:, column] = trees(values)
    scored = {
        split: Scored(truth[split], told[split], np.asarray(of[split].patients(rows[split])))
        for split in rows
    }
    return Predictions(kind, names, **scored)


def latents(
    cohort: Cohort, rows: Int64[np.ndarray, " row"], names: tuple[str, ...] = ()
) -> Float[np.ndarray, "row latent"]:
    """The parameters of each virtual heart that determine its ECG.

    Args:
        names: names of the parameters; empty for all.
    """
    prefix = "latent:"
    columns = [name for name in cohort.table.columns if name.startswith(prefix)]
    if names:
        columns = [prefix + name for name in names]
    return cohort.table.select(columns)[rows.tolist()].to_numpy()
