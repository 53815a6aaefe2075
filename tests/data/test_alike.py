"""Nearly equal signals of different patients are found, and others are not."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial

import numpy as np
import polars as pl
import pytest
from scipy.ndimage import gaussian_filter
from scipy.signal import resample_poly
from tiny_cohorts import build_tiny, tiny_block

from crossbeat.data import alike
from crossbeat.data.build import Block, build_cohort
from crossbeat.data.info import CohortInfo
from crossbeat.errors import DataError
from crossbeat.modalities import MODALITIES
from crossbeat.simulate import cine_block, draw_patients, ecg_block, xray_block

PATIENTS = 60


def waves(seed=0):
    """ECGs of virtual patients at 100 Hz, in microvolt."""
    made = ecg_block(draw_patients(PATIENTS, seed), 0, seed)
    return np.rint(made[..., ::5] * 1000).clip(-32_000, 32_000).astype(np.int16)


def films(seed=0):
    return xray_block(draw_patients(PATIENTS, seed), 0, seed, 64)


@cache
def cines(seed=0, view="short"):
    return cine_block(draw_patients(PATIENTS, seed), 0, seed, frames=5, size=64, view=view)[:, 0]


long_cines = partial(cines, view="long")


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


def noisy(cines):
    noise = np.random.default_rng(0).normal(0, 2, cines.shape)
    return np.rint(cines + noise).clip(0, 255).astype(np.uint8)


def brighter(cines):
    return np.minimum(cines, 254) + np.uint8(1)


def a_pixel_aside(cines):
    return np.concatenate([cines[..., :1], cines[..., :-1]], axis=-1)


def a_frame_late(cines):
    return np.roll(cines, 1, axis=1)


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
    numbers = {signal: alike.from_text(alike.to_text(signed), len(array))}
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
        *(
            (signal, make, change)
            for signal, make in (("cine", cines), ("cine_long", long_cines))
            for change in (one_bit, noisy, brighter, a_pixel_aside, a_frame_late)
        ),
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


@pytest.mark.parametrize(
    ("signal", "make", "seeds"),
    [("ecg", waves, 4), ("xray", films, 4), ("cine", cines, 2), ("cine_long", long_cines, 2)],
)
def test_signals_of_different_patients_raise_no_alarm(signal, make, seeds):
    several = np.concatenate([make(seed) for seed in range(seeds)])
    assert found(signal, several) == {"pairs": 0, "across_splits": 0, "listed": []}


def test_signals_that_show_too_little_raise_no_alarm():
    random = np.random.default_rng(0)
    flat = random.integers(-3, 4, (PATIENTS, 12, 1000)).astype(np.int16)
    one_lead = flat.copy()
    one_lead[:, 4] = np.rint(300 * np.sin(np.arange(1000) / 5))
    grey = random.integers(100, 103, (PATIENTS, 64, 64)).astype(np.uint8)
    still = np.repeat(cines()[:1, :1], 9, axis=0).repeat(5, axis=1)
    still[:, :, 0, 0] = np.arange(9)[:, None]
    empty = random.integers(100, 103, (PATIENTS, 5, 64, 64)).astype(np.uint8)
    for signal, array in (
        *(("ecg", flat), ("ecg", one_lead), ("xray", grey)),
        *(("cine", empty), ("cine", still)),
    ):
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


def test_a_build_from_before_cines_were_compared_goes_on_and_compares_them(tmp_path):
    originals = cines()[:5]
    shown = np.concatenate([originals, noisy(originals[:2])])
    info = CohortInfo(name="c", kind="single", findings=(), frames=5, cine_size=64)

    def made(rows, *, fails=False):
        if fails:
            raise DataError("no more")
        number = rows.stop - rows.start
        names = [f"p{row}" for row in range(7)[rows]]
        table = listed("cine", number).with_columns(split=pl.lit("train"))
        table = table.with_columns(patient=pl.Series(names), cine_patient=pl.Series(names))
        return Block(table.with_columns(record="patient"), {"cine": shown[rows]})

    halves = [partial(made, slice(0, 5)), partial(made, slice(5, 7))]
    with ThreadPoolExecutor(1) as here:
        with pytest.raises(DataError, match="no more"):
            build_cohort(
                tmp_path / "c", info, [halves[0], partial(halves[1], fails=True)], executor=here
            )
        path = tmp_path / "c.partial" / "receipt-00000.json"
        receipt = json.loads(path.read_text())
        path.write_text(json.dumps(receipt | {"signatures": {}}))
        build_cohort(tmp_path / "c", info, halves, executor=here)
    told = json.loads((tmp_path / "c" / "audit.json").read_text())["alike"]
    assert sorted(pair["records"] for pair in told["listed"]) == [["p0", "p5"], ["p1", "p6"]]


def test_a_modality_without_a_likeness_is_not_compared(monkeypatch):
    monkeypatch.setitem(MODALITIES, "xray", replace(MODALITIES["xray"], likeness=None))
    assert alike.signatures("xray", films()) is None
