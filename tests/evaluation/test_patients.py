"""Who is found and who is shown follows the rule that the report states."""

import numpy as np
import pytest

from crossbeat.evaluation.patients import patients_of
from crossbeat.evaluation.predictions import Predictions, Scored
from crossbeat.targets import FINDING

VAL = Scored(
    np.array([[0.0], [0.0], [1.0], [1.0]]),
    np.array([[-2.0], [-1.0], [1.0], [2.0]]),
    np.array(["a", "b", "c", "d"]),
)
"""The threshold with the best F1 is 0."""


def said(targets: list[float], scores: list[float]) -> Predictions:
    patients = np.array([f"t{row}" for row in range(len(targets))])
    test = Scored(np.array(targets, float)[:, None], np.array(scores, float)[:, None], patients)
    return Predictions(FINDING, ("edema",), VAL, test)


TRUTH = [1, 1, 1, 1, 1, 1, 1, 0, 0, np.nan]
BEFORE = [-1, -1, -1, -1, 1, -3, -2, 1, -1, -1]
AFTER = [3, 1, 2, -1, -1, -2, -3, -1, 1, 9]


def test_patients_are_counted_and_shown_by_the_rule():
    found = patients_of(said(TRUTH, BEFORE), said(TRUTH, AFTER))
    tally = found.shown
    assert found.tallies == (tally,)
    assert (tally.having, tally.by_baseline, tally.by_method) == (7, 1, 3)
    assert (tally.gained, tally.lost, tally.by_neither) == (3, 1, 3)
    assert (tally.without, tally.alarms_baseline, tally.alarms_method) == (2, 1, 1)
    helped, missed = found.helped, found.missed
    assert (helped.row, helped.among) == (2, 3)  # the median rise, from -1 to 1, 2 and 3
    assert helped.baseline.probability < helped.baseline.threshold
    assert helped.method.probability >= helped.method.threshold
    assert (helped.baseline.reached, helped.method.reached) == (False, True)
    assert (missed.row, missed.among) == (5, 3)  # the median of the method's -3, -2 and -1


def test_of_two_in_the_middle_the_lower_one_is_shown_and_of_equals_the_earlier():
    assert patients_of(said([1, 1], [-1, -1]), said([1, 1], [2, 1])).helped.row == 1
    found = patients_of(said([1, 1], [-1, -1]), said([1, 1], [2, 2]))
    assert (found.helped.row, found.missed) == (0, None)


def test_the_finding_is_the_one_with_most_newly_found_patients():
    def both(*scores):
        one, other = (said([1, 1, 0], each) for each in scores)
        splits = [
            Scored(np.hstack([a.targets, b.targets]), np.hstack([a.outputs, b.outputs]), a.patients)
            for a, b in ((one.val, other.val), (one.test, other.test))
        ]
        return Predictions(FINDING, ("edema", "cardiomegaly"), *splits)

    found = patients_of(both([-1, -1, 0], [-1, -1, 0]), both([1, -1, 0], [1, 1, 0]))
    assert found.shown.finding == "cardiomegaly"
    assert [tally.gained for tally in found.tallies] == [1, 2]


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_without_a_threshold_nobody_is_shown(only):
    val = Scored(np.full((4, 1), only), VAL.outputs, VAL.patients)
    one = said([1, 0], [1, -1])
    without = Predictions(FINDING, ("edema",), val, one.test)
    assert patients_of(without, without) is None
