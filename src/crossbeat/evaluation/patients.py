"""Single test patients: whom two models find, and whom to show, by a rule that the reader is told.

A model finds a patient whose score reaches the threshold that was chosen on validation.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from crossbeat.evaluation.choices import Choice, choose
from crossbeat.evaluation.predictions import Predictions

Flags = Bool[np.ndarray, " sample"]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many test samples two models find.

    Args:
        finding: which one.
        having: samples with it.
        by_baseline: of them, those that the baseline finds.
        by_method: of them, those that the method finds.
        gained: of them, those that only the method finds.
        lost: of them, those that only the baseline finds.
        without: samples without the finding.
        alarms_baseline: of these, those that the baseline calls positive.
        alarms_method: of these, those that the method calls positive.
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
        probability: of the finding.
        threshold: from which on the model calls the patient positive.
        reached: whether it does. Decided on the score itself: where calibration is flat, the
            probabilities of all patients are equal.
    """

    probability: float
    threshold: float
    reached: bool


@dataclass(frozen=True, kw_only=True)
class Example:
    """A test patient with the finding.

    Args:
        row: among the test samples.
        baseline: what it says.
        method: what it says.
        among: patients whom the rule chose from.
    """

    row: int
    baseline: Answer
    method: Answer
    among: int


@dataclass(frozen=True, kw_only=True)
class Patients:
    """Whom two models find, and two patients of one finding.

    Args:
        tallies: of every finding with a threshold.
        shown: the finding of the two patients.
        helped: only the method finds this one; None: there is none.
        missed: neither model finds this one; None: there is none.
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

    Args:
        baseline: of the same test samples as ``method``.

    Returns:
        None where no finding has a threshold.
    """
    views = [
        _View.of(baseline, method, column)
        for column, finding in enumerate(method.findings)
        if finding in baseline.findings
    ]
    known = [view for view in views if view is not None]
    if not known:
        return None
    best = max(known, key=lambda view: view.tally.gained)
    return Patients(
        tallies=tuple(view.tally for view in known),
        shown=best.tally,
        helped=best.median(best.having & best.found_after & ~best.found_before, best.rise),
        missed=best.median(best.having & ~best.found_after & ~best.found_before, best.after),
    )


@dataclass(frozen=True, kw_only=True)
class _View:
    """One finding of both models on the test samples."""

    tally: Tally
    having: Flags
    found_before: Flags
    found_after: Flags
    before: Float[np.ndarray, " sample"]
    after: Float[np.ndarray, " sample"]
    thresholds: tuple[float, float]

    @classmethod
    def of(cls, baseline: Predictions, method: Predictions, column: int) -> "_View | None":
        finding = method.findings[column]
        at = baseline.findings.index(finding)
        choices = choose(baseline.val)[at], choose(method.val)[column]
        if any(np.isnan(choice.threshold) for choice in choices):
            return None
        scores = baseline.test.scores[:, at], method.test.scores[:, column]
        truth = method.test.targets[:, column]
        having, without = truth == 1, truth == 0
        found = [each >= choice.threshold for each, choice in zip(scores, choices, strict=True)]
        before, after = (
            choice.calibration.probability(each)
            for each, choice in zip(scores, choices, strict=True)
        )
        return cls(
            tally=_tally(finding, having, without, *found),
            having=having,
            found_before=found[0],
            found_after=found[1],
            before=before,
            after=after,
            thresholds=(_as_probability(choices[0]), _as_probability(choices[1])),
        )

    @property
    def rise(self) -> Float[np.ndarray, " sample"]:
        return self.after - self.before

    def median(self, among: Flags, by: Float[np.ndarray, " sample"]) -> Example | None:
        rows: Int64[np.ndarray, " row"] = np.flatnonzero(among)
        if not len(rows):
            return None
        ordered = rows[np.argsort(by[rows], kind="stable")]
        row = int(ordered[(len(ordered) - 1) // 2])
        told = [
            Answer(probability=float(values[row]), threshold=threshold, reached=bool(found[row]))
            for values, found, threshold in zip(
                (self.before, self.after),
                (self.found_before, self.found_after),
                self.thresholds,
                strict=True,
            )
        ]
        return Example(row=row, baseline=told[0], method=told[1], among=len(rows))


def _as_probability(choice: Choice) -> float:
    return float(choice.calibration.probability(np.array([choice.threshold]))[0])


def _tally(finding: str, having: Flags, without: Flags, before: Flags, after: Flags) -> Tally:
    return Tally(
        finding=finding,
        having=int(having.sum()),
        by_baseline=int((having & before).sum()),
        by_method=int((having & after).sum()),
        gained=int((having & after & ~before).sum()),
        lost=int((having & before & ~after).sum()),
        without=int(without.sum()),
        alarms_baseline=int((without & before).sum()),
        alarms_method=int((without & after).sum()),
    )
