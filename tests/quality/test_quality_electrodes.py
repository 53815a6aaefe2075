"""Exchanged electrodes are suspected, told, and left as they are."""

import numpy as np
import pytest
from made_ecgs import VIRTUAL, of, told_of

from crossbeat import quality
from crossbeat.leads import STANDARD, limb_leads
from crossbeat.signal import Ecg

ONE, TWO, THREE = VIRTUAL.values[:3]


def wired(i: np.ndarray, ii: np.ndarray, chest: np.ndarray | float = 0.0) -> Ecg:
    """The virtual ECG with other limb leads, and its chest leads shifted by some signal."""
    rows = dict(zip(STANDARD, VIRTUAL.values, strict=True))
    rows = {lead: row + chest if lead.startswith("V") else row for lead, row in rows.items()}
    rows |= {"I": i, "II": ii} | limb_leads(i, ii)
    return Ecg(np.stack([rows[lead] for lead in STANDARD]).astype(np.float32), STANDARD, 500.0)


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
def test_exchanged_electrodes_are_suspected(ecg: Ecg, lead: str, electrodes: str) -> None:
    assert told_of(ecg) == [("reversal", lead, "ok")]
    assert f"are the electrodes of {electrodes} exchanged?" in of(ecg)["reversal"].message
    np.testing.assert_array_equal(quality.require(ecg, "a", 10.0).values, ecg.values)


def test_agreement_needs_lead_i_or_ii_and_v5_or_v6() -> None:
    only = [STANDARD.index(lead) for lead in ("I", "V1", "V6")]
    reversed_arms = wired(-ONE, THREE)
    assert of(VIRTUAL)["reversal"].value > 0.5
    few = Ecg(reversed_arms.values[only], ("I", "V1", "V6"), 500.0)
    assert of(few)["reversal"].value < -0.4
    fewer = Ecg(reversed_arms.values[only[:2]], ("I", "V1"), 500.0)
    assert (of(fewer)["reversal"].value, of(fewer)["reversal"].message) == (1.0, "")


def test_low_voltage_in_all_limb_leads_is_no_leg_electrode() -> None:
    low = wired(0.2 * ONE, 0.2 * TWO)
    assert "silent" not in of(low)["reversal"].message
