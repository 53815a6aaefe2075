"""ECGs of virtual patients."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import find_peaks

from crossbeat.leads import INDEPENDENT, STANDARD
from crossbeat.simulate import FS, Patients, draw_patients, ecg_block, ecg_blocks, ecgs
from crossbeat.simulate.ecg import heart_leads
from crossbeat.simulate.electrical import electrical
from crossbeat.simulate.streams import Draws

_EQUATIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "III": lambda i, ii: ii - i,
    "aVR": lambda i, ii: -(i + ii) / 2,
    "aVL": lambda i, ii: i - ii / 2,
    "aVF": lambda i, ii: ii - i / 2,
}


def _plain(num: int, seed: int = 1) -> Patients:
    """Patients in sinus rhythm with narrow QRS and no scar."""
    patients = draw_patients(num, seed)
    no, own = np.zeros(num, dtype=bool), patients.own.copy()
    own[:, :] *= 0.3
    flags = dict.fromkeys(("fibrillation", "left_block", "right_block", "paced"), no)
    none = np.zeros(num, dtype=np.float32)
    return replace(patients, own=own, infarct_anterior=none, infarct_inferior=none, **flags)


def _heart(patients: Patients) -> dict[str, np.ndarray]:
    made, _ = heart_leads(patients, Draws(1, 0, len(patients), "ecg"))
    return dict(zip(INDEPENDENT, made.transpose(1, 0, 2), strict=True))


def _peaks(patients: Patients) -> list[np.ndarray]:
    lead = _heart(patients)["V5"] - _heart(patients)["V1"]
    speed = np.abs(np.diff(lead, axis=1))
    return [find_peaks(one, height=0.5 * one.max(), distance=0.3 * FS)[0] / FS for one in speed]


@pytest.mark.parametrize("lead", list(_EQUATIONS))
def test_each_limb_lead_obeys_its_own_equation(lead: str) -> None:
    made = ecgs(draw_patients(3, seed=1), seed=1).transpose(1, 0, 2)
    rows = dict(zip(STANDARD, made, strict=True))
    np.testing.assert_allclose(rows[lead], _EQUATIONS[lead](rows["I"], rows["II"]), atol=1e-6)


def test_a_patient_does_not_depend_on_how_many_are_drawn_nor_on_the_workers() -> None:
    few = ecgs(draw_patients(3, seed=2), seed=5)
    many = draw_patients(258, seed=2)
    with ThreadPoolExecutor(2) as pool:
        shared = ecgs(many, 5, pool)
    assert few.tobytes() == shared[:3].tobytes()
    assert ecg_block(many.rows(slice(256, 258)), 1, 5).tobytes() == shared[256:].tobytes()


def test_another_seed_is_another_recording_of_the_same_heart() -> None:
    patients = draw_patients(2, seed=2)
    assert not np.array_equal(ecgs(patients, seed=5), ecgs(patients, seed=6))


def test_blocks_come_one_by_one_and_in_order() -> None:
    patients = draw_patients(258, seed=2)
    sizes = [len(block) for block in ecg_blocks(patients, seed=5)]
    assert sizes == [256, 2]


def test_ecgs_are_ten_seconds_in_single_precision_and_physiological_size() -> None:
    made = ecgs(draw_patients(60, seed=3), seed=3)
    assert made.shape == (60, 12, 10 * FS)
    assert made.dtype == np.float32
    largest = np.ptp(made[:, 6:], axis=2).max(axis=1)
    assert np.mean((largest > 0.5) & (largest < 6)) > 0.97
    assert 1 < np.median(np.ptp(made, axis=2)[:, STANDARD.index("V5")]) < 3


def test_the_rate_read_off_the_r_peaks_is_the_latent_rate() -> None:
    patients = _plain(24)
    rates = np.array([60 / np.diff(peaks).mean() for peaks in _peaks(patients)])
    np.testing.assert_allclose(rates, electrical(patients).rate, rtol=0.06)


def test_in_fibrillation_the_beats_are_irregular_and_no_p_wave_precedes_them() -> None:
    sinus = _plain(24)
    yes = np.ones(24, dtype=bool)
    fibrillating = replace(sinus, fibrillation=yes)
    spread = [
        np.median([np.diff(one).std() / np.diff(one).mean() for one in _peaks(patients)])
        for patients in (sinus, fibrillating)
    ]
    assert spread[0] < 0.1
    assert spread[1] > 0.13
    assert _p_wave(sinus) > 0.04
    assert abs(_p_wave(fibrillating)) < 0.5 * _p_wave(sinus)


def _p_wave(patients: Patients) -> float:
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
def test_a_cause_changes_the_voltage_of_the_recorded_leads(
    name: str, by: float, lead: str, sign: int
) -> None:
    before = _plain(16)
    after = replace(before, **{name: getattr(before, name) + np.float32(by)})
    change = np.ptp(_heart(after)[lead], axis=1) - np.ptp(_heart(before)[lead], axis=1)
    assert np.mean(sign * change > 0) > 0.85


def test_left_bundle_branch_block_turns_v1_negative_and_right_gives_it_a_late_r() -> None:
    plain, yes = _plain(16), np.ones(16, dtype=bool)
    left = _heart(replace(plain, left_block=yes))["V1"]
    right = _heart(replace(plain, right_block=yes))["V1"]
    assert np.all(-left.min(axis=1) > left.max(axis=1))
    assert np.mean(right.max(axis=1) > _heart(plain)["V1"].max(axis=1)) > 0.9


def test_an_anterior_scar_takes_the_r_wave_from_v2() -> None:
    plain = _plain(16)
    scar = replace(plain, infarct_anterior=np.ones(16, dtype=np.float32))
    before, after = _heart(plain)["V2"], _heart(scar)["V2"]
    assert np.mean(-after.min(axis=1) / after.max(axis=1)) > np.mean(
        -before.min(axis=1) / before.max(axis=1)
    )
