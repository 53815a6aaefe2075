"""Formats of vendors: what the package ``ecgdatakit`` would guess, or only warns of, is refused."""

import re
import struct
from binascii import crc_hqx

import numpy as np
import pytest
from ecg_files import (
    LEAD_CODES,
    Writer,
    assert_holds,
    ge_muse,
    hl7,
    ishne,
    mfer,
    millivolts,
    mortara,
    read,
    refuse,
    scp,
    sierra,
    walk,
)

from crossbeat.leads import STANDARD

KNOWN = millivolts(walk())


def changed(writer: Writer, pattern: bytes, by: bytes = b"", leads: int = 12) -> bytes:
    """A file of which a part is another one."""
    data = writer(walk(leads), STANDARD[:leads], 250)
    utf16 = writer is sierra
    text = data.decode("utf-16").encode() if utf16 else data
    other = re.sub(pattern, by, text, flags=re.DOTALL)
    assert other != text
    return other.decode().encode("utf-16") if utf16 else other


NO_SCALE = r"the unit of lead I must be mV, uV or V, got none; correct the file"
NO_ORIGIN = "the origin of a lead must be in mV, uV or V, got 7 "
NO_LAYOUT = "of a layout that crossbeat does not read: .*"
BIT = b"<LeadAmplitudeUnitsPerBit>"
BASELINE = b"</LeadID><FirstSampleBaseline>9</FirstSampleBaseline>"
LATE = b"</LeadID><LeadTimeOffset>9</LeadTimeOffset>"
SERIES = b"(<component><series>.*</series></component>)"
INTERVAL = b"\x0b\x84\x00\x00\x00\x04...."


@pytest.mark.parametrize(
    ("writer", "pattern", "by", "reason"),
    [
        (ge_muse, b"<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>", b"", NO_SCALE),
        (ge_muse, BIT + b"2.5</LeadAmplitudeUnitsPerBit>", b"", NO_SCALE),
        (ge_muse, BIT + b"2.5<", BIT + b"0<", NO_SCALE),
        (ge_muse, BIT + b"2.5<", BIT + b"nan<", NO_SCALE),
        (hl7, b'<scale value="2.5" unit="uV"/>', b"", NO_SCALE),
        (hl7, b'<scale value="2.5" unit="uV"/>', b'<scale unit="uV"/>', NO_SCALE),
        (mortara, b'UNITS_PER_MV="400"', b"", NO_SCALE),
        (ishne, b"(ISHNE1.0)..(.*)" + b"\xc4\x09" * 12, rb"\1\0\0\2" + bytes(24), NO_SCALE),
        (mfer, b"\x0c\x84\x00\x00\x00\x04....", b"", NO_SCALE),
        (ge_muse, b"<LeadDataCRC32>", b"<LeadDataCRC32>1", "CRC32 mismatch in lead I"),
        (scp, b"SCPECG", b"SCPECh", "CRC mismatch in: record, Section 0, Section 1"),
        (ishne, b"ISHNE1.0..", b"ISHNE1.0\x12\x34", "checksum mismatch"),
        (ge_muse, b"</LeadID>", b"_2</LeadID>", "must hold ECG leads, each once"),
        (ge_muse, b"</LeadID>", BASELINE, "FirstSampleBaseline is non-zero"),
        (ge_muse, b"</LeadID>", LATE, "begin at the same time, got 1 as .* and I, II, III"),
        (hl7, b"<increment[^>]*>", b"", "No usable time increment"),
        (ge_muse, b"Median", b"Rhythm", f"{NO_LAYOUT}Additional rhythm.*; it reads one recording"),
        (sierra, b"1.04.01", b"9.99.99", f"{NO_LAYOUT}9.99.99.*export it so"),
        (mortara, b'OFFSET="0"', b'OFFSET="5"', f"{NO_LAYOUT}OFFSET .* it reads signed samples of"),
        (mortara, b'BITS="16"', b'BITS="8"', f"{NO_LAYOUT}only 16-bit signed Base64 data is sup"),
        (mfer, INTERVAL, b"", f"{NO_LAYOUT}no sampling interval.* that state their interval"),
        (mfer, b"\x0a\x84\x00\x00\x00\x01\x00", b"\x0a\x84\x00\x00\x00\x01\x09", f"{NO_LAYOUT}AHA"),
        (hl7, SERIES, rb"\1\1", f"{NO_LAYOUT}2 rhythm series found; only the first is read"),
        (ge_muse, b"<SampleBase>250<", b"<SampleBase>2<", "rate must be from 10 to 100000 Hz, got"),
        (hl7, b'"0.004"', b'"4e-9"', "rate must be from 10 to 100000 Hz, got"),
        (mortara, b'SAMPLE_FREQ="250"', b'SAMPLE_FREQ="9e9"', "rate must be from 10 to 100000 Hz"),
        (mortara, b'"V6" SAMPLE_FREQ="250"', b'"V6" SAMPLE_FREQ="500"', "one rate, got 250 Hz and"),
        (hl7, b"<digits>(.*)", rb"<digits>7 \1", "one length, got 500 samples and 501 samples"),
        (sierra, b'hannel="2000"', b'hannel="1996"', r"must hold \d+ samples of each of 12 leads,"),
        (sierra, b'second="250"', b'second="240"', r"must hold \d+ samples of each of 12 leads"),
        (sierra, b'leads="12"', b'leads="11"', r"must hold \d+ samples of each of 11 leads, as it"),
        (hl7, b'n value="0" unit="uV"', b'n value="7" unit=""', NO_ORIGIN),
        (hl7, b'n value="0" unit="uV"', b'n value="7" unit="mm"', NO_ORIGIN),
        (hl7, b'n value="0" unit="uV"', b'n value="7" unit="1"', NO_ORIGIN),
    ],
)
def test_what_is_doubtful_is_refused(tmp_path, writer, pattern, by, reason):
    refuse(tmp_path, changed(writer, pattern, by), reason)


def test_leads_that_begin_at_different_times_are_refused(tmp_path):
    data = bytearray(scp(walk(), STANDARD, 250))
    place = data.index(struct.pack("<IIB", 1, 500, 2))
    data[place : place + 8] = struct.pack("<II", 501, 1000)
    start = place - 9 - 2 - 16
    length = struct.unpack_from("<I", data, start + 4)[0]
    for begin, end in ((start, start + length), (0, len(data))):
        struct.pack_into("<H", data, begin, crc_hqx(bytes(data[begin + 2 : end]), 0xFFFF))
    refuse(tmp_path, bytes(data), "all leads must begin at the same time, got 1 and 501 as their")


def test_sierra_that_is_packed_in_another_order_is_refused(tmp_path, shared):
    data = (shared / "data" / "ecg-formats" / "philips_sierra_1_04.xml").read_bytes()
    order = "I II III aVR aVL aVF"
    for other in ("I II III aVR aVF aVL", "DI DII DIII aVR aVL aVF", "I II V1 V2 V3 V4"):
        text = data.replace(order.encode("utf-16-le"), other.encode("utf-16-le"))
        text = text.replace(order.encode(), other.encode())
        assert text != data
        refuse(tmp_path, text, "packed as XLI must begin with I, II, III, aVR, aVL, aVF, got ")


# leads


def test_signals_of_hl7_that_are_no_leads_are_named(tmp_path):
    data = hl7(walk(), STANDARD, 250)
    for given, left, names in (
        # computed leads
        ((b"LEAD_III", b"LEAD_dI"), {"III", "V6"}, ("MDC_ECG_LEAD_dI", "MDC_ECG_LEAD_V6R")),
        # sequences that the package leaves out
        ((b"ECG_LEAD_V5", b"ECG_ELEC_POTL_V5"), {"V5", "V6"}, ("MDC_ECG_ELEC_POTL_V5", "MDC_RESP")),
    ):
        last = b"ECG_LEAD_V6R" if "III" in left else b"RESP"
        ecg = read(tmp_path, data.replace(*given).replace(b"ECG_LEAD_V6", last))
        assert ecg.leads == tuple(lead for lead in STANDARD if lead not in left)
        assert ecg.unrecognised == names
    reason = "codes such as MDC_ECG_LEAD_II, got MDC_ECG_ELEC_POTL_I, MDC_ECG_ELEC_POTL_II, .*; ex"
    refuse(tmp_path, data.replace(b"ECG_LEAD", b"ECG_ELEC_POTL"), reason)


@pytest.mark.parametrize("writer", [ge_muse, mortara, sierra])
def test_channels_that_are_no_lead_are_named(tmp_path, writer):
    ecg = read(tmp_path, writer(walk(4), ["DI", "V3R", "DII", "V8"], 250))
    assert (ecg.leads, ecg.unrecognised) == (("I", "II"), ("V3R", "V8"))


@pytest.mark.parametrize("writer", [scp, mfer, hl7])
def test_the_inverted_lead_is_turned(tmp_path, writer, monkeypatch):
    monkeypatch.setitem(LEAD_CODES, "aVR", 65)
    data = writer(walk(), STANDARD, 250).replace(b"LEAD_AVR", b"LEAD_AVRneg")
    ecg = read(tmp_path, data)
    assert (ecg.leads, ecg.unrecognised) == (STANDARD, ())
    np.testing.assert_allclose(ecg.values[3], -KNOWN[3], rtol=3e-7, atol=1e-7)


# values and rates


@pytest.mark.parametrize(("value", "unit", "shift"), [(20, "uV", 0.02), (1, "mV", 1.0)])
def test_the_zero_of_a_lead_is_where_the_file_says(tmp_path, value, unit, shift):
    origin = f'<origin value="{value}" unit="{unit}"/>'.encode()
    ecg = read(tmp_path, changed(hl7, b'<origin value="0" unit="uV"/>', origin, leads=1))
    np.testing.assert_allclose(ecg.values, KNOWN[:1] + shift, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("writer", "old", "new", "fs"),
    [
        (hl7, b'value="0.004"', b'value="7.8125e-3"', 128.0),
        (hl7, b'value="0.004" unit="s"', b'value="3" unit="ms"', 1000 / 3),
        (scp, struct.pack("<H", 4000), struct.pack("<H", 3333), 1e6 / 3333),
        (mfer, struct.pack("<BbH", 0, 0, 250), struct.pack("<BbH", 0, -1, 2505), 250.5),
    ],
)
def test_a_rate_that_is_no_whole_number_is_kept(tmp_path, writer, old, new, fs):
    data = scp(walk(), STANDARD, 300) if writer is scp else changed(writer, re.escape(old), new)
    assert read(tmp_path, data).fs == pytest.approx(fs)


def test_a_failed_lead_of_ishne_has_no_samples(tmp_path):
    stored = walk()
    stored[2, 7:9] = -32768
    values = read(tmp_path, ishne(stored, STANDARD, 250)).values
    np.testing.assert_array_equal(np.argwhere(np.isnan(values)), [[2, 7], [2, 8]])


@pytest.mark.parametrize(
    ("end", "kept"), [(np.repeat([0, 400, 0], [60, 100, 40]), 500), (np.zeros(100, int), 600)]
)
def test_the_calibration_pulse_of_sierra_is_cut_off_but_no_flat_end(tmp_path, end, kept):
    stored = np.hstack([walk(), np.tile(end, (12, 1))])
    assert_holds(read(tmp_path, sierra(stored, STANDARD, 250)), millivolts(stored[:, :kept]))


def test_what_does_not_concern_the_leads_is_passed_over(tmp_path):
    median = b"(<Waveform><WaveformType>Median.*?</Waveform>)"
    assert_holds(read(tmp_path, changed(ge_muse, median, rb"\1\1")), KNOWN)
