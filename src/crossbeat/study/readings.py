"""Linear probes on the embeddings of a trained ECG encoder."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crossbeat.data.cohort import Cohort
from crossbeat.data.splits import Split
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.evaluation.probe import Embedded, LinearProbe
from crossbeat.recipes import with_findings
from crossbeat.recipes.run import Run, embeddings, evaluation_rows, held_out_rows
from crossbeat.study.grid import Reading


@dataclass(frozen=True, eq=False)
class Encoded:
    """The ECG embeddings of all splits, computed by one encoder.

    Args:
        cohort: the cohort whose training and validation splits the probe uses.
        test: the cohort whose test split is used.
        features: embeddings by split.
    """

    run: Run
    cohort: Cohort
    test: Cohort
    features: dict[Split, Float[np.ndarray, "row dim"]]

    @classmethod
    def by(cls, run: Run, cohort: Cohort, *, test: Cohort | None = None) -> "Encoded":
        """Run the encoder on the cohorts.

        Raises:
            DataError: the run learned from a patient of the test split.
        """
        held = test or cohort
        rows: dict[Split, np.ndarray] = {"test": held_out_rows(run, held)}
        rows |= {split: evaluation_rows(cohort, split) for split in ("train", "val")}
        features = {
            split: embeddings(run, held if split == "test" else cohort, each).double().numpy()
            for split, each in rows.items()
        }
        return cls(run, cohort, held, features)

    def read(self, reading: Reading, seed: int) -> Predictions:
        """Train a linear probe and predict.

        Args:
            seed: picks the patients whose labels are used.

        Raises:
            DataError: a finding has only one class among these labels.
        """
        probe = LinearProbe(share=reading.share, seed=seed)
        val = self._embedded("val", reading)
        fitted = probe.fit(self._embedded("train", reading), val)
        rows = evaluation_rows(self.test, "test")
        return Predictions(
            reading.findings,
            val=Scored(val.targets, fitted.scores(val.features), val.patients),
            test=Scored(
                self.test.truth(rows, reading.findings).double().numpy(),
                fitted.scores(self.features["test"]),
                self.test.patients(rows),
            ),
        )

    def _embedded(self, split: Split, reading: Reading) -> Embedded:
        rows = evaluation_rows(self.cohort, split)
        if reading.true_labels:
            targets = self.cohort.truth(rows, reading.findings)
        else:
            targets = self.cohort.labels(
                rows, reading.findings, with_findings(self.run.recipe).labels
            )
        return Embedded(self.features[split], targets.double().numpy(), self.cohort.patients(rows))
