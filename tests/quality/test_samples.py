"""Leads, gaps, flat stretches, clipping and amplitudes: found where they are, and nowhere else."""

import numpy as np
import pytest
from made_ecgs import VIRTUAL, at_rate, changed, of, only, put, told_of, with_values
from scipy.ndimage import uniform_filter1d

from crossbeat import quality
from crossbeat.errors import DataError
from crossbeat.quality import check
from crossbeat.signal import Ecg


def test_nothing_is_said_of_a_sound_ecg():
    assert told_of(VIRTUAL) == []
    assert [verdict.name for verdict in check(VIRTUAL, 10.0)] == [
        *("leads", "length", "gaps", "flat", "dropout", "clipped", "unit", "limb"),
        *("heartbeat", "inverted", "noise", "wander", "reversal", "mains", "pacing"),
    ]


def test_each_missing_lead_is_named():
    kept = [lead for lead in VIRTUAL.leads if lead not in ("aVL", "V3")]
    assert told_of(only(*kept)) == [("leads", "aVL", "repair"), ("leads", "V3", "reject")]


def test_the_longest_gap_of_each_lead_is_told():
    found = of(put(VIRTUAL, "V2", [*range(100, 120), *range(300, 340)], np.nan))["gaps"]
    assert (found.lead, found.action) == ("V2", "repair")
    assert found.value == pytest.approx(0.08)


@pytest.mark.parametrize(("step", "shift"), [(2, 0), (2, 1), (3, 2), (2.5, 0), (500, 7)])
def test_gaps_as_regular_as_a_clock_are_refused(step, shift):
    """As of a record with an empty line after each sample: its samples would be spread out."""
    found = check(put(VIRTUAL, "", np.arange(shift, 4990, step).astype(int), np.nan), 10.0)
    stretched = [verdict for verdict in found if verdict.name == "interleaved"]
    assert [verdict.lead for verdict in stretched] == list(VIRTUAL.leads)
    assert {verdict.action for verdict in stretched} == {"reject"}
    assert stretched[0].value == pytest.approx(step / 500, rel=0.3)
    assert "as regular as a clock" in stretched[0].message


@pytest.mark.parametrize(
    "where", [np.random.default_rng(0).integers(0, 5000, 200), slice(100, 1000, 100)]
)
def test_gaps_at_any_time_or_few_are_not_regular(where):
    assert told_of(put(VIRTUAL, "V2", where, np.nan))[0] == ("gaps", "V2", "repair")


@pytest.mark.parametrize("values", [np.zeros((12, 0)), np.full((12, 5000), np.nan)])
def test_an_ecg_without_samples_is_judged_as_far_as_it_can_be(values):
    assert of(with_values(values)).keys() == {"leads", "length", "gaps"}


@pytest.mark.parametrize("num", [1, 2, 3, 7, 20, 100])
@pytest.mark.parametrize("fs", [1.0, 100.0, 500.0, 16000.0])
def test_a_few_samples_at_any_rate_are_judged(num, fs):
    few = Ecg(VIRTUAL.values[:, 1000 : 1000 + num], VIRTUAL.leads, fs)
    assert ("length", "", "reject") in told_of(few, 200.0)
    assert all(np.isfinite(verdict.value) for verdict in check(few, 200.0))


@pytest.mark.parametrize(
    ("where", "level", "check_", "value"),
    [
        (slice(None), 0.2, "flat", 0.0),
        (slice(2000, 3000), 0.0, "dropout", 2.0),
        (slice(2000, 3000), 0.2, "dropout", 2.0),
        (slice(2000, 2150), 5.0, "clipped", 0.3),
    ],
)
def test_a_lead_that_rests_at_one_value_is_named(where, level, check_, value):
    ecg = put(VIRTUAL, "V4", where, level)
    assert told_of(ecg) == [(check_, "V4", "reject")]
    assert of(ecg)[check_].value == pytest.approx(value, abs=0.2 if check_ == "dropout" else 1e-6)


@pytest.mark.parametrize("fs", [100.0, 250.0, 500.0])
@pytest.mark.parametrize(("lead", "sign"), [("II", 1), ("V1", -1)])
def test_values_cut_off_above_or_below_are_clipped(fs, lead, sign):
    slow = at_rate(fs)
    limit = 0.5 * (sign * slow.values[slow.leads.index(lead)]).max()
    clipped = changed(slow, lead, lambda values: sign * np.minimum(sign * values, limit))
    assert told_of(clipped) == [("clipped", lead, "reject")]
    assert of(clipped)["clipped"].value > 0.05


SPIKES = [start + late for start in range(300, 4800, 400) for late in (0, 1)]


@pytest.mark.parametrize(
    ("ecg", "check_"),
    [
        (put(VIRTUAL, "V4", slice(2000, 2250), 0.0), "dropout"),  # a pause of half a second
        (put(VIRTUAL, "V2", SPIKES, 4.0), "clipped"),  # peaks of a sample or two
        (changed(VIRTUAL, "aVL", lambda row: np.clip(row, -0.1, 0.1)), "clipped"),  # coarse steps
    ],
)
def test_what_only_looks_like_a_fault_is_none(ecg, check_):
    assert of(ecg)[check_].action == "ok"


@pytest.mark.parametrize(
    ("factor", "reason"),
    [
        (1000, r"peak of \d+\.?\d* mV is not an ECG; is the signal in microvolt"),
        (200, "is the signal in microvolt"),
        (0.001, r"peak of 0\.00\d+ mV is not an ECG; is the signal in volt, or normalised"),
        (10, "times the usual, and all leads are large; is the gain in the header right"),
        (0.1, "no lead spans more than 0.1.* mV; is the gain in the header right"),
    ],
)
def test_a_wrong_factor_is_refused_with_what_it_may_be(factor, reason):
    with pytest.raises(DataError, match=reason):
        quality.require(with_values(VIRTUAL.values * factor), "a", 10.0)


def test_large_leads_are_refused_if_their_noise_is_large_too():
    smooth = uniform_filter1d(4 * VIRTUAL.values, 11, axis=1)
    noise = 0.05 * np.random.default_rng(0).normal(size=smooth.shape)
    assert of(with_values(smooth))["unit"].action == "ok"
    found = of(with_values(smooth + noise))["unit"]
    assert found.action == "reject"
    assert found.value > 2.5


@pytest.mark.parametrize(
    "values",
    [
        *(VIRTUAL.values * factor for factor in (0.5, 1, 2)),  # low and high voltage
        VIRTUAL.values + 20 * (np.arange(5000) % 400 == 200),  # pacing spikes
        VIRTUAL.values + 300,  # the offset of an electrode
    ],
)
def test_voltages_of_real_ecgs_pass(values):
    assert of(with_values(values))["unit"].action == "ok"


@pytest.mark.parametrize("odd", [-32.768, 30.0])
def test_a_sample_that_no_ecg_reaches_is_refused(odd):
    rule = r"lead V2 has samples 3\d(\.\d)? mV from its median.*missing values\? Set them to NaN"
    with pytest.raises(DataError, match=rule):
        quality.require(put(VIRTUAL, "V2", 1234, odd), "a", 10.0)


@pytest.mark.parametrize("size", [1e20, 1e37, 3.4e38])
def test_numbers_at_the_end_of_their_range_are_refused_without_a_warning(size):
    draw = np.random.default_rng(0)
    for values in (draw.uniform(-1, 1, (12, 5000)), np.sign(draw.normal(size=(12, 5000)))):
        assert of(with_values(size * values))["unit"].action == "reject"
