"""EDF and EDF+ (16 bits), BDF and BDF+ (24 bits, BioSemi): whole files without gaps.

Sources: Kemp 1992 (doi:10.1016/0013-4694(92)90009-7), EDF; Kemp and Olivan 2003
(doi:10.1016/S1388-2457(03)00123-8), EDF+; biosemi.com, "Which file format does BioSemi use".
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossbeat.errors import DataError
from crossbeat.readers.ecg.record import Record, Signal, assemble, lead_rows
from crossbeat.readers.limits import MOST_BYTES, MOST_CHANNELS, read_bounded

BDF = b"\xffBIOSEMI"
"""How a BDF file begins."""

MOST_RECORDS = 100_000
"""Data records of a file: the start of each is read."""

_ENDS = ("physical minimum", "physical maximum", "digital minimum", "digital maximum")
_WIDTHS = {"label": 16, "transducer": 80, "unit": 8, **dict.fromkeys(_ENDS, 8), "filters": 80}
_WIDTHS |= {"samples in a record": 8, "reserved": 32}
"""Letters of each field of a signal; the fields of all signals follow one another."""

_ANNOTATIONS = {"EDF Annotations", "BDF Annotations"}
_WHOLE = re.compile(r"[-+]?\d{1,8}")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_ONSET = re.compile(rb"([-+]\d{1,15}(?:\.\d{0,15})?)[\x14\x15]")
"""What a data record of EDF+ begins its first annotation with: its start in seconds."""

_GAP = 1e-6  # seconds by which the start of a data record may be off


@dataclass(frozen=True, slots=True)
class _Header:
    path: Path
    kind: str
    """EDF, EDF+C, EDF+D, BDF, BDF+C or BDF+D."""
    num_records: int
    seconds: float
    """Of a data record."""
    fields: dict[str, list[str]]
    counts: list[int]
    """Samples of each signal in a data record."""

    @property
    def width(self) -> int:
        """Bytes of a sample."""
        return 3 if self.kind.startswith("BDF") else 2


def read_edf(path: Path) -> Record:
    """The leads of a file, in their units."""
    data = read_bounded(path, MOST_BYTES)
    header = _read_header(path, data)
    start = 256 * (len(header.counts) + 1)
    stated = start + header.width * header.num_records * sum(header.counts)
    if stated != len(data):
        raise DataError(
            f"{path} must have {stated:,} bytes according to its {header.kind[:3]} header, got "
            f"{len(data):,}; it is damaged, copy it again"
        )
    records = np.frombuffer(data, np.uint8, offset=start).reshape(header.num_records, -1)
    labels = header.fields["label"]
    if len(header.kind) > 3:
        _check_gaps(header, records)
    named = [row for row, label in enumerate(labels) if label not in _ANNOTATIONS]
    rows = [named[at] for at in lead_rows([labels[row] for row in named], path)]
    if not header.seconds > 0:
        raise DataError(
            f"{path} must say how many seconds a data record has, got {header.seconds:g}; export "
            "it again"
        )
    others = [labels[row] for row in named if row not in rows]
    return assemble([_signal(header, records, row) for row in rows], path, others)


def _read_header(path: Path, data: bytes) -> _Header:
    if len(data) < 256:
        raise _unsound(path, f"it has {len(data)} bytes")
    num_records = _whole(path, _text(data[236:244]), "number of data records")
    seconds = _number(path, _text(data[244:252]), "duration of a data record")
    signals = _whole(path, _text(data[252:256]), "number of signals")
    extent = DataError(
        f"{path} must have 1 to {MOST_CHANNELS} signals in 1 to {MOST_RECORDS:,} data records, "
        f"each with samples, got {signals} in {num_records}; export the finished recording again"
    )
    if not (0 < signals <= MOST_CHANNELS and 0 < num_records <= MOST_RECORDS):
        raise extent
    size = _whole(path, _text(data[184:192]), "size of the header")
    if size != 256 * (signals + 1) or len(data) < size:
        raise _unsound(path, f"its size is {size:,} bytes for {signals} signals")
    fields, start = {}, 256
    for name, width in _WIDTHS.items():
        begins = range(start, start + signals * width, width)
        fields[name] = [_text(data[begin : begin + width]) for begin in begins]
        start = begins.stop
    counts = [_whole(path, text, "samples") for text in fields["samples in a record"]]
    if min(counts) < 1:
        raise extent
    reserved = _text(data[192:236])[:5]
    plus = re.fullmatch(r"[EB]DF\+[CD]?", reserved) is not None
    kind = ("BDF" if data.startswith(BDF) else "EDF") + (reserved[3:] if plus else "")
    return _Header(path, kind, num_records, seconds, fields, counts)


def _unsound(path: Path, reason: str) -> DataError:
    return DataError(f"{path} must have a sound EDF or BDF header, but {reason}; copy it again")


def _text(field: bytes) -> str:
    try:
        return field.decode().strip(" \0")
    except UnicodeDecodeError:
        return field.decode("latin-1").strip(" \0")


def _whole(path: Path, text: str, what: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _unsound(path, f"the {what} is {text[:20] or 'not there'}, no whole number")
    return int(text)


def _number(path: Path, text: str, what: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _unsound(path, f"the {what} is {text[:20] or 'not there'}, no number")
    return float(text)


def _check_gaps(header: _Header, records: np.ndarray) -> None:
    """Check that the data records of EDF+ or BDF+ follow one another, as they say themselves."""
    labels = enumerate(header.fields["label"])
    onsets = []
    for at in [row for row, label in labels if label in _ANNOTATIONS][:1]:
        begin, end = _place(header, at)
        found = [_ONSET.match(record.tobytes()) for record in records[:, begin:end]]
        onsets = [float(onset[1]) for onset in found if onset]
    if len(onsets) < header.num_records and not header.kind.endswith("D"):
        return
    if len(onsets) < header.num_records:
        raise DataError(
            f"{header.path} must say when each data record starts, as it is {header.kind}, which "
            "may have gaps; export it without gaps"
        )
    late = np.abs(np.array(onsets) - onsets[0] - header.seconds * np.arange(len(onsets))) > _GAP
    if late.any():
        raise DataError(
            f"{header.path} must have no gaps between data records, got one before "
            f"{onsets[int(late.argmax())]:g} s; export a part without gaps"
        )


def _place(header: _Header, row: int) -> tuple[int, int]:
    """Where a signal begins and ends in a data record, in bytes."""
    before = sum(header.counts[:row])
    return header.width * before, header.width * (before + header.counts[row])


def _signal(header: _Header, records: np.ndarray, row: int) -> Signal:
    label = header.fields["label"][row]
    ends = {name: texts[row] for name, texts in header.fields.items()}
    what = f"range of {label}"
    low, high = (_number(header.path, ends[end], what) for end in _ENDS[:2])
    least, most = (_whole(header.path, ends[end], what) for end in _ENDS[2:])
    if low == high or least >= most or not np.isfinite([low, high]).all():
        raise DataError(
            f"{header.path}: the range of {label} must not be empty, got {low:g} to {high:g} for "
            f"the stored values {least} to {most}, which says no scale; export it again"
        )
    begin, end = _place(header, row)
    stored = np.ascontiguousarray(records[:, begin:end])
    if header.width == 2:
        stored = stored.ravel().view("<i2")
    else:
        wide = np.zeros((stored.size // 3, 4), np.uint8)
        wide[:, 1:] = stored.reshape(-1, 3)
        stored = wide.view("<i4").ravel() >> 8
    gain = (high - low) / (most - least)
    with np.errstate(over="ignore"):
        values = (stored * gain + (low - gain * least)).astype(np.float32)
    return Signal(label, values, ends["unit"], round(header.counts[row] / header.seconds, 6))
