"""EDF and BDF: ranges, rates, gaps and labels; and headers that claim what cannot be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ecg_files import bdf, edf, edf_labels, millivolts

from crossbeat.errors import DataError
from crossbeat.leads import STANDARD
from crossbeat.readers import read_ecg
from crossbeat.signal import Ecg

pytestmark = pytest.mark.usefixtures("bounded")

FIELDS = {"label": 0, "unit": 96, "low": 104, "high": 112, "least": 120, "most": 128, "num": 216}
"""Where the fields of a file of one signal begin, in letters after the first 256."""


def known(leads: int = 12, time: int = 500) -> np.ndarray:
    return np.random.default_rng(0).integers(-3000, 3000, (leads, time))


def read(folder: Path, data: bytes) -> Ecg:
    (folder / "ecg").write_bytes(data)
    return read_ecg(folder / "ecg")


def refuse(folder: Path, data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(folder, data)


def changed(data: bytes, field: slice, value: str) -> bytes:
    text = value.ljust(field.stop - field.start).encode()
    assert len(text) == field.stop - field.start
    return data[: field.start] + text + data[field.stop :]


def one(**fields: str) -> bytes:
    """A file of lead I in which some fields are others."""
    data = edf(known(1), ["I"], 250)
    for name, value in fields.items():
        start = 256 + FIELDS[name]
        data = changed(data, slice(start, start + (16 if name == "label" else 8)), value)
    return data


def plus(kind: str, onsets: list[str], *, lost: bool = False) -> bytes:
    """EDF+ or BDF+ of lead I at 250 Hz, in data records of 1 s that start at these seconds."""
    writer, width, name = (bdf, 3, "BDF") if kind.startswith("BDF") else (edf, 2, "EDF")
    stored = np.vstack([known(1, 250 * len(onsets)), np.zeros((1, 250 * len(onsets)), int)])
    data = writer(stored, ["I", "II"], 250)
    data = changed(data, slice(192, 236), kind)
    data = changed(data, slice(256 + 16, 256 + 32), f"{name} Annotations")
    start, step = 768, 2 * 250 * width
    for number, onset in enumerate(onsets):
        place = start + number * step + 250 * width
        said = f"{onset}\x14\x14\x00".encode() if not (lost and number) else b""
        data = data[:place] + said + data[place + len(said) :]
    return data


@pytest.mark.parametrize(
    ("fields", "shift"),
    [
        ({"least": "-32767", "most": "32768"}, -0.0025),
        ({"low": "-81915.0", "high": "81922.5"}, 0.005),
        ({"low": "-81920", "high": "+81917.5"}, 0.0),
    ],
)
def test_the_zero_of_a_lead_is_where_the_range_says(
    tmp_path: Path, fields: dict[str, str], shift: float
) -> None:
    ecg = read(tmp_path, one(**fields))
    np.testing.assert_allclose(ecg.values, millivolts(known(1)) + shift, rtol=1e-5, atol=1e-6)


def test_a_range_that_is_upside_down_turns_the_lead(tmp_path: Path) -> None:
    ecg = read(tmp_path, one(low="81920", high="-81917.5"))
    np.testing.assert_allclose(ecg.values, -millivolts(known(1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "got"),
    [
        ({"low": "0", "high": "0"}, "0 to 0 for the stored values -32768 to 32767"),
        ({"least": "5", "most": "5"}, "-81920 to 81917.5 for the stored values 5 to 5"),
        ({"least": "5", "most": "-5"}, "for the stored values 5 to -5"),
        ({"high": "1e999"}, "-81920 to inf"),
    ],
)
def test_an_empty_range_is_named(tmp_path: Path, fields: dict[str, str], got: str) -> None:
    reason = rf"the range of ECG I must not be empty, got .*{got}.* says no scale; export it again"
    refuse(tmp_path, one(**fields), reason)


def test_a_channel_that_is_no_lead_may_have_any_range_and_rate(tmp_path: Path) -> None:
    data = edf_labels(known(2), ["ECG V1", "SaO2"], 250)
    data = changed(data, slice(256 + 2 * 104 + 8, 256 + 2 * 104 + 16), "1")
    data = changed(data, slice(256 + 2 * 112 + 8, 256 + 2 * 112 + 16), "1")
    ecg = read(tmp_path, data)
    assert (ecg.leads, ecg.unrecognised) == (("V1",), ("SaO2",))
    np.testing.assert_allclose(ecg.values, millivolts(known(2))[:1], rtol=3e-7, atol=1e-7)


def test_a_lead_without_a_unit_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path, one(unit=""), "the unit of lead ECG I must be mV, uV or V, got none; correct")


@pytest.mark.parametrize(("seconds", "fs"), [("1.6", 156.25), ("3", 83.333333)])
def test_a_rate_that_is_no_whole_number_is_kept(tmp_path: Path, seconds: str, fs: float) -> None:
    data = changed(edf(known(), STANDARD, 250), slice(244, 252), seconds)
    assert read(tmp_path, data).fs == pytest.approx(fs, abs=1e-6)


def test_the_full_range_of_24_bits_is_read(tmp_path: Path) -> None:
    stored = np.array([[-8388608, 8388607, -1, 0, 1, 65536, -65536, 256, -256, 32768]])
    ecg = read(tmp_path, bdf(stored, ["II"], 10))
    np.testing.assert_allclose(ecg.values, millivolts(stored), rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D", "BDF+C", "BDF+D"])
def test_records_that_follow_each_other_are_read(tmp_path: Path, kind: str) -> None:
    ecg = read(tmp_path, plus(kind, ["+0.5", "+1.5", "+2.5"]))
    assert (ecg.leads, ecg.unrecognised) == (("I",), ())
    np.testing.assert_allclose(ecg.values, millivolts(known(1, 750)), rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D", "BDF+C", "BDF+D"])
def test_a_file_with_gaps_is_refused(tmp_path: Path, kind: str) -> None:
    data = plus(kind, ["+0", "+1", "+2.5"])
    refuse(tmp_path, data, "must have no gaps between data records, got one before 2.5 s; export")


def test_a_file_that_may_have_gaps_must_say_where(tmp_path: Path) -> None:
    refuse(tmp_path, plus("EDF+D", ["+0", "+1"], lost=True), r"as it is EDF\+D, which may have gap")
    assert read(tmp_path, plus("EDF+C", ["+0", "+1"], lost=True)).values.shape == (1, 500)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (slice(236, 244), "-1", "in 1 to 100,000 data records, .* got 12 in -1; export the fin"),
        (slice(236, 244), "99999999", "got 12 in 99999999"),
        (slice(236, 244), "3", "must have 21,328 bytes according to its EDF header, got 15,328"),
        (slice(236, 244), "1_0", "the number of data records is 1_0, no whole number"),
        (slice(252, 256), "9999", "must have 1 to 256 signals .* got 9999"),
        (slice(252, 256), "13", "its size is 3,328 bytes for 13 signals"),
        (slice(252, 256), "0", "must have 1 to 256 signals"),
        (slice(184, 192), "256", "its size is 256 bytes for 12 signals"),
        (slice(256 + 216 * 12, 256 + 216 * 12 + 8), "-5", "each with samples"),
        (slice(256 + 216 * 12, 256 + 216 * 12 + 8), "99999999", "according to its EDF header"),
        (slice(256 + 104 * 12, 256 + 104 * 12 + 8), "inf", "the range of ECG I is inf, no number"),
        (slice(256 + 120 * 12, 256 + 120 * 12 + 8), "", "range of ECG I is not there, no whole"),
        (slice(244, 252), "nan", "the duration of a data record is nan, no number"),
        (slice(244, 252), "0", "must say how many seconds a data record has, got 0; export"),
        (slice(244, 252), "-1", "must say how many seconds a data record has, got -1"),
    ],
)
def test_absurd_headers_are_refused(tmp_path: Path, field: slice, value: str, reason: str) -> None:
    refuse(tmp_path, changed(edf(known(), STANDARD, 250), field, value), reason)


@pytest.mark.parametrize("size", [256, 300, 1000])
@pytest.mark.parametrize("writer", [edf, bdf])
def test_a_header_that_is_cut_off_is_refused(
    tmp_path: Path, size: int, writer: Callable[..., bytes]
) -> None:
    refuse(tmp_path, writer(known(), STANDARD, 250)[:size], "must have a sound EDF or BDF header")
