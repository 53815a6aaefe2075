"""Binary headers that claim what cannot be: refused before a parser believes them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from ecg_files import ishne, mfer, scp, scp_packed

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg
from crossbeat.readers.ecg import guards

pytestmark = pytest.mark.usefixtures("bounded")


def flat(time: int = 200) -> np.ndarray:
    return np.arange(12 * time).reshape(12, time) % 50


def refuse(folder: Path, data: bytes, reason: str) -> None:
    (folder / "a").write_bytes(data)
    with pytest.raises(DataError, match=reason):
        read_ecg(folder / "a")


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (
            14,
            struct.pack("<i", 2**31 - 1),
            "2,147,483,647 samples according to its ISHNE header, got 12",
        ),
        (14, struct.pack("<i", -1), "-1 samples"),
        (10, struct.pack("<i", 2**31 - 1), "it is damaged, copy it again"),
        (156, struct.pack("<h", 13), "must have 1 to 12 leads .* got 13 leads"),
        (156, struct.pack("<h", 0), "got 0 leads"),
        (156, struct.pack("<h", 11), "it is damaged"),
    ],
)
def test_absurd_numbers_of_ishne_are_refused(
    tmp_path: Path, place: int, value: bytes, reason: str
) -> None:
    data = bytearray(ishne(flat(), STANDARD, 100))
    data[place : place + len(value)] = value
    refuse(tmp_path, bytes(data), reason)


def test_a_header_of_ishne_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path, ishne(flat(), STANDARD, 100)[:100], "header of 522 bytes, got 100")


@pytest.mark.parametrize("writer", [scp, scp_packed])
def test_scp_that_claims_four_billion_samples_is_refused(tmp_path: Path, writer) -> None:
    data = writer(flat(), STANDARD, 100)
    claim = data.replace(struct.pack("<II", 1, 200), struct.pack("<II", 1, 2**32 - 1))
    refuse(tmp_path, claim, r"samples in a lead, as its size allows, .* got 4,294,967,295 and 0")


def test_scp_that_points_nowhere_is_refused(tmp_path: Path) -> None:
    data = bytearray(scp(flat(), STANDARD, 100))
    struct.pack_into("<I", data, 22 + 3 * 10 + 6, 2**31)
    refuse(tmp_path, bytes(data), "must be whole, but: unpack_from requires|lies outside")


def definition(tag: int, value: bytes) -> bytes:
    return bytes([tag, 0x84]) + len(value).to_bytes(4, "big") + value


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (definition(0x05, b"\x00\x00\x10\x00"), "at most 256 channels, got 1,048,576"),
        (definition(0x03, b"punycode"), "must name a known character set, got b'punycode'"),
        (b"\x67\x84\xff\xff\xff\xff", "0x67 must be whole, got .* of 4,294,967,295 bytes"),
        (b"\x67\x80" * 10, "must nest MFER definitions within each other, at most 4"),
        (b"\x67\x04\x67\x09", "must nest MFER definitions"),
        (b"\x3f\x80", "BLK longer than 4 bytes"),
        (b"\x17\x00" * 1000, "at most 1,000 definitions and parts of channels, got more"),
        (b"\x05\x01\xc8" + b"\x1e\x01\x00" * 5, "at most 1,000 definitions and parts of channels"),
    ],
)
def test_absurd_definitions_of_mfer_are_refused(
    tmp_path: Path, extra: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "MOST_STEPS", 1000)
    data = mfer(flat(), STANDARD, 100)
    place = data.index(b"\x3f\x00")
    refuse(tmp_path, data[:place] + extra + data[place:], reason)


def test_definitions_of_mfer_may_end_by_a_mark(tmp_path: Path) -> None:
    data = mfer(flat(), STANDARD, 100)
    first = data.index(b"\x3f\x00\x04\x09\x02\x01\x00")
    marked = b"\x67\x80\x3f\x00\x80\x09\x02\x01\x00\x00\x00\x00\x00"
    (tmp_path / "a").write_bytes(data[:first] + marked + data[first + 7 :])
    assert read_ecg(tmp_path / "a").leads == STANDARD
