"""EDF and BDF: ranges, rates, gaps and labels; and headers that claim what cannot be."""

import numpy as np
import pytest
from ecg_files import assert_holds, bdf, edf, edf_labels, millivolts, read, refuse, walk

from crossbeat.leads import STANDARD

pytestmark = pytest.mark.usefixtures("bounded")

FIELDS = {"label": 0, "unit": 96, "low": 104, "high": 112, "least": 120, "most": 128, "num": 216}
"""Where the fields of a file of one signal begin, in letters after the first 256."""


def changed(data: bytes, start: int, width: int, value: str) -> bytes:
    assert len(value) <= width
    return data[:start] + value.ljust(width).encode() + data[start + width :]


def one(**fields: str) -> bytes:
    """A file of lead I in which some fields are others."""
    data = edf(walk(1), ["I"], 250)
    for name, value in fields.items():
        data = changed(data, 256 + FIELDS[name], 8, value)
    return data


def plus(kind: str, onsets: list[str], *, lost: bool = False) -> bytes:
    """EDF+ or BDF+ of lead I at 250 Hz, in data records of 1 s that start at these seconds."""
    writer, width, name = (bdf, 3, "BDF") if kind.startswith("BDF") else (edf, 2, "EDF")
    stored = np.vstack([walk(1, 250 * len(onsets)), np.zeros((1, 250 * len(onsets)), int)])
    data = writer(stored, ["I", "II"], 250)
    data = changed(changed(data, 192, 44, kind), 256 + 16, 16, f"{name} Annotations")
    start, step = 768, 2 * 250 * width
    for number, onset in enumerate(onsets):
        place = start + number * step + 250 * width
        said = f"{onset}\x14\x14\x00".encode() if not (lost and number) else b""
        data = data[:place] + said + data[place + len(said) :]
    return data


@pytest.mark.parametrize(
    ("fields", "sign", "shift"),
    [
        ({"least": "-32767", "most": "32768"}, 1, -0.0025),
        ({"low": "-81915.0", "high": "81922.5"}, 1, 0.005),
        ({"low": "-81920", "high": "+81917.5"}, 1, 0.0),
        ({"low": "81920", "high": "-81917.5"}, -1, 0.0),
    ],
)
def test_zero_and_sign_of_a_lead_are_those_of_its_range(tmp_path, fields, sign, shift):
    expected = sign * millivolts(walk(1)) + shift
    values = read(tmp_path, one(**fields)).values
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


EMPTY = "the range of ECG I must not be empty, got .*"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"low": "0", "high": "0"}, f"{EMPTY}0 to 0 for the stored values -32768 to 32767"),
        ({"least": "5", "most": "5"}, f"{EMPTY}-81920 to 81917.5 for the stored values 5 to 5"),
        ({"least": "5", "most": "-5"}, f"{EMPTY}values 5 to -5.* says no scale; export it again"),
        ({"high": "1e999"}, f"{EMPTY}-81920 to inf"),
        ({"unit": ""}, "the unit of lead ECG I must be mV, uV or V, got none; correct"),
    ],
)
def test_a_lead_without_a_scale_is_refused(tmp_path, fields, reason):
    refuse(tmp_path, one(**fields), reason)


def test_a_channel_that_is_no_lead_may_have_any_range_and_rate(tmp_path):
    data = edf_labels(walk(2), ["ECG V1", "SaO2"], 250)
    for field in (FIELDS["low"], FIELDS["high"]):
        data = changed(data, 256 + 2 * field + 8, 8, "1")
    ecg = read(tmp_path, data)
    assert (ecg.leads, ecg.unrecognised) == (("V1",), ("SaO2",))
    assert_holds(ecg, millivolts(walk(2))[:1])


@pytest.mark.parametrize(("seconds", "fs"), [("1.6", 156.25), ("3", 83.333333)])
def test_a_rate_that_is_no_whole_number_is_kept(tmp_path, seconds, fs):
    data = changed(edf(walk(), STANDARD, 250), 244, 8, seconds)
    assert read(tmp_path, data).fs == pytest.approx(fs, abs=1e-6)


def test_the_full_range_of_24_bits_is_read(tmp_path):
    stored = np.array([[-8388608, 8388607, -1, 0, 1, 65536, -65536, 256, -256, 32768]])
    assert_holds(read(tmp_path, bdf(stored, ["II"], 10)), millivolts(stored))


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D", "BDF+C", "BDF+D"])
def test_records_that_follow_each_other_are_read_and_gaps_refused(tmp_path, kind):
    ecg = read(tmp_path, plus(kind, ["+0.5", "+1.5", "+2.5"]))
    assert (ecg.leads, ecg.unrecognised) == (("I",), ())
    assert_holds(ecg, millivolts(walk(1, 750)))
    gap = "must have no gaps between data records, got one before 2.5 s; export"
    refuse(tmp_path, plus(kind, ["+0", "+1", "+2.5"]), gap)


def test_a_file_that_may_have_gaps_must_say_where(tmp_path):
    refuse(tmp_path, plus("EDF+D", ["+0", "+1"], lost=True), r"as it is EDF\+D, which may have gap")
    assert read(tmp_path, plus("EDF+C", ["+0", "+1"], lost=True)).values.shape == (1, 500)


@pytest.mark.parametrize(
    ("start", "width", "value", "reason"),
    [
        (236, 8, "-1", "in 1 to 100,000 data records, .* got 12 in -1; export the fin"),
        (236, 8, "99999999", "got 12 in 99999999"),
        (236, 8, "3", "must have 21,328 bytes according to its EDF header, got 15,328"),
        (236, 8, "1_0", "the number of data records is 1_0, no whole number"),
        (252, 4, "9999", "must have 1 to 256 signals .* got 9999"),
        (252, 4, "13", "its size is 3,328 bytes for 13 signals"),
        (252, 4, "0", "must have 1 to 256 signals"),
        (184, 8, "256", "its size is 256 bytes for 12 signals"),
        (256 + 216 * 12, 8, "-5", "each with samples"),
        (256 + 216 * 12, 8, "99999999", "according to its EDF header"),
        (256 + 104 * 12, 8, "inf", "the range of ECG I is inf, no number"),
        (256 + 120 * 12, 8, "", "range of ECG I is not there, no whole"),
        (244, 8, "nan", "the duration of a data record is nan, no number"),
        (244, 8, "0", "must say how many seconds a data record has, got 0; export"),
        (244, 8, "-1", "must say how many seconds a data record has, got -1"),
    ],
)
def test_absurd_headers_are_refused(tmp_path, start, width, value, reason):
    refuse(tmp_path, changed(edf(walk(), STANDARD, 250), start, width, value), reason)


@pytest.mark.parametrize("size", [256, 300, 1000])
@pytest.mark.parametrize("writer", [edf, bdf])
def test_a_header_that_is_cut_off_is_refused(tmp_path, size, writer):
    refuse(tmp_path, writer(walk(), STANDARD, 250)[:size], "must have a sound EDF or BDF header")
