"""Files made to take all memory or any time: each is refused before it can."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from ecg_files import dicom, edf, ge_muse, ishne, matlab, mfer, scp, sierra

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import Layout, read_ecg
from crossbeat.readers.ecg.guards import MOST_SCP_BYTES
from crossbeat.readers.limits import MOST_BYTES, MOST_HEADER_BYTES, MOST_PARSED_BYTES

pytestmark = pytest.mark.usefixtures("bounded")


def flat(time: int = 200) -> np.ndarray:
    return np.arange(12 * time).reshape(12, time) % 50


def refuse(folder: Path, data: bytes, reason: str, layout: Layout | None = None) -> None:
    (folder / "a").write_bytes(data)
    with pytest.raises(DataError, match=reason):
        read_ecg(folder / "a", layout)


def test_a_matlab_array_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    header = matlab(flat(), STANDARD, 100)[:128]
    bomb = zlib.compress(bytes(2 * MOST_BYTES), 9)
    data = header + struct.pack("<2I", 15, len(bomb)) + bomb
    assert len(data) < 100_000
    refuse(tmp_path, data, f"must unpack to at most {MOST_BYTES:,} bytes, got more")


@pytest.mark.parametrize("shape", ["(999999999999, 12)", "(12, -1)", "(12, 10**9)", "(12, 4.0)"])
def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path: Path, shape: str) -> None:
    file = BytesIO()
    np.save(file, flat() / 100)
    data = file.getvalue().replace(b"(12, 200)", shape.encode().ljust(9), 1)
    layout = Layout(fs=100.0, unit="mV", leads=STANDARD)
    refuse(tmp_path, data, r"must be a sound \.npy file of numbers, but: ", layout)


def test_dicom_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    data = dicom(flat(), STANDARD, 100)
    claim = data.replace(struct.pack("<I", 200), struct.pack("<I", 2**32 - 1))
    assert claim != data
    refuse(tmp_path, claim, "must hold 4,294,967,295 samples of each of 12 channels")


def test_a_header_of_wfdb_that_claims_anything_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.dat").write_bytes(bytes(100))
    line = "b.dat 16 200/mV 16 0 0 0 0 I\n"
    for text, reason in (
        (f"a 1 500 1000000000000\n{line}", "must hold 1000000000000 samples of each of 1 signals"),
        (f"a 1 500 1000000000000\n{line.replace('16', '212', 1)}", "must hold 1000000000000 sam"),
        (f"a 1000000 500 5\n{line}", "a line for each of 1 to 256 signals"),
        (f"a 1 500 {'9' * 5000}\n{line}", "the record line must be"),
        (f"a 1 1e999\n{line}", "the rate must be above 0 Hz, got inf"),
        (f"a 1 1e9\n{line}", "the rate must be from 10 to 100000 Hz, got 1e\\+09"),
        (f"a 1 500\n{line.replace('200', '1e-300')}", "a gain must be from 1e-20 to 1e\\+20"),
        (f"a 1 500\n{line.replace('b.dat', '..')}", "the file in the folder of the header"),
        ("a 3 500\n" + line + line.replace("b.", "c.") + line, "must follow each other, got b.dat"),
    ):
        (tmp_path / "a.hea").write_text(text)
        with pytest.raises(DataError, match=reason):
            read_ecg(tmp_path / "a.hea")


@pytest.mark.parametrize(
    ("head", "most"),
    [
        (ge_muse(flat(), STANDARD, 100), MOST_PARSED_BYTES),
        (sierra(flat(), STANDARD, 100), MOST_PARSED_BYTES),
        (dicom(flat(), STANDARD, 100), MOST_PARSED_BYTES),
        (mfer(flat(), STANDARD, 100), MOST_PARSED_BYTES),
        (scp(flat(), STANDARD, 100), MOST_SCP_BYTES),
        (edf(flat(), STANDARD, 100), MOST_BYTES),
        (ishne(flat(), STANDARD, 100), MOST_BYTES),
        (matlab(flat(), STANDARD, 100), MOST_BYTES),
    ],
)
def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path, head: bytes, most: int) -> None:
    (tmp_path / "a").write_bytes(head)
    with (tmp_path / "a").open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(DataError, match=f"must have at most {most:,} bytes, got 1,099,511,627,776"):
        read_ecg(tmp_path / "a")


def test_large_files_of_a_record_are_refused_unread(write_record) -> None:
    header = write_record(flat())
    for file, most in ((header.with_suffix(".dat"), MOST_BYTES), (header, MOST_HEADER_BYTES)):
        with file.open("r+b") as opened:
            opened.truncate(2**40)
        with pytest.raises(DataError, match=f"must have at most {most:,} bytes"):
            read_ecg(header)
