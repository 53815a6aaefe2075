"""Formats of vendors: a known ECG comes back, and what the package would guess is refused."""

import re
import struct
import sys
from binascii import crc_hqx
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ecg_files import (
    LEAD_CODES,
    OWN,
    VENDORS,
    Writer,
    ge_muse,
    hl7,
    ishne,
    mfer,
    millivolts,
    mortara,
    scp,
    scp_packed,
    sierra,
)

from crossbeat.errors import DataError
from crossbeat.leads import INDEPENDENT, STANDARD
from crossbeat.readers import read_ecg
from crossbeat.signal import Ecg


def known(leads: int = 12, time: int = 500) -> np.ndarray:
    walk = np.random.default_rng(0).normal(size=(leads, time)).cumsum(axis=1)
    return (walk * 30 + 100 * np.arange(leads)[:, None]).round().astype(int)


def read(folder: Path, data: bytes) -> Ecg:
    (folder / "ecg").write_bytes(data)
    return read_ecg(folder / "ecg")


def refuse(folder: Path, data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(folder, data)


@pytest.mark.parametrize("writer", [*VENDORS.values(), *OWN.values(), scp_packed])
def test_a_known_ecg_comes_back_lead_by_lead(tmp_path: Path, writer: Writer) -> None:
    ecg = read(tmp_path, writer(known(), STANDARD, 250))
    assert (ecg.leads, ecg.fs) == (STANDARD, 250.0)
    np.testing.assert_allclose(ecg.values, millivolts(known()), rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("writer", [*VENDORS.values(), *OWN.values()])
def test_eight_leads_stay_eight_in_their_order(tmp_path: Path, writer: Writer) -> None:
    order = INDEPENDENT[::-1]
    ecg = read(tmp_path, writer(known(8), order, 250))
    assert ecg.leads == order
    np.testing.assert_allclose(ecg.values, millivolts(known(8)), rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("writer", [*VENDORS.values(), *OWN.values()])
@pytest.mark.parametrize("part", [0.3, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, writer: Writer, part: float) -> None:
    data = writer(known(), STANDARD, 250)
    refuse(tmp_path, data[: int(part * len(data))], "must ")


@pytest.mark.parametrize("writer", VENDORS.values())
def test_the_package_is_named_when_it_is_missing(
    tmp_path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("ecgdatakit")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ecgdatakit", None)
    data = writer(known(), STANDARD, 250)
    refuse(tmp_path, data, r"needs the package ecgdatakit; pip install 'crossbeat\[formats\]'")


def without(pattern: bytes, by: bytes = b"") -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        changed = re.sub(pattern, by, data, flags=re.DOTALL)
        assert changed != data
        return changed

    return change


@pytest.mark.parametrize(
    ("writer", "change"),
    [
        (ge_muse, without(b"<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>")),
        (ge_muse, without(b"<LeadAmplitudeUnitsPerBit>2.5</LeadAmplitudeUnitsPerBit>")),
        (ge_muse, without(b"<LeadAmplitudeUnitsPerBit>2.5<", b"<LeadAmplitudeUnitsPerBit>0<")),
        (ge_muse, without(b"<LeadAmplitudeUnitsPerBit>2.5<", b"<LeadAmplitudeUnitsPerBit>nan<")),
        (hl7, without(b'<scale value="2.5" unit="uV"/>')),
        (hl7, without(b'<scale value="2.5" unit="uV"/>', b'<scale unit="uV"/>')),
        (mortara, without(b'UNITS_PER_MV="400"')),
        (ishne, without(b"(ISHNE1.0)..(.*)" + b"\xc4\x09" * 12, rb"\1\0\0\2" + bytes(24))),
        (mfer, without(b"\x0c\x84\x00\x00\x00\x04....", b"")),
    ],
)
def test_leads_without_a_scale_are_refused(
    tmp_path: Path, writer: Writer, change: Callable[[bytes], bytes]
) -> None:
    data = change(writer(known(), STANDARD, 250))
    refuse(tmp_path, data, r"the unit of lead I must be mV, uV or V, got none; correct the file")


@pytest.mark.parametrize(
    ("writer", "change", "reason"),
    [
        (ge_muse, without(b"<LeadDataCRC32>", b"<LeadDataCRC32>1"), "CRC32 mismatch in lead I"),
        (ge_muse, without(b"Median", b"Rhythm"), "Additional rhythm waveform ignored"),
        (ge_muse, without(b"</LeadID>", b"_2</LeadID>"), "must hold ECG leads, each once"),
        (
            ge_muse,
            without(b"</LeadID>", b"</LeadID><FirstSampleBaseline>9</FirstSampleBaseline>"),
            "FirstSampleBaseline is non-zero",
        ),
        (
            ge_muse,
            without(b"</LeadID>", b"</LeadID><LeadTimeOffset>9</LeadTimeOffset>"),
            "all leads must begin at the same time, got 1 as .* and I, II, III",
        ),
        (hl7, without(b"<increment[^>]*>"), "No usable time increment"),
        (
            hl7,
            without(b"(<component><series>.*</series></component>)", rb"\1\1"),
            "2 rhythm series found; only the first is read",
        ),
        (mortara, without(b'OFFSET="0"', b'OFFSET="5"'), "OFFSET is non-zero .* was not applied"),
        (mfer, without(b"\x0b\x84\x00\x00\x00\x04....", b""), "no sampling interval"),
        (scp, without(b"SCPECG", b"SCPECh"), "CRC mismatch in: record, Section 0, Section 1"),
        (ishne, without(b"ISHNE1.0..", b"ISHNE1.0\x12\x34"), "checksum mismatch"),
    ],
)
def test_what_the_package_only_warns_of_is_refused(
    tmp_path: Path, writer: Writer, change: Callable[[bytes], bytes], reason: str
) -> None:
    refuse(tmp_path, change(writer(known(), STANDARD, 250)), reason)


@pytest.mark.parametrize(
    ("writer", "change", "reason"),
    [
        (ge_muse, without(b"Median", b"Rhythm"), "Additional .*; it reads one recording"),
        (sierra, without("1.04.01".encode("utf-16-le"), "9.99.99".encode("utf-16-le")), "9.99.99"),
        (mortara, without(b'OFFSET="0"', b'OFFSET="5"'), "it reads signed samples of 16 bits"),
        (
            mortara,
            without(b'BITS="16"', b'BITS="8"'),
            "only 16-bit signed Base64 data is supported",
        ),
        (mfer, without(b"\x0b\x84\x00\x00\x00\x04....", b""), "that state their interval"),
        (mfer, without(b"\x0a\x84\x00\x00\x00\x01\x00", b"\x0a\x84\x00\x00\x00\x01\x09"), "AHA"),
        (
            hl7,
            without(b"(<component><series>.*</series></component>)", rb"\1\1"),
            "2 rhythm series found",
        ),
    ],
)
def test_a_layout_that_is_not_read_is_no_damage(
    tmp_path: Path, writer: Writer, change: Callable[[bytes], bytes], reason: str
) -> None:
    data = change(writer(known(), STANDARD, 250))
    refuse(tmp_path, data, f"of a layout that crossbeat does not read: .*{reason}.*export it so")


def test_leads_of_hl7_that_are_computed_are_not_read(tmp_path: Path) -> None:
    data = hl7(known(), STANDARD, 250).replace(b"LEAD_III", b"LEAD_dI").replace(b"_V6", b"_V6R")
    ecg = read(tmp_path, data)
    assert ecg.leads == tuple(lead for lead in STANDARD if lead not in {"III", "V6"})
    assert ecg.unrecognised == ("MDC_ECG_LEAD_dI", "MDC_ECG_LEAD_V6R")


def test_the_inverted_lead_of_hl7_is_turned(tmp_path: Path) -> None:
    ecg = read(tmp_path, hl7(known(), STANDARD, 250).replace(b"LEAD_AVR", b"LEAD_AVRneg"))
    assert (ecg.leads, ecg.unrecognised) == (STANDARD, ())
    np.testing.assert_allclose(ecg.values[3], -millivolts(known())[3], rtol=3e-7, atol=1e-7)


def test_signals_of_hl7_that_are_left_out_are_named(tmp_path: Path) -> None:
    data = hl7(known(), STANDARD, 250)
    some = data.replace(b"ECG_LEAD_V5", b"ECG_ELEC_POTL_V5").replace(b"ECG_LEAD_V6", b"RESP")
    ecg = read(tmp_path, some)
    assert ecg.leads == STANDARD[:10]
    assert ecg.unrecognised == ("MDC_ECG_ELEC_POTL_V5", "MDC_RESP")
    reason = "codes such as MDC_ECG_LEAD_II, got MDC_ECG_ELEC_POTL_I, MDC_ECG_ELEC_POTL_II, .*; ex"
    refuse(tmp_path, data.replace(b"ECG_LEAD", b"ECG_ELEC_POTL"), reason)


@pytest.mark.parametrize("writer", [ge_muse, mortara, sierra])
def test_channels_that_are_no_lead_are_named(tmp_path: Path, writer: Writer) -> None:
    names = ["DI", "V3R", "DII", "V8"]
    ecg = read(tmp_path, writer(known(4), names, 250))
    assert (ecg.leads, ecg.unrecognised) == (("I", "II"), ("V3R", "V8"))


@pytest.mark.parametrize(("writer", "code"), [(scp, 65), (mfer, 65)])
def test_the_inverted_lead_by_its_number_is_turned(
    tmp_path: Path, writer: Writer, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LEAD_CODES, "aVR", code)
    ecg = read(tmp_path, writer(known(), STANDARD, 250))
    assert ecg.leads == STANDARD
    np.testing.assert_allclose(ecg.values[3], -millivolts(known())[3], rtol=3e-7, atol=1e-7)


def test_what_does_not_concern_the_leads_is_passed_over(tmp_path: Path) -> None:
    data = ge_muse(known(), STANDARD, 250)
    median = re.search(b"<Waveform><WaveformType>Median.*?</Waveform>", data, re.DOTALL)
    assert median is not None
    twice = data.replace(median[0], median[0] * 2)
    assert read(tmp_path, twice).values.shape == (12, 500)


@pytest.mark.parametrize(
    ("writer", "change"),
    [
        (ge_muse, without(b"<SampleBase>250<", b"<SampleBase>2<")),
        (hl7, without(b'increment value="0.004"', b'increment value="4e-9"')),
        (mortara, without(b'SAMPLE_FREQ="250"', b'SAMPLE_FREQ="9e9"')),
    ],
)
def test_a_rate_of_no_ecg_is_refused(
    tmp_path: Path, writer: Writer, change: Callable[[bytes], bytes]
) -> None:
    data = change(writer(known(), STANDARD, 250))
    refuse(tmp_path, data, "the rate must be from 10 to 100000 Hz, got ")


@pytest.mark.parametrize(
    ("writer", "change", "shift"),
    [
        (hl7, without(b'<origin value="0" unit="uV"/>', b'<origin value="20" unit="uV"/>'), 0.02),
        (hl7, without(b'<origin value="0" unit="uV"/>', b'<origin value="1" unit="mV"/>'), 1.0),
    ],
)
def test_the_zero_of_a_lead_is_where_the_file_says(
    tmp_path: Path, writer: Writer, change: Callable[[bytes], bytes], shift: float
) -> None:
    one = known(1)
    ecg = read(tmp_path, change(writer(one, STANDARD[:1], 250)))
    np.testing.assert_allclose(ecg.values, millivolts(one) + shift, rtol=1e-5, atol=1e-6)


def test_a_rate_that_is_no_whole_number_is_kept(tmp_path: Path) -> None:
    text = hl7(known(), STANDARD, 250).replace(b'value="0.004"', b'value="0.0078125"')
    assert read(tmp_path, text.replace(b"0.0078125", b"7.8125e-3")).fs == 128.0
    rounded = hl7(known(), STANDARD, 250).replace(b'value="0.004" unit="s"', b'value="3" unit="ms"')
    assert read(tmp_path, rounded).fs == pytest.approx(1000 / 3)
    assert read(tmp_path, scp(known(), STANDARD, 300)).fs == pytest.approx(1e6 / 3333)
    interval = struct.pack("<BbH", 0, -1, 2505)
    odd = mfer(known(), STANDARD, 250).replace(struct.pack("<BbH", 0, 0, 250), interval)
    assert read(tmp_path, odd).fs == 250.5


def test_leads_of_different_rates_are_refused(tmp_path: Path) -> None:
    data = mortara(known(), STANDARD, 250).replace(
        b'"V6" SAMPLE_FREQ="250"', b'"V6" SAMPLE_FREQ="500"'
    )
    refuse(tmp_path, data, "all leads must have one rate, got 250 Hz and 500 Hz")


def test_leads_of_different_lengths_are_refused(tmp_path: Path) -> None:
    data = hl7(known(), STANDARD, 250).replace(b"<digits>", b"<digits>7 ", 1)
    refuse(tmp_path, data, "all leads must have one length, got 500 samples and 501 samples")


def test_leads_that_begin_at_different_times_are_refused(tmp_path: Path) -> None:
    data = bytearray(scp(known(), STANDARD, 250))
    place = data.index(struct.pack("<IIB", 1, 500, 2))
    data[place : place + 8] = struct.pack("<II", 501, 1000)
    start = place - 9 - 2 - 16
    length = struct.unpack_from("<I", data, start + 4)[0]
    for begin, end in ((start, start + length), (0, len(data))):
        struct.pack_into("<H", data, begin, crc_hqx(bytes(data[begin + 2 : end]), 0xFFFF))
    refuse(tmp_path, bytes(data), "all leads must begin at the same time, got 1 and 501 as their")


def test_a_failed_lead_of_ishne_has_no_samples(tmp_path: Path) -> None:
    stored = known()
    stored[2, 7:9] = -32768
    values = read(tmp_path, ishne(stored, STANDARD, 250)).values
    np.testing.assert_array_equal(np.argwhere(np.isnan(values)), [[2, 7], [2, 8]])


def test_the_calibration_pulse_of_sierra_is_cut_off(tmp_path: Path) -> None:
    pulse = np.repeat([0, 400, 0], [60, 100, 40])
    with_pulse = np.hstack([known(), np.tile(pulse, (12, 1))])
    ecg = read(tmp_path, sierra(with_pulse, STANDARD, 250))
    np.testing.assert_allclose(ecg.values, millivolts(known()), rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('durationperchannel="2000"', 'durationperchannel="1996"'),
        ('samplespersecond="250"', 'samplespersecond="240"'),
        ('numberofleads="12"', 'numberofleads="11"'),
    ],
)
def test_sierra_with_more_samples_than_it_says_is_refused(
    tmp_path: Path, old: str, new: str
) -> None:
    text = sierra(known(), STANDARD, 250).decode("utf-16").replace(old, new)
    assert new in text
    refuse(
        tmp_path, text.encode("utf-16"), r"must hold \d+ samples of each of 1[12] leads, as it s"
    )


def test_sierra_that_is_packed_in_another_order_is_refused(tmp_path: Path, shared: Path) -> None:
    path = shared / "data" / "ecg-formats" / "philips_sierra_1_04.xml"
    data = path.read_bytes()
    order = "I II III aVR aVL aVF"
    for other in ("I II III aVR aVF aVL", "DI DII DIII aVR aVL aVF", "I II V1 V2 V3 V4"):
        changed = data.replace(order.encode("utf-16-le"), other.encode("utf-16-le"))
        changed = changed.replace(order.encode(), other.encode())
        assert changed != data
        refuse(tmp_path, changed, "packed as XLI must begin with I, II, III, aVR, aVL, aVF, got ")


@pytest.mark.parametrize("unit", ["", "mm", "1"])
def test_a_zero_of_hl7_in_no_voltage_is_refused(tmp_path: Path, unit: str) -> None:
    data = hl7(known(), STANDARD, 250)
    changed = data.replace(
        b'<origin value="0" unit="uV"/>', f'<origin value="7" unit="{unit}"/>'.encode()
    )
    assert changed != data
    refuse(tmp_path, changed, "the origin of a lead must be in mV, uV or V, got 7 ")


def test_a_flat_end_of_sierra_is_kept(tmp_path: Path) -> None:
    ends_flat = np.hstack([known(), np.zeros((12, 100), int)])
    assert read(tmp_path, sierra(ends_flat, STANDARD, 250)).values.shape == (12, 600)
