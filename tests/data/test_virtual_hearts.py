"""Cohorts of ECGs with cines and measures of the heart."""

import json
from dataclasses import replace
from hashlib import sha256

import numpy as np
import polars as pl
import pytest
import torch
from published_trees import build, coarse_digest

from crossbeat import simulate
from crossbeat.data.sources.matched import shuffled
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.data.summary import summary
from crossbeat.data.table import value_column
from crossbeat.errors import ConfigError, DataError
from crossbeat.training import Source
from crossbeat.training.fingerprint import fingerprint

BLOCK = 40
SMALL = VirtualHearts(num_patients=50, seed=4, frames=6, cine_size=16, val=0.2, test=0.3)
FEW = replace(SMALL, num_patients=20)


@pytest.fixture(scope="module", autouse=True)
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crossbeat.simulate.streams.BLOCK", BLOCK)
        yield


@pytest.fixture(scope="module")
def hearts(tmp_path_factory):
    return build(SMALL, tmp_path_factory.mktemp("hearts") / "cohort")


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return build(FEW, tmp_path_factory.mktemp("hearts") / "few")


def test_ecg_cine_and_measures_are_those_of_the_simulator(hearts):
    rows = np.array([3, 44, 49])
    patients = simulate.draw_patients(50, 4)
    second = simulate.cine_block(patients.rows(slice(BLOCK, 50)), 1, 4, frames=6, size=16)[:, 0]
    np.testing.assert_array_equal(hearts.images("cine", rows[1:]).numpy(), second[[4, 9]])
    told = simulate.phenotypes(patients, 4)
    got = hearts.measurements(rows, ["LVEF", "RVEDV"]).numpy()
    np.testing.assert_array_equal(got, np.stack([told["LVEF"], told["RVEDV"]], axis=1)[rows])
    assert hearts.ecgs(rows).values.shape == (3, 12, 1000)
    assert (hearts.info.frames, hearts.info.cine_size, hearts.info.findings) == (6, 16, ())


def test_patients_do_not_depend_on_their_number(hearts, few):
    rows = np.arange(20)
    assert torch.equal(few.images("cine", rows), hearts.images("cine", rows))


def test_the_default_settings_make_the_cohort_that_they_always_made(few):
    """Recorded at commit 0904934; its ECGs again when their ends were filtered otherwise."""
    settings = json.dumps(few.info.settings, sort_keys=True)
    assert coarse_digest(few, "cine", settings) == "16f95aa54c89b123"


def textures(path, *, around):
    """A file of one stack whose surroundings have one signal."""
    left = np.hypot(*np.mgrid[-20:20, -20:20])[..., None] < 8
    np.savez(path, a=np.where(left, 100, around), a_lv=left)
    return path


def test_textures_show_and_are_known_by_what_they_hold(few, tmp_path):
    path = textures(tmp_path / "stacks.npz", around=90)
    given = replace(FEW, textures=path)
    cohort = build(given, tmp_path / "first")
    rows = np.arange(20)
    changed = cohort.images("cine", rows) != few.images("cine", rows)
    assert changed[:, :, :2, 8:14].float().mean() > 0.9
    np.testing.assert_array_equal(cohort.ecgs(rows).values, few.ecgs(rows).values)
    assert cohort.info.settings["textures"] == sha256(path.read_bytes()).hexdigest()
    moved = replace(FEW, textures=textures(tmp_path / "moved.npz", around=90))
    assert build(moved, tmp_path / "second").fingerprint() == cohort.fingerprint()
    assert fingerprint(moved) == fingerprint(given) != fingerprint(FEW)
    textures(path, around=30)
    assert fingerprint(moved) != fingerprint(given)
    assert build(given, tmp_path / "third").fingerprint() != cohort.fingerprint()


def test_textures_that_are_not_there_are_an_error(tmp_path):
    absent = replace(SMALL, textures=tmp_path / "none.npz")
    for read in (lambda: build(absent, tmp_path / "cohort"), lambda: fingerprint(absent)):
        with pytest.raises(DataError, match=r"none\.npz must be a file of textures, but: No such"):
            read()


def test_fewer_measured_patients_are_among_those_of_more(hearts, tmp_path):
    known, training = [], len(hearts.rows("train"))
    for share in (0.2, 0.6):
        cohort = build(replace(SMALL, measured=share), tmp_path / str(share))
        there = pl.col(value_column("LVM")).is_not_null()
        known.append(set(cohort.table.filter(there, split="train")["patient"]))
        assert len(known[-1]) == share * training
        told = f"{100 * share:.0f} % of the training patients have cardiac measurements"
        assert told in " ".join(cohort.info.notes)
        for split in ("val", "test"):
            assert cohort.measurements(cohort.rows(split), ["LVM"]).isfinite().all()
    assert known[0] < known[1]


def test_the_audit_knows_the_phases_with_cines(hearts):
    told = (hearts.folder / "audit.json").read_text()
    assert '"ecg and cine"' in told
    assert '"cine": 0' in told  # repeated signals


def test_shuffled_cines_are_those_of_others_and_of_the_same_split(hearts):
    moved = shuffled(hearts, 1, "cine")
    assert moved.info.kind == "shuffled"
    table = moved.table.join(
        hearts.table.select("patient", "split"), left_on="cine_patient", right_on="patient"
    )
    assert (table["split"] == table["split_right"]).all()
    assert (table["patient"] != table["cine_patient"]).all()
    row = np.array([5])
    owner = hearts.table["patient"].to_list().index(moved.table["cine_patient"][5])
    np.testing.assert_array_equal(
        moved.images("cine", row).numpy(), hearts.images("cine", np.array([owner])).numpy()
    )


def test_a_cine_of_somebody_else_in_a_paired_cohort_is_refused(hearts):
    wrong = hearts.table.with_columns(pl.col("cine_patient").reverse().over("split"))
    with pytest.raises(DataError, match="both signals of a paired cohort must be of one patient"):
        hearts.with_table(wrong)


def test_a_cine_without_an_owner_is_refused(hearts):
    with pytest.raises(DataError, match="must have column 'cine_patient', got none"):
        hearts.with_table(hearts.table.drop("cine_patient"))


def test_a_cine_of_somebody_in_another_split_is_refused(hearts):
    other = replace(hearts, info=replace(hearts.info, kind="matched"))
    test = hearts.table.filter(split="test")["patient"][0]
    wrong = hearts.table.with_columns(
        cine_patient=pl.when(split="train").then(pl.lit(test)).otherwise("cine_patient")
    )
    with pytest.raises(DataError, match=f"must be in one split, got patient {test} in test and tr"):
        other.with_table(wrong)


@pytest.fixture(scope="module")
def both_axes(tmp_path_factory):
    settings = replace(FEW, long_axis=True)
    return build(settings, tmp_path_factory.mktemp("axes") / "cohort")


def test_the_long_axis_is_stored_beside_the_short_one(both_axes, hearts):
    rows = np.array([3, 19])
    patients = simulate.draw_patients(20, 4)
    long = simulate.cine_block(patients, 0, 4, frames=6, size=16, view="long")[:, 0]
    np.testing.assert_array_equal(both_axes.images("cine_long", rows).numpy(), long[rows])
    np.testing.assert_array_equal(
        both_axes.images("cine", rows).numpy(), hearts.images("cine", rows).numpy()
    )
    assert len(both_axes.rows("test", has=("ecg", "cine", "cine_long"))) == 6
    assert len(hearts.rows("test", has=("ecg", "cine_long"))) == 0
    counts = summary(both_axes)["splits"]["all"]
    assert (counts["cine"], counts["cine_long"]) == (20, 20)


def test_both_cines_of_a_patient_are_shuffled_together(both_axes):
    table = shuffled(both_axes, 1, "cine").table
    assert (table["cine_patient"] != table["patient"]).all()
    assert table["cine_patient"].to_list() == table["cine_long_patient"].to_list()
    assert table["cine"].to_list() == table["cine_long"].to_list()


def test_a_batch_carries_the_axes_that_are_read(both_axes):
    rows = both_axes.rows("train")
    source = Source(
        cohort=both_axes, rows=rows, reads=("cine_long",), targets=torch.zeros(len(rows), 0)
    )
    batch = source.batch(np.arange(2)).to(torch.device("cpu"))
    assert set(batch.inputs) == {"cine_long"}
    assert torch.equal(batch.inputs["cine_long"], both_axes.images("cine_long", rows[:2]))
    moved = replace(source, rows=rows[::-1].copy())
    assert moved.fingerprint() != source.fingerprint()


def test_a_cohort_without_long_axes_is_the_one_that_it_was_before_there_were_any():
    known = "e20b555bbdd0b38f56863cc2dc1f0254f135200671ec8cd9fa099e057dc77571"
    assert fingerprint(VirtualHearts()) == known
    assert fingerprint(VirtualHearts(long_axis=True)) != known


def test_a_measure_that_there_is_not_is_named(hearts):
    with pytest.raises(ConfigError, match=r"measurement must be one of LVEDV, .* got LVXX; choose"):
        hearts.measurements(np.array([0]), ["LVEF", "LVXX"])
