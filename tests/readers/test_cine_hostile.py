"""Cines made to take all memory or any time, and damaged ones: refused, or read."""

import gzip
import struct
import tracemalloc
import zlib

import pytest

from cine_dicoms import refuse, slice_files, ukb_short_axis, write_folder, write_zip
from crossbeat.readers import read_cine
from crossbeat.readers.cine import dicom as cine_files
from crossbeat.readers.cine.dicom import MOST_FILE_BYTES
from crossbeat.readers.cine.record import MOST_CINE_BYTES

bounded = pytest.mark.usefixtures("bounded")


def bomb(start: bytes, zeros: int) -> bytes:
    """What a deflated stream of a few bytes unpacks to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(start) + packer.compress(bytes(zeros)) + packer.flush()


def archive_with(data: bytes, claim: int, *, method: int = 8, flags: int = 0) -> bytes:
    """A zip archive of one file ``a`` whose size is what is claimed."""
    fields = struct.pack("<HHHHHIII", 20, flags, method, 0, 0, 0, len(data), claim)
    local = b"PK\x03\x04" + fields + struct.pack("<HH", 1, 0) + b"a" + data
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHHHII", 1, *[0] * 6)
    entry += b"a"
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local), 0)
    return local + entry + end


DICOM = bytes(128) + b"DICM"


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (2**26, f"a must have at most {MOST_FILE_BYTES:,} bytes, got 67,108,864; export"),
        (5000, "must be a sound zip archive, but is cut off or damaged"),
    ],
)
def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path, claim, reason):
    path = tmp_path / "a.zip"
    path.write_bytes(archive_with(bomb(DICOM, 2**26), claim))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        refuse(path, reason)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("method", "flags", "reason"),
    [
        (8, 1, "without a password, stored or deflated, but has a password"),
        (14, 0, "without a password, stored or deflated, but a is packed by method 14; unpack it"),
        (9, 0, "without a password, stored or deflated, but a is packed by method 9; unpack it"),
    ],
)
def test_archives_packed_otherwise_are_refused(tmp_path, method, flags, reason):
    path = tmp_path / "a.zip"
    path.write_bytes(archive_with(bomb(DICOM, 100), 232, method=method, flags=flags))
    refuse(path, reason)


@bounded
def test_a_directory_of_an_archive_that_is_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "a.zip"
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, 2**25, 4, 0)
    path.write_bytes(b"PK\x03\x04" + bytes(2**25) + b"PK\x05\x06" + end)
    refuse(path, "must be a sound zip archive, but is cut off or damaged")


def test_too_many_files_or_bytes_are_refused(tmp_path, monkeypatch):
    files = slice_files("a", 0.0)
    monkeypatch.setattr(cine_files, "MOST_CINE_BYTES", sum(map(len, files.values())) - 1)
    folder = write_folder(tmp_path / "a", files)
    refuse(folder, "must hold at most .* bytes of DICOM, got more")
    monkeypatch.setattr(cine_files, "MOST_FILES", 2)
    refuse(write_zip(tmp_path / "a.zip", files), "at most 2 files, got 3; name the folder of one")
    refuse(folder, "at most 2 files, got more than 2")


@bounded
def test_files_that_are_too_large_are_refused_unread(tmp_path):
    starts = {"a.nii": bytes([92, 1, 0, 0]).ljust(344) + b"n+1\0", "a.zip": b"PK\x03\x04"}
    for name, start in starts.items():
        (tmp_path / name).write_bytes(start)
        with (tmp_path / name).open("r+b") as file:
            file.truncate(2**40)
        refuse(tmp_path / name, f"must have at most {MOST_CINE_BYTES:,} bytes, got 1,099,511,627")
    folder = write_folder(tmp_path / "folder", {"x.dcm": DICOM})
    with (folder / "x.dcm").open("r+b") as file:
        file.truncate(2**40)
    refuse(folder, rf"x\.dcm must have at most {MOST_FILE_BYTES:,} bytes")


@bounded
def test_a_packed_stack_that_goes_on_without_end_is_not_unpacked(tmp_path):
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 4, 8, 6, 3, 5, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<9f", header, 76, 1, 1.5, 2, 10, 1, 1, 1, 1, 352)
    header[344:348] = b"n+1\0"
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(bytes(header) + bytes(1440)))
    assert read_cine(path).values.shape == (3, 5, 6, 8)
    path.write_bytes(gzip.compress(bytes(header) + bytes(2**25), 9))
    tracemalloc.reset_peak()
    refuse(path, "it has more bytes than its header says")
    assert tracemalloc.get_traced_memory()[1] < 2**24


@pytest.mark.parametrize("part", [0.02, 0.5, 0.999])
def test_a_truncated_zip_is_refused(tmp_path, part):
    path = write_zip(tmp_path / "a.zip", ukb_short_axis(1))
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    refuse(path, "must be a sound zip archive, but is cut off or damaged")
