"""ECGs in DICOM: the waveform module of 12-lead and general ECG objects.

Sources: DICOM PS3.3 C.10.9 (waveform module), PS3.16 CID 3001 (names of leads).
"""

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers.dicom_file import EXPLICIT, IMPLICIT, open_dicom, text_of
from crossbeat.readers.limits import MOST_CHANNELS, MOST_PARSED_BYTES
from crossbeat.readers.record import Record, Signal, assemble

if TYPE_CHECKING:
    from pydicom import Dataset

_TYPES = {(8, "SB"): "i1", (8, "UB"): "u1", (16, "SS"): "<i2", (16, "US"): "<u2"}
_TYPES |= {(32, "SL"): "<i4", (32, "UL"): "<u4"}
"""Sample types by bits and interpretation; those of sound, on a logarithmic scale, are not here."""

_CODES = dict(zip(range(1, 9), ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), strict=True))
_CODES |= dict(zip(range(61, 65), ("III", "aVR", "aVL", "aVF"), strict=True))
"""Leads by their number in ISO/IEEE 11073-10102 and SCP-ECG."""

_SPELLINGS = {lead.lower(): lead for lead in STANDARD}
_CODE = re.compile(r"(?:2:|5\.6\.3-9-)(\d{1,3})")
_NAME = re.compile(r"(?:MDC_ECG_LEAD_|lead )?([^,( ]+)", re.IGNORECASE)

_MEDIAN = re.compile("median|representative|average", re.IGNORECASE)
"""Of the labels of groups that hold a mean beat."""


def read_dicom(path: Path) -> Record:
    """The leads of the rhythm recording, in their units.

    Args:
        path: a DICOM file.

    Raises:
        DataError: the file is damaged, compressed, holds no waveform or several recordings of
            leads, does not state rate or scale, its leads are shifted in time, or the package
            ``pydicom`` is absent.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are checked here, or not used
        try:
            return assemble(_recording(path, _groups(path)), path)
        except DataError:
            raise
        except Exception as error:  # the package raises whatever its parsing runs into
            raise DataError(
                f"{path} must be sound DICOM, but: {str(error)[:300]}; copy or export it again"
            ) from error


def _groups(path: Path) -> list["Dataset"]:
    """The multiplex groups."""
    file, meta = open_dicom(path, MOST_PARSED_BYTES)
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag

    syntax = text_of(meta, "TransferSyntaxUID")
    if syntax not in (IMPLICIT, EXPLICIT):
        raise DataError(
            f"{path} must be DICOM that is not compressed and is little-endian, got transfer "
            f"syntax {syntax[:80] or 'none'}; export it so"
        )
    waveforms = Tag("WaveformSequence")
    found = read_dataset(file, syntax == IMPLICIT, True, specific_tags=[waveforms])
    return list(found.WaveformSequence) if waveforms in found else []


def _recording(path: Path, groups: list["Dataset"]) -> list[Signal]:
    if not groups:
        raise DataError(f"{path} must be a DICOM waveform, but has none; is it an image?")
    rhythm = [
        group for group in groups if not _MEDIAN.search(text_of(group, "MultiplexGroupLabel"))
    ]
    original = [group for group in rhythm if text_of(group, "WaveformOriginality") != "DERIVED"]
    with_leads = [
        signals
        for signals in (_signals(path, group) for group in original or rhythm)
        if any(signal.name in STANDARD for signal in signals)
    ]
    if len(with_leads) > 1:
        raise DataError(
            f"{path} must hold one recording of leads, got {len(with_leads)}, which may not be of "
            "the same time; export one"
        )
    return with_leads[0] if with_leads else []


def _signals(path: Path, group: "Dataset") -> list[Signal]:
    channels = list(group.ChannelDefinitionSequence)
    stored = _samples(path, group, len(channels))
    fs = float(text_of(group, "SamplingFrequency"))
    signals = []
    for channel, values in zip(channels, stored, strict=True):
        shift = _number(channel, "ChannelSampleSkew", 0.0)
        shift += _number(channel, "ChannelTimeSkew", 0.0) * fs
        name = _lead(channel)
        if name in STANDARD and not abs(shift) < 1:
            raise DataError(
                f"{path}: all leads must begin at the same time, got {name} {shift:g} samples "
                "late; export them aligned"
            )
        scale = _number(channel, "ChannelSensitivity", 0.0)
        scale *= _number(channel, "ChannelSensitivityCorrectionFactor", 1.0)
        scaled = values * scale + _number(channel, "ChannelBaseline", 0.0)
        unit = _code(channel, "ChannelSensitivityUnitsSequence", "CodeValue")
        signals.append(Signal(name, scaled, unit if scale and np.isfinite(scale) else "", fs))
    return signals


def _samples(path: Path, group: "Dataset", num_channels: int) -> np.ndarray:
    """Stored numbers by channel, NaN where they stand for no sample."""
    kind = (int(group.WaveformBitsAllocated), text_of(group, "WaveformSampleInterpretation"))
    if kind not in _TYPES:
        raise DataError(
            f"{path} must have linear samples of 8, 16 or 32 bits, got {kind[0]} of kind "
            f"{kind[1][:20] or 'none'}; export it so"
        )
    stored = np.dtype(_TYPES[kind])
    channels, samples = int(group.NumberOfWaveformChannels), int(group.NumberOfWaveformSamples)
    data = group.get_item("WaveformData").value
    stated = channels * samples * stored.itemsize
    if not (
        0 < channels == num_channels <= MOST_CHANNELS and 0 < stated <= len(data) <= stated + 1
    ):
        raise DataError(
            f"{path} must hold {samples:,} samples of each of {channels} channels, {stated:,} "
            f"bytes, got {len(data):,} of {num_channels} channels; it is damaged, copy it again"
        )
    numbers = np.frombuffer(data[:stated], stored).reshape(samples, channels).T
    values = numbers.astype(np.float64)
    if "WaveformPaddingValue" in group:
        padding = group.get_item("WaveformPaddingValue").value[: stored.itemsize]
        values[numbers == np.frombuffer(padding, stored)] = np.nan
    return values


def _lead(channel: "Dataset") -> str:
    """The standard name of a channel, or what the file calls it."""
    code = _code(channel, "ChannelSourceSequence", "CodeValue")
    found = _CODE.fullmatch(code)
    if found:
        return _CODES.get(int(found[1]), code)
    meaning = _code(channel, "ChannelSourceSequence", "CodeMeaning")
    for text in (code, meaning, text_of(channel, "ChannelLabel")):
        named = _NAME.match(text)
        if named and named[1].lower() in _SPELLINGS:
            return _SPELLINGS[named[1].lower()]
    return meaning or code


def _code(channel: "Dataset", sequence: str, keyword: str) -> str:
    items = channel.get(sequence) or ()
    return text_of(items[0], keyword) if items else ""


def _number(channel: "Dataset", keyword: str, absent: float) -> float:
    text = text_of(channel, keyword)
    return float(text) if text else absent
