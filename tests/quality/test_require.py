"""``require``: each bad input is named, each safe repair is made."""

import numpy as np
import pytest

from crossbeat import leads, quality
from crossbeat.errors import DataError
from crossbeat.signal import Ecg

FS = 500.0


def ecg(order: tuple[str, ...] = leads.STANDARD, seconds: float = 10.0, scale: float = 1.0) -> Ecg:
    """Beats of about a millivolt in the eight leads, the others derived."""
    time = np.arange(round(seconds * FS)) / FS
    beat = np.exp(-(((time % 0.8) - 0.4) ** 2) / 0.0005)
    eight = np.stack([beat * (0.5 + lead / 10) + 0.02 * np.sin(time + lead) for lead in range(8)])
    values = leads.complete(eight, leads.INDEPENDENT, order) * scale
    return Ecg(values.astype(np.float32), order, FS)


def changed(record: Ecg, lead: str, where: slice, to: float) -> Ecg:
    values = record.values.copy()
    values[record.leads.index(lead), where] = to
    return Ecg(values, record.leads, record.fs)


def actions(record: Ecg) -> dict[str, str]:
    return {verdict.name: verdict.action for verdict in quality.check(record, 10.0)}


def test_a_sound_ecg_passes_every_check_unchanged() -> None:
    record = ecg()
    assert set(actions(record).values()) == {"ok"}
    np.testing.assert_array_equal(quality.require(record, "a.hea", 10.0).values, record.values)


def test_a_verdict_that_is_not_ok_says_why() -> None:
    bad = changed(ecg(("I", "V1"), seconds=3, scale=900), "I", slice(None), np.nan)
    found = [verdict for verdict in quality.check(bad, 10.0) if verdict.action != "ok"]
    assert {"leads", "length", "gaps", "unit"} <= {verdict.name for verdict in found}
    assert all(verdict.message and verdict.rule for verdict in found)


def test_leads_come_back_in_the_standard_order() -> None:
    record = quality.require(ecg(leads.MIMIC), "a.hea", 10.0)
    assert record.leads == leads.STANDARD
    np.testing.assert_array_equal(record.values, ecg().values)


def test_eight_leads_are_completed() -> None:
    record = ecg(leads.INDEPENDENT)
    assert actions(record)["leads"] == "repair"
    np.testing.assert_allclose(
        quality.require(record, "a.hea", 10.0).values, ecg().values, atol=1e-6
    )


@pytest.mark.parametrize("absent", ["I", "II", "V4"])
def test_a_lead_that_does_not_follow_is_refused(absent: str) -> None:
    record = ecg(tuple(lead for lead in leads.INDEPENDENT if lead != absent))
    with pytest.raises(DataError, match=rf"^a\.hea: lead .*\b{absent}\b.* is missing and does not"):
        quality.require(record, "a.hea", 10.0)


def test_without_ii_every_lead_that_needs_it_is_named() -> None:
    record = ecg(tuple(lead for lead in leads.INDEPENDENT if lead != "II"))
    with pytest.raises(DataError, match="lead II, III, aVR, aVL, aVF is missing and does not"):
        quality.require(record, "a.hea", 10.0)


def test_a_short_ecg_is_refused() -> None:
    with pytest.raises(DataError, match=r"must last at least 10 s, got 9\.998 s; use a longer"):
        quality.require(ecg(seconds=9.998), "a.hea", 10.0)


def test_an_empty_ecg_is_refused() -> None:
    empty = Ecg(np.zeros((12, 0), np.float32), leads.STANDARD, FS)
    with pytest.raises(DataError, match="must last at least 10 s, got 0 s"):
        quality.require(empty, "a.hea", 10.0)


@pytest.mark.parametrize("where", [slice(0, 50), slice(1000, 1050), slice(-50, None)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_short_gap_is_interpolated(where: slice, bad: float) -> None:
    record = changed(ecg(), "V2", where, bad)
    before = record.values.copy()
    assert actions(record)["gaps"] == "repair"
    repaired = quality.require(record, "a.hea", 10.0).values
    assert np.isfinite(repaired).all()
    kept = np.isfinite(before)
    np.testing.assert_array_equal(repaired[kept], before[kept])
    np.testing.assert_array_equal(record.values, before)


def test_a_gap_is_filled_by_the_straight_line_between_its_ends() -> None:
    record = changed(ecg(), "V2", slice(1000, 1002), np.nan)
    row = leads.STANDARD.index("V2")
    first, *filled, last = quality.require(record, "a.hea", 10.0).values[row, 999:1003]
    step = (last - first) / 3
    np.testing.assert_allclose(filled, [first + step, first + 2 * step], rtol=1e-5)


def test_gaps_count_by_the_longest_and_not_by_their_sum() -> None:
    record = ecg()
    for start in range(0, 4000, 100):
        first = start + start // 100 % 3  # not as regular as a clock
        record = changed(record, "V2", slice(first, first + 40), np.nan)
    verdict = next(v for v in quality.check(record, 10.0) if v.name == "gaps")
    assert verdict.action == "repair"
    assert verdict.value == pytest.approx(0.08)


@pytest.mark.parametrize("where", [slice(100, 151), slice(None)])
def test_a_long_gap_is_refused(where: slice) -> None:
    record = changed(ecg(), "aVL", where, np.nan)
    with pytest.raises(DataError, match=r"lead aVL lacks samples for up to .* s, more than 0\.1 s"):
        quality.require(record, "a.hea", 10.0)


@pytest.mark.parametrize("level", [0.0, 3.0])
def test_a_flat_lead_is_refused(level: float) -> None:
    record = changed(changed(ecg(), "V3", slice(None), level), "V5", slice(None), level)
    with pytest.raises(DataError, match=r"a\.hea: lead V3, V5 is flat; check the electrode"):
        quality.require(record, "a.hea", 10.0)


def test_microvolt_taken_for_millivolt_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"peak of 1\d+\.?\d* mV is not an ECG; is the signal in mi"
    ):
        quality.require(ecg(scale=1000), "a.hea", 10.0)


def test_volt_taken_for_millivolt_is_refused() -> None:
    with pytest.raises(DataError, match=r"peak of 0\.00\d+ mV is not an ECG; is the signal in vol"):
        quality.require(ecg(scale=0.001), "a.hea", 10.0)


def test_the_peak_is_counted_from_the_level_of_each_lead() -> None:
    record = ecg()
    offset = Ecg(record.values + np.float32(100), record.leads, record.fs)
    assert actions(offset)["unit"] == "ok"


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_low_and_high_voltage_pass(scale: float) -> None:
    assert actions(ecg(scale=scale))["unit"] == "ok"


def test_the_message_lists_every_reason() -> None:
    record = changed(ecg(("I", "II"), seconds=2, scale=1000), "I", slice(None), 0.0)
    with pytest.raises(
        DataError, match=r"V1, .* is missing .* must last .* I is flat.* not an ECG"
    ):
        quality.require(record, "a.hea", 10.0)


def test_what_can_only_be_a_remark_is_left_out_on_request() -> None:
    every = quality.check(ecg(), 10.0)
    least = quality.check(ecg(), 10.0, remarks=False)
    assert {each.name for each in every} - {each.name for each in least} == {
        "reversal",
        "mains",
        "pacing",
    }
    assert [each for each in every if each.name not in ("reversal", "mains", "pacing")] == least
