"""ECGs of virtual patients: the rhythm, the torso, the electrodes and their noise."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import find_peaks
from virtual import but, more

from crossbeat.leads import INDEPENDENT, STANDARD
from crossbeat.simulate import FS, draw_patients, ecgs
from crossbeat.simulate.ecg import (
    DOWER,
    ELECTRODES,
    beats,
    current_beat,
    heart_leads,
    lead_field,
    noise,
    wire,
)
from crossbeat.simulate.electrical import electrical
from crossbeat.simulate.streams import Draws

_SEEN = electrical(draw_patients(64, seed=5))
_DRAWS = Draws(1, 0, 64, "ecg")


def _plain(num):
    """Patients in sinus rhythm with narrow QRS and no scar."""
    patients = draw_patients(num, seed=1)
    absent = ("fibrillation", "left_block", "right_block", "paced")
    absent += ("infarct_anterior", "infarct_inferior")
    alike = replace(patients, own=patients.own * np.float32(0.3))
    return but(alike, **dict.fromkeys(absent, 0))


def _heart(patients):
    made, _ = heart_leads(patients, Draws(1, 0, len(patients), "ecg"))
    return dict(zip(INDEPENDENT, made.transpose(1, 0, 2), strict=True))


def _peaks(patients):
    lead = _heart(patients)["V5"] - _heart(patients)["V1"]
    speed = np.abs(np.diff(lead, axis=1))
    return [find_peaks(one, height=0.5 * one.max(), distance=0.3 * FS)[0] / FS for one in speed]


def test_ecgs_are_ten_seconds_in_single_precision_and_physiological_size():
    made = ecgs(draw_patients(60, seed=3), seed=3)
    assert made.shape == (60, 12, 10 * FS)
    assert made.dtype == np.float32
    largest = np.ptp(made[:, 6:], axis=2).max(axis=1)
    assert np.mean((largest > 0.5) & (largest < 6)) > 0.97
    assert 1 < np.median(np.ptp(made, axis=2)[:, STANDARD.index("V5")]) < 3


def test_the_rate_read_off_the_r_peaks_is_the_latent_rate():
    patients = _plain(24)
    rates = np.array([60 / np.diff(peaks).mean() for peaks in _peaks(patients)])
    np.testing.assert_allclose(rates, electrical(patients).rate, rtol=0.06)


def test_in_fibrillation_the_beats_are_irregular_and_no_p_wave_precedes_them():
    sinus = _plain(24)
    fibrillating = but(sinus, fibrillation=True)
    spread = [
        np.median([np.diff(one).std() / np.diff(one).mean() for one in _peaks(patients)])
        for patients in (sinus, fibrillating)
    ]
    assert spread[0] < 0.1
    assert spread[1] > 0.13
    assert _p_wave(sinus) > 0.04
    assert abs(_p_wave(fibrillating)) < 0.5 * _p_wave(sinus)


def _p_wave(patients):
    """Median over patients of lead II before the R peak, averaged over beats, over its PR level."""
    lead, sizes = _heart(patients)["II"], []
    seen = electrical(patients)
    for row, peaks in enumerate(_peaks(patients)):
        before = seen.pr[row] / 1000 + 0.45 * seen.qrs[row] / 1000 - 0.05
        at = ((peaks[2:-1] - before) * FS).astype(int)
        level = ((peaks[2:-1] - before - 0.11) * FS).astype(int)
        sizes.append(np.mean(lead[row, at] - lead[row, level]))
    return float(np.median(sizes))


@pytest.mark.parametrize(
    ("name", "by", "lead", "sign"),
    [
        ("effusion_left", 1200, "V6", -1),
        ("effusion_right", 1500, "II", -1),
        ("pericardial_fluid", 400, "V3", -1),
        ("bmi", 15, "II", -1),
        ("hypertrophy", 3, "V2", 1),
        ("lung_water", 10, "V4", -1),
    ],
)
def test_a_cause_changes_the_voltage_of_the_recorded_leads(name, by, lead, sign):
    before = _plain(16)
    after = more(before, **{name: by})
    change = np.ptp(_heart(after)[lead], axis=1) - np.ptp(_heart(before)[lead], axis=1)
    assert np.mean(sign * change > 0) > 0.85


def test_left_bundle_branch_block_turns_v1_negative_and_right_gives_it_a_late_r():
    plain = _plain(16)
    left = _heart(but(plain, left_block=True))["V1"]
    right = _heart(but(plain, right_block=True))["V1"]
    assert np.all(-left.min(axis=1) > left.max(axis=1))
    assert np.mean(right.max(axis=1) > _heart(plain)["V1"].max(axis=1)) > 0.9


def test_an_anterior_scar_takes_the_r_wave_from_v2():
    plain = _plain(16)
    before, after = _heart(plain)["V2"], _heart(but(plain, infarct_anterior=1))["V2"]
    depth = [np.mean(-lead.min(axis=1) / lead.max(axis=1)) for lead in (before, after)]
    assert depth[1] > depth[0]


# --- rhythm


def test_the_mean_interval_is_the_latent_rate():
    when = beats(_SEEN, _DRAWS)
    np.testing.assert_allclose(60 / when.interval.mean(axis=1), _SEEN.rate, rtol=1e-4)


def test_beats_fill_the_record():
    when = beats(but(_SEEN, rate=165), _DRAWS)
    assert when.peak[:, 0].max() < -1
    assert when.peak[:, -1].min() > 10.5


def test_intervals_are_more_irregular_in_fibrillation_and_unrelated_to_their_neighbours():
    sinus = but(_SEEN, fibrillation=0, irregularity=0.04, ectopy=0)
    fibrillating = but(sinus, fibrillation=1, irregularity=0.21)
    interval, irregular = (beats(one, _DRAWS).interval for one in (sinus, fibrillating))
    assert np.mean(interval.std(axis=1) / interval.mean(axis=1)) < 0.08
    assert np.mean(irregular.std(axis=1) / irregular.mean(axis=1)) > 0.15
    score = irregular - irregular.mean(axis=1, keepdims=True)
    score /= irregular.std(axis=1, keepdims=True)
    assert abs(np.mean(score[:, 1:] * score[:, :-1])) < 0.1


def test_an_ectopic_beat_comes_early_and_a_pause_follows():
    when = beats(but(_SEEN, fibrillation=0, irregularity=0.01, ectopy=0.1), _DRAWS)
    mean = when.interval.mean(axis=1, keepdims=True)
    assert when.ectopic.any()
    assert (when.interval < 0.8 * mean)[when.ectopic].all()
    assert (when.interval > 1.2 * mean)[:, 1:][when.ectopic[:, :-1]].all()


def test_each_sample_belongs_to_the_last_beat_that_took_over():
    switch = np.array([[-0.5, 0.105, 0.355, 2.0], [-1.0, -0.2, 0.305, 0.405]], dtype=np.float32)
    time = np.arange(60, dtype=np.float32) / 100
    slow = [[max(b for b in range(4) if row[b] <= t + 1e-6) for t in time] for row in switch]
    np.testing.assert_array_equal(current_beat(switch, time), slow)


# --- torso and electrodes


def test_every_recording_has_its_own_lead_field_near_that_of_dower():
    seen = electrical(draw_patients(200, seed=6))
    field = lead_field(but(seen, precordial=1, left_lateral=1), Draws(1, 0, 200, "ecg"))
    assert np.all(field.std(axis=0) > 0)
    np.testing.assert_allclose(field.mean(axis=0), DOWER, atol=0.12)


def test_fluid_on_the_left_weakens_the_left_lateral_leads_only():
    weak = replace(_SEEN, left_lateral=_SEEN.left_lateral / 2)
    ratio = lead_field(weak, _DRAWS)[:, :, 0] / lead_field(_SEEN, _DRAWS)[:, :, 0]
    expected = [0.5 if lead in ("I", "V5", "V6") else 1.0 for lead in INDEPENDENT]
    np.testing.assert_allclose(ratio, np.tile(expected, (64, 1)), rtol=1e-5)


def test_a_potential_common_to_all_electrodes_is_not_recorded():
    heart = np.zeros((1, 8, 4), dtype=np.float32)
    np.testing.assert_allclose(wire(heart, np.ones((1, 9, 4), dtype=np.float32)), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("electrode", "limbs"),
    [
        ("RA", {"I": -3, "II": -3, "III": 0, "aVR": 3, "aVL": -1.5, "aVF": -1.5}),
        ("LA", {"I": 3, "II": 0, "III": -3, "aVR": -1.5, "aVL": 3, "aVF": -1.5}),
        ("LL", {"I": 0, "II": 3, "III": 3, "aVR": -1.5, "aVL": -1.5, "aVF": 3}),
    ],
)
def test_noise_on_a_limb_reaches_its_leads_as_wired(electrode, limbs):
    heart = np.zeros((1, 8, 1), dtype=np.float32)
    electrodes = np.zeros((1, 9, 1), dtype=np.float32)
    electrodes[0, ELECTRODES.index(electrode)] = 3
    rows = dict(zip(STANDARD, wire(heart, electrodes)[0, :, 0].tolist(), strict=True))
    assert rows == limbs | {f"V{n}": -1 for n in range(1, 7)}


def test_noise_is_small_beside_a_heart_beat():
    made = noise(Draws(1, 0, 40, "ecg"), np.zeros((40, 5000), dtype=np.float32), 500)
    assert made.shape == (40, 9, 5000)
    fast = np.diff(made, axis=2).std(axis=2)
    assert 0.002 < np.median(fast) < 0.03
    assert np.median(made.std(axis=2)) < 0.2
