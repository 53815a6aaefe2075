"""R peaks of virtual patients, whose true beats are known, and what a correspondence picks."""

import sys
from functools import cache

import numpy as np
import pytest

from crossbeat.beats import correspondence, r_peaks
from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import STANDARD
from crossbeat.signal import Ecg, Preprocessing
from crossbeat.simulate import FS, Draws, draw_patients, ecgs
from crossbeat.simulate.ecg import beats
from crossbeat.simulate.electrical import electrical

NUM = 96
STORED = Preprocessing.standard(fs=100.0, seconds=10.0)
RULES = ["single_beat", "phase_pool", "linear"]
PEAKS = np.array([0.3, 1.1, 1.9, 2.7])


@cache
def virtual() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ECGs in mV at 500 Hz, the times of their R peaks, and who is in sinus rhythm."""
    patients = draw_patients(NUM, seed=0)
    peak = beats(electrical(patients), Draws(1, 0, NUM, "ecg")).peak
    return ecgs(patients, seed=1), peak, ~(patients.fibrillation | patients.paced)


def score(values: np.ndarray, fs: float, rows: np.ndarray) -> tuple[float, float, float]:
    """Sensitivity, precision and mean distance in seconds of what is within 75 ms."""
    _, peak, _ = virtual()
    hits, misses, ghosts, apart = 0, 0, 0, []
    for row in np.flatnonzero(rows):
        found = r_peaks(Ecg(values[row], STANDARD, fs))
        inside = peak[row][(peak[row] > 0.2) & (peak[row] < 9.8)]
        nearest = np.abs(found[:, None] - inside).min(axis=0)
        hits += int((nearest < 0.075).sum())
        misses += int((nearest >= 0.075).sum())
        ghosts += int((np.abs(found[:, None] - peak[row]).min(axis=1) >= 0.075).sum())
        apart += nearest[nearest < 0.075].tolist()
    return hits / (hits + misses), hits / (hits + ghosts), float(np.mean(apart))


# --- R peaks


@pytest.mark.parametrize("fs", [500.0, 100.0])
def test_the_beats_of_sinus_rhythm_are_found_where_they_are(fs: float) -> None:
    values, _, sinus = virtual()
    if fs != FS:
        values = STORED.apply_batch(values, STANDARD, float(FS))
    sensitivity, precision, apart = score(values, fs, sinus)
    assert sensitivity > 0.98
    assert precision > 0.98
    assert apart < 0.01


def test_the_beats_of_fibrillation_and_pacing_are_found_too() -> None:
    values, _, sinus = virtual()
    sensitivity, precision, _ = score(values, float(FS), ~sinus)
    assert sensitivity > 0.9
    assert precision > 0.9


def test_noise_and_a_spike_in_some_leads_are_no_beats() -> None:
    values, _, sinus = virtual()
    random = np.random.default_rng(0)
    disturbed = STORED.apply_batch(values, STANDARD, float(FS))
    disturbed[:, 8] += random.normal(scale=2, size=disturbed[:, 8].shape).astype(np.float32)
    disturbed[:, 6:8, 430:434] += 8
    sensitivity, precision, _ = score(disturbed, 100.0, sinus)
    assert sensitivity > 0.98
    assert precision > 0.98


def test_unit_polarity_order_and_flat_leads_do_not_matter() -> None:
    values = virtual()[0][3]
    expected = r_peaks(Ecg(values, STANDARD, float(FS)))
    assert len(expected) > 5
    assert (np.diff(expected) > 0.2).all()
    flat = np.full_like(values[:4], 0.3)
    for changed in (1000 * values, -values, values[::-1].copy(), np.concatenate([values, flat])):
        leads = tuple(f"lead {row}" for row in range(len(changed)))
        np.testing.assert_allclose(r_peaks(Ecg(changed, leads, float(FS))), expected, atol=0.005)


def test_one_lead_is_enough() -> None:
    values, peak, sinus = virtual()
    row = int(np.flatnonzero(sinus)[0])
    found = r_peaks(Ecg(values[row, 1:2], ("II",), float(FS)))
    inside = peak[row][(peak[row] > 0.2) & (peak[row] < 9.8)]
    assert np.abs(found[:, None] - inside).min(axis=0).max() < 0.03


@pytest.mark.parametrize("seconds", [0.02, 0.9, 5.0])
def test_a_flat_or_very_short_record_has_none(seconds: float) -> None:
    time = round(seconds * FS)
    noise = np.random.default_rng(0).normal(size=(12, time)).astype(np.float32)
    silent = noise if seconds < 1 else np.full_like(noise, 0.2)
    assert r_peaks(Ecg(silent, STANDARD, float(FS))).tolist() == []


def test_a_value_that_is_not_finite_is_refused() -> None:
    values = virtual()[0][0].copy()
    values[3, 7] = np.nan
    with pytest.raises(DataError, match="must be finite for R peaks"):
        r_peaks(Ecg(values, STANDARD, float(FS)))


def test_a_rate_too_low_for_a_qrs_is_refused() -> None:
    with pytest.raises(DataError, match="above 60 Hz for R peaks to be found, got 60 Hz"):
        r_peaks(Ecg(np.ones((1, 600), dtype=np.float32), ("II",), 60.0))


def test_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sleepecg", None)
    with pytest.raises(ConfigError, match=r"pip install 'crossbeat\[mri\]'"):
        r_peaks(Ecg(virtual()[0][0], STANDARD, float(FS)))


# --- correspondence


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("segments", "steps"), [(50, 30), (10, 200), (1, 1), (25, 2)])
def test_rows_are_shares_that_sum_to_1(rule, segments: int, steps: int) -> None:
    rows = correspondence(PEAKS, rule=rule, segments=segments, steps=steps, seconds=3.0)
    assert rows.shape == (segments, steps)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)
    assert rows.min() > -1e-6


def test_linear_by_hand() -> None:
    """Steps and segments of 1 s: a segment is three quarters its step, an eighth each neighbour."""
    rows = correspondence(np.empty(0), rule="linear", segments=4, steps=4, seconds=4.0)
    expected = [
        [0.875, 0.125, 0, 0],
        [0.125, 0.75, 0.125, 0],
        [0, 0.125, 0.75, 0.125],
        [0, 0, 0.125, 0.875],
    ]
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def slow(start: float, end: float, segments: int, steps: int, seconds: float) -> np.ndarray:
    """The mean of many points on the lines between steps, for one beat."""
    middles = (np.arange(steps) + 0.5) * seconds / steps
    rows = []
    for segment in range(segments):
        points = (segment - 0.5 + (np.arange(2000) + 0.5) / 2000) / segments
        times = start + points * (end - start)
        rows.append([np.interp(times, middles, one).mean() for one in np.eye(steps)])
    return np.array(rows)


@pytest.mark.parametrize("steps", [3, 15, 100])
def test_a_single_beat_is_the_mean_of_the_lines_between_steps(steps: int) -> None:
    rows = correspondence(PEAKS, rule="single_beat", segments=7, steps=steps, seconds=3.0)
    np.testing.assert_allclose(rows, slow(1.1, 1.9, 7, steps, 3.0), atol=1e-3)


def test_phase_pool_is_the_mean_over_beats() -> None:
    rows = correspondence(PEAKS, rule="phase_pool", segments=7, steps=15, seconds=3.0)
    each = [slow(start, start + 0.8, 7, 15, 3.0) for start in PEAKS[:3]]
    np.testing.assert_allclose(rows, np.mean(each, axis=0), atol=1e-3)


@pytest.mark.parametrize("rule", ["single_beat", "phase_pool"])
def test_segment_s_is_at_phase_s_of_the_cycle(rule) -> None:
    """Steps that know their phase: segments tell theirs, to a tenth of a frame."""
    peaks = np.array([0.4, 1.2, 2.1, 2.9, 3.8])
    middles = (np.arange(200) + 0.5) * 4 / 200
    turn = np.interp(middles, peaks, np.arange(5), left=np.nan)
    steps = np.exp(2j * np.pi * np.nan_to_num(turn))
    rows = correspondence(peaks, rule=rule, segments=20, steps=200, seconds=4.0)
    off = np.angle((rows @ steps) * np.exp(-2j * np.pi * np.arange(20) / 20)) / (2 * np.pi) * 20
    assert np.abs(off).max() < 0.1


@pytest.mark.parametrize("rule", ["single_beat", "phase_pool"])
def test_premature_beats_and_their_pauses_are_left_out(rule) -> None:
    regular = np.array([0.3, 1.1, 1.9, 2.7, 3.5])
    with_ectopy = np.array([0.3, 1.1, 1.9, 2.4, 3.5])
    rows = correspondence(with_ectopy, rule=rule, segments=10, steps=40, seconds=4.0)
    expected = correspondence(regular[:3], rule=rule, segments=10, steps=40, seconds=4.0)
    if rule == "single_beat":
        expected = correspondence(regular[1:3], rule=rule, segments=10, steps=40, seconds=4.0)
    np.testing.assert_array_equal(rows, expected)


def test_of_beats_that_all_differ_the_one_next_to_the_median_is_taken() -> None:
    rows = correspondence(
        np.array([0.0, 0.6, 2.0]), rule="phase_pool", segments=5, steps=20, seconds=2.0
    )
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(("near", "start"), [(None, 1.1), (0.0, 0.3), (9.0, 1.9), (1.6, 1.1)])
def test_single_beat_is_the_one_nearest_to_a_time(near: float | None, start: float) -> None:
    rows = correspondence(PEAKS, rule="single_beat", segments=8, steps=30, seconds=3.0, near=near)
    alone = np.array([start, start + 0.8])
    expected = correspondence(alone, rule="single_beat", segments=8, steps=30, seconds=3.0)
    np.testing.assert_allclose(rows, expected, atol=1e-5)


@pytest.mark.parametrize("peaks", [np.empty(0), np.array([1.5])])
def test_without_a_whole_beat_nothing_is_known(peaks: np.ndarray) -> None:
    for rule in ("single_beat", "phase_pool"):
        rows = correspondence(peaks, rule=rule, segments=4, steps=5, seconds=3.0)
        assert np.isnan(rows).all()
    linear = correspondence(peaks, rule="linear", segments=4, steps=5, seconds=3.0)
    assert np.isfinite(linear).all()


def test_steps_may_be_given_by_their_middles() -> None:
    """Steps whose middles lie 0.1 s later than equal parts of the record have them."""
    middles = (np.arange(20) + 0.5) * 0.15
    plain = correspondence(PEAKS, rule="phase_pool", segments=9, steps=20, seconds=3.0)
    given = correspondence(PEAKS, rule="phase_pool", segments=9, steps=middles, seconds=3.0)
    np.testing.assert_allclose(given, plain, atol=1e-6)
    later = correspondence(
        PEAKS + 0.1, rule="phase_pool", segments=9, steps=middles + 0.1, seconds=3.0
    )
    np.testing.assert_allclose(later, plain, atol=1e-6)
    unmoved = correspondence(PEAKS, rule="phase_pool", segments=9, steps=middles + 0.1, seconds=3.0)
    assert np.abs(unmoved - plain).max() > 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *(
            ({"steps": np.array(middles, dtype=float)}, "must ascend at equal spacing")
            for middles in ([], [1.0, 1.0], [1.0, 0.5], [0.0, 1.0, 2.5])
        ),
        ({"segments": 0}, "segments.* must be above 0, got 0"),
        ({"steps": 0}, "steps must be above 0, got 0"),
        ({"seconds": 0.0}, r"seconds must be above 0, got .* 0\.0 s"),
        ({"peaks": np.array([1.0, 1.0])}, r"peaks must ascend, got \[1\.0, 1\.0\]"),
    ],
)
def test_numbers_that_give_no_correspondence_are_refused(change: dict, message: str) -> None:
    plain = {"peaks": PEAKS, "rule": "linear", "segments": 4, "steps": 5, "seconds": 3.0}
    with pytest.raises(ValueError, match=message):
        correspondence(**(plain | change))
