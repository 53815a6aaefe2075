import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from crossbeat.data.store import Store, to_int16
from crossbeat.errors import DataError

DESCRIPTORS = Path("/proc/self/fd")
ROW = np.dtype((np.int16, (3, 5)))


def shards(folder, sizes):
    values = np.random.default_rng(0).integers(-9, 9, (sum(sizes), 3, 5)).astype(np.int16)
    paths = [folder / f"{number}.npy" for number in range(len(sizes))]
    for path, part in zip(paths, np.split(values, np.cumsum(sizes)[:-1]), strict=True):
        np.save(path, part)
    return Store(paths, sizes, ROW), values


@pytest.mark.parametrize("sizes", [[12], [5, 1, 6], [4, 4, 4], [1] * 12])
def test_taking_rows_over_shards_equals_indexing_the_whole(tmp_path, sizes):
    store, values = shards(tmp_path, sizes)
    rows = np.array([11, 0, 4, 5, 5, 6, 3, 10, 0])
    assert len(store) == len(values)
    taken = store.take(rows)
    assert taken.dtype == np.int16
    np.testing.assert_array_equal(taken, values[rows])
    assert store.take(rows[:0]).shape == (0, 3, 5)


def test_a_store_without_shards_has_no_rows():
    assert len(Store([], [], ROW)) == 0
    assert Store([], [], ROW).take(np.array([], dtype=np.int64)).shape == (0, 3, 5)


@pytest.mark.parametrize("sizes", [[12], [6, 6]])
def test_rows_taken_are_a_copy_that_can_be_changed(tmp_path, sizes):
    store, values = shards(tmp_path, sizes)
    store.take(np.arange(12))[:] = 0
    np.testing.assert_array_equal(store.take(np.arange(12)), values)


@pytest.mark.parametrize("row", [-1, 12])
def test_a_row_out_of_range_is_refused(tmp_path, row):
    store, _ = shards(tmp_path, [6, 6])
    with pytest.raises(IndexError, match="rows must be 0 to 11"):
        store.take(np.array([row]))


def test_a_store_pickles_without_its_rows(tmp_path):
    store, values = shards(tmp_path, [6, 600])
    store.take(np.array([7]))
    text = pickle.dumps(store)
    assert len(text) < values.nbytes / 10
    np.testing.assert_array_equal(pickle.loads(text).take(np.array([7])), values[[7]])


def test_a_shard_is_opened_when_it_is_touched(tmp_path):
    shards(tmp_path, [6, 6])
    (tmp_path / "1.npy").unlink()
    store = Store([tmp_path / "0.npy", tmp_path / "1.npy"], [6, 6], ROW)
    assert store.take(np.array([5])).shape == (1, 3, 5)
    with pytest.raises(DataError, match=r"1\.npy must be a shard of a cohort, got: No such file"):
        store.take(np.array([5, 6]))


@pytest.mark.parametrize(
    "other",
    [
        np.zeros((5, 3, 5), dtype=np.int16),
        np.zeros((6, 5, 3), dtype=np.int16),
        np.zeros((6, 3, 5), dtype=np.uint16),
        np.zeros((6, 3, 5), dtype=np.int16, order="F"),
    ],
)
def test_a_shard_with_other_rows_than_told_is_refused(tmp_path, other):
    store, _ = shards(tmp_path, [6, 6])
    np.save(tmp_path / "1.npy", other)
    with pytest.raises(DataError, match=r"1\.npy must hold .* \(6, 3, 5\) and type int16.* got"):
        store.take(np.array([6]))


def test_a_file_that_is_no_shard_is_refused(tmp_path):
    store, _ = shards(tmp_path, [6])
    whole = (tmp_path / "0.npy").read_bytes()
    for contents in (b"not an array", whole[:-1], b""):
        (tmp_path / "0.npy").write_bytes(contents)
        with pytest.raises(DataError, match=r"0\.npy must be a shard of a cohort, got: .*rebuild"):
            store.take(np.array([0]))


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="needs the list of open files of Linux")
def test_shards_that_were_read_keep_no_file_open(tmp_path):
    before = len(list(DESCRIPTORS.iterdir()))
    store, values = shards(tmp_path, [1] * 50)
    np.testing.assert_array_equal(store.take(np.arange(50)), values)
    assert len(list(DESCRIPTORS.iterdir())) == before


def test_threads_share_a_store(tmp_path):
    store, values = shards(tmp_path, [3] * 40)
    every = [np.random.default_rng(seed).permutation(120) for seed in range(16)]
    with ThreadPoolExecutor(8) as threads:
        for rows, taken in zip(every, threads.map(store.take, every), strict=True):
            np.testing.assert_array_equal(taken, values[rows])


@pytest.mark.parametrize(("start", "workers"), [("fork", 2), ("spawn", 1)])
@pytest.mark.slow
def test_workers_of_a_loader_share_a_store(tmp_path, start, workers):
    store, values = shards(tmp_path, [3] * 40)
    store.take(np.arange(60))
    rows = [np.arange(120)[::-1].copy(), np.arange(0, 120, 7)]
    how = {"num_workers": workers, "multiprocessing_context": start}
    loader = DataLoader(rows, batch_size=None, collate_fn=store.take, **how)
    for taken, wanted in zip(loader, rows, strict=True):
        np.testing.assert_array_equal(taken, values[wanted])


def test_integers_are_the_nearest_steps_of_one_over_the_gain():
    values = np.array([[[0.0004, 0.0006, -1.2344, 32.767, -32.767]]], dtype=np.float32)
    assert to_int16(values, 1000.0, "it").tolist() == [[[0, 1, -1234, 32767, -32767]]]


@pytest.mark.parametrize("value", [32.768, -900.0, np.nan, np.inf])
def test_a_value_beyond_sixteen_bits_is_refused(value):
    values = np.zeros((3, 2, 4), dtype=np.float32)
    values[1, 1, 2] = value
    with pytest.raises(DataError, match=r"within 32\.8 mV, got .* in ECG 1 of HR7.*microvolt"):
        to_int16(values, 1000.0, "HR7")
