"""Linear probes of runs on the cohort that they are measured on."""

from collections.abc import Mapping
from typing import Any

from crossbeat.cli.options import note
from crossbeat.data.cohort import Cohort
from crossbeat.data.splits import Split
from crossbeat.errors import DataError
from crossbeat.evaluation.compare import estimate
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.probe import Embedded, LinearProbe
from crossbeat.recipes.run import Run, embeddings, evaluation_rows


def probe(
    run: Run, cohort: Cohort, shares: Mapping[str, float], seed: int
) -> dict[str, dict[str, Any]]:
    """The results of logistic regressions on a run's frozen embeddings, by share of the labels.

    A share in which a finding has one class only is left out, and said.

    Args:
        shares: of the training patients whose labels are used, above 0 and at most 1.
        seed: picks those patients, and the resamples of the intervals.
    """
    train, val = (_embedded(run, cohort, split) for split in ("train", "val"))
    rows = evaluation_rows(cohort, "test")
    features = embeddings(run, cohort, rows).double().numpy()
    truth = cohort.truth(rows, run.recipe.findings).double().numpy()
    results = {}
    for name, share in shares.items():
        try:
            fitted = LinearProbe(share=share, seed=seed).fit(train, val)
        except DataError as error:  # the same patients, and so the same outcome, for every run
            note(f"no linear probe with {name} of the labels: {error}")
            continue
        said = Predictions(
            run.recipe.findings,
            val=Scored(val.targets, fitted.scores(val.features), val.patients),
            test=Scored(truth, fitted.scores(features), cohort.patients(rows)),
        )
        results[name] = estimate([said], seed=seed)
    return results


def _embedded(run: Run, cohort: Cohort, split: Split) -> Embedded:
    rows = evaluation_rows(cohort, split)
    labels = cohort.labels(rows, run.recipe.findings, run.recipe.labels)
    return Embedded(
        embeddings(run, cohort, rows).double().numpy(),
        labels.double().numpy(),
        cohort.patients(rows),
    )
