import errno
import math
import os
import re
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Event
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from tiny_cohorts import BLOCKS, PER_BLOCK, build_tiny, tiny_block, tiny_info

from crossbeat.data import shards
from crossbeat.data.build import Block, build_cohort
from crossbeat.data.cohort import Cohort
from crossbeat.data.sources.virtual import Virtual
from crossbeat.data.sources.virtual_hearts import VirtualHearts
from crossbeat.errors import DataError
from crossbeat.modalities import MODALITIES, extra_form


def contents(folder):
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert found
    return found


def failing_at(number):
    def block(i):
        if i == number:
            raise KeyboardInterrupt
        return tiny_block(i)

    return block


def counting(made):
    def block(i):
        made.append(i)
        return tiny_block(i)

    return block


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The files of a build that nobody interrupted."""
    return contents(build_tiny(tmp_path_factory.mktemp("whole") / "a").folder)


def test_a_build_leaves_only_the_files_of_the_cohort(tmp_path):
    cohort = build_tiny(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert set(contents(tmp_path / "a")) == {*cohort.info.files, "cohort.json"}


def test_a_killed_build_leaves_no_folder_and_goes_on_to_the_same_bytes(tmp_path, whole):
    made: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        build_tiny(tmp_path / "killed", failing_at(1))
    assert not (tmp_path / "killed").exists()
    assert (tmp_path / "killed.partial" / "block-00000-ecg.npy").exists()
    build_tiny(tmp_path / "killed", counting(made))
    assert made[0] == 1
    assert 0 not in made
    assert contents(tmp_path / "killed") == whole


def test_a_finished_block_that_was_damaged_is_made_again(tmp_path, whole):
    with pytest.raises(KeyboardInterrupt):
        build_tiny(tmp_path / "hurt", failing_at(1))
    file = tmp_path / "hurt.partial" / "block-00000-ecg.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    build_tiny(tmp_path / "hurt")
    assert contents(tmp_path / "hurt") == whole


class Killed(BaseException):
    """The process ends: from here on it changes no file."""


def killed_at(count, monkeypatch):
    """The process is killed before it renames or removes a file for the so many-th time."""
    left = [count]

    def mortal(change):
        def changed(*arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return change(*arguments, **options)

        return changed

    monkeypatch.setattr(Path, "replace", mortal(Path.replace))
    monkeypatch.setattr(Path, "unlink", mortal(Path.unlink))


@pytest.mark.slow
def test_a_build_may_be_killed_at_any_moment(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)
    small = partial(build_tiny, blocks=2)
    whole = contents(small(tmp_path / "whole").folder)
    for count in range(200):
        folder = tmp_path / f"killed-{count}" / "a"
        with monkeypatch.context() as patch:
            killed_at(count, patch)
            try:
                small(folder)
            except Killed:
                pass
            else:
                break
        made: list[int] = []
        draft = folder.with_name("a.partial")
        kept = {i for i in range(2) if (draft / f"receipt-{i:05d}.json").exists()}
        if not folder.exists():
            small(folder, counting(made))
            assert not kept.intersection(made)
        assert contents(folder) == whole
    assert 25 < count < 199


def joined(folder, monkeypatch):
    """The draft of a build that was interrupted after all blocks were joined."""
    with monkeypatch.context() as patch:
        patch.setattr("crossbeat.data.build._finish", lambda *_: failing_at(0)(0))
        with pytest.raises(KeyboardInterrupt):
            build_tiny(folder)
    return folder.with_name(f"{folder.name}.partial")


def test_blocks_in_finished_shards_take_no_room(tmp_path, monkeypatch):
    draft = joined(tmp_path / "a", monkeypatch)
    shards = {path.name for path in draft.glob("*.npy")}
    assert shards == {*(f"ecg-0000{number}.npy" for number in range(3)), "xray-00000.npy"}


@pytest.mark.parametrize(("name", "again"), [("ecg-00001", [1]), ("xray-00000", [0, 1, 2])])
def test_the_blocks_of_a_damaged_shard_are_made_again(tmp_path, monkeypatch, whole, name, again):
    draft = joined(tmp_path / "a", monkeypatch)
    shard = draft / f"{name}.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x7f")
    made: list[int] = []
    build_tiny(tmp_path / "a", counting(made))
    assert made == again
    assert contents(tmp_path / "a") == whole


@pytest.mark.parametrize("rows", [1, 4, 5, 6, 7, 13, 18, 100])
def test_shards_have_one_size_whatever_the_size_of_the_blocks(tmp_path, rows):
    cohort = build_tiny(tmp_path / "a", shard=rows)
    counts = [told.rows for name, told in cohort.info.files.items() if name.startswith("ecg-")]
    total = BLOCKS * PER_BLOCK
    assert len(counts) == math.ceil(total / rows)
    assert max(counts) <= rows
    assert set(counts[:-1]) <= {max(counts)}
    assert sum(counts) == total
    values = np.concatenate([tiny_block(i).signals["ecg"] for i in range(BLOCKS)])
    found = cohort.ecgs(np.arange(total)).values * cohort.info.ecg_gain
    np.testing.assert_allclose(found, values, atol=1e-3)


def test_a_build_of_more_shards_than_open_files_are_allowed(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    number = 50

    def block(i):
        names = [f"p{i}"]
        table = {"patient": names, "record": names, "split": ["train"], "ecg": [0]}
        labels = {"label:edema": [1], "label:cardiomegaly": [0]}
        signal = np.full((1, 12, 10), i, dtype=np.int16)
        return Block(pl.DataFrame(table | labels), {"ecg": signal})

    monkeypatch.setattr(shards, "SHARD", 1)
    monkeypatch.setattr("os.fsync", lambda _: None)
    blocks = [partial(block, i) for i in range(number)]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 30, before[1]))
    try:
        with ThreadPoolExecutor(1) as executor:
            build_cohort(tmp_path / "a", tiny_info(), blocks, executor=executor)
        cohort = Cohort.open(tmp_path / "a")
        found = cohort.ecgs(np.arange(number)).values[:, 0, 0] * cohort.info.ecg_gain
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len(list((tmp_path / "a").glob("ecg-*.npy"))) == number
    np.testing.assert_allclose(found, np.arange(number), atol=1e-2)


def test_who_builds_what_another_process_is_building_waits_and_opens_it(tmp_path):
    begun, go_on = Event(), Event()

    def slow(i):
        begun.set()
        assert go_on.wait(60)
        return tiny_block(i)

    def build(seed, block):  # a patch is not for threads
        blocks = [partial(block, i) for i in range(BLOCKS)]
        with ThreadPoolExecutor(1) as here:
            return build_cohort(tmp_path / "a", tiny_info(seed), blocks, executor=here)

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(build, 0, slow)
        assert begun.wait(60)
        same, other = threads.submit(build, 0, failing_at(0)), threads.submit(build, 1, tiny_block)
        done, _ = wait([same, other], timeout=0.5)
        assert not done
        go_on.set()
        assert same.result().info == first.result().info
        with pytest.raises(DataError, match="another process built a cohort with other settings"):
            other.result()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert set(contents(tmp_path / "a")) == {*first.result().info.files, "cohort.json"}


def test_signals_of_another_shape_than_the_info_says_are_refused(tmp_path):
    def wrong(i):
        block = tiny_block(i)
        return Block(
            block.table, {**block.signals, "ecg": block.signals["ecg"][:, : 8 if i == 1 else None]}
        )

    with pytest.raises(
        DataError, match=r"signals 'ecg' of cohort tiny .*\(12, 10\).*got \(8, 10\)"
    ):
        build_tiny(tmp_path / "a", wrong)


def test_columns_count_the_samples_of_their_block_and_floats_are_finite(tmp_path):
    block = tiny_block(0)
    few = replace(block, signals=block.signals | {"ecg": block.signals["ecg"][:1]})
    with pytest.raises(DataError, match=r"column 'ecg' of .* must count from 0 the 1 stored samp"):
        build_cohort(tmp_path / "few", tiny_info(0), [lambda: few])
    form = {"report": ("float32", (2,))}
    with_reports = {"report": replace(MODALITIES["xray"], stored=extra_form("report"))}
    with patch.dict(MODALITIES, with_reports):
        unknown = replace(block, signals={"report": np.full((1, 2), np.nan, np.float32)})
        with pytest.raises(DataError, match=r"signals 'report' of .* must be finite, got NaN"):
            build_cohort(tmp_path / "nan", replace(tiny_info(0), forms=form), [lambda: unknown])
        with pytest.raises(DataError, match=r"form of report in .* must be a type and shape of Nu"):
            replace(tiny_info(0), forms={"report": ("floot32", (2,))}).row("report")


def test_drafts_of_killed_writers_are_removed(tmp_path, monkeypatch):
    removed = []
    monkeypatch.setattr("crossbeat.data.build.remove_drafts", removed.append)
    build_tiny(tmp_path / "a")
    assert removed == [tmp_path / "a.partial"]


def test_an_unfinished_build_with_other_settings_is_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        build_tiny(tmp_path / "a", failing_at(2))
    with pytest.raises(DataError, match=r"unfinished build of the same cohort.*plan\.json"):
        build_tiny(tmp_path / "a", seed=1)


def test_files_of_others_in_the_place_of_an_unfinished_build_stay(tmp_path):
    theirs = tmp_path / "a.partial" / "notes.txt"
    theirs.parent.mkdir()
    theirs.write_text("mine")
    with pytest.raises(DataError, match=r"a\.partial must be free .* got a folder of other files"):
        build_tiny(tmp_path / "a")
    assert theirs.read_text() == "mine"
    theirs.unlink()
    (theirs.parent / ".plan.json.host-1.00.part").write_text("{")  # what a killed build leaves
    build_tiny(tmp_path / "a")


def test_an_existing_folder_is_not_overwritten(tmp_path):
    build_tiny(tmp_path / "a")
    with pytest.raises(DataError, match="must not exist yet"):
        build_tiny(tmp_path / "a")


FULL = (errno.ENOSPC, "must have room for {}, got: No space")
CLOSED = (errno.EROFS, "{} must be a place")


@pytest.mark.parametrize(
    ("name", "error", "kept"),
    [
        ("block-00001-ecg.npy", FULL, {"receipt-00000.json"}),
        ("rows-00001.parquet", CLOSED, {"receipt-00000.json"}),
        ("ecg-00001.npy", CLOSED, {"receipt-00002.json", "receipt-ecg-00000.json"}),
        ("table.parquet", FULL, {"receipt-xray-00000.json"}),
    ],
)
def test_a_full_or_closed_disk_is_named_and_leaves_nothing_half_written(
    tmp_path, monkeypatch, whole, name, error, kept
):
    number, message = error
    fsync = os.fsync

    def full(file):
        if f".{name}." in os.readlink(f"/proc/self/fd/{file}"):
            raise OSError(number, os.strerror(number))
        fsync(file)

    monkeypatch.setattr("os.fsync", full)
    place = re.escape(str(tmp_path / "a.partial" / name))
    with pytest.raises(DataError, match=message.format(place)):
        build_tiny(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    left = {path.name for path in (tmp_path / "a.partial").iterdir()}
    assert not {each for each in left if each.endswith(".part") or each == name}
    assert kept <= left
    monkeypatch.undo()
    build_tiny(tmp_path / "a")
    assert contents(tmp_path / "a") == whole
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_arrays_are_written_as_numpy_does(tmp_path):
    array = np.arange(24, dtype=np.int16).reshape(4, 3, 2)[:, ::-1]
    shards.write_array(tmp_path / "ours.npy", array)
    np.save(tmp_path / "numpy.npy", np.ascontiguousarray(array))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


def test_a_cohort_that_the_disk_cannot_hold_is_refused_before_it_is_made(tmp_path):
    for settings in (Virtual(outside=10**9), VirtualHearts(num_patients=10**9)):
        with pytest.raises(
            DataError, match=r"room for the [\d,]+ MB of .*a, got .* fewer patients"
        ):
            settings.build(tmp_path / "new" / "a")
    assert not list(tmp_path.iterdir())


def test_a_leak_over_blocks_is_found_before_the_folder_gets_its_name(tmp_path):
    def leaking(i):
        block = tiny_block(i)
        same = pl.lit("p0").alias("patient"), pl.lit("p0").alias("xray_patient")
        return Block(block.table.with_columns(same), block.signals)

    with pytest.raises(DataError, match=r"patient p0 in test and train"):
        build_tiny(tmp_path / "a", leaking)
    assert not (tmp_path / "a").exists()


def test_progress_counts_to_the_number_of_blocks(tmp_path):
    seen = []
    build_tiny(tmp_path / "a", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, BLOCKS) for i in range(BLOCKS + 1)]


def killed(_):
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.slow
def test_processes_write_the_bytes_of_a_thread_and_one_that_is_killed_is_told_of(tmp_path, whole):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        build_tiny(tmp_path / "two", executor=executor)
        with pytest.raises(DataError, match=r"one that was killed.*finished work is kept"):
            build_cohort(tmp_path / "a", tiny_info(), [partial(killed, 0)], executor=executor)
    assert contents(tmp_path / "two") == whole


@pytest.mark.parametrize("owner", [False, True])
def test_a_table_with_two_spellings_of_an_id_is_refused(owner, tmp_path):
    def spelt(number):
        block = tiny_block(number)
        last = pl.int_range(pl.len()) == pl.len() - 1
        ids = pl.when(last & (number == 1)).then(pl.lit(" P0")).otherwise("patient")
        columns = {"xray_patient": ids} if owner else {"patient": ids, "xray_patient": ids}
        return replace(block, table=block.table.with_columns(**columns))

    with pytest.raises(
        DataError, match=r"must spell the id .* in several: ' P0' and 'p0'; correct"
    ):
        build_tiny(tmp_path / "c", spelt)
