"""DICOM waveforms, made in the test and beside pydicom on a real one."""

import struct
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from ecg_files import LEAD_CODES, dicom, millivolts
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)
from pydicom.waveforms import multiplex_array

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import identify, read_ecg
from crossbeat.readers.limits import MOST_PARSED_BYTES


def known() -> np.ndarray:
    return np.random.default_rng(0).integers(-2000, 2000, (12, 100))


def written(folder: Path, change: Callable[[Dataset], object] = lambda _: None) -> Path:
    """A file whose dataset has been changed."""
    data = pydicom.dcmread(BytesIO(dicom(known(), STANDARD, 500)))
    change(data)
    data.save_as(folder / "a.dcm")
    return folder / "a.dcm"


def group(data: Dataset) -> Dataset:
    return data.WaveformSequence[0]


def channel(data: Dataset, row: int = 0) -> Dataset:
    return group(data).ChannelDefinitionSequence[row]


def named(code: str, meaning: str, label: str) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        source = channel(data, 3).ChannelSourceSequence[0]
        source.CodeValue, source.CodeMeaning = code, meaning
        channel(data, 3).ChannelLabel = label

    return change


def test_a_known_ecg_comes_back(tmp_path: Path) -> None:
    ecg = read_ecg(written(tmp_path))
    assert (ecg.leads, ecg.fs) == (STANDARD, 500.0)
    np.testing.assert_allclose(ecg.values, millivolts(known()), rtol=3e-7)


def test_the_real_file_equals_what_pydicom_scales(shared: Path) -> None:
    path = shared / "data" / "ecg-formats" / "mortara_12lead.dcm"
    ecg = read_ecg(path)
    expected = multiplex_array(pydicom.dcmread(path), 0, as_raw=False).T / 1000
    assert (ecg.leads, ecg.fs) == (STANDARD, 1000.0)
    np.testing.assert_allclose(ecg.values, expected, rtol=3e-7)


def test_scale_correction_and_baseline_are_used(tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        channel(data, 5).ChannelSensitivityCorrectionFactor = "2"
        channel(data, 5).ChannelBaseline = "-30"
        channel(data, 6).ChannelSensitivityUnitsSequence[0].CodeValue = "mV"

    values = read_ecg(written(tmp_path, change)).values
    np.testing.assert_allclose(values[5], 2 * millivolts(known())[5] - 0.03, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(values[6], 1000 * millivolts(known())[6], rtol=3e-7)


def padded(value: int, change: Callable[[np.ndarray], object]) -> Callable[[Dataset], None]:
    """Says a padding value, in samples that have been changed."""

    def say(data: Dataset) -> None:
        stored = known()
        change(stored)
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
def test_padding_is_no_sample(tmp_path: Path, value: int, place: tuple[object, slice]) -> None:
    def fill(stored: np.ndarray) -> None:
        stored[stored == value] += 1
        stored[place] = value

    values = read_ecg(written(tmp_path, padded(value, fill))).values
    expected = np.zeros((12, 100), bool)
    expected[place] = True
    np.testing.assert_array_equal(np.isnan(values), expected)


def rest(stored: np.ndarray) -> None:
    stored[np.abs(stored) < 1500] = 0
    stored[:, :10] = 0


def rest_above_zero(stored: np.ndarray) -> None:
    stored[:] = np.maximum(stored, 0)


@pytest.mark.parametrize("change", [rest, rest_above_zero])
def test_a_padding_value_that_samples_have_too_is_none(
    tmp_path: Path, change: Callable[[np.ndarray], object]
) -> None:
    expected = known()
    change(expected)
    values = read_ecg(written(tmp_path, padded(0, change))).values
    np.testing.assert_allclose(values, millivolts(expected), rtol=3e-7)


@pytest.mark.parametrize(
    ("code", "meaning", "label"),
    [
        ("5.6.3-9-62", "", ""),
        ("2:62", "something else", ""),
        ("MDC_ECG_LEAD_AVR", "", ""),
        ("", "Lead aVR", ""),
        ("", "AVR, augmented voltage, right", ""),
        ("2:0", "", "aVR"),
        ("X-1", "unclear", "aVR"),
    ],
)
def test_leads_are_named_by_code_meaning_or_label(
    tmp_path: Path, code: str, meaning: str, label: str
) -> None:
    assert read_ecg(written(tmp_path, named(code, meaning, label))).leads == STANDARD


def test_a_channel_of_another_name_is_dropped(tmp_path: Path) -> None:
    ecg = read_ecg(written(tmp_path, named("5.6.3-9-16", "Lead X", "")))
    assert ecg.leads == (*STANDARD[:3], *STANDARD[4:])


def test_a_mean_beat_is_passed_over(tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        beat = pydicom.dcmread(BytesIO(dicom(known()[:, :40], STANDARD, 500))).WaveformSequence[0]
        beat.MultiplexGroupLabel = "MEDIAN BEAT"
        derived = pydicom.dcmread(BytesIO(dicom(known(), STANDARD, 250))).WaveformSequence[0]
        derived.WaveformOriginality = "DERIVED"
        data.WaveformSequence = [beat, derived, group(data)]

    assert read_ecg(written(tmp_path, change)).values.shape == (12, 100)


def test_several_recordings_are_refused(tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        data.WaveformSequence = [group(data), group(data)]

    with pytest.raises(DataError, match="must hold one recording of leads, got 2, which may not"):
        read_ecg(written(tmp_path, change))


def test_implicit_value_representations_are_read(tmp_path: Path) -> None:
    data = pydicom.dcmread(BytesIO(dicom(known(), STANDARD, 500)))
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data.save_as(tmp_path / "a.dcm", implicit_vr=True, little_endian=True)
    np.testing.assert_allclose(read_ecg(tmp_path / "a.dcm").values, millivolts(known()), rtol=3e-7)


@pytest.mark.parametrize("seed", [0, 1])
def test_deflated_dicom_is_read(tmp_path: Path, seed: int) -> None:
    data = pydicom.dcmread(BytesIO(dicom(known() + seed, STANDARD, 500)))
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.save_as(tmp_path / "a.dcm")
    values = read_ecg(tmp_path / "a.dcm").values
    np.testing.assert_allclose(values, millivolts(known() + seed), rtol=3e-7)


@pytest.mark.parametrize("part", [0.5, 0.95])
def test_deflated_dicom_that_is_cut_off_is_refused(tmp_path: Path, part: float) -> None:
    test_deflated_dicom_is_read(tmp_path, 0)
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(DataError, match=r"must be (?:whole|sound DICOM)"):
        read_ecg(tmp_path / "a.dcm")


def test_deflated_dicom_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        group(data).WaveformData = bytes(2 * MOST_PARSED_BYTES)

    with pytest.raises(DataError, match=r"must unpack to at most 4,194,304 bytes, got more"):
        read_ecg(written(tmp_path, change))


def test_big_endian_dicom_is_read(tmp_path: Path) -> None:
    path = big_endian(tmp_path, 16, "SS", ">i2")
    np.testing.assert_allclose(read_ecg(path).values, millivolts(known()), rtol=3e-7)


def test_big_endian_samples_of_8_bits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be little-endian where its samples have 8 bits"):
        read_ecg(big_endian(tmp_path, 8, "SB", "i1"))


def big_endian(folder: Path, bits: int, kind: str, stored: str) -> Path:
    read = pydicom.dcmread(BytesIO(dicom(known(), STANDARD, 500)))
    data = Dataset()
    data.update(read)
    data.file_meta = read.file_meta
    data.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    group(data).WaveformBitsAllocated, group(data).WaveformSampleInterpretation = bits, kind
    group(data).WaveformData = known().T.astype(stored).tobytes()
    data.save_as(folder / "a.dcm", implicit_vr=False, little_endian=False)
    return folder / "a.dcm"


def test_compressed_dicom_is_refused(tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        data.file_meta.TransferSyntaxUID = JPEG2000

    with pytest.raises(DataError, match=r"is uncompressed or deflated, got .*1\.2\.4\.91; export"):
        read_ecg(written(tmp_path, change))


@pytest.mark.parametrize("start", [128, 132])
def test_dicom_without_its_preamble_is_read(tmp_path: Path, start: int) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[start:])
    assert identify(path) == "dicom"
    np.testing.assert_allclose(read_ecg(path).values, millivolts(known()), rtol=3e-7)


def halves(data: Dataset, offsets: tuple[str | None, str | None]) -> None:
    """Limb and chest leads in a group each."""
    groups = []
    for rows, offset in zip((slice(0, 6), slice(6, 12)), offsets, strict=True):
        leads = STANDARD[rows]
        half = pydicom.dcmread(BytesIO(dicom(known()[rows], leads, 500))).WaveformSequence[0]
        if offset is not None:
            half.MultiplexGroupTimeOffset = offset
        groups.append(half)
    data.WaveformSequence = groups


@pytest.mark.parametrize("offsets", [("0", "0"), ("2500", "2500.0")])
def test_leads_in_two_groups_of_the_same_time_are_one_recording(
    tmp_path: Path, offsets: tuple[str, str]
) -> None:
    ecg = read_ecg(written(tmp_path, lambda data: halves(data, offsets)))
    assert ecg.leads == STANDARD
    np.testing.assert_allclose(ecg.values, millivolts(known()), rtol=3e-7)


@pytest.mark.parametrize("offsets", [("0", "2500"), ("0", None), (None, None)])
def test_groups_that_may_not_be_of_the_same_time_are_refused(
    tmp_path: Path, offsets: tuple[str | None, str | None]
) -> None:
    with pytest.raises(DataError, match="one recording of leads, got 2, which may not be of the"):
        read_ecg(written(tmp_path, lambda data: halves(data, offsets)))


def test_groups_of_the_same_time_and_another_rate_are_refused(tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        halves(data, ("0", "0"))
        data.WaveformSequence[1].SamplingFrequency = "250"

    with pytest.raises(DataError, match="all leads must have one rate, got 250 Hz and 500 Hz"):
        read_ecg(written(tmp_path, change))


def test_a_lead_of_two_groups_of_the_same_time_is_there_twice(tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        halves(data, ("0", "0"))
        data.WaveformSequence.append(data.WaveformSequence[0])

    with pytest.raises(DataError, match="I and I are the same lead twice"):
        read_ecg(written(tmp_path, change))


def numbered(number: Callable[[int], str], scheme: str) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        for row, lead in enumerate(STANDARD):
            source = channel(data, row).ChannelSourceSequence[0]
            source.CodeValue, source.CodingSchemeDesignator = number(LEAD_CODES[lead]), scheme

    return change


@pytest.mark.parametrize(
    ("number", "scheme"),
    [
        (lambda code: f"{131328 + code}", "MDC"),
        (lambda code: f"{code}", "SCPECG"),
        (lambda code: f"2:{256 + code}", "MDC"),
    ],
)
def test_numbers_of_standards_name_leads(
    tmp_path: Path, number: Callable[[int], str], scheme: str
) -> None:
    assert read_ecg(written(tmp_path, numbered(number, scheme))).leads == STANDARD


def test_numbers_of_an_unknown_scheme_name_no_lead(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"got 1, 2, 61, 62, .* none has the name of a lead"):
        read_ecg(written(tmp_path, numbered(str, "99LOCAL")))


def test_the_inverted_lead_is_turned_though_its_published_meaning_lost_the_sign(
    tmp_path: Path,
) -> None:
    ecg = read_ecg(written(tmp_path, named("2:65", "aVR", "")))
    assert ecg.leads == STANDARD
    np.testing.assert_allclose(ecg.values[3], -millivolts(known())[3], rtol=3e-7)


def test_a_channel_of_two_leads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be one lead, got aVR by its code 2:62 and V1 by its"):
        read_ecg(written(tmp_path, named("2:62", "Lead aVR", "V1")))


@pytest.mark.parametrize("code", ["2:31", "2:16", "2:88", "MDC_ECG_LEAD_dI"])
def test_the_number_of_another_lead_is_believed(tmp_path: Path, code: str) -> None:
    ecg = read_ecg(written(tmp_path, named(code, "aVR", "aVR")))
    assert ecg.leads == (*STANDARD[:3], *STANDARD[4:])
    assert ecg.unrecognised == (f"{code} aVR",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: delattr(data, "WaveformSequence"), "must be a DICOM waveform, but has none"),
        (
            lambda data: delattr(channel(data), "ChannelSensitivity"),
            "unit of lead I must be mV, uV or V, got none",
        ),
        (
            lambda data: delattr(channel(data), "ChannelSensitivityUnitsSequence"),
            "unit of lead I must be mV, uV or V, got none",
        ),
        (
            lambda data: setattr(
                channel(data).ChannelSensitivityUnitsSequence[0], "CodeValue", "mm[Hg]"
            ),
            r"unit of lead I must be mV, uV or V, got mm\[Hg\]",
        ),
        (
            lambda data: setattr(channel(data, 1), "ChannelSampleSkew", "-3"),
            "must begin at the same time, got II -3 samples late",
        ),
        (
            lambda data: setattr(channel(data, 1), "ChannelTimeSkew", "0.01"),
            "must begin at the same time, got II 5 samples late",
        ),
        (
            lambda data: setattr(group(data), "WaveformSampleInterpretation", "MB"),
            "linear samples of 8, 16 or 32 bits, got 16 of kind MB",
        ),
        (
            lambda data: group(data).ChannelDefinitionSequence.pop(),
            "must hold 100 samples of each of 12 channels, 2,400 bytes, got 2,400 of 11 channels",
        ),
        (
            lambda data: setattr(group(data), "NumberOfWaveformSamples", 101),
            "must hold 101 samples of each of 12 channels, 2,424 bytes, got 2,400",
        ),
        (
            lambda data: setattr(group(data), "SamplingFrequency", "0"),
            "the rate must be from 10 to 100000 Hz, got 0",
        ),
        (
            lambda data: delattr(group(data), "SamplingFrequency"),
            "must state its sampling frequency, got none; export it again",
        ),
        (
            lambda data: setattr(group(data), "MultiplexGroupLabel", "MEDIAN BEAT"),
            "must hold a recording of the rhythm, got only mean beats, with the labels MEDIAN BEAT",
        ),
        (named("2:1", "", ""), "must hold ECG leads, each once, got I, II, III, I"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, change: Callable[[Dataset], object], reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        read_ecg(written(tmp_path, change))


def test_the_package_is_named_when_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(DataError, match=r"needs the package pydicom; pip install 'crossbeat\[form"):
        read_ecg(path)
