"""Small ECG files of vendors and standards, written from the public description of each format.

Every writer takes stored integers [lead, time] of 2.5 microvolts each, the names of the leads and
a rate in hertz, and gives the bytes of a file.

Sources: restecg.dtd (GE MUSE); SierraECG schema 1.04.01; HL7 V3 aECG implementation guide 2005;
EN 1064 (SCP-ECG); edfplus.info; Badilini 1998 (ISHNE); MFER part 1; PS3.3 C.10.9 (DICOM).
"""

import struct
import zlib
from base64 import b64encode
from binascii import crc_hqx
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from crossbeat.errors import DataError
from crossbeat.readers import Layout, read_ecg
from crossbeat.signal import Ecg

MICROVOLTS = 2.5
LEAD_CODES = {"I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8}
LEAD_CODES |= {"III": 61, "aVR": 62, "aVL": 63, "aVF": 64}
ISHNE_CODES = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

Writer = Callable[[np.ndarray, Sequence[str], int], bytes]


def walk(leads: int = 12, time: int = 500, size: float = 30.0) -> np.ndarray:
    """Stored integers [lead, time] of which no lead is like another."""
    steps = np.random.default_rng(0).normal(size=(leads, time)).cumsum(axis=1)
    return (steps * size + 100 * np.arange(leads)[:, None]).round().astype(int)


def read(folder: Path, data: bytes, layout: Layout | None = None) -> Ecg:
    """The ECG of a file with these bytes."""
    (folder / "ecg").write_bytes(data)
    return read_ecg(folder / "ecg", layout)


def refuse(folder: Path, data: bytes, reason: str, layout: Layout | None = None) -> None:
    """A file with these bytes is refused for this reason."""
    with pytest.raises(DataError, match=reason):
        read(folder, data, layout)


def assert_holds(ecg: Ecg, expected: np.ndarray) -> None:
    """The ECG has these millivolts, to single precision."""
    np.testing.assert_allclose(ecg.values, expected, rtol=3e-7, atol=1e-7)


def millivolts(stored: np.ndarray) -> np.ndarray:
    """What the stored integers mean."""
    return stored * MICROVOLTS / 1000


def base64(row: np.ndarray) -> str:
    """16-bit little-endian integers as text."""
    return b64encode(row.astype("<i2").tobytes()).decode()


def ge_muse(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """GE MUSE XML with a rhythm and a median waveform, and the checksum of each lead."""

    def lead(name: str, row: np.ndarray) -> str:
        data = row.astype("<i2").tobytes()
        return (
            f"<LeadData><LeadByteCountTotal>{len(data)}</LeadByteCountTotal>"
            f"<LeadSampleCountTotal>{row.size}</LeadSampleCountTotal>"
            f"<LeadAmplitudeUnitsPerBit>{MICROVOLTS}</LeadAmplitudeUnitsPerBit>"
            f"<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadID>{name}</LeadID>"
            f"<LeadSampleSize>2</LeadSampleSize><LeadDataCRC32>{zlib.crc32(data)}</LeadDataCRC32>"
            f"<WaveFormData>\n{base64(row)}\n</WaveFormData></LeadData>"
        )

    waveforms = "".join(
        f"<Waveform><WaveformType>{kind}</WaveformType><SampleBase>{fs}</SampleBase>"
        "<SampleExponent>0</SampleExponent>"
        + "".join(lead(name, row) for name, row in zip(leads, rows, strict=True))
        + "</Waveform>"
        for kind, rows in (("Median", stored[:, :20]), ("Rhythm", stored))
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n'
        f"<RestingECG><MuseInfo/>{waveforms}</RestingECG>"
    ).encode()


def sierra(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """Philips Sierra XML, not compressed, in UTF-16 as some carts write it."""
    milliseconds = stored.shape[1] * 1000 / fs
    return (
        '<?xml version="1.0" encoding="UTF-16"?><restingecgdata><documentinfo>'
        "<documenttype>SierraECG</documenttype><documentversion>1.04.01</documentversion>"
        "</documentinfo><waveforms>"
        f'<parsedwaveforms dataencoding="Base64" compression="Uncompressed" '
        f'numberofleads="{len(leads)}" leadlabels="{" ".join(leads)}" '
        f'durationperchannel="{milliseconds:g}" samplespersecond="{fs}" resolution="{MICROVOLTS}" '
        f'signaloffset="0" signalsigned="True">{base64(stored.ravel())}</parsedwaveforms>'
        "</waveforms></restingecgdata>"
    ).encode("utf-16")


def hl7(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """HL7 annotated ECG with one rhythm series."""
    sequences = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{name.upper()}"/>'
        '<value xsi:type="SLIST_PQ">'
        f'<origin value="0" unit="uV"/><scale value="{MICROVOLTS}" unit="uV"/>'
        f"<digits>{' '.join(map(str, row))}</digits></value></sequence></component>"
        for name, row in zip(leads, stored.tolist(), strict=True)
    )
    return (
        '<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><component><series>'
        '<code code="RHYTHM"/><component><sequenceSet><component><sequence>'
        '<code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS"><head value="20200101120000"/>'
        f'<increment value="{1 / fs:.9g}" unit="s"/></value></sequence></component>{sequences}'
        "</sequenceSet></component></series></component></AnnotatedECG>"
    ).encode()


def mortara(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """Mortara ELI XML."""
    channels = "".join(
        f'<CHANNEL NAME="{name}" SAMPLE_FREQ="{fs}" UNITS_PER_MV="{1000 / MICROVOLTS:g}" '
        f'OFFSET="0" DURATION="{row.size}" BITS="16" FORMAT="SIGNED" ENCODING="BASE64" '
        f'DATA="{base64(row)}"/>'
        for name, row in zip(leads, stored, strict=True)
    )
    return f'<?xml version="1.0"?><ECG ACQUISITION_TIME="20200101120000">{channels}</ECG>'.encode()


def edf(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """EDF in data records of one second."""
    return _edf(stored, [f"ECG {lead}" for lead in leads], fs, bits=16)


def bdf(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """BDF in data records of one second, as BioSemi writes it."""
    text = _edf(stored, [f"ECG {lead}" for lead in leads], fs, bits=24)
    return b"\xffBIOSEMI" + text[8:192] + f"{'24BIT':<44}".encode() + text[236:]


def edf_labels(stored: np.ndarray, labels: Sequence[str], fs: int) -> bytes:
    """EDF with labels as they are given."""
    return _edf(stored, labels, fs, bits=16)


def _edf(stored: np.ndarray, labels: Sequence[str], fs: int, *, bits: int) -> bytes:
    num, seconds = len(labels), stored.shape[1] // fs
    least, most = (-32768, 32767) if bits == 16 else (-1000000, 1000000)
    fields: list[tuple[int, Sequence[object]]] = [
        (16, labels),
        (80, [""] * num),
        (8, ["uV"] * num),
        (8, [f"{least * MICROVOLTS:.8g}"] * num),
        (8, [f"{most * MICROVOLTS:.8g}"] * num),
        (8, [least] * num),
        (8, [most] * num),
        (80, [""] * num),
        (8, [fs] * num),
        (32, [""] * num),
    ]
    start = (("0", 8), ("", 80), ("", 80), ("01.01.20", 8), ("12.00.00", 8))
    rest = ((256 * (num + 1), 8), ("", 44), (seconds, 8), (1, 8), (num, 4))
    header = "".join(f"{value:<{width}}" for value, width in (*start, *rest))
    header += "".join(f"{value!s:<{width}}" for width, values in fields for value in values)
    records = stored.reshape(num, seconds, fs).transpose(1, 0, 2)
    samples = np.ascontiguousarray(records, "<i4").view(np.uint8).reshape(-1, 4)
    return header.encode() + samples[:, : bits // 8].tobytes()


def ishne(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """ISHNE Holter, without comments, with a checksum."""
    num = len(leads)
    block = bytearray(512)
    struct.pack_into("<iiii", block, 0, 0, stored.shape[1], 522, 522)
    struct.pack_into("<h", block, 146, num)
    codes = [5 + ISHNE_CODES.index(lead) for lead in leads] + [-9] * (12 - num)
    struct.pack_into("<12h", block, 148, *codes)
    struct.pack_into("<12h", block, 196, *[round(MICROVOLTS * 1000)] * 12)
    struct.pack_into("<h", block, 262, fs)
    checksum = struct.pack("<H", crc_hqx(bytes(block), 0xFFFF))
    return b"ISHNE1.0" + checksum + bytes(block) + stored.T.astype("<i2").tobytes()


def mfer(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """MFER, little-endian, one block of each channel, the lead as an attribute of its channel."""

    def define(tag: int, value: bytes) -> bytes:
        return bytes([tag, 0x84]) + len(value).to_bytes(4, "big") + value

    text = b"\x40\x0dMFR ECG-STD12" + define(0x01, b"\x01")
    text += define(0x0B, struct.pack("<BbH", 0, 0, fs)) + define(
        0x0C, struct.pack("<BbH", 0, -7, 25)
    )
    text += define(0x04, struct.pack("<I", stored.shape[1])) + define(0x05, bytes([len(leads)]))
    text += define(0x06, b"\x01") + define(0x0A, b"\x00")
    for channel, lead in enumerate(leads):
        name = bytes([0x09, 2]) + struct.pack("<H", LEAD_CODES[lead])
        text += bytes([0x3F, channel, len(name)]) + name
    return text + define(0x1E, stored.astype("<i2").tobytes()) + b"\x80\x00"


def scp(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """SCP-ECG, neither packed nor as differences."""
    return scp_of_rows([row.astype("<i2").tobytes() for row in stored], stored.shape[1], leads, fs)


def scp_packed(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """SCP-ECG of second differences in the standard's Huffman code."""
    second = stored.astype(int)
    second[:, 2:] = np.diff(second, n=2)
    rows = [_huffman(row) for row in second.tolist()]
    return scp_of_rows(rows, stored.shape[1], leads, fs, difference=2)


def scp_of_rows(
    rows: Sequence[bytes], num: int, leads: Sequence[str], fs: int, *, difference: int = 0
) -> bytes:
    """SCP-ECG of encoded leads of so many samples."""
    count = len(leads)
    named = b"".join(struct.pack("<IIB", 1, num, LEAD_CODES[lead]) for lead in leads)
    rhythm = struct.pack("<HHBB", round(MICROVOLTS * 1000), 1_000_000 // fs, difference, 0)
    rhythm += struct.pack(f"<{count}H", *map(len, rows)) + b"".join(rows)
    bodies = {1: b"\xff\x00\x00", 3: bytes([count, 4 | count << 3]) + named, 6: rhythm}
    if difference:
        bodies[2] = struct.pack("<H", 19999)
    place = 6 + 16 + 10 * 12
    pointers, sections = struct.pack("<HII", 0, 16 + 10 * 12, 7), b""
    for number in range(1, 12):
        section = _section(number, bodies[number]) if number in bodies else b""
        pointers += struct.pack("<HII", number, len(section), place + 1 if section else 0)
        sections, place = sections + section, place + len(section)
    whole = _section(0, pointers) + sections
    sized = struct.pack("<I", 6 + len(whole)) + whole
    return struct.pack("<H", crc_hqx(sized, 0xFFFF)) + sized


def _section(number: int, body: bytes) -> bytes:
    body += bytes(len(body) % 2)
    text = struct.pack("<HIBB6s", number, 16 + len(body), 20, 20, b"SCPECG") + body
    return struct.pack("<H", crc_hqx(text, 0xFFFF)) + text


def _huffman(values: Sequence[int]) -> bytes:
    bits = ""
    for value in values:
        if value == 0:
            bits += "0"
        elif abs(value) <= 8:
            bits += "1" * abs(value) + ("00" if value > 0 else "01")
        else:
            bits += "1" * 10 + f"{value & 0xFFFF:016b}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def dicom(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """A DICOM 12-lead ECG with one rhythm group, explicit little-endian."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage

    def code(value: str, scheme: str) -> list[Dataset]:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator = value, scheme
        return [item]

    group = Dataset()
    group.MultiplexGroupLabel, group.WaveformOriginality = "RHYTHM", "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = stored.shape
    group.SamplingFrequency = str(fs)
    group.ChannelDefinitionSequence = []
    for lead in leads:
        channel = Dataset()
        channel.ChannelSourceSequence = code(f"2:{LEAD_CODES[lead]}", "MDC")
        channel.ChannelSensitivity, channel.ChannelBaseline = str(MICROVOLTS), "0"
        channel.ChannelSensitivityUnitsSequence = code("uV", "UCUM")
        group.ChannelDefinitionSequence.append(channel)
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.add_new("WaveformData", "OW", stored.T.astype("<i2").tobytes())
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = TwelveLeadECGWaveformStorage, "1.2.3"
    data.PatientName, data.WaveformSequence = "Test", [group]
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def matlab(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """The layout of CODE-15, packed."""
    file = BytesIO()
    rates = {"org_sample_rate": fs, "curr_sample_rate": fs}
    values = millivolts(stored).astype(np.float32)
    scipy.io.savemat(file, {**rates, "feats": values, "idx": 5}, do_compression=True)
    return file.getvalue()


def cardiosoft(stored: np.ndarray, leads: Sequence[str], fs: int) -> bytes:
    """GE CardioSoft XML with mean beats before the rhythm strip, as in UK Biobank."""

    def waves(rows: np.ndarray) -> str:
        return "".join(
            f'<WaveformData lead="{lead}">\n\t\t{",".join(map(str, row.tolist()))}</WaveformData>'
            for lead, row in zip(leads, rows, strict=True)
        )

    def strip(name: str, rows: np.ndarray) -> str:
        return (
            f"<{name}><NumberOfLeads>{len(rows)}</NumberOfLeads>"
            f'<SampleRate units="Hz">{fs}</SampleRate>'
            f"<ChannelSampleCountTotal>{rows.shape[1]}</ChannelSampleCountTotal>"
            f'<Resolution units="uVperLsb">{MICROVOLTS}</Resolution>{waves(rows)}</{name}>'
        )

    return (
        '<?xml version="1.0" encoding="ISO8859-1" ?>\n<CardiologyXML>\n'
        "<ObservationType>RestECG</ObservationType>"
        "<PatientInfo><Name><FamilyName>Müller</FamilyName></Name></PatientInfo>"
        '<RestingECGMeasurements><VentricularRate units="BPM">61</VentricularRate>'
        f"{strip('MedianSamples', stored[:, :20])}</RestingECGMeasurements>"
        f"{strip('StripData', stored)}"
        "<FullDisclosure><FullDisclosureData>1,2,3,</FullDisclosureData></FullDisclosure>"
        "</CardiologyXML>"
    ).encode("latin-1")


VENDORS: dict[str, Writer] = {
    "ge-muse-xml": ge_muse,
    "philips-sierra-xml": sierra,
    "hl7-aecg": hl7,
    "scp-ecg": scp,
    "ishne": ishne,
    "mfer": mfer,
    "mortara-xml": mortara,
}
"""One writer of each format that ``ecgdatakit`` parses."""

OWN: dict[str, Writer] = {"edf": edf, "bdf": bdf, "dicom": dicom, "cardiosoft-xml": cardiosoft}
"""One writer of each further format that names its leads."""

WRITERS = VENDORS | OWN | {"matlab": matlab}
"""One writer of each format that says its rate, unit and leads in a single file."""
