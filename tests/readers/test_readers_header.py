"""The rules of header(5), one at a time."""

from pathlib import Path

import pytest

from crossbeat.errors import DataError
from crossbeat.readers.ecg.wfdb_header import GAP, Header, read_header


def parse(folder: Path, text: str) -> Header:
    path = folder / "a.hea"
    path.write_text(text)
    return read_header(path)


def test_a_full_header_is_read(tmp_path: Path) -> None:
    header = parse(
        tmp_path, "a 1 500 5000 12:00:00 1/2/2020\na.dat 16+24 200.5(-3)/uV 16 7 1 2 0 V1\n"
    )
    assert (header.fs, header.num_frames) == (500.0, 5000)
    channel = header.channels[0]
    assert (channel.file, channel.format, channel.offset) == ("a.dat", 16, 24)
    assert (channel.gain, channel.baseline, channel.unit) == (200.5, -3.0, "uV")
    assert (channel.first, channel.checksum) == (1, 2)
    assert channel.name == "V1"


def test_segments_are_read(tmp_path: Path) -> None:
    header = parse(tmp_path, "a/3 2 250 1000\na_layout 0\n~ 300 \na_1 700\n# male\n")
    assert (header.fs, header.num_frames, header.channels) == (250.0, 1000, ())
    assert header.segments == (("a_layout", 0), (GAP, 300), ("a_1", 700))


def test_what_is_left_out_has_the_standard_default(tmp_path: Path) -> None:
    header = parse(tmp_path, "a 1\na.dat 16\n")
    assert (header.fs, header.num_frames) == (250.0, None)
    channel = header.channels[0]
    assert (channel.frame, channel.skew, channel.offset) == (1, 0, 0)
    assert (channel.gain, channel.baseline, channel.unit) == (200.0, 0.0, "mV")
    assert (channel.first, channel.checksum) == (None, None)
    assert channel.name == ""


def test_the_baseline_is_by_default_the_zero_of_the_converter(tmp_path: Path) -> None:
    assert parse(tmp_path, "a 1 100 9\na.dat 16 200 11 1024\n").channels[0].baseline == 1024


def test_a_gain_of_zero_means_the_default(tmp_path: Path) -> None:
    assert parse(tmp_path, "a 1 100 9\na.dat 16 0\n").channels[0].gain == 200.0


def test_frames_skew_and_counter_are_read(tmp_path: Path) -> None:
    header = parse(tmp_path, "a 1 250/25(3) 0\na.dat 212x4:5+6 1 16 0 0 0 0 lead  I, left\n")
    channel = header.channels[0]
    assert header.fs == 250.0
    assert header.num_frames is None
    assert (channel.format, channel.frame, channel.skew, channel.offset) == (212, 4, 5, 6)
    assert channel.name == "lead  I, left"


def test_comments_and_empty_lines_are_skipped(tmp_path: Path) -> None:
    header = parse(
        tmp_path, "# by hand\r\n\r\na 1 100 9\r\n# more\r\na.dat 16 1/mV\r\n# Age: 5\r\n"
    )
    assert len(header.channels) == 1


def test_comments_in_any_encoding_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.hea").write_bytes(b"a 1 100 9\na.dat 16 1/mV\n# M\xfcller\n")
    assert read_header(tmp_path / "a.hea").fs == 100.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got an empty file"),
        ("\n# only a comment\n", "got an empty file"),
        ("a.mat 12 500 5000\n", "record line .* digits, - and _ in the name, got 'a.mat 12"),
        ("<?xml version='1.0'?>\n", 'record line .* got "<'),
        ("a twelve 500\n", "record line"),
        ("a 1 fast\n", "record line"),
        ("a/3 12 500 5000\nb 9\n", "each of 1 to 1,000 segments, got 1 lines for 3 segments"),
        ("a/0 12 500 5000\n", "each of 1 to 1,000 segments, got 0 lines for 0 segments"),
        (
            "a/1 12 500 5000\n../b 9\n",
            r"a line of a segment must be 'name samples', got '\.\./b 9'",
        ),
        ("a 1 0 10\na.dat 16\n", "rate must be above 0 Hz, got 0"),
        ("a 0 500 10\n", "a line for each of 1 to 256 signals, got 0 lines for 0"),
        ("a 2 500 10\na.dat 16\n", "a line for each of 1 to 256 signals, got 1 lines for 2"),
        ("a 1 500 10\na.dat\n", "signal line must be 'file format"),
        ("a 1 500 10\na.dat sixteen\n", "signal line must be .* got 'a.dat sixteen'"),
        ("a 1 500 10\n../secret.dat 16\n", "the file in the folder of the header"),
        ("a 1 500 10\n/etc/passwd 80\n", "the file in the folder of the header"),
    ],
)
def test_a_header_that_breaks_a_rule_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(tmp_path, text)
