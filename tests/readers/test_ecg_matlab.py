"""MATLAB v5 files in two known layouts, as scipy writes them; others are refused."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from ecg_files import refuse

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg


def known() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(12, 50))


def code15(**change: Any) -> dict[str, Any]:
    rates = {"org_sample_rate": 400, "curr_sample_rate": 250}
    return {**rates, "feats": known().astype(np.float32), "idx": 3} | change


def cpsc(**change: Any) -> dict[str, Any]:
    return {"ECG": {"sex": "Male", "age": 52, "data": known()} | change}


def saved(folder: Path, found: Mapping[str, Any], *, packed: bool = True) -> Path:
    scipy.io.savemat(folder / "a.mat", found, do_compression=packed)
    return folder / "a.mat"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(("found", "fs"), [(code15(), 250.0), (cpsc(), 500.0)])
def test_a_known_ecg_comes_back(tmp_path, found, fs, packed):
    ecg = read_ecg(saved(tmp_path, found, packed=packed))
    assert (ecg.leads, ecg.fs) == (STANDARD, fs)
    np.testing.assert_array_equal(ecg.values, known().astype(np.float32))


def test_files_of_the_other_byte_order_are_read(tmp_path):
    values = known()
    number = struct.pack(">4I", 6, 8, 6, 0)

    def array(name: bytes, numbers: np.ndarray) -> bytes:
        shape = struct.pack(">2I2i", 5, 8, *numbers.shape)
        label = struct.pack(">2I", 1, len(name)) + name + bytes(-len(name) % 8)
        data = numbers.astype(">f8").tobytes(order="F")
        body = number + shape + label + struct.pack(">2I", 9, len(data)) + data
        return struct.pack(">2I", 14, len(body)) + body

    rate = np.full((1, 1), 400.0)
    text = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    text += array(b"feats", values) + array(b"curr_sample_rate", rate)
    (tmp_path / "a").write_bytes(text + array(b"org_sample_rate", rate))
    np.testing.assert_array_equal(read_ecg(tmp_path / "a").values, values.astype(np.float32))


def test_real_files_equal_what_scipy_reads(shared):
    folder = shared / "data" / "ecg-formats"
    code, china = folder / "code15_1238362_400hz.mat", folder / "cpsc2018_A1980.mat"
    np.testing.assert_array_equal(read_ecg(code).values, scipy.io.loadmat(code)["feats"])
    expected = scipy.io.loadmat(china)["ECG"][0, 0]["data"].astype(np.float32)
    np.testing.assert_array_equal(read_ecg(china).values, expected)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"val": known()}, "the layout of CPSC 2018 .* or CODE-15 .* got val; save the leads"),
        ({}, "got no variables"),
        (cpsc(data=known()[:8]), "got leads of the size 8 x 50"),
        (cpsc(data=known().T), "got leads of the size 50 x 12"),
        (cpsc(fs=500), "got ECG"),
        (code15(feats=np.ones((12, 50), np.int16)), "leads that are no numbers of floating point"),
        (code15(feats=known() * 1j), "got complex numbers; save the leads"),
        (code15(feats=np.array([[1, "a"]], object)), "got cells; save the leads"),
        (code15(feats={"I": known()}), "leads that are no numbers of floating point"),
        (code15(curr_sample_rate=0), "rate must be from 10 to 100000 Hz, got 0"),
        (code15(curr_sample_rate=np.nan), "rate must be from 10 to 100000 Hz, got nan"),
        (code15(curr_sample_rate=[1, 2]), "got a curr_sample_rate that is not one number"),
        (code15(curr_sample_rate="400"), "got a curr_sample_rate that is not one number"),
        (code15(curr_sample_rate={"fs": 5}), "got a curr_sample_rate that is not one number"),
    ],
)
def test_another_layout_is_refused(tmp_path, found, reason):
    with pytest.raises(DataError, match=reason):
        read_ecg(saved(tmp_path, found))


@pytest.mark.parametrize("packed", [True, False])
def test_a_truncated_file_is_refused(tmp_path, packed):
    data = saved(tmp_path, cpsc(), packed=packed).read_bytes()
    for size in (130, 150, 300, len(data) - 1):
        refuse(tmp_path, data[:size], "must be a sound MATLAB v5 file, but: ")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ((12, 50), (12, 10**9), r"array of 600 numbers has the size \[12, 1000000000\]"),
        ((9, 4800), (124, 4800), "must be a sound MATLAB v5 file, but: 124"),
        ((0x40005, 5), (0x40005, 10), "but: 2 names of fields with 3 values"),
    ],
)
def test_a_size_or_type_that_the_numbers_do_not_have_is_refused(tmp_path, old, new, reason):
    data = saved(tmp_path, cpsc(), packed=False).read_bytes()
    said = struct.pack("<2i", *old)
    assert data.count(said) == 1
    refuse(tmp_path, data.replace(said, struct.pack("<2i", *new)), reason)


@pytest.mark.parametrize(("kind", "got"), [(16, "functions"), (17, "objects, such as strings")])
def test_arrays_that_are_stored_in_another_way_are_another_layout(tmp_path, kind, got):
    """MATLAB writes strings and tables without a size: name, system and class follow the flags."""
    parts = [struct.pack("<4I", 6, 8, kind, 0)]
    parts += [struct.pack("<2I", 1, 8) + text for text in (b"s       ", b"MCOS    ", b"string  ")]
    body = b"".join(parts)
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    array = struct.pack("<2I", 14, len(body)) + body
    refuse(tmp_path, head + array, f"the layout of CPSC 2018 .* got {got}")
