"""``require``: each bad input is named, each safe repair is made, each length is as asked for."""

import re

import numpy as np
import pytest
from made_ecgs import VIRTUAL, of, only, put, with_values

from crossbeat import leads, quality
from crossbeat.errors import DataError
from crossbeat.quality import Length
from crossbeat.signal import Ecg

PAD = Length(shorter="pad")
OPTION = "with --length.shorter pad"


def counted(num: int) -> Ecg:
    """The virtual ECG over and over, for so many samples."""
    return with_values(np.tile(VIRTUAL.values, (1, -(-num // 5000)))[:, :num])


def required(ecg: Ecg, length: Length = quality.FIRST) -> np.ndarray:
    return quality.require(ecg, "a.hea", 10.0, length).values


def refuse(ecg: Ecg, reason: str, length: Length = quality.FIRST) -> str:
    with pytest.raises(DataError, match=reason) as told:
        required(ecg, length)
    return str(told.value)


def test_a_sound_ecg_comes_back_unchanged_in_the_standard_order():
    np.testing.assert_array_equal(required(VIRTUAL), VIRTUAL.values)
    record = quality.require(only(*leads.MIMIC), "a.hea", 10.0)
    assert record.leads == leads.STANDARD
    np.testing.assert_array_equal(record.values, VIRTUAL.values)


def test_a_verdict_that_is_not_ok_says_why():
    bad = put(with_values(900 * VIRTUAL.values[:, :1500]), "I", slice(None), np.nan)
    found = [each for each in quality.check(only("I", "V1", ecg=bad), 10.0) if each.action != "ok"]
    assert {"leads", "length", "gaps", "unit"} <= {verdict.name for verdict in found}
    assert all(verdict.message and verdict.rule for verdict in found)


def test_eight_leads_are_completed():
    record = only(*leads.INDEPENDENT)
    assert of(record)["leads"].action == "repair"
    np.testing.assert_allclose(required(record), VIRTUAL.values, atol=1e-6)


@pytest.mark.parametrize(
    ("absent", "named"),
    [("I", "I, III, aVR, aVL, aVF"), ("II", "II, III, aVR, aVL, aVF"), ("V4", "V4")],
)
def test_leads_that_do_not_follow_are_refused(absent, named):
    record = only(*(lead for lead in leads.INDEPENDENT if lead != absent))
    refuse(record, rf"^a\.hea: lead {named} is missing and does not")


@pytest.mark.parametrize("where", [slice(0, 50), slice(1000, 1050), slice(-50, None)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_short_gap_is_interpolated(where, bad):
    record = put(VIRTUAL, "V2", where, bad)
    before = record.values.copy()
    assert of(record)["gaps"].action == "repair"
    repaired = required(record)
    assert np.isfinite(repaired).all()
    kept = np.isfinite(before)
    np.testing.assert_array_equal(repaired[kept], before[kept])
    np.testing.assert_array_equal(record.values, before)


def test_a_gap_is_filled_by_the_straight_line_between_its_ends():
    row = leads.STANDARD.index("V2")
    first, *filled, last = required(put(VIRTUAL, "V2", [1000, 1001], np.nan))[row, 999:1003]
    step = (last - first) / 3
    np.testing.assert_allclose(filled, [first + step, first + 2 * step], rtol=1e-5)


@pytest.mark.parametrize("where", [slice(100, 151), slice(None)])
def test_a_long_gap_is_refused(where):
    reason = r"lead aVL lacks samples for up to .* s, more than 0\.1 s"
    refuse(put(VIRTUAL, "aVL", where, np.nan), reason)


def test_the_message_lists_every_reason_and_leads_with_the_same_together():
    flat = put(put(with_values(1000 * VIRTUAL.values[:, :1000]), "I", slice(None), 0.0), "II", 0, 9)
    refuse(only("I", "II", ecg=flat), r"V1, .* is missing .* must last .* I is flat.* not an ECG")
    two = put(put(VIRTUAL, "V3", slice(None), 3.0), "V5", slice(None), 3.0)
    refuse(two, r"a\.hea: lead V3, V5 is flat; check the electrode")


def test_what_can_only_be_a_remark_is_left_out_on_request():
    every = quality.check(VIRTUAL, 10.0)
    remarks = [each for each in every if each.name in ("reversal", "mains", "pacing")]
    assert len(remarks) == 3
    least = quality.check(VIRTUAL, 10.0, remarks=False)
    assert [each for each in every if each not in remarks] == least


@pytest.mark.parametrize(("longer", "start"), [("first", 0), ("middle", 1001), ("last", 2003)])
def test_the_part_that_is_asked_for_is_taken(longer, start):
    ecg, length = counted(7003), Length(longer=longer)
    assert Length() == Length(longer="first")
    np.testing.assert_array_equal(required(ecg, length), ecg.values[:, start : start + 5000])
    found = quality.check(ecg, 10.0, length)[1]
    assert f"the {longer} 10 s of a longer record are used" in found.rule
    assert (found.value, found.action) == (14.006, "ok")


@pytest.mark.parametrize(
    ("num", "length", "reason", "helps"),
    [
        (4999, Length(), "must last at least 10 s, got 9.998 s; use a longer", True),
        (1250, Length(), "must last at least 10 s, got 2.5 s", True),
        (1249, Length(), "must last at least 10 s, got 2.498 s", False),
        (1249, PAD, "must last at least 2.5 s, got 2.498 s", False),
        (0, Length(), "must last at least 10 s, got 0 s", False),
    ],
)
def test_a_short_one_is_refused_with_the_option_that_helps(num, length, reason, helps):
    assert (OPTION in refuse(counted(num), re.escape(reason), length)) == helps


def test_what_is_not_taken_is_not_judged():
    ecg = put(counted(8000), "V1", slice(1000), np.nan)
    assert required(ecg, Length(longer="last")).shape == (12, 5000)
    refuse(ecg, "lead V1 lacks samples", Length(longer="first"))


def test_a_short_one_is_continued_by_the_median_of_each_lead_if_asked_for():
    ecg = counted(3000)
    (found,) = (each for each in quality.check(ecg, 10.0, PAD) if each.action != "ok")
    assert (found.name, found.value, found.action) == ("length", 6.0, "repair")
    assert found.message == "the ECG lasts 6 s; each lead is padded to 10 s with its median"
    got = required(ecg, PAD)
    np.testing.assert_array_equal(got[:, :3000], ecg.values)
    rows = dict(zip(leads.STANDARD, got[:, 3000:], strict=True))
    for lead in leads.INDEPENDENT:
        assert (rows[lead] == np.median(ecg.values[leads.STANDARD.index(lead)])).all()
    for lead, row in leads.limb_leads(rows["I"], rows["II"]).items():
        np.testing.assert_allclose(rows[lead], row, atol=1e-6)
