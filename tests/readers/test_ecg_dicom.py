"""DICOM waveforms, made in the test and beside pydicom on a real one."""

import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pydicom
import pytest
from ecg_files import LEAD_CODES, assert_holds, dicom, millivolts, read, refuse, walk
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)
from pydicom.waveforms import multiplex_array
from xray_files import setting

from crossbeat.leads import STANDARD
from crossbeat.readers import identify, read_ecg
from crossbeat.readers.dicom import meta_start
from crossbeat.readers.limits import MOST_PARSED_BYTES

Change = Callable[[Dataset], object]


def known() -> np.ndarray:
    return walk(time=100)


def made(stored: np.ndarray, leads: tuple[str, ...] = STANDARD, fs: int = 500) -> Dataset:
    return pydicom.dcmread(BytesIO(dicom(stored, leads, fs)))


def written(change: Change = lambda _: None, syntax: UID | None = None) -> bytes:
    """A file whose dataset has been changed, maybe of another transfer syntax."""
    found, data, file = made(known()), Dataset(), BytesIO()
    change(found)
    data.update(found)
    data.file_meta = found.file_meta
    uid = data.file_meta.TransferSyntaxUID = syntax or data.file_meta.TransferSyntaxUID
    form = {"implicit_vr": uid.is_implicit_VR, "little_endian": uid.is_little_endian}
    data.save_as(file, **form, enforce_file_format=True)
    return file.getvalue()


def group(data: Dataset) -> Dataset:
    return data.WaveformSequence[0]


def channel(data: Dataset, row: int = 0) -> Dataset:
    return group(data).ChannelDefinitionSequence[row]


def at(part: Callable[[Dataset], Dataset], **values: object) -> Change:
    """Gives attributes of a part these values; None takes one away."""
    return lambda data: setting(**values)(part(data))


def named(code: str, meaning: str, label: str) -> Change:
    def change(data: Dataset) -> None:
        source = channel(data, 3).ChannelSourceSequence[0]
        source.CodeValue, source.CodeMeaning = code, meaning
        channel(data, 3).ChannelLabel = label

    return change


def unit(data: Dataset, row: int = 0) -> Dataset:
    return channel(data, row).ChannelSensitivityUnitsSequence[0]


def test_the_real_file_equals_what_pydicom_scales(shared):
    path = shared / "data" / "ecg-formats" / "mortara_12lead.dcm"
    ecg = read_ecg(path)
    expected = multiplex_array(pydicom.dcmread(path), 0, as_raw=False).T / 1000
    assert (ecg.leads, ecg.fs) == (STANDARD, 1000.0)
    np.testing.assert_allclose(ecg.values, expected, rtol=3e-7)


# values


def test_scale_correction_and_baseline_are_used(tmp_path):
    def change(data: Dataset) -> None:
        channel(data, 5).ChannelSensitivityCorrectionFactor = "2"
        channel(data, 5).ChannelBaseline = "-30"
        unit(data, 6).CodeValue = "mV"

    values = read(tmp_path, written(change)).values
    np.testing.assert_allclose(values[5], 2 * millivolts(known())[5] - 0.03, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(values[6], 1000 * millivolts(known())[6], rtol=3e-7)


def padded(value: int, stored: np.ndarray) -> Change:
    """Says a padding value, with other samples."""

    def say(data: Dataset) -> None:
        group(data).add_new("WaveformPaddingValue", "OW", struct.pack("<h", value))
        group(data).WaveformData = stored.T.astype("<i2").tobytes()

    return say


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (-32768, (2, slice(40, 50))),
        (9999, (2, slice(40, 50))),
        (3000, (slice(None), slice(90, 100))),
        (1, (slice(None), slice(80, 100))),
        (1, (5, slice(0, 30))),
    ],
)
def test_padding_is_no_sample(tmp_path, value, place):
    stored = np.random.default_rng(0).integers(-2000, 2000, (12, 100))
    stored[stored == value] += 1
    stored[place] = value
    values = read(tmp_path, written(padded(value, stored))).values
    expected = np.zeros((12, 100), bool)
    expected[place] = True
    np.testing.assert_array_equal(np.isnan(values), expected)


def resting() -> list[np.ndarray]:
    """Samples with zeros: at rest as well as at the start, and as the least value."""
    stored = np.random.default_rng(0).integers(-2000, 2000, (12, 100))
    above = np.maximum(stored, 0)
    stored[np.abs(stored) < 1500] = 0
    stored[:, :10] = 0
    return [stored, above]


@pytest.mark.parametrize("stored", resting(), ids=["rest", "rest above zero"])
def test_a_padding_value_that_samples_have_too_is_none(tmp_path, stored):
    assert_holds(read(tmp_path, written(padded(0, stored))), millivolts(stored))


# transfer syntaxes


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_other_transfer_syntaxes_are_read(tmp_path, syntax, seed):
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    data = (known() + seed).T.astype(f"{order}i2").tobytes()
    ecg = read(tmp_path, written(at(group, WaveformData=data), syntax))
    assert_holds(ecg, millivolts(known() + seed))


@pytest.mark.parametrize("part", [0.5, 0.95])
def test_deflated_dicom_that_is_cut_off_is_refused(tmp_path, part):
    whole = written(syntax=DeflatedExplicitVRLittleEndian)
    refuse(
        tmp_path,
        whole[: int(part * len(whole))],
        "must be sound DICOM, but its packed part is cut off",
    )


def test_a_syntax_that_is_not_read_is_refused(tmp_path):
    longer = at(group, WaveformData=bytes(2 * MOST_PARSED_BYTES))
    reason = "must unpack to at most 4,194,304 bytes, got more"
    refuse(tmp_path, written(longer, DeflatedExplicitVRLittleEndian), reason)
    in_bytes = at(group, WaveformBitsAllocated=8, WaveformSampleInterpretation="SB")
    reason = "must be little-endian where its samples have 8 bits"
    refuse(tmp_path, written(in_bytes, ExplicitVRBigEndian), reason)
    data = written().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    refuse(tmp_path, data, r"is uncompressed or deflated, got .*1\.2\.9; export")


@pytest.mark.parametrize("start", [128, 132])
def test_dicom_without_its_preamble_is_read(tmp_path, start):
    assert_holds(read(tmp_path, written()[start:]), millivolts(known()))
    assert identify(tmp_path / "ecg") == "dicom"


@pytest.mark.parametrize(
    ("head", "start"),
    [
        (bytes(128) + b"DICM", 132),
        (b"DICM\x02\x00\x00\x00UL", 4),
        (b"\x02\x00\x00\x00UL\x04\x00", 0),
        (b"\x02\x00\x01\x00OB\x00\x00", 0),
        (b"\x02\x00\x10\x00UI\x14\x00", 0),
        (b"\x08\x00\x05\x00CS\x0a\x00", None),
        (b"\x02\x00", None),
        (b"", None),
    ],
)
def test_where_the_meta_information_starts(head, start):
    assert meta_start(head) == start


# groups


def halves(*offsets: str | None) -> Change:
    """Limb and chest leads in a group each."""

    def change(data: Dataset) -> None:
        groups = []
        for rows, offset in zip((slice(0, 6), slice(6, 12)), offsets, strict=True):
            half = group(made(known()[rows], STANDARD[rows]))
            if offset is not None:
                half.MultiplexGroupTimeOffset = offset
            groups.append(half)
        data.WaveformSequence = groups

    return change


def both(*changes: Change) -> Change:
    return lambda data: [change(data) for change in changes]


@pytest.mark.parametrize("offsets", [("0", "0"), ("2500", "2500.0")])
def test_leads_in_two_groups_of_the_same_time_are_one_recording(tmp_path, offsets):
    ecg = read(tmp_path, written(halves(*offsets)))
    assert ecg.leads == STANDARD
    assert_holds(ecg, millivolts(known()))


def test_mean_beats_and_derived_groups_are_passed_over(tmp_path):
    def change(data: Dataset) -> None:
        beat, derived = group(made(known()[:, :40])), group(made(known(), fs=250))
        beat.MultiplexGroupLabel, derived.WaveformOriginality = "MEDIAN BEAT", "DERIVED"
        data.WaveformSequence = [beat, derived, group(data)]

    assert_holds(read(tmp_path, written(change)), millivolts(known()))


# leads


def numbered(number: Callable[[int], str], scheme: str) -> Change:
    def change(data: Dataset) -> None:
        for row, lead in enumerate(STANDARD):
            source = channel(data, row).ChannelSourceSequence[0]
            source.CodeValue, source.CodingSchemeDesignator = number(LEAD_CODES[lead]), scheme

    return change


@pytest.mark.parametrize(
    "change",
    [
        named("5.6.3-9-62", "", ""),
        named("2:62", "something else", ""),
        named("MDC_ECG_LEAD_AVR", "", ""),
        named("", "Lead aVR", ""),
        named("", "AVR, augmented voltage, right", ""),
        named("2:0", "", "aVR"),
        named("X-1", "unclear", "aVR"),
        numbered(lambda code: f"{131328 + code}", "MDC"),
        numbered(lambda code: f"{code}", "SCPECG"),
        numbered(lambda code: f"2:{256 + code}", "MDC"),
    ],
)
def test_leads_are_named_by_code_meaning_label_or_the_number_of_a_standard(tmp_path, change):
    ecg = read(tmp_path, written(change))
    assert ecg.leads == STANDARD
    assert_holds(ecg, millivolts(known()))


def test_the_inverted_lead_is_turned_though_its_published_meaning_lost_the_sign(tmp_path):
    ecg = read(tmp_path, written(named("2:65", "aVR", "")))
    assert ecg.leads == STANDARD
    np.testing.assert_allclose(ecg.values[3], -millivolts(known())[3], rtol=3e-7)


@pytest.mark.parametrize(
    ("code", "meaning", "others"),
    [
        *((code, "aVR", f"{code} aVR") for code in ("2:31", "2:16", "2:88", "MDC_ECG_LEAD_dI")),
        ("5.6.3-9-16", "Lead X", "5.6.3-9-16 Lead X"),
    ],
)
def test_the_number_of_another_lead_is_believed(tmp_path, code, meaning, others):
    ecg = read(tmp_path, written(named(code, meaning, meaning)))
    assert ecg.leads == (*STANDARD[:3], *STANDARD[4:])
    assert ecg.unrecognised == (others,)


NO_UNIT = "unit of lead I must be mV, uV or V, got none"
SEVERAL = "must hold one recording of leads, got 2, which may not be of the same time"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (setting(WaveformSequence=None), "a DICOM waveform, but has none"),
        (at(channel, ChannelSensitivity=None), NO_UNIT),
        (at(channel, ChannelSensitivityUnitsSequence=None), NO_UNIT),
        (at(unit, CodeValue="mm[Hg]"), r"unit of lead I must be mV, uV or V, got mm\[Hg\]"),
        (at(lambda data: channel(data, 1), ChannelSampleSkew="-3"), "got II -3 samples late"),
        (
            at(lambda data: channel(data, 1), ChannelTimeSkew="0.01"),
            "begin at the same time, got II 5 samples",
        ),
        (at(group, WaveformSampleInterpretation="MB"), "8, 16 or 32 bits, got 16 of kind MB"),
        (
            lambda data: group(data).ChannelDefinitionSequence.pop(),
            "2,400 bytes, got 2,400 of 11 channels",
        ),
        (at(group, NumberOfWaveformSamples=101), "101 .* of 12 channels, 2,424 bytes, got 2,400"),
        (at(group, SamplingFrequency="0"), "the rate must be from 10 to 100000 Hz, got 0"),
        (at(group, SamplingFrequency=None), "must state its sampling frequency, got none;"),
        (at(group, MultiplexGroupLabel="MEDIAN BEAT"), "only mean beats, with the labels MED"),
        (named("2:1", "", ""), "must hold ECG leads, each once, got I, II, III, I"),
        (named("2:62", "Lead aVR", "V1"), "must be one lead, got aVR by its code 2:62 and V1 by"),
        (numbered(str, "99LOCAL"), r"got 1, 2, 61, 62, .* none has the name of a lead"),
        (lambda data: data.WaveformSequence.append(group(data)), SEVERAL),
        (halves("0", "2500"), SEVERAL),
        (halves("0", None), SEVERAL),
        (halves(None, None), SEVERAL),
        (
            both(halves("0", "0"), at(group, SamplingFrequency="250")),
            "one rate, got 250 Hz and 500 Hz",
        ),
        (
            both(halves("0", "0"), lambda data: data.WaveformSequence.append(group(data))),
            "I and I are the same lead twice",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, change, reason):
    refuse(tmp_path, written(change), reason)
