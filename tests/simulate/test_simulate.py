"""Laws of everything that is simulated, and the virtual patients some hours later."""

import re
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import fields
from inspect import getsource

import numpy as np
import pytest

from crossbeat.simulate import (
    FINDINGS,
    Patients,
    cine_block,
    cine_blocks,
    draw_patients,
    ecg_block,
    ecg_blocks,
    ecgs,
    flipped_truth,
    noisier,
    patient,
    phenotype_block,
    phenotypes,
    report_labels,
    truth,
    xray_block,
    xrays,
)
from crossbeat.simulate.patient import TAU, kept

Make = Callable[[Patients, int, Executor | None], np.ndarray]
CHANGING = {
    "acuity",
    "wedge_pressure",
    "lung_water",
    "effusion_right",
    "effusion_left",
    "consolidation",
    "pericardial_fluid",
}
_TINY = {"frames": 2, "size": 16}


def traits(patients):
    columns = [getattr(patients, field.name) for field in fields(Patients)]
    return np.column_stack([column.astype(np.float32) for column in columns])


def columns(values):
    return np.stack(list(values.values()), axis=1)


WHOLE: dict[str, Make] = {
    "patients": lambda patients, seed, _pool: traits(draw_patients(len(patients), seed)),
    "later patients": lambda patients, seed, _pool: traits(
        draw_patients(len(patients), seed, hours=30.0)
    ),
    "ecgs": ecgs,
    "films": lambda patients, seed, pool: xrays(patients, seed, 16, pool),
    "cines": lambda patients, seed, pool: np.concatenate(
        list(cine_blocks(patients, seed, pool, **_TINY))
    ),
    "phenotypes": lambda patients, seed, _pool: columns(phenotypes(patients, seed)),
    "labels": lambda patients, seed, _pool: columns(report_labels(patients, seed)),
    "flipped labels": lambda patients, seed, _pool: columns(flipped_truth(patients, seed, 0.4)),
}
BLOCKS: dict[str, Callable[[Patients, int, int], np.ndarray]] = {
    "ecgs": ecg_block,
    "films": lambda patients, block, seed: xray_block(patients, block, seed, 16),
    "cines": lambda patients, block, seed: cine_block(patients, block, seed, **_TINY),
    "phenotypes": lambda patients, block, seed: columns(phenotype_block(patients, block, seed)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_patient_does_not_depend_on_how_many_are_drawn_nor_on_the_workers(name, monkeypatch):
    monkeypatch.setattr("crossbeat.simulate.streams.BLOCK", 20)
    many = draw_patients(30, seed=2)
    with ThreadPoolExecutor(2) as pool:
        shared = WHOLE[name](many, 5, pool)
    assert len(shared) == 30
    assert WHOLE[name](draw_patients(7, seed=2), 5, None).tobytes() == shared[:7].tobytes()
    if name in BLOCKS:
        rest = BLOCKS[name](many.rows(slice(20, 30)), 1, 5)
        assert rest.tobytes() == shared[20:].tobytes()


@pytest.mark.parametrize("name", WHOLE)
def test_another_seed_and_another_block_are_other_numbers(name, monkeypatch):
    monkeypatch.setattr("crossbeat.simulate.streams.BLOCK", 20)
    patients = draw_patients(40, seed=2)
    made = WHOLE[name](patients, 5, None)
    assert (made != WHOLE[name](patients, 6, None)).any()
    assert (made[:20] != made[20:]).any()


def test_blocks_come_one_by_one_and_in_order(monkeypatch):
    monkeypatch.setattr("crossbeat.simulate.streams.BLOCK", 5)
    assert [len(block) for block in ecg_blocks(draw_patients(7, seed=2), seed=5)] == [5, 2]


def test_further_noise_depends_on_the_seed_the_block_and_the_patient_alone():
    films = np.full((9, 16, 16), 128, dtype=np.uint8)
    many = noisier(films, 2, 7, 10.0)
    assert many.dtype == np.uint8
    np.testing.assert_array_equal(noisier(films[:3], 2, 7, 10.0), many[:3])
    for block, seed in ((1, 7), (2, 8)):
        assert (noisier(films, block, seed, 10.0) != many).any()


# --- some hours later


def correlation(one, other):
    return float(np.corrcoef(one, other)[0, 1])


@pytest.mark.parametrize(("hours", "changing"), [(0.0, set()), (1000.0, CHANGING)])
def test_only_what_changes_within_days_has_changed_weeks_later(hours, changing):
    now, later = draw_patients(300, seed=3), draw_patients(300, seed=3, hours=hours)
    changed = {
        field.name
        for field in fields(Patients)
        if getattr(now, field.name).tobytes() != getattr(later, field.name).tobytes()
    }
    assert changed == changing


def test_the_state_has_less_in_common_the_more_hours_have_passed():
    now = draw_patients(3000, seed=3)
    after = [draw_patients(3000, seed=3, hours=hours) for hours in (6.0, 48.0, 400.0)]
    for name in CHANGING:
        common = [correlation(getattr(now, name), getattr(later, name)) for later in after]
        assert common[0] > 0.8, name
        assert common[0] > common[1] + 0.1 > common[2] + 0.2, name
    acuity = [correlation(now.acuity, later.acuity) for later in after]
    np.testing.assert_allclose(acuity, np.exp(-np.array([6, 48, 400]) / 72), atol=0.05)


def test_patients_are_no_more_and_no_less_ill_later():
    now, later = draw_patients(6000, seed=3), draw_patients(6000, seed=3, hours=100.0)
    known, after = truth(now), truth(later)
    for name in FINDINGS:
        assert after[name].mean() == pytest.approx(known[name].mean(), abs=0.015)
        assert np.mean(after[name] != known[name]) > 0.01
    for name in CHANGING:
        spread = getattr(now, name).std()
        assert getattr(later, name).std() == pytest.approx(spread, rel=0.1), name


def test_everything_that_changes_is_drawn_for_the_latent_heart():
    drawn = set(re.findall(r'draws\.(?:normal|uniform)\("([^"]+)"', getsource(patient)))
    assert set(TAU) <= drawn


@pytest.mark.parametrize("hours", [-1.0, float("nan"), float("inf")])
def test_hours_that_are_none_are_refused(hours):
    with pytest.raises(ValueError, match="hours must be 0 or more and finite, got"):
        kept(hours)
