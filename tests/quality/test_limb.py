"""Limb leads against Einthoven and Goldberger: each fault is found, named, and mended if sure."""

from itertools import combinations

import numpy as np
import pytest
from made_ecgs import VIRTUAL, changed, of, told_of

from crossbeat import leads, quality
from crossbeat.errors import DataError
from crossbeat.quality.limb import LIMB
from crossbeat.signal import Ecg


def exchanged(ecg: Ecg, one: str, other: str) -> Ecg:
    """The ECG with two columns of its file exchanged."""
    order = list(ecg.leads)
    first, second = order.index(one), order.index(other)
    order[first], order[second] = other, one
    return Ecg(ecg.values[[ecg.leads.index(lead) for lead in order]], ecg.leads, ecg.fs)


@pytest.mark.parametrize(("one", "other"), list(combinations(LIMB, 2)))
def test_two_exchanged_columns_are_put_in_their_places(one: str, other: str) -> None:
    wrong = exchanged(VIRTUAL, one, other)
    assert ("limb", f"{one}, {other}", "repair") in told_of(wrong)
    assert "exchanged; they are swapped back" in of(wrong)["limb"].message
    repaired = quality.require(wrong, "a", 10.0)
    np.testing.assert_array_equal(repaired.values, VIRTUAL.values)


@pytest.mark.parametrize("lead", LIMB)
def test_a_lead_of_the_wrong_sign_is_turned_over(lead: str) -> None:
    wrong = changed(VIRTUAL, lead, lambda row: -row)
    assert ("limb", lead, "repair") in told_of(wrong)
    np.testing.assert_array_equal(quality.require(wrong, "a", 10.0).values, VIRTUAL.values)


def test_mended_is_mended_in_the_order_of_the_file() -> None:
    order = [leads.STANDARD.index(lead) for lead in leads.MIMIC]
    as_mimic = Ecg(VIRTUAL.values[order], leads.MIMIC, VIRTUAL.fs)
    assert told_of(as_mimic) == []
    mistaken = Ecg(as_mimic.values, leads.STANDARD, VIRTUAL.fs)
    assert told_of(mistaken) == [("limb", "aVL, aVF", "repair")]
    np.testing.assert_array_equal(quality.require(mistaken, "a", 10.0).values, VIRTUAL.values)


@pytest.mark.parametrize("lead", LIMB)
@pytest.mark.parametrize("factor", [0.5, 1.25, 4.88])
def test_a_lead_of_another_gain_is_named_with_the_factor(lead: str, factor: float) -> None:
    wrong = changed(VIRTUAL, lead, lambda row: factor * row)
    assert told_of(wrong) == [("limb", lead, "reject")]
    with pytest.raises(DataError, match=f"lead {lead} is {factor:.3g} times as large as the oth"):
        quality.require(wrong, "a", 10.0)


def test_gains_of_each_lead_are_told_from_a_single_one() -> None:
    values = VIRTUAL.values.copy()
    values[:6] *= np.array([[1.7, 1.2, 1.2, 1.4, 1.3, 0.7]], np.float32).T
    found = of(Ecg(values, VIRTUAL.leads, VIRTUAL.fs))["limb"]
    assert (found.lead, found.action) == ("", "reject")
    assert "only with a different gain for each" in found.message


def test_z_scores_are_no_millivolts() -> None:
    values = VIRTUAL.values - VIRTUAL.values.mean(axis=1, keepdims=True)
    values /= values.std(axis=1, keepdims=True)
    assert of(Ecg(values, VIRTUAL.leads, VIRTUAL.fs))["limb"].action == "reject"


def test_a_lead_of_another_patient_is_named() -> None:
    other = VIRTUAL.values[VIRTUAL.leads.index("V2"), ::-1]
    found = of(changed(VIRTUAL, "aVL", lambda _: other))["limb"]
    assert (found.lead, found.action) == ("aVL", "reject")
    assert "does not match the other limb leads" in found.message


def test_several_faults_at_once_are_unclear() -> None:
    twice = changed(exchanged(VIRTUAL, "aVL", "aVF"), "II", lambda row: -2 * row)
    found = of(twice)["limb"]
    assert (found.lead, found.action) == ("", "reject")
    assert "the limb leads are inconsistent" in found.message


def test_three_leads_tell_that_something_is_wrong_but_not_what() -> None:
    three = Ecg(VIRTUAL.values[:3], ("I", "II", "III"), VIRTUAL.fs)
    assert of(three)["limb"].action == "ok"
    found = of(changed(three, "III", lambda row: -row))["limb"]
    assert (found.lead, found.action) == ("", "reject")


def test_two_limb_leads_cannot_contradict_each_other() -> None:
    two = Ecg(-VIRTUAL.values[:2], ("I", "II"), VIRTUAL.fs)
    assert (of(two)["limb"].action, of(two)["limb"].value) == ("ok", 0.0)


def test_whole_steps_of_5_microvolts_are_no_fault() -> None:
    steps = Ecg(np.round(VIRTUAL.values / np.float32(0.005)) * np.float32(0.005), *rest())
    assert 0 < of(steps)["limb"].value < 0.03
    assert told_of(steps) == []


def test_an_offset_of_a_lead_is_no_fault() -> None:
    assert told_of(changed(VIRTUAL, "aVF", lambda row: row + 2)) == []


def test_a_lead_that_is_lost_does_not_accuse_the_others() -> None:
    lost = changed(VIRTUAL, "III", lambda _: 0.0)
    assert told_of(lost) == [("flat", "III", "reject")]


def rest() -> tuple[tuple[str, ...], float]:
    return VIRTUAL.leads, VIRTUAL.fs


def test_of_leads_that_all_show_one_signal_gains_are_not_guessed() -> None:
    one, two = VIRTUAL.values[1], 0.6 * VIRTUAL.values[1]
    rows = {"I": one, "II": two} | leads.limb_leads(one, two)
    limb = np.stack([rows[lead] for lead in LIMB]).astype(np.float32)
    alike = Ecg(np.concatenate([limb, VIRTUAL.values[6:]]), *rest())
    assert of(alike)["limb"].action == "ok"
    found = of(changed(alike, "III", lambda row: 1.3 * row))["limb"]
    assert (found.lead, found.action) == ("III", "reject")
    assert "does not match" in found.message
