import pickle
from pathlib import Path

import numpy as np
import pytest

from crossbeat.data.store import Store, to_int16
from crossbeat.errors import DataError


def shards(folder: Path, sizes: list[int]) -> tuple[Store, np.ndarray]:
    values = np.random.default_rng(0).integers(-9, 9, (sum(sizes), 3, 5)).astype(np.int16)
    for number, part in enumerate(np.split(values, np.cumsum(sizes)[:-1])):
        np.save(folder / f"{number}.npy", part)
    return Store([folder / f"{number}.npy" for number in range(len(sizes))]), values


@pytest.mark.parametrize("sizes", [[12], [5, 1, 6], [4, 4, 4]])
def test_taking_rows_over_shards_equals_indexing_the_whole(
    tmp_path: Path, sizes: list[int]
) -> None:
    store, values = shards(tmp_path, sizes)
    rows = np.array([11, 0, 4, 5, 5, 6, 3, 10, 0])
    assert len(store) == len(values)
    np.testing.assert_array_equal(store.take(rows), values[rows])


def test_rows_taken_are_a_copy_that_can_be_changed(tmp_path: Path) -> None:
    store, values = shards(tmp_path, [12])
    store.take(np.arange(12))[:] = 0
    np.testing.assert_array_equal(store.take(np.arange(12)), values)


@pytest.mark.parametrize("row", [-1, 12])
def test_a_row_out_of_range_is_refused(tmp_path: Path, row: int) -> None:
    store, _ = shards(tmp_path, [6, 6])
    with pytest.raises(IndexError, match="rows must be 0 to 11"):
        store.take(np.array([row]))


def test_a_store_pickles_as_its_paths(tmp_path: Path) -> None:
    store, values = shards(tmp_path, [6, 6])
    text = pickle.dumps(store)
    assert len(text) < values.nbytes + 500
    assert b"numpy" not in text
    np.testing.assert_array_equal(pickle.loads(text).take(np.array([7])), values[[7]])


def test_shards_of_different_shapes_are_refused(tmp_path: Path) -> None:
    shards(tmp_path, [6, 6])
    np.save(tmp_path / "1.npy", np.zeros((2, 2), dtype=np.int16))
    with pytest.raises(DataError, match="one shape and type"):
        Store([tmp_path / "0.npy", tmp_path / "1.npy"])


def test_a_file_that_is_no_shard_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0.npy").write_bytes(b"not an array")
    with pytest.raises(DataError, match=r"0\.npy must be a shard"):
        Store([tmp_path / "0.npy"])
    with pytest.raises(DataError, match=r"9\.npy must be a shard"):
        Store([tmp_path / "9.npy"])


def test_integers_are_the_nearest_steps_of_one_over_the_gain() -> None:
    values = np.array([[[0.0004, 0.0006, -1.2344, 32.767, -32.767]]], dtype=np.float32)
    assert to_int16(values, 1000.0, "it").tolist() == [[[0, 1, -1234, 32767, -32767]]]


@pytest.mark.parametrize("value", [32.768, -900.0, np.nan, np.inf])
def test_a_value_beyond_sixteen_bits_is_refused(value: float) -> None:
    values = np.zeros((3, 2, 4), dtype=np.float32)
    values[1, 1, 2] = value
    with pytest.raises(DataError, match=r"within 32\.8 mV, got .* in ECG 1 of HR7.*microvolt"):
        to_int16(values, 1000.0, "HR7")
