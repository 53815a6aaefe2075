import errno
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tiny_cohorts import BLOCKS, build_tiny, tiny_block, tiny_info

from crossbeat.data.build import Block, build_cohort
from crossbeat.errors import DataError


def contents(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert found
    return found


def failing_at(number: int) -> Callable[[int], Block]:
    def block(i: int) -> Block:
        if i == number:
            raise KeyboardInterrupt
        return tiny_block(i)

    return block


def test_a_build_leaves_only_the_files_of_the_cohort(tmp_path: Path) -> None:
    cohort = build_tiny(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert set(contents(tmp_path / "a")) == {*cohort.info.files, "cohort.json"}


def test_a_killed_build_leaves_no_folder_and_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    build_tiny(tmp_path / "whole")
    made = []

    def counted(i: int) -> Block:
        made.append(i)
        return tiny_block(i)

    with pytest.raises(KeyboardInterrupt):
        build_tiny(tmp_path / "killed", failing_at(1))
    assert not (tmp_path / "killed").exists()
    assert (tmp_path / "killed.partial" / "ecg-00000.npy").exists()
    build_tiny(tmp_path / "killed", counted)
    assert made[0] == 1
    assert 0 not in made
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_finished_shard_that_was_damaged_is_made_again(tmp_path: Path) -> None:
    build_tiny(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        build_tiny(tmp_path / "hurt", failing_at(1))
    shard = tmp_path / "hurt.partial" / "ecg-00000.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x7f")
    build_tiny(tmp_path / "hurt")
    assert contents(tmp_path / "hurt") == contents(tmp_path / "whole")


def test_an_unfinished_build_with_other_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_tiny(tmp_path / "a", failing_at(2))
    blocks = [partial(tiny_block, i) for i in range(BLOCKS)]
    with pytest.raises(DataError, match=r"unfinished build of the same cohort.*plan\.json"):
        build_cohort(tmp_path / "a", tiny_info(seed=1), blocks)


def test_an_existing_folder_is_not_overwritten(tmp_path: Path) -> None:
    build_tiny(tmp_path / "a")
    with pytest.raises(DataError, match="must not exist yet"):
        build_tiny(tmp_path / "a")


def test_a_full_disk_is_named_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_tiny(tmp_path / "whole")
    save = np.save

    def full(file: object, arr: np.ndarray) -> None:
        if arr.max() > 10:
            file.write(b"half a shard")  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, "No space left on device")
        save(file, arr)  # type: ignore[arg-type]

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(DataError, match=r"room for .*a\.partial.ecg-00001\.npy.*free some space"):
        build_tiny(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    left = {path.name for path in (tmp_path / "a.partial").iterdir()}
    assert not {name for name in left if name.endswith(".part") or "00001" in name}
    monkeypatch.undo()
    build_tiny(tmp_path / "a")
    assert contents(tmp_path / "a") == contents(tmp_path / "whole")


def test_a_leak_over_blocks_is_found_before_the_folder_gets_its_name(tmp_path: Path) -> None:
    def leaking(i: int) -> Block:
        block = tiny_block(i)
        same = pl.lit("p0").alias("patient"), pl.lit("p0").alias("xray_patient")
        return Block(block.table.with_columns(same), block.ecgs, block.xrays)

    with pytest.raises(DataError, match=r"patient p0 in test and train"):
        build_tiny(tmp_path / "a", leaking)
    assert not (tmp_path / "a").exists()


def test_progress_counts_to_the_number_of_blocks(tmp_path: Path) -> None:
    seen = []
    blocks = [partial(tiny_block, i) for i in range(BLOCKS)]
    with ThreadPoolExecutor(1) as executor:
        build_cohort(
            tmp_path / "a",
            tiny_info(),
            blocks,
            executor=executor,
            progress=lambda done, total: seen.append((done, total)),
        )
    assert seen == [(i, BLOCKS) for i in range(BLOCKS + 1)]


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_as_one_thread(tmp_path: Path) -> None:
    build_tiny(tmp_path / "one")
    blocks = [partial(tiny_block, i) for i in range(BLOCKS)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        build_cohort(tmp_path / "two", tiny_info(), blocks, executor=executor)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def killed(_: int) -> Block:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.slow
def test_a_worker_that_is_killed_is_told_of(tmp_path: Path) -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        pytest.raises(DataError, match=r"one that was killed.*finished work is kept"),
    ):
        build_cohort(tmp_path / "a", tiny_info(), [partial(killed, 0)], executor=executor)


@pytest.mark.parametrize("owner", [False, True])
def test_a_table_with_two_spellings_of_an_id_is_refused(owner: bool, tmp_path: Path) -> None:
    def spelt(number: int) -> Block:
        block = tiny_block(number)
        last = pl.int_range(pl.len()) == pl.len() - 1
        ids = pl.when(last & (number == 1)).then(pl.lit(" P0")).otherwise("patient")
        columns = {"xray_patient": ids} if owner else {"patient": ids, "xray_patient": ids}
        return replace(block, table=block.table.with_columns(**columns))

    with pytest.raises(
        DataError, match=r"must spell the id .* in several: ' P0' and 'p0'; correct"
    ):
        build_tiny(tmp_path / "c", spelt)
