"""What a report is about, as its sections ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from crossbeat.data.cohort import Cohort
from crossbeat.evaluation.patients import Patients, patients_of
from crossbeat.evaluation.predictions import REDUCED, Predictions, screening
from crossbeat.evaluation.results import kind_of
from crossbeat.files import ReadJson
from crossbeat.recipes.run import Run, evaluation_rows
from crossbeat.report import words
from crossbeat.targets import FINDING, Kind


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a report is about.

    Args:
        results: as ``read_results`` returns them, not along an axis.
        said: what one run of each model predicts of the test patients; may be empty.
        runs: the same runs; may be empty.
    """

    results: ReadJson
    said: Mapping[str, Predictions] = field(default_factory=dict)
    runs: Mapping[str, Run] = field(default_factory=dict)
    cohort: Cohort | None = None

    @cached_property
    def kind(self) -> Kind:
        """Of the targets that models are compared on."""
        return kind_of(self.results)

    @cached_property
    def run(self) -> Run | None:
        """A run of the method; None if there is none, or nobody to look at."""
        return self.runs.get(self.results["method"]) if self.cohort else None

    @cached_property
    def findings(self) -> Mapping[str, Predictions]:
        """What the models say of findings, or of measurements below their threshold."""
        if self.kind is FINDING:
            return self.said
        low = {n: each for n, each in self.said.items() if set(REDUCED) <= set(each.names)}
        return {name: screening(each) for name, each in low.items()}

    @cached_property
    def decided(self) -> list[str]:
        """The findings that validation and test patients have and have not."""
        run = self.findings.get(self.results["method"])
        if run is None:
            return []
        columns = zip(run.names, run.test.targets.T, run.val.targets.T, strict=True)
        return [name for name, *splits in columns if all({0, 1} <= set(each) for each in splits)]

    @cached_property
    def patients(self) -> Patients | None:
        """Whom the method and the baseline find."""
        baseline, method = (
            self.findings.get(self.results[role]) for role in ("baseline", "method")
        )
        return patients_of(baseline, method) if baseline and method else None

    @cached_property
    def rows(self) -> np.ndarray:
        """The rows of the cohort that were measured."""
        assert self.cohort is not None
        return evaluation_rows(self.cohort, "test")

    def label(self, name: str) -> str:
        """How a model is called."""
        return words.label(self.results, name)
