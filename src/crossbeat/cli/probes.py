"""Linear probes of runs on the cohort on which they are evaluated."""

from collections.abc import Mapping
from typing import Any

from crossbeat.cli.options import note
from crossbeat.data.cohort import Cohort
from crossbeat.errors import DataError
from crossbeat.evaluation.compare import estimate
from crossbeat.recipes import predicted_names
from crossbeat.recipes.run import Run
from crossbeat.study import Reading
from crossbeat.study.readings import Encoded


def probe(
    run: Run, cohort: Cohort, shares: Mapping[str, float], seed: int
) -> dict[str, dict[str, Any]]:
    """Fit logistic regressions on a run's frozen embeddings, one for each share of the labels.

    A share in which a finding has only one class is skipped with a message.

    Args:
        shares: fraction of the training patients whose labels are used, above 0 and at most 1.
        seed: picks these patients and the bootstrap samples of the intervals.
    """
    encoded = Encoded.by(run, cohort)
    results = {}
    for name, share in shares.items():
        reading = Reading(name=name, findings=predicted_names(run.recipe), share=share)
        try:
            results[name] = estimate([encoded.read(reading, seed)], seed=seed)
        except DataError as error:  # the same patients, and so the same outcome, for every run
            note(f"skipped the linear probe with {name} of the labels: {error}")
    return results
