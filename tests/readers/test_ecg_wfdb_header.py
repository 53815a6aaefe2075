"""The rules of header(5), one at a time."""

from pathlib import Path

import pytest

from crossbeat.errors import DataError
from crossbeat.readers.ecg.wfdb_header import GAP, Header, read_header


def parse(folder: Path, text: str) -> Header:
    (folder / "a.hea").write_bytes(text.encode("latin-1"))
    return read_header(folder / "a.hea")


@pytest.mark.parametrize(
    ("record", "fs", "frames"),
    [
        ("a 1 500 5000 12:00:00 1/2/2020", 500.0, 5000),
        ("a 1", 250.0, None),
        ("a 1 250/25(3) 0", 250.0, None),
        ("# by hand\r\n\r\na 1 100 9\r\n# M\xfcller", 100.0, 9),
    ],
)
def test_a_record_line_is_read(tmp_path, record, fs, frames):
    header = parse(tmp_path, f"{record}\na.dat 16 1/mV\n# Age: 5\n")
    assert (header.fs, header.num_frames, len(header.channels)) == (fs, frames, 1)


FULL = {"gain": 200.5, "baseline": -3.0, "unit": "uV", "first": 1, "checksum": 2, "name": "V1"}
PLAIN = {"frame": 1, "skew": 0, "offset": 0, "gain": 200.0, "baseline": 0.0, "unit": "mV"}
FRAMES = {"format": 212, "frame": 4, "skew": 5, "offset": 6, "name": "lead  I, left"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.dat 16+24 200.5(-3)/uV 16 7 1 2 0 V1", FULL | {"format": 16, "offset": 24}),
        ("a.dat 16", PLAIN | {"file": "a.dat", "first": None, "checksum": None, "name": ""}),
        ("a.dat 16 200 11 1024", {"baseline": 1024}),  # by default the zero of the converter
        ("a.dat 16 0", {"gain": 200.0}),
        ("a.dat 212x4:5+6 1 16 0 0 0 0 lead  I, left", FRAMES),
    ],
)
def test_a_signal_line_is_read(tmp_path, line, said):
    channel = parse(tmp_path, f"a 1 100 9\n{line}\n").channels[0]
    assert {name: getattr(channel, name) for name in said} == said


def test_lines_of_segments_are_read(tmp_path):
    header = parse(tmp_path, "a/3 2 250 1000\na_layout 0\n~ 300 \na_1 700\n# male\n")
    assert (header.fs, header.num_frames, header.channels) == (250.0, 1000, ())
    assert header.segments == (("a_layout", 0), (GAP, 300), ("a_1", 700))


LINE = "b.dat 16 200/mV 16 0 0 0 0 I\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got an empty file"),
        ("\n# only a comment\n", "got an empty file"),
        ("a.mat 12 500 5000\n", "record line .* digits, - and _ in the name, got 'a.mat 12"),
        ("<?xml version='1.0'?>\n", 'record line .* got "<'),
        ("a twelve 500\n", "record line"),
        ("a 1 fast\n", "record line"),
        (f"a 1 500 {'9' * 5000}\n{LINE}", "the record line must be"),
        ("a/3 12 500 5000\nb 9\n", "each of 1 to 1,000 segments, got 1 lines for 3 segments"),
        ("a/0 12 500 5000\n", "each of 1 to 1,000 segments, got 0 lines for 0 segments"),
        ("a/1 12 500\n../b 9\n", r"a line of a segment must be 'name samples', got '\.\./b 9'"),
        ("a 1 0 10\na.dat 16\n", "rate must be above 0 Hz, got 0"),
        (f"a 1 1e999\n{LINE}", "the rate must be above 0 Hz, got inf"),
        ("a 0 500 10\n", "a line for each of 1 to 256 signals, got 0 lines for 0"),
        ("a 2 500 10\na.dat 16\n", "a line for each of 1 to 256 signals, got 1 lines for 2"),
        (f"a 1000000 500 5\n{LINE}", "a line for each of 1 to 256 signals"),
        ("a 1 500 10\na.dat\n", "signal line must be 'file format"),
        ("a 1 500 10\na.dat sixteen\n", "signal line must be .* got 'a.dat sixteen'"),
        ("a 1 500 10\n../secret.dat 16\n", "the file in the folder of the header"),
        ("a 1 500 10\n/etc/passwd 80\n", "the file in the folder of the header"),
        (f"a 1 500\n{LINE.replace('b.dat', '..')}", "the file in the folder of the header"),
        (f"a 1 500\n{LINE.replace('200', '1e-300')}", "a gain must be from 1e-20 to 1e\\+20"),
        (f"a 3 500\n{LINE}{LINE.replace('b.', 'c.')}{LINE}", "must follow each other, got b.dat"),
    ],
)
def test_a_header_that_breaks_a_rule_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        parse(tmp_path, text)
