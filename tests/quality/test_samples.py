"""Leads, gaps, flat stretches and clipping: found where they are, not where they are not."""

import numpy as np
import pytest
from made_ecgs import VIRTUAL, changed, of, told_of

from crossbeat import leads
from crossbeat.quality import check
from crossbeat.signal import Ecg, resample


def without(*lost: str) -> Ecg:
    kept = [row for row, lead in enumerate(VIRTUAL.leads) if lead not in lost]
    return Ecg(VIRTUAL.values[kept], tuple(VIRTUAL.leads[row] for row in kept), VIRTUAL.fs)


def test_nothing_is_said_of_a_sound_ecg() -> None:
    assert told_of(VIRTUAL) == []
    assert [verdict.name for verdict in check(VIRTUAL, 10.0)] == [
        *("leads", "length", "gaps", "flat", "dropout", "clipped", "unit", "limb"),
        *("heartbeat", "inverted", "noise", "wander", "reversal", "mains", "pacing"),
    ]


def test_each_missing_lead_is_named() -> None:
    assert told_of(without("aVL", "V3")) == [("leads", "aVL", "repair"), ("leads", "V3", "reject")]


def test_the_longest_gap_of_each_lead_is_told() -> None:
    def lose(row: np.ndarray) -> None:
        row[100:120] = row[300:340] = np.nan

    found = of(changed(VIRTUAL, "V2", lose))["gaps"]
    assert (found.lead, found.action) == ("V2", "repair")
    assert found.value == pytest.approx(0.08)


@pytest.mark.parametrize(("step", "shift"), [(2, 0), (2, 1), (3, 2), (2.5, 0), (500, 7)])
def test_gaps_as_regular_as_a_clock_are_refused(step: float, shift: int) -> None:
    """As of a record with an empty line after each sample: its samples would be spread out."""
    places = (np.arange(shift, 4990, step)).astype(int)
    values = VIRTUAL.values.copy()
    values[:, places] = np.nan
    found = check(Ecg(values, VIRTUAL.leads, 500.0), 10.0)
    stretched = [verdict for verdict in found if verdict.name == "interleaved"]
    assert [verdict.lead for verdict in stretched] == list(VIRTUAL.leads)
    assert {verdict.action for verdict in stretched} == {"reject"}
    assert stretched[0].value == pytest.approx(step / 500, rel=0.3)
    assert "as regular as a clock" in stretched[0].message


def test_gaps_at_any_time_are_not_regular() -> None:
    def lose(row: np.ndarray) -> None:
        row[np.random.default_rng(0).integers(0, 5000, 200)] = np.nan

    def lose_few(row: np.ndarray) -> None:
        row[100:1000:100] = np.nan

    for change in (lose, lose_few):
        assert told_of(changed(VIRTUAL, "V2", change))[0] == ("gaps", "V2", "repair")


def test_an_ecg_without_samples_is_judged_as_far_as_it_can_be() -> None:
    for values in (np.zeros((12, 0)), np.full((12, 5000), np.nan)):
        names = {
            verdict.name
            for verdict in check(Ecg(values.astype(np.float32), leads.STANDARD, 500.0), 10.0)
        }
        assert names == {"leads", "length", "gaps"}


@pytest.mark.parametrize("num", [1, 2, 3, 7, 20, 100])
@pytest.mark.parametrize("fs", [1.0, 100.0, 500.0, 16000.0])
def test_a_few_samples_at_any_rate_are_judged(num: int, fs: float) -> None:
    few = Ecg(VIRTUAL.values[:, 1000 : 1000 + num], VIRTUAL.leads, fs)
    assert ("length", "", "reject") in told_of(few, 200.0)
    assert all(np.isfinite(verdict.value) for verdict in check(few, 200.0))


def test_a_flat_lead_is_named() -> None:
    assert told_of(changed(VIRTUAL, "V3", lambda _: 0.2)) == [("flat", "V3", "reject")]


@pytest.mark.parametrize("level", [0.0, 0.2])
def test_a_lead_that_drops_out_for_seconds_is_named(level: float) -> None:
    def drop(row: np.ndarray) -> None:
        row[2000:3000] = level

    ecg = changed(VIRTUAL, "V4", drop)
    assert told_of(ecg) == [("dropout", "V4", "reject")]
    assert of(ecg)["dropout"].value == pytest.approx(2.0, abs=0.2)


def test_a_pause_of_half_a_second_is_none() -> None:
    def drop(row: np.ndarray) -> None:
        row[2000:2250] = 0.0

    assert "dropout" not in [name for name, *_ in told_of(changed(VIRTUAL, "V4", drop))]


@pytest.mark.parametrize("fs", [100.0, 250.0, 500.0])
@pytest.mark.parametrize(("lead", "sign"), [("II", 1), ("V1", -1)])
def test_values_cut_off_above_or_below_are_clipped(fs: float, lead: str, sign: int) -> None:
    slow = Ecg(resample(VIRTUAL.values, 500.0, fs), VIRTUAL.leads, fs)
    limit = 0.5 * (sign * slow.values[slow.leads.index(lead)]).max()
    clipped = changed(slow, lead, lambda values: sign * np.minimum(sign * values, limit))
    assert told_of(clipped) == [("clipped", lead, "reject")]
    assert of(clipped)["clipped"].value > 0.05


def test_one_long_stretch_at_the_limit_is_clipped() -> None:
    def saturate(row: np.ndarray) -> None:
        row[2000:2150] = 5.0

    found = of(changed(VIRTUAL, "V2", saturate))["clipped"]
    assert (found.lead, found.action, found.value) == ("V2", "reject", pytest.approx(0.3))


def test_peaks_and_spikes_of_a_sample_or_two_are_not_clipped() -> None:
    def spike(row: np.ndarray) -> None:
        for start in range(300, 4800, 400):
            row[start : start + 2] = 4.0

    assert of(changed(VIRTUAL, "V2", spike))["clipped"].action == "ok"


def test_coarse_steps_near_the_middle_are_not_clipped() -> None:
    coarse = changed(VIRTUAL, "aVL", lambda row: np.clip(row, -0.1, 0.1))
    assert "clipped" not in [name for name, *_ in told_of(coarse)]
