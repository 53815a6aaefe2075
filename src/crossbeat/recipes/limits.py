"""How far anyone could get: two limits on a virtual cohort, whose truth is known.

``latent`` sees the parameters of the heart that decide the ECG, without noise, and learns from
true labels: what any ECG could tell. ``ecg-clean-labels`` is the direct recipe with abundant
patients and true labels: what this encoder could tell.
"""

import numpy as np
import polars as pl
from jaxtyping import Float, Int64
from sklearn.ensemble import HistGradientBoostingClassifier

from crossbeat.data.cohort import Cohort
from crossbeat.data.table import label_column, truth_column
from crossbeat.errors import ConfigError
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.recipes.run import evaluation_rows


def with_true_labels(cohort: Cohort) -> Cohort:
    """The cohort as if its reports made no error and left nothing open.

    Raises:
        ConfigError: the truth of a finding is not known.
    """
    unknown = [
        finding
        for finding in cohort.info.findings
        if truth_column(finding) not in cohort.table.columns
    ]
    if unknown:
        raise ConfigError(
            f"the truth of {', '.join(unknown)} must be known for a limit, which it is in virtual "
            f"cohorts only, got cohort {cohort.info.name!r}"
        )
    true = {label_column(name): pl.col(truth_column(name)) for name in cohort.info.findings}
    return cohort.with_table(cohort.table.with_columns(**true))


def latent_limit(
    abundant: Cohort, cohort: Cohort, findings: tuple[str, ...], *, seed: int
) -> Predictions:
    """A boosted tree on the noise-free ECG parameters with true labels.

    Args:
        abundant: other patients, from whose training split it learns.
        cohort: whose test split it is measured on.
        seed: of the trees.
    """
    train = abundant.rows("train")
    rows = {"val": abundant.rows("val"), "test": evaluation_rows(cohort, "test")}
    of = {"val": abundant, "test": cohort}
    inputs = {split: _latents(of[split], rows[split]) for split in rows}
    targets = {split: of[split].truth(rows[split], findings).double().numpy() for split in rows}
    scores = {split: np.empty_like(targets[split]) for split in rows}
    for column, finding in enumerate(findings):
        known = abundant.truth(train, (finding,))[:, 0].numpy()
        tree = HistGradientBoostingClassifier(learning_rate=0.05, random_state=seed)
        tree.fit(_latents(abundant, train), known)
        for split, values in inputs.items():
            scores[split][:, column] = tree.decision_function(values)
    scored = {
        split: Scored(targets[split], scores[split], of[split].patients(rows[split]))
        for split in rows
    }
    return Predictions(findings, **scored)


def _latents(cohort: Cohort, rows: Int64[np.ndarray, " row"]) -> Float[np.ndarray, "row latent"]:
    names = [name for name in cohort.table.columns if name.startswith("latent:")]
    return cohort.table.select(names)[rows.tolist()].to_numpy()
