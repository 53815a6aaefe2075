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


def test_found_and_missed_patients_are_counted():
    found = patients_of(said(TRUTH, BEFORE), said(TRUTH, AFTER))
    assert found is not None
    tally = found.shown
    assert found.tallies == (tally,)
    assert (tally.having, tally.by_baseline, tally.by_method) == (7, 1, 3)
    assert (tally.gained, tally.lost, tally.by_neither) == (3, 1, 3)
    assert (tally.without, tally.alarms_baseline, tally.alarms_method) == (2, 1, 1)


def test_the_helped_patient_has_the_median_rise_among_those_only_the_method_finds():
    found = patients_of(said(TRUTH, BEFORE), said(TRUTH, AFTER))
    assert found is not None
    assert found.helped is not None
    assert (found.helped.row, found.helped.among) == (2, 3)  # rises from -1 to 1, 2 and 3
    assert found.helped.baseline.probability < found.helped.baseline.threshold
    assert found.helped.method.probability >= found.helped.method.threshold


def test_the_missed_patient_has_the_median_probability_among_those_both_miss():
    found = patients_of(said(TRUTH, BEFORE), said(TRUTH, AFTER))
    assert found is not None
    assert found.missed is not None
    assert (found.missed.row, found.missed.among) == (5, 3)  # the method's -3, -2 and -1


def test_of_two_in_the_middle_the_lower_one_is_shown_and_of_equals_the_earlier():
    found = patients_of(said([1, 1], [-1, -1]), said([1, 1], [2, 1]))
    assert found is not None
    assert found.helped is not None
    assert found.helped.row == 1
    found = patients_of(said([1, 1], [-1, -1]), said([1, 1], [2, 2]))
    assert found is not None
    assert found.helped is not None
    assert found.helped.row == 0
    assert found.missed is None


def test_the_finding_is_the_one_with_most_newly_found_patients():
    def both(first, second):
        one, other = said([1, 1, 0], first), said([1, 1, 0], second)
        splits = [
            Scored(
                np.hstack([getattr(one, name).targets, getattr(other, name).targets]),
                np.hstack([getattr(one, name).outputs, getattr(other, name).outputs]),
                getattr(one, name).patients,
            )
            for name in ("val", "test")
        ]
        return Predictions(FINDING, ("edema", "cardiomegaly"), *splits)

    found = patients_of(both([-1, -1, 0], [-1, -1, 0]), both([1, -1, 0], [1, 1, 0]))
    assert found is not None
    assert found.shown.finding == "cardiomegaly"
    assert [tally.gained for tally in found.tallies] == [1, 2]


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_without_a_threshold_nobody_is_shown(only):
    val = Scored(np.full((4, 1), only), VAL.outputs, VAL.patients)
    one = said([1, 0], [1, -1])
    without = Predictions(FINDING, ("edema",), val, one.test)
    assert patients_of(without, without) is None


def test_whether_a_threshold_is_reached_is_decided_by_the_score():
    found = patients_of(said(TRUTH, BEFORE), said(TRUTH, AFTER))
    assert found is not None
    assert found.helped is not None
    assert (found.helped.baseline.reached, found.helped.method.reached) == (False, True)
