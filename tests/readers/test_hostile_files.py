"""Files made to take all memory or any time: each is refused before it can."""

import re
import struct
import time
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from ecg_files import (
    dicom,
    edf,
    ge_muse,
    hl7,
    ishne,
    matlab,
    mfer,
    mortara,
    scp,
    scp_packed,
    sierra,
)

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import Layout, guard_binary, read_ecg
from crossbeat.readers.guard_binary import MOST_SCP_BYTES
from crossbeat.readers.guard_xml import DEEPEST, MOST_MARKUP, MOST_UNPACKED
from crossbeat.readers.limits import (
    MOST_BYTES,
    MOST_CHANNELS,
    MOST_HEADER_BYTES,
    MOST_PARSED_BYTES,
)


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Every test of this module keeps to a little memory and time."""
    begin = time.process_time()
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * MOST_BYTES
    assert time.process_time() - begin < 10


def flat(time: int = 200) -> np.ndarray:
    return np.arange(12 * time).reshape(12, time) % 50


def refuse(folder: Path, data: bytes, reason: str, layout: Layout | None = None) -> None:
    (folder / "a").write_bytes(data)
    with pytest.raises(DataError, match=reason):
        read_ecg(folder / "a", layout)


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 9))


@pytest.mark.parametrize("writer", [ge_muse, hl7, mortara])
@pytest.mark.parametrize(
    "declared",
    [
        f'<!ENTITY l0 "ha">{LAUGHS}',
        '<!ENTITY l8 SYSTEM "file:///etc/passwd">',
        '<!ENTITY % l8 SYSTEM "http://localhost/x.dtd"> %l8;',
    ],
)
def test_entities_are_refused(tmp_path: Path, writer, declared: str) -> None:
    text = re.sub(rb"<!DOCTYPE[^>]*>", b"", writer(flat(), STANDARD, 100))
    start = text.index(b"?>") + 2
    root = re.search(rb"<(\w+)", text[start:])
    assert root is not None
    declaration = f"<!DOCTYPE {root[1].decode()} [{declared}]>".encode()
    inside = text[start:].replace(b">", b">&l8;", 1)
    refuse(tmp_path, text[:start] + declaration + inside, "must declare no entities, got 'l[08]'")


@pytest.mark.parametrize("writer", [ge_muse, hl7, mortara, sierra])
def test_elements_that_are_nested_deeply_are_refused(tmp_path: Path, writer) -> None:
    text = writer(flat(), STANDARD, 100)
    encoding = "utf-16" if writer is sierra else "latin-1"
    deep = text.decode(encoding)
    end = deep.rindex("</")
    deep = deep[:end] + "<a>" * 10_000 + "</a>" * 10_000 + deep[end:]
    refuse(tmp_path, deep.encode(encoding), f"at most {DEEPEST} elements within each other")


@pytest.mark.parametrize("markup", [b"<a/>", b' b="" '])
def test_too_much_markup_is_refused(tmp_path: Path, markup: bytes) -> None:
    many = (
        markup * (MOST_MARKUP + 1)
        if markup[:1] == b"<"
        else b"<a" + markup * (MOST_MARKUP + 1) + b"/>"
    )
    text = b"<ECG>" + many + b"</ECG>"
    refuse(tmp_path, text, f"at most {MOST_MARKUP:,} tags and attributes")


def test_xml_that_is_not_well_formed_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path, b"<RestingECG><a></RestingECG>", "must be well-formed XML, but: mismatched")
    refuse(tmp_path, b'<?xml version="1.0" encoding="punycode"?><ECG>', "must be well-formed XML")


def test_text_of_an_undeclared_encoding_is_read(tmp_path: Path) -> None:
    text = mortara(flat(), STANDARD, 100).replace(b"<ECG ", b'<ECG LOCATION="Z\xfcrich" ')
    (tmp_path / "a").write_bytes(text)
    assert read_ecg(tmp_path / "a").values.shape == (12, 200)


@pytest.mark.parametrize("count", ["1e9", "-1", "nan", "many"])
def test_channels_of_sierra_without_names_are_counted(tmp_path: Path, count: str) -> None:
    text = sierra(flat(), STANDARD, 100).decode("utf-16")
    claim = f"<numberchannelsallocated>{count}</numberchannelsallocated>"
    text = re.sub('leadlabels="[^"]*"', "", text).replace("<waveforms>", f"{claim}<waveforms>")
    refuse(
        tmp_path, text.encode("utf-16"), f"must be a number up to {MOST_CHANNELS}, got '{count}'"
    )


def packed(codes: list[int]) -> str:
    bits = "".join(f"{code:010b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    chunk = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b64encode(struct.pack("<ihh", len(chunk), 0, 0) + chunk).decode()


def test_packed_samples_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    bomb = [0, *range(256, 1023), *[1022] * 100_000]  # each of the last stands for 768 bytes
    text = sierra(flat(), STANDARD, 100).decode("utf-16")
    text = re.sub(">[^<]*</parsedw", f">{packed(bomb)}</parsedw", text)
    text = text.replace("Uncompressed", "XLI")
    refuse(tmp_path, text.encode("utf-16"), f"at most {MOST_UNPACKED:,} bytes of samples, got more")


def test_packed_samples_that_are_no_base64_are_refused(tmp_path: Path) -> None:
    text = sierra(flat(), STANDARD, 100).decode("utf-16").replace("Uncompressed", "XLI")
    text = re.sub(">[^<]*</parsedw", ">*</parsedw", text)
    refuse(tmp_path, text.encode("utf-16"), "the samples must be Base64, but: ")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (
            slice(236, 244),
            b"-1      ",
            "in 1 to 100,000 data records, got 12 in -1; export the fin",
        ),
        (slice(236, 244), b"99999999", "got 12 in 99999999"),
        (slice(236, 244), b"3       ", "must have 10,528 bytes, as its EDF header says, got 8,128"),
        (slice(252, 256), b"9999    "[:4], "must have a sound EDF header, but: invalid literal"),
        (slice(252, 256), b"300 ", "must have a sound EDF header|must have 1 to 256 signals"),
        (slice(252, 256), b"0   ", "must have 1 to 256 signals|sound EDF header"),
        (slice(256 + 216 * 12, 256 + 216 * 12 + 8), b"-5      ", "must have 1 to 256 signals"),
        (slice(256 + 216 * 12, 256 + 216 * 12 + 8), b"99999999", "as its EDF header says"),
        (slice(256 + 104 * 12, 256 + 104 * 12 + 8), b"inf     ", "the unit of lead I .* got none"),
        (slice(244, 252), b"nan     ", "must be a sound file of the format edf"),
        (slice(244, 252), b"0       ", "data record duration is 0"),
    ],
)
def test_absurd_numbers_of_edf_are_refused(
    tmp_path: Path, field: slice, value: bytes, reason: str
) -> None:
    data = bytearray(edf(flat(), STANDARD, 100))
    data[field] = value
    refuse(tmp_path, bytes(data), reason)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (
            14,
            struct.pack("<i", 2**31 - 1),
            "2,147,483,647 samples, as its ISHNE header says, got 12",
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
    monkeypatch.setattr(guard_binary, "MOST_RECORDS", 1000)
    data = mfer(flat(), STANDARD, 100)
    place = data.index(b"\x3f\x00")
    refuse(tmp_path, data[:place] + extra + data[place:], reason)


def test_definitions_of_mfer_may_end_by_a_mark(tmp_path: Path) -> None:
    data = mfer(flat(), STANDARD, 100)
    first = data.index(b"\x3f\x00\x04\x09\x02\x01\x00")
    marked = b"\x67\x80\x3f\x00\x80\x09\x02\x01\x00\x00\x00\x00\x00"
    (tmp_path / "a").write_bytes(data[:first] + marked + data[first + 7 :])
    assert read_ecg(tmp_path / "a").leads == STANDARD


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
