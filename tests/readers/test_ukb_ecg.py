"""GE CardioSoft XML as UK Biobank has it: the rhythm comes back, what is doubtful is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ecg_files import cardiosoft, millivolts

from crossbeat.errors import DataError
from crossbeat.leads import INDEPENDENT, STANDARD
from crossbeat.readers import read_ecg
from crossbeat.signal import Ecg

Change = Callable[[bytes], bytes]


def known(leads: int = 12) -> np.ndarray:
    """10 s at 500 Hz."""
    walk = np.random.default_rng(0).normal(size=(leads, 5000)).cumsum(axis=1)
    return (walk * 10 + 50 * np.arange(leads)[:, None]).round().astype(int)


def read(folder: Path, data: bytes) -> Ecg:
    (folder / "1234567_20205_2_0.xml").write_bytes(data)
    return read_ecg(folder / "1234567_20205_2_0.xml")


def changed(old: bytes, new: bytes, times: int = -1) -> Change:
    def change(data: bytes) -> bytes:
        head, tail = data.split(b"<StripData>")
        assert old in tail
        return head + b"<StripData>" + tail.replace(old, new, times)

    return change


def test_the_rhythm_strip_comes_back_in_millivolts(tmp_path: Path) -> None:
    ecg = read(tmp_path, cardiosoft(known(), STANDARD, 500))
    assert (ecg.leads, ecg.fs) == (STANDARD, 500.0)
    np.testing.assert_allclose(ecg.values, millivolts(known()), rtol=3e-7)


def test_leads_keep_their_order_whatever_their_case(tmp_path: Path) -> None:
    order = [lead.upper() for lead in INDEPENDENT[::-1]]
    ecg = read(tmp_path, cardiosoft(known(8), order, 500))
    assert ecg.leads == INDEPENDENT[::-1]
    np.testing.assert_allclose(ecg.values, millivolts(known(8)), rtol=3e-7)


def test_a_comma_at_the_end_and_breaks_of_lines_are_passed_over(tmp_path: Path) -> None:
    data = changed(b"</WaveformData>", b",\n</WaveformData>")(cardiosoft(known(), STANDARD, 500))
    assert read(tmp_path, data.replace(b",", b",\n\t\t")).values.shape == (12, 5000)


def test_letters_in_an_encoding_that_is_not_declared_are_passed_over(tmp_path: Path) -> None:
    data = cardiosoft(known(), STANDARD, 500)
    bare = data.removeprefix(b'<?xml version="1.0" encoding="ISO8859-1" ?>\n')
    assert bare != data
    assert read(tmp_path, bare).values.shape == (12, 5000)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed(b' units="uVperLsb"', b""), "the unit of lead I must be mV, uV or V, got none"),
        (changed(b">2.5<", b">0<"), "the unit of lead I must be mV, uV or V, got 0 uVperLsb"),
        (changed(b"uVper", b"mmHgper"), "unit of lead I must be mV, uV or V, got 2.5 mmHgperLsb"),
        (changed(b">2.5<", b">inf<"), "Resolution must be a number, got inf"),
        (changed(b'<SampleRate units="Hz">500</SampleRate>', b""), "SampleRate must be a number"),
        (changed(b' units="Hz"', b' units="ms"'), "the unit of the rate must be Hz, got ms"),
        (changed(b">500<", b">5<"), "the rate must be from 10 to 100000 Hz, got 5"),
        (changed(b">5000<", b">4999<"), "must hold 4999 samples of each lead, got 5000 of I;"),
        (changed(b",", b";", 1), "samples must be whole numbers between commas"),
        (changed(b",", b",,", 1), "samples must be whole numbers between commas"),
        (changed(b",", b"," + b"9" * 30, 1), "samples must be whole numbers between commas"),
        (changed(b'lead="II"', b'lead="I"'), "must hold ECG leads, each once"),
        (changed(b"<WaveformData", b"<Wave"), "must be well-formed XML"),
    ],
)
def test_what_is_doubtful_is_refused(tmp_path: Path, change: Change, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(tmp_path, change(cardiosoft(known(), STANDARD, 500)))


@pytest.mark.parametrize("num", [0, 2])
def test_an_exercise_test_has_no_single_strip(tmp_path: Path, num: int) -> None:
    data = cardiosoft(known(), STANDARD, 500)
    strip = data[data.index(b"<StripData>") : data.index(b"<FullDisclosure>")]
    with pytest.raises(DataError, match=rf"one rhythm strip \(StripData\), got {num}; a resting"):
        read(tmp_path, data.replace(strip, strip * num))


def test_leads_of_different_lengths_are_refused(tmp_path: Path) -> None:
    data = cardiosoft(known(), STANDARD, 500)
    data = data.replace(b"<ChannelSampleCountTotal>5000</ChannelSampleCountTotal>", b"")
    data = data.replace(b"</WaveformData></StripData>", b",7</WaveformData></StripData>")
    with pytest.raises(
        DataError, match="all leads must have one length, got 5000 samples and 5001"
    ):
        read(tmp_path, data)
