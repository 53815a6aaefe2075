"""DICOM waveforms, made in the test and beside pydicom on a real one."""

import struct
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from ecg_files import dicom, millivolts
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.waveforms import multiplex_array

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg


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


def test_padding_is_no_sample(tmp_path: Path) -> None:
    padding = int(known()[2, 7])

    def change(data: Dataset) -> None:
        group(data).add_new("WaveformPaddingValue", "OW", struct.pack("<h", padding))

    values = read_ecg(written(tmp_path, change)).values
    np.testing.assert_array_equal(np.isnan(values), known() == padding)


@pytest.mark.parametrize(
    ("code", "meaning", "label"),
    [
        ("5.6.3-9-62", "", ""),
        ("2:62", "something else", ""),
        ("MDC_ECG_LEAD_AVR", "", ""),
        ("", "Lead aVR", ""),
        ("", "AVR, augmented voltage, right", ""),
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


def test_compressed_dicom_is_refused(tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    with pytest.raises(DataError, match=r"not compressed and is little-endian, got .*1\.2\.1\.99;"):
        read_ecg(written(tmp_path, change))


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
        (lambda data: delattr(group(data), "SamplingFrequency"), "must be sound DICOM, but: "),
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
