"""Single test patients: whom two models find, and whom to show, by a rule that the reader is told.

A model finds a patient whose score reaches the threshold that was chosen on validation.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from crossbeat.evaluation.predictions import Predictions, choose
from crossbeat.targets import FINDING

Flags = Bool[np.ndarray, " sample"]
Numbers = Float[np.ndarray, " sample"]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many test samples with and without a finding two models find.

    Args:
        gained: of those with the finding, those that only the method finds.
        lost: of them, those that only the baseline finds.
        alarms_baseline: of those without it, those that the baseline calls positive.
    """

    finding: str
    having: int
    by_baseline: int
    by_method: int
    gained: int
    lost: int
    without: int
    alarms_baseline: int
    alarms_method: int

    @property
    def by_neither(self) -> int:
        """Samples with the finding that both models miss."""
        return self.having - self.by_method - self.lost


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model says of a patient, as calibrated probabilities from 0 to 1.

    Args:
        threshold: from which on the model calls the patient positive.
        reached: whether it does. Decided on the score itself: where calibration is flat, the
            probabilities of all patients are equal.
    """

    probability: float
    threshold: float
    reached: bool


@dataclass(frozen=True, kw_only=True)
class Example:
    """A test patient with the finding, of so many among whom the rule chose."""

    row: int
    baseline: Answer
    method: Answer
    among: int


@dataclass(frozen=True, kw_only=True)
class Patients:
    """Whom two models find, and two patients of one finding.

    Args:
        helped: only the method finds this one; None: there is none.
    """

    tallies: tuple[Tally, ...]
    shown: Tally
    helped: Example | None
    missed: Example | None


def patients_of(baseline: Predictions, method: Predictions) -> Patients | None:
    """Counts of every finding, and two patients.

    The finding is the one of which the method finds most patients that the baseline misses. The
    helped patient has the median rise in probability among these; the missed one has the method's
    median probability among those whom both miss. Of two in the middle the lower one is taken, of
    equals the earlier one.
    """
    if method.kind is not FINDING:
        return None
    common = [name for name in method.names if name in baseline.names]
    views = [view for name in common if (view := _View.of(baseline, method, name)) is not None]
    if not views:
        return None
    best = max(views, key=lambda view: view.tally.gained)
    missed_before = best.having & ~best.baseline.found
    return Patients(
        tallies=tuple(view.tally for view in views),
        shown=best.tally,
        helped=best.median(
            missed_before & best.method.found, best.method.probability - best.baseline.probability
        ),
        missed=best.median(missed_before & ~best.method.found, best.method.probability),
    )


@dataclass(frozen=True)
class _Said:
    found: Flags
    probability: Numbers
    threshold: float

    @classmethod
    def by(cls, run: Predictions, finding: str) -> "_Said | None":
        column = run.names.index(finding)
        choice, outputs = choose(run.val)[column], run.test.outputs[:, column]
        if np.isnan(choice.threshold):
            return None
        probability = choice.calibration.probability
        threshold = float(probability(np.array([choice.threshold]))[0])
        return cls(outputs >= choice.threshold, probability(outputs), threshold)

    def of(self, row: int) -> Answer:
        return Answer(
            probability=float(self.probability[row]),
            threshold=self.threshold,
            reached=bool(self.found[row]),
        )


@dataclass(frozen=True)
class _View:
    tally: Tally
    having: Flags
    baseline: _Said
    method: _Said

    @classmethod
    def of(cls, baseline: Predictions, method: Predictions, finding: str) -> "_View | None":
        before, after = (_Said.by(run, finding) for run in (baseline, method))
        if before is None or after is None:
            return None
        truth = method.test.targets[:, method.names.index(finding)]
        having, without = truth == 1, truth == 0
        counts = {
            "having": having,
            "by_baseline": having & before.found,
            "by_method": having & after.found,
            "gained": having & after.found & ~before.found,
            "lost": having & before.found & ~after.found,
            "without": without,
            "alarms_baseline": without & before.found,
            "alarms_method": without & after.found,
        }
        tally = Tally(finding=finding, **{name: int(each.sum()) for name, each in counts.items()})
        return cls(tally, having, before, after)

    def median(self, among: Flags, by: Numbers) -> Example | None:
        rows = np.flatnonzero(among)
        if not len(rows):
            return None
        row = int(rows[np.argsort(by[rows], kind="stable")][(len(rows) - 1) // 2])
        return Example(
            row=row, baseline=self.baseline.of(row), method=self.method.of(row), among=len(rows)
        )
