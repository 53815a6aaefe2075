"""Upper limits of prediction from the ECG on a virtual cohort, whose true labels are known.

``latent`` learns true labels from the noise-free parameters of the heart that determine the ECG. It
is the limit of any model. ``ecg-clean-labels`` is a run of the direct recipe on many other patients
with true labels. It is the limit of this encoder.
"""

import numpy as np
from jaxtyping import Float, Int64
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from crossbeat.data.cohort import Cohort
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.recipes.run import evaluation_rows


def latent_limit(
    abundant: Cohort, cohort: Cohort, findings: tuple[str, ...], *, seed: int
) -> Predictions:
    """Train boosted trees on the noise-free ECG parameters with true labels.

    Args:
        abundant: other patients for training.
        cohort: the cohort whose test split is used.
        seed: seed of the trees.
    """
    train = abundant.rows("train")
    rows = {"val": abundant.rows("val"), "test": evaluation_rows(cohort, "test")}
    of = {"val": abundant, "test": cohort}
    inputs = {split: latents(of[split], rows[split]) for split in rows}
    targets = {split: of[split].truth(rows[split], findings).double().numpy() for split in rows}
    scores = {split: np.empty_like(targets[split]) for split in rows}
    for column, finding in enumerate(findings):
        known = abundant.truth(train, (finding,))[:, 0].numpy()
        tree = HistGradientBoostingClassifier(learning_rate=0.05, random_state=seed)
        with threadpool_limits(1):  # threads that wait for each other cost more than they save
            tree.fit(latents(abundant, train), known)
            for split, values in inputs.items():
                scores[split][:, column] = tree.decision_function(values)
    scored = {
        split: Scored(targets[split], scores[split], of[split].patients(rows[split]))
        for split in rows
    }
    return Predictions(findings, **scored)


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
