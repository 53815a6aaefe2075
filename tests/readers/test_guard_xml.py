"""Hostile XML: refused before a parser builds a tree of it."""

import re
import struct
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from ecg_files import ge_muse, hl7, mortara, sierra

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg
from crossbeat.readers.ecg.guards import DEEPEST, MOST_MARKUP, MOST_UNPACKED
from crossbeat.readers.limits import MOST_CHANNELS

pytestmark = pytest.mark.usefixtures("bounded")


def flat(time: int = 200) -> np.ndarray:
    return np.arange(12 * time).reshape(12, time) % 50


def refuse(folder: Path, data: bytes, reason: str) -> None:
    (folder / "a").write_bytes(data)
    with pytest.raises(DataError, match=reason):
        read_ecg(folder / "a")


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
