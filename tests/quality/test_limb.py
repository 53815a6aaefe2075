"""Limb leads: each fault is found, named, and mended if sure; exchanged electrodes: suspected."""

from itertools import combinations

import numpy as np
import pytest
from made_ecgs import VIRTUAL, changed, of, only, told_of, with_values

from crossbeat import leads, quality
from crossbeat.errors import DataError
from crossbeat.leads import STANDARD, limb_leads
from crossbeat.quality.limb import LIMB
from crossbeat.signal import Ecg

ONE, TWO, THREE = VIRTUAL.values[:3]


def exchanged(one: str, other: str) -> Ecg:
    """The ECG with two columns of its file exchanged."""
    order = list(STANDARD)
    first, second = order.index(one), order.index(other)
    order[first], order[second] = other, one
    return with_values(only(*order).values)


def wired(i: np.ndarray, ii: np.ndarray, chest: np.ndarray | float = 0.0) -> Ecg:
    """The virtual ECG with other limb leads, and its chest leads shifted by some signal."""
    rows = dict(zip(STANDARD, VIRTUAL.values, strict=True))
    rows = {lead: row + chest if lead.startswith("V") else row for lead, row in rows.items()}
    rows |= {"I": i, "II": ii} | limb_leads(i, ii)
    return with_values(np.stack([rows[lead] for lead in STANDARD]))


@pytest.mark.parametrize(
    ("wrong", "names", "message"),
    [
        *(
            (exchanged(*pair), ", ".join(pair), "exchanged; they are swapped back")
            for pair in combinations(LIMB, 2)
        ),
        *(
            (changed(VIRTUAL, lead, lambda row: -row), lead, "the wrong sign; it is inverted")
            for lead in LIMB
        ),
        (with_values(only(*leads.MIMIC).values), "aVL, aVF", "they are swapped back"),
    ],
)
def test_a_fault_that_is_sure_is_mended(wrong, names, message):
    assert ("limb", names, "repair") in told_of(wrong)
    assert message in of(wrong)["limb"].message
    np.testing.assert_array_equal(quality.require(wrong, "a", 10.0).values, VIRTUAL.values)


@pytest.mark.parametrize("lead", LIMB)
@pytest.mark.parametrize("factor", [0.5, 1.25, 4.88])
def test_a_lead_of_another_gain_is_named_with_the_factor(lead, factor):
    wrong = changed(VIRTUAL, lead, lambda row: factor * row)
    assert told_of(wrong) == [("limb", lead, "reject")]
    with pytest.raises(DataError, match=f"lead {lead} is {factor:.3g} times as large as the oth"):
        quality.require(wrong, "a", 10.0)


GAINS = np.append([1.7, 1.2, 1.2, 1.4, 1.3, 0.7], np.ones(6))[:, None]
THREE_LEADS = only("I", "II", "III")
ALIKE = with_values(np.vstack([wired(TWO, 0.6 * TWO).values[:6], VIRTUAL.values[6:]]))
"""All limb leads show one signal."""


@pytest.mark.parametrize(
    ("wrong", "lead", "message"),
    [
        (with_values(GAINS * VIRTUAL.values), "", "only with a different gain for each"),
        (
            changed(VIRTUAL, "aVL", lambda _: VIRTUAL.values[STANDARD.index("V2"), ::-1]),
            "aVL",
            "does not match the other limb leads",
        ),
        (
            changed(exchanged("aVL", "aVF"), "II", lambda row: -2 * row),
            "",
            "the limb leads are inconsistent",
        ),
        (changed(THREE_LEADS, "III", lambda row: -row), "", "the limb leads are inconsistent"),
        (changed(ALIKE, "III", lambda row: 1.3 * row), "III", "does not match"),
        (
            with_values(VIRTUAL.values / VIRTUAL.values.std(axis=1, keepdims=True)),
            "",
            "gain",  # z scores
        ),
    ],
)
def test_a_fault_of_which_nobody_can_be_sure_is_refused(wrong, lead, message):
    found = of(wrong)["limb"]
    assert (found.lead, found.action) == (lead, "reject")
    assert message in found.message


@pytest.mark.parametrize(
    "sound",
    [
        only(*leads.MIMIC),
        THREE_LEADS,
        ALIKE,
        with_values(-VIRTUAL.values[:2], only("I", "II")),  # cannot contradict each other
        changed(VIRTUAL, "aVF", lambda row: row + 2),  # an offset
        with_values(np.round(VIRTUAL.values / 0.005) * 0.005),  # coarse steps
        changed(VIRTUAL, "III", lambda _: 0.0),  # lost: it does not accuse the others
    ],
)
def test_what_is_no_fault_of_the_limb_leads_is_none(sound):
    found = of(sound)["limb"]
    assert (found.action, found.message) == ("ok", "")
    assert found.value < 0.03


# electrodes


@pytest.mark.parametrize(
    ("ecg", "lead", "electrodes"),
    [
        (wired(-ONE, THREE), "I", "left and right arm"),
        (wired(-THREE, -TWO), "II", "right arm and left leg"),
        (wired(-THREE, 0.05 * TWO, -TWO / 3), "II", "right arm and right leg"),
        (wired(TWO, 0.96 * TWO, -THREE / 3), "III", "left arm and right leg"),
        (wired(0.05 * ONE, THREE), "I", "both arms and both legs"),
    ],
)
def test_exchanged_electrodes_are_suspected(ecg, lead, electrodes):
    assert told_of(ecg) == [("reversal", lead, "ok")]
    assert f"are the electrodes of {electrodes} exchanged?" in of(ecg)["reversal"].message
    np.testing.assert_array_equal(quality.require(ecg, "a", 10.0).values, ecg.values)


def test_agreement_needs_lead_i_or_ii_and_v5_or_v6():
    assert of(VIRTUAL)["reversal"].value > 0.5
    reversed_arms = wired(-ONE, THREE)
    assert of(only("I", "V1", "V6", ecg=reversed_arms))["reversal"].value < -0.4
    few = of(only("I", "V1", ecg=reversed_arms))["reversal"]
    assert (few.value, few.message) == (1.0, "")


def test_low_voltage_in_all_limb_leads_is_no_leg_electrode():
    assert "silent" not in of(wired(0.2 * ONE, 0.2 * TWO))["reversal"].message
