"""No run is measured on people whom it learned from."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from small_recipes import phases_of, run_of, small

from crossbeat.data.cohort import Cohort
from crossbeat.data.people import in_common, people
from crossbeat.errors import CheckpointError, ConfigError, DataError
from crossbeat.recipes import RECIPES
from crossbeat.recipes.aligned import localised, searched
from crossbeat.recipes.learned import LEARNED, Learned
from crossbeat.recipes.run import embeddings, predictions
from crossbeat.study.said import Encoded


@pytest.fixture(scope="module")
def direct(trained):
    return trained("direct")


def exchanged(cohort: Cohort, name: str = "exchanged") -> Cohort:
    """The cohort with training and test exchanged."""
    other = pl.col("split").replace({"train": "test", "test": "train"})
    return replace(
        cohort, info=replace(cohort.info, name=name), table=cohort.table.with_columns(split=other)
    )


@pytest.mark.parametrize("name", RECIPES)
def test_whoever_a_phase_sees_is_kept(name, cohort_of):
    cohort = cohort_of(name)
    kept = Learned.of(cohort).digests
    _, phases = phases_of(small(name), cohort)
    for phase in phases.values():
        for source in (phase.train, phase.val):
            seen = people(source.cohort, source.rows)
            assert in_common(seen, kept).height == seen.height > 0


def test_the_patients_of_the_test_split_are_not_kept(tiny):
    test = people(tiny, tiny.rows("test"))
    assert in_common(test, Learned.of(tiny).digests).height == 0


def test_patients_of_the_training_are_refused_as_test_patients(direct, tiny):
    other = exchanged(tiny)
    message = (
        r"direct must not be measured on patients that it learned from, got 72 of 72 test "
        r"patients of cohort 'exchanged' who are in its training cohort 'tiny', "
        r"such as p\d+ and p\d+; .*--other_patients"
    )
    for measure in (predictions, Encoded.by):
        with pytest.raises(DataError, match=message):
            measure(direct, tiny, test=other)
    val = pl.col("split").replace({"val": "test", "test": "val"})
    with pytest.raises(DataError, match="got 24 of 24 test patients"):
        predictions(direct, tiny.with_table(tiny.table.with_columns(split=val)))
    said = replace(direct, learned=replace(direct.learned, other_patients=True))
    assert len(predictions(said, tiny, test=other).test.patients) == 72


def test_owners_of_pictures_are_refused(tiny, tmp_path):
    info = replace(tiny.info, kind="matched")
    owners = pl.col("patient").str.replace("p", "q")
    matched = replace(tiny, info=info, table=tiny.table.with_columns(xray_patient=owners))
    run = run_of(small("teacher"), matched, tmp_path / "run", name="teacher")
    theirs = tiny.table.with_columns(patient=owners, xray_patient=owners)
    with pytest.raises(DataError, match="such as q"):
        predictions(run, matched, test=exchanged(tiny.with_table(theirs)))


def test_what_was_aligned_is_not_measured_on_them_either(tiny_hearts, trained):
    run = trained("ptacl")
    for measure in (predictions, searched, localised):
        with pytest.raises(
            DataError, match=r"training cohort .*, such as h2-.*; evaluate on other pat"
        ):
            measure(run, exchanged(tiny_hearts))
        assert measure(run, tiny_hearts)


def test_ecgs_of_another_form_are_refused(direct, tiny):
    other = replace(tiny, info=replace(tiny.info, fs=50.0, seconds=4.0))
    message = "must have fs 100.0, seconds 2.0 as in the training of .*, got fs 50.0, seconds 4.0"
    with pytest.raises(ConfigError, match=message):
        predictions(direct, tiny, test=other)
    with pytest.raises(ConfigError, match=message):
        embeddings(direct, other, other.rows("test"))


def test_a_damaged_list_is_refused(tmp_path):
    for text in (b"", b"PAR1", b"not a table"):
        (tmp_path / LEARNED).write_bytes(text)
        with pytest.raises(
            CheckpointError, match=r"must be a Parquet file, got.*; copy the run ag"
        ):
            Learned.read(tmp_path)
    pl.DataFrame({"patient": ["p1"]}).write_parquet(tmp_path / LEARNED)
    with pytest.raises(CheckpointError, match="must have the columns source, digest, got patient"):
        Learned.read(tmp_path)


def test_many_patients_are_kept_in_a_small_file_and_found(tiny, tmp_path):
    number = 20_000
    ids = pl.format("mimic-{}", pl.int_range(number)).alias("patient")
    many = pl.DataFrame(np.resize(np.arange(72), number), schema=["row"])
    table = tiny.table[many["row"]].with_columns(ids, xray_patient=ids, split=pl.lit("train"))
    cohort = tiny.with_table(table)
    learned = Learned.of(cohort)
    learned.write(tmp_path)
    test = table.tail(100).with_columns(split=pl.lit("test"))
    with pytest.raises(DataError, match="got 100 of 100"):
        Learned.read(tmp_path).require_unseen(
            tiny.with_table(test), np.arange(100), run="run", trained_on="tiny"
        )
    assert (tmp_path / LEARNED).stat().st_size < 12 * number
