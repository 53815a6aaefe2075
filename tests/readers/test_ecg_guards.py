"""Files that claim what cannot be, or are made to take all memory: refused before a parser runs."""

import re
import struct
import zlib
from base64 import b64encode
from io import BytesIO

import numpy as np
import pytest
from ecg_files import (
    Writer,
    dicom,
    ge_muse,
    hl7,
    ishne,
    matlab,
    mfer,
    mortara,
    read,
    refuse,
    scp,
    scp_packed,
    sierra,
    walk,
)

from crossbeat.leads import STANDARD
from crossbeat.readers import Layout
from crossbeat.readers.ecg import guards
from crossbeat.readers.ecg.guards import DEEPEST, MOST_MARKUP, MOST_UNPACKED
from crossbeat.readers.limits import MOST_BYTES, MOST_CHANNELS

pytestmark = pytest.mark.usefixtures("bounded")


def flat(writer: Writer) -> bytes:
    return writer(walk(time=200), STANDARD, 100)


# XML

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
def test_entities_are_refused(tmp_path, writer, declared):
    text = re.sub(rb"<!DOCTYPE[^>]*>", b"", flat(writer))
    start = text.index(b"?>") + 2
    root = re.search(rb"<(\w+)", text[start:])
    assert root is not None
    declaration = f"<!DOCTYPE {root[1].decode()} [{declared}]>".encode()
    inside = text[start:].replace(b">", b">&l8;", 1)
    refuse(tmp_path, text[:start] + declaration + inside, "must declare no entities, got 'l[08]'")


@pytest.mark.parametrize("writer", [ge_muse, hl7, mortara, sierra])
def test_elements_that_are_nested_deeply_are_refused(tmp_path, writer):
    encoding = "utf-16" if writer is sierra else "latin-1"
    head, tag, tail = flat(writer).decode(encoding).rpartition("</")
    deep = head + "<a>" * 10_000 + "</a>" * 10_000 + tag + tail
    refuse(tmp_path, deep.encode(encoding), f"at most {DEEPEST} elements within each other")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"<ECG>%b</ECG>" % (b"<a/>" * MOST_MARKUP), f"at most {MOST_MARKUP:,} tags and attrib"),
        (b"<ECG %b/>" % (b'b="" ' * (MOST_MARKUP + 1)), f"at most {MOST_MARKUP:,} tags and attri"),
        (b"<RestingECG><a></RestingECG>", "must be well-formed XML, but: mismatched"),
        (b'<?xml version="1.0" encoding="punycode"?><ECG>', "must be well-formed XML"),
    ],
    ids=["tags", "attributes", "not closed", "encoding"],
)
def test_xml_of_too_much_markup_or_not_well_formed_is_refused(tmp_path, text, reason):
    refuse(tmp_path, text, reason)


def test_text_of_an_undeclared_encoding_is_read(tmp_path):
    text = flat(mortara).replace(b"<ECG ", b'<ECG LOCATION="Z\xfcrich" ')
    assert read(tmp_path, text).values.shape == (12, 200)


def packed(codes: list[int]) -> str:
    bits = "".join(f"{code:010b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    chunk = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b64encode(struct.pack("<ihh", len(chunk), 0, 0) + chunk).decode()


BOMB = packed([0, *range(256, 1023), *[1022] * 100_000])
"""Each of the last codes stands for 768 bytes."""


@pytest.mark.parametrize("count", ["1e9", "-1", "nan", "many"])
def test_an_absurd_number_of_channels_of_sierra_is_refused(tmp_path, count):
    text = re.sub('leadlabels="[^"]*"', "", flat(sierra).decode("utf-16"))
    claim = f"<numberchannelsallocated>{count}</numberchannelsallocated><waveforms>"
    text = text.replace("<waveforms>", claim)
    refuse(tmp_path, text.encode("utf-16"), f"a number up to {MOST_CHANNELS}, got '{count}'")


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (BOMB, f"at most {MOST_UNPACKED:,} bytes of samples, got more"),
        ("*", "the samples must be Base64, but: "),
    ],
    ids=["bomb", "base64"],
)
def test_packed_samples_of_sierra_that_cannot_be_are_refused(tmp_path, samples, reason):
    text = flat(sierra).decode("utf-16").replace("Uncompressed", "XLI")
    text = re.sub(">[^<]*</parsedw", f">{samples}</parsedw", text)
    refuse(tmp_path, text.encode("utf-16"), reason)


# binary formats

AT_WHOLE = "it is damaged, copy it again"


@pytest.mark.parametrize(
    ("writer", "place", "value", "reason"),
    [
        (ishne, 14, struct.pack("<i", 2**31 - 1), "2,147,483,647 samples according to .*, got 12"),
        (ishne, 14, struct.pack("<i", -1), "-1 samples"),
        (ishne, 10, struct.pack("<i", 2**31 - 1), AT_WHOLE),
        (ishne, 156, struct.pack("<h", 13), "must have 1 to 12 leads .* got 13 leads"),
        (ishne, 156, struct.pack("<h", 0), "got 0 leads"),
        (ishne, 156, struct.pack("<h", 11), AT_WHOLE),
        (scp, 22 + 3 * 10 + 6, struct.pack("<I", 2**31), "lies outside the .* record"),
    ],
)
def test_absurd_numbers_of_a_header_are_refused(tmp_path, writer, place, value, reason):
    data = flat(writer)
    refuse(tmp_path, data[:place] + value + data[place + len(value) :], reason)


IN_A_LEAD = "samples in a lead, as its size allows, .* got 4,294,967,295 and 0"


@pytest.mark.parametrize(
    ("writer", "numbers", "reason"),
    [
        (scp, [1, 200], IN_A_LEAD),
        (scp_packed, [1, 200], IN_A_LEAD),
        (dicom, [200], "must hold 4,294,967,295 samples of each of 12 channels"),
    ],
)
def test_a_claim_of_four_billion_samples_is_refused(tmp_path, writer, numbers, reason):
    said = struct.pack(f"<{len(numbers)}I", *numbers)
    assert said in flat(writer)
    refuse(tmp_path, flat(writer).replace(said, said[:-4] + b"\xff" * 4), reason)


def test_a_header_of_ishne_that_is_cut_off_is_refused(tmp_path):
    refuse(tmp_path, flat(ishne)[:100], "header of 522 bytes, got 100")


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
    ids=range(8),
)
def test_absurd_definitions_of_mfer_are_refused(tmp_path, extra, reason, monkeypatch):
    monkeypatch.setattr(guards, "MOST_STEPS", 1000)
    place = flat(mfer).index(b"\x3f\x00")
    refuse(tmp_path, flat(mfer)[:place] + extra + flat(mfer)[place:], reason)


def test_definitions_of_mfer_may_end_by_a_mark(tmp_path):
    plain = b"\x3f\x00\x04\x09\x02\x01\x00"
    marked = b"\x67\x80\x3f\x00\x80\x09\x02\x01\x00" + bytes(4)
    assert plain in flat(mfer)
    assert read(tmp_path, flat(mfer).replace(plain, marked, 1)).leads == STANDARD


def test_a_matlab_array_that_unpacks_to_too_much_is_refused(tmp_path):
    bomb = zlib.compress(bytes(2 * MOST_BYTES), 9)
    data = flat(matlab)[:128] + struct.pack("<2I", 15, len(bomb)) + bomb
    assert len(data) < 100_000
    refuse(tmp_path, data, f"must unpack to at most {MOST_BYTES:,} bytes, got more")


@pytest.mark.parametrize("shape", ["(999999999999, 12)", "(12, -1)", "(12, 10**9)", "(12, 4.0)"])
def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path, shape):
    file = BytesIO()
    np.save(file, walk(time=200) / 100)
    data = file.getvalue().replace(b"(12, 200)", shape.encode().ljust(9), 1)
    layout = Layout(fs=100.0, unit="mV", leads=STANDARD)
    refuse(tmp_path, data, r"must be a sound \.npy file of numbers, but: ", layout)
