"""``identify``: the format of a file by its content, and the reason where it has none."""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from ecg_files import WRITERS, Writer, mfer, sierra
from PIL import Image

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import FORMATS, identify, read_ecg

WriteRecord = Callable[..., Path]


def test_a_path_may_be_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(sierra(noise(), STANDARD, 100))
    assert identify(str(tmp_path / "a")) == identify(tmp_path / "a") == "philips-sierra-xml"
    with pytest.raises(DataError, match=r"there is no file gone, nor gone.hea"):
        identify("gone")


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(-2000, 2000, (12, 200))


def image(kind: str) -> bytes:
    file = BytesIO()
    Image.new("L", (4, 4)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(("name", "writer"), WRITERS.items())
@pytest.mark.parametrize("file", ["ecg", "ecg.hea", "ecg.txt"])
def test_the_name_of_a_file_does_not_matter(
    tmp_path: Path, name: str, writer: Writer, file: str
) -> None:
    (tmp_path / file).write_bytes(writer(noise(), STANDARD, 100))
    assert identify(tmp_path / file) == name
    assert name in FORMATS


@pytest.mark.parametrize("name", ["a", "a.hea", "a.dat"])
def test_each_file_of_a_record_and_their_stem_are_wfdb(
    write_record: WriteRecord, name: str
) -> None:
    folder = write_record(np.ones((12, 10))).parent
    assert identify(folder / name) == "wfdb"


def test_a_header_of_another_name_is_known_by_its_lines(write_record: WriteRecord) -> None:
    header = write_record(np.ones((12, 10)))
    other = header.rename(header.with_name("header.txt"))
    assert identify(other) == "wfdb"
    assert read_ecg(other).values.shape == (12, 10)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"I,II,V1\n1,2,3\n", "csv"),
        (b'\xef\xbb\xbf"i";"ii"\r\n0,1;0,2\r\n', "csv"),
        (b"time\tavf\n0\t1\n", "csv"),
        (b"1,2\n3,\n4,nan\n", "csv"),
        (b"a;b\n1;2\n", "csv"),
        (b"0.1\n-.2\n", "csv"),
        (b"a 1 100 5\na.dat 16 200/mV 16 0 0 0 0 I\n", "wfdb"),
        (b"\x93NUMPY\x01\x00", "numpy"),
    ],
)
def test_texts_and_arrays_are_told_apart(tmp_path: Path, text: bytes, name: str) -> None:
    (tmp_path / "a").write_bytes(text)
    assert identify(tmp_path / "a") == name


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "must be an ECG file, but is empty; copy it again"),
        (image("PNG"), "is a PNG image"),
        (image("JPEG"), "is a JPEG image"),
        (image("TIFF"), "is a TIFF image"),
        (b"%PDF-1.7 ...", "is a PDF document"),
        (b"PK\x03\x04...", "is a zip archive .* unpack it or save a .npy"),
        (b"\x1f\x8b\x08...", "is compressed by gzip; unpack it"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file; export single recordings"),
        (b"MATLAB 7.3 MAT-file, HDF5 schema", "is a MATLAB 7.3 file .* save it with -v7"),
        (b"<html><body/></html>", "is XML of the kind html; it reads ge-muse-xml, phil"),
        (b"Dear colleague,\nplease find\n", "is text; it reads wfdb, dicom, "),
        (b"Chapter 1\nNothing.\n", "is text; it reads"),
        (b"0", "is text; it reads"),
        (bytes(range(256)), "is binary without a signature; .* its header a.hea must lie"),
    ],
)
def test_what_is_no_ecg_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "a.dat").write_bytes(content)
    for read in (identify, read_ecg):
        with pytest.raises(DataError, match=reason):
            read(tmp_path / "a.dat")


def test_a_header_that_does_not_name_a_file_says_nothing_of_it(write_record: WriteRecord) -> None:
    beside = write_record(np.ones((12, 10))).with_suffix(".atr")
    beside.write_bytes(bytes(range(1, 99)))
    with pytest.raises(DataError, match=r"header a.hea must lie beside it and name it"):
        identify(beside)


@pytest.mark.parametrize("name", ["gone", "gone.hea", "no/where.xml"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"there is no file .*{name}.*; check the path"):
        identify(tmp_path / name)


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="must be readable, but: "):
        identify(tmp_path / name)


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.xml").write_bytes(sierra(noise(), STANDARD, 100))
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DataError, match=r"a\.xml must be readable, but: Permission denied; check"):
        identify(tmp_path / "a.xml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be a file, got a folder, device or pipe"):
        identify(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(DataError, match="got a folder, device or pipe"):
        identify(tmp_path / "a")


def test_mfer_is_known_without_its_preamble(tmp_path: Path) -> None:
    text = mfer(noise(), STANDARD, 100)
    (tmp_path / "a").write_bytes(text[text.index(b"\x01\x84") :])
    assert identify(tmp_path / "a") == "mfer"
    assert read_ecg(tmp_path / "a").leads == STANDARD
