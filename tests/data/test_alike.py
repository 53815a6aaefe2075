"""Nearly equal signals of different patients are found, and others are not."""

import json

import numpy as np
import polars as pl
import pytest
from scipy.ndimage import gaussian_filter
from scipy.signal import resample_poly
from tiny_cohorts import build_tiny, tiny_block

from crossbeat.data import alike
from crossbeat.data.build import Block
from crossbeat.simulate import draw_patients, ecg_block, xray_block

PATIENTS = 60


def waves(seed=0):
    """ECGs of virtual patients at 100 Hz, in microvolt."""
    made = ecg_block(draw_patients(PATIENTS, seed), 0, seed)
    return np.rint(made[..., ::5] * 1000).clip(-32_000, 32_000).astype(np.int16)


def films(seed=0):
    return xray_block(draw_patients(PATIENTS, seed), 0, seed, 64)


def shifted(ecgs):
    return np.concatenate([ecgs[..., 1:], ecgs[..., -1:]], axis=-1)


def resampled(ecgs):
    there = resample_poly(ecgs.astype(float), 5, 1, axis=-1)
    return np.rint(resample_poly(there, 1, 5, axis=-1)).astype(np.int16)


def one_bit(signals):
    changed = signals.copy()
    changed.reshape(len(changed), -1)[:, 7] ^= 1
    return changed


def blurred(xrays):
    return gaussian_filter(xrays, (0, 0.4, 0.4))


def listed(signal, number):
    half = number // 2
    return pl.DataFrame(
        {
            "patient": [f"p{row}" for row in range(number)],
            "record": [f"r{row}" for row in range(number)],
            "split": ["train"] * half + ["test"] * (number - half),
            signal: range(number),
        }
    )


def found(signal, array, table=None):
    digests = {signal: [row.tobytes().hex() for row in array]}
    signed = alike.signatures(signal, array)
    assert signed is not None
    numbers = {signal: alike.from_text(alike.to_text(signed))}
    told = listed(signal, len(array)) if table is None else table
    return alike.alike(told, digests, numbers, lambda _, rows: array[rows])


@pytest.mark.parametrize(
    ("signal", "make", "change"),
    [
        ("ecg", waves, one_bit),
        ("ecg", waves, shifted),
        ("ecg", waves, resampled),
        ("xray", films, one_bit),
        ("xray", films, blurred),
    ],
)
def test_changed_copies_under_other_patients_are_found(signal, make, change):
    originals = make()
    told = found(signal, np.concatenate([originals, change(originals)]))
    assert (told["pairs"], told["across_splits"]) == (PATIENTS, PATIENTS)
    first = next(pair for pair in told["listed"] if "r3" in pair["records"])
    assert first["signal"] == signal
    assert first["records"] == ["r3", f"r{PATIENTS + 3}"]
    assert first["patients"] == ["p3", f"p{PATIENTS + 3}"]
    assert first["splits"] == ["train", "test"]
    assert alike.ALIKE <= first["similarity"] <= 1


@pytest.mark.parametrize(("signal", "make"), [("ecg", waves), ("xray", films)])
def test_signals_of_different_patients_raise_no_alarm(signal, make):
    several = np.concatenate([make(seed) for seed in range(4)])
    assert found(signal, several) == {"pairs": 0, "across_splits": 0, "listed": []}


def test_signals_that_show_too_little_raise_no_alarm():
    random = np.random.default_rng(0)
    flat = random.integers(-3, 4, (PATIENTS, 12, 1000)).astype(np.int16)
    one_lead = flat.copy()
    one_lead[:, 4] = np.rint(300 * np.sin(np.arange(1000) / 5))
    grey = random.integers(100, 103, (PATIENTS, 64, 64)).astype(np.uint8)
    for signal, array in (("ecg", flat), ("ecg", one_lead), ("xray", grey)):
        assert found(signal, array)["pairs"] == 0


def test_copies_of_one_patient_raise_no_alarm():
    originals = waves()
    table = listed("ecg", 2 * PATIENTS)
    same = pl.int_range(2 * PATIENTS) % PATIENTS
    table = table.with_columns(patient=pl.format("p{}", same))
    for change in (one_bit, np.copy):
        told = found("ecg", np.concatenate([originals, change(originals)]), table)
        assert told["pairs"] == 0


def test_the_owner_of_a_picture_counts_and_not_the_patient_of_the_row():
    """In a matched cohort one X-ray stands beside the ECGs of several patients."""
    shown = np.concatenate([films(), films()])
    owners = pl.format("q{}", pl.int_range(2 * PATIENTS) % PATIENTS)
    table = listed("xray", 2 * PATIENTS).with_columns(xray_patient=owners)
    assert found("xray", shown, table)["pairs"] == 0


def test_exact_copies_in_one_split_are_listed_however_many():
    copies = np.repeat(waves()[:1], 500, axis=0)
    table = listed("ecg", 500).with_columns(split=pl.lit("train"))
    told = found("ecg", copies, table)
    assert (told["pairs"], told["across_splits"]) == (499, 0)
    assert len(told["listed"]) == alike.LISTED
    assert {pair["similarity"] for pair in told["listed"]} == {1.0}
    (said,) = alike.in_words(told)
    assert said.endswith("of different patients: 499 pairs. audit.json lists them.")


def test_pairs_across_splits_come_first():
    originals = waves()[:2]
    array = np.concatenate([originals, one_bit(originals)])
    table = listed("ecg", 4).with_columns(split=pl.Series(["train", "train", "train", "test"]))
    told = found("ecg", array, table)
    assert [pair["splits"] for pair in told["listed"]] == [["train", "test"], ["train", "train"]]


def test_a_built_cohort_warns_of_near_copies_and_keeps_them(tmp_path):
    random = np.random.default_rng(0)
    ecgs = random.integers(-500, 500, (18, 12, 10)).astype(np.int16)
    ecgs[9] = one_bit(ecgs[4:5])[0]  # row 4 is in the test split, row 9 in training

    def made(number):
        block = tiny_block(number)
        return Block(block.table, {**block.signals, "ecg": ecgs[6 * number : 6 * number + 6]})

    cohort = build_tiny(tmp_path / "c", made)
    assert cohort.table.height == 18
    (note,) = cohort.info.notes
    assert note.startswith("Nearly equal signals of different patients: 1 pair, 1 of them in two s")
    told = json.loads((tmp_path / "c" / "audit.json").read_text())["alike"]
    assert told["listed"][0]["records"] == ["rp4", "rp9"]
    assert told["listed"][0]["splits"] == ["test", "train"]
