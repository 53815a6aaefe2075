"""ECGs in DICOM: the waveform module of 12-lead and general ECG objects.

Sources: DICOM PS3.3 C.10.9 (waveform module), PS3.16 CID 3001 (names of leads).
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crossbeat.errors import DataError, listed
from crossbeat.leads import among, coded
from crossbeat.readers.dicom import BIG_ENDIAN, UNCOMPRESSED, open_dicom, parsing, text_of
from crossbeat.readers.ecg.record import Record, Signal, assemble
from crossbeat.readers.limits import MOST_CHANNELS, MOST_PARSED_BYTES, read_bounded

if TYPE_CHECKING:
    from pydicom import Dataset

_TYPES = {(8, "SB"): "i1", (8, "UB"): "u1", (16, "SS"): "i2", (16, "US"): "u2"}
_TYPES |= {(32, "SL"): "i4", (32, "UL"): "u4"}
"""Sample types by bits and interpretation; those of sound, on a logarithmic scale, are not here."""

_BESIDE = re.compile(r"[,(].*", re.DOTALL)
"""What follows the name of a lead in its meaning: "aVR, augmented voltage, right"."""

_MEDIAN = re.compile("median|representative|average", re.IGNORECASE)
"""Of the labels of groups that hold a mean beat."""


def read_dicom(path: Path) -> Record:
    """The leads of the rhythm recording, in their units."""
    data = read_bounded(path, MOST_PARSED_BYTES)
    with parsing(path):
        kinds = "DICOM that is uncompressed or deflated"
        wanted = ("WaveformSequence",)
        found = open_dicom(path, data, UNCOMPRESSED, kinds, most=MOST_PARSED_BYTES, tags=wanted)
        groups = list(found.WaveformSequence) if "WaveformSequence" in found else []
        big = text_of(found.file_meta, "TransferSyntaxUID") == BIG_ENDIAN
        return _recording(path, groups, ">" if big else "<")


def _recording(path: Path, groups: list["Dataset"], order: str) -> Record:
    if not groups:
        raise DataError(f"{path} must be a DICOM waveform, but has none; is it an image?")
    labels = [text_of(group, "MultiplexGroupLabel") for group in groups]
    rhythm = [each for each, label in zip(groups, labels, strict=True) if not _MEDIAN.search(label)]
    if not rhythm:
        raise DataError(
            f"{path} must hold a recording of the rhythm, got only mean beats, with the labels "
            f"{listed(labels)}; export the rhythm"
        )
    original = [group for group in rhythm if text_of(group, "WaveformOriginality") != "DERIVED"]
    taken = original or rhythm
    names = [[_lead(path, each) for each in group.ChannelDefinitionSequence] for group in taken]
    ends = np.cumsum([len(each) for each in names]).tolist()
    leads = among([name for each in names for name in each])
    wanted = [
        {row - end + len(each) for row in leads if end - len(each) <= row < end}
        for end, each in zip(ends, names, strict=True)
    ]
    having = [number for number, each in enumerate(wanted) if each]
    # each group has other leads, so all must say when they start, and it must be the same time
    starts = {text_of(taken[number], "MultiplexGroupTimeOffset") for number in having}
    if len(having) > 1 and ("" in starts or len(set(map(float, starts))) > 1):
        raise DataError(
            f"{path} must hold one recording of leads, got {len(having)}, which may not be of "
            "the same time; export one"
        )
    signals = [
        signal
        for number in having
        for signal in _signals(path, taken[number], names[number], wanted[number], order)
    ]
    others = [name for number, each in enumerate(names) if number not in having for name in each]
    return assemble(signals, path, others)


def _signals(
    path: Path, group: "Dataset", names: list[str], wanted: set[int], order: str
) -> list[Signal]:
    channels = list(group.ChannelDefinitionSequence)
    stored = _samples(path, group, len(channels), order)
    fs = _number(group, "SamplingFrequency", np.nan)
    if np.isnan(fs):
        raise DataError(f"{path} must state its sampling frequency, got none; export it again")
    signals = []
    for row, (channel, name, values) in enumerate(zip(channels, names, stored, strict=True)):
        shift = _number(channel, "ChannelSampleSkew", 0.0)
        shift += _number(channel, "ChannelTimeSkew", 0.0) * fs
        if row in wanted and not abs(shift) < 1:
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


def _samples(path: Path, group: "Dataset", num_channels: int, order: str) -> np.ndarray:
    """Stored numbers by channel, NaN where they stand for no sample."""
    kind = (int(group.WaveformBitsAllocated), text_of(group, "WaveformSampleInterpretation"))
    if kind not in _TYPES:
        raise DataError(
            f"{path} must have linear samples of 8, 16 or 32 bits, got {kind[0]} of kind "
            f"{kind[1][:20] or 'none'}; export it so"
        )
    if order == ">" and kind[0] == 8:
        raise DataError(
            f"{path} must be little-endian where its samples have 8 bits, got big-endian, in "
            "which writers swap pairs of them or do not; export it so"
        )
    stored = np.dtype(order + _TYPES[kind])
    channels, samples = int(group.NumberOfWaveformChannels), int(group.NumberOfWaveformSamples)
    data = group.get_item("WaveformData").value
    stated = channels * samples * stored.itemsize
    fits = 0 < channels == num_channels <= MOST_CHANNELS
    if not fits or not 0 < stated <= len(data) <= stated + 1:
        raise DataError(
            f"{path} must hold {samples:,} samples of each of {channels} channels, {stated:,} "
            f"bytes, got {len(data):,} of {num_channels} channels; it is damaged, copy it again"
        )
    numbers = np.frombuffer(data[:stated], stored).reshape(samples, channels).T
    values = numbers.astype(np.float64)
    if "WaveformPaddingValue" in group:
        padding = group.get_item("WaveformPaddingValue").value[: stored.itemsize]
        values[_padded(numbers, np.frombuffer(padding, stored)[0])] = np.nan
    return values


def _padded(numbers: np.ndarray, padding: np.generic) -> np.ndarray:
    """Where the padding value stands for no sample: many files say 0, and mean nothing by it.

    Padding lies beyond the samples, or fills the ends of channels and no place within them.
    """
    equal = numbers == padding
    rest = numbers[~equal].astype(np.float64)
    if not equal.any() or not rest.size:
        return equal
    low, high, value = rest.min(), rest.max(), float(padding)
    limits = np.iinfo(numbers.dtype)
    gap = max(low - value, value - high)
    if gap > _APART * (high - low) or (gap > 0 and value in {limits.min, limits.max}):
        return equal
    ends = np.logical_and.accumulate(equal, axis=1)
    ends |= np.logical_and.accumulate(equal[:, ::-1], axis=1)[:, ::-1]
    return equal if (ends == equal).all() else np.zeros_like(equal)


_APART = 0.1
"""How far beyond the samples padding lies, in ranges of the samples: a lead may rest on 0, and
have no value below it."""


def _lead(path: Path, channel: "Dataset") -> str:
    """The standard name of a channel, or what the file calls it."""
    code = _code(channel, "ChannelSourceSequence", "CodeValue")
    meaning = _code(channel, "ChannelSourceSequence", "CodeMeaning")
    number = coded(code, _code(channel, "ChannelSourceSequence", "CodingSchemeDesignator"))
    label = text_of(channel, "ChannelLabel")
    texts = [_BESIDE.sub("", text).strip() for text in (code, meaning, label)]
    said = [lead for text in texts for lead in among([text]).values()]
    if number == "":
        return f"{code} {meaning}".strip()
    if number is None:
        return said[0] if said else next(filter(None, (texts[1], texts[2], code)), "")
    others = [lead for lead in said if lead.removeprefix("-") != number.removeprefix("-")]
    if others:
        raise DataError(
            f"{path}: a channel must be one lead, got {number} by its code {code} and "
            f"{others[0]} by its meaning or label; correct them"
        )
    return number


def _code(channel: "Dataset", sequence: str, keyword: str) -> str:
    items = channel.get(sequence) or ()
    return text_of(items[0], keyword) if items else ""


def _number(item: "Dataset", keyword: str, absent: float) -> float:
    text = text_of(item, keyword)
    return float(text) if text else absent
