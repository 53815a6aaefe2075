"""GE CardioSoft XML as UK Biobank has it: the rhythm comes back, what is doubtful is refused."""

import pytest
from ecg_files import assert_holds, cardiosoft, millivolts, read, refuse, walk

from crossbeat.leads import STANDARD

SOUND = cardiosoft(walk(), STANDARD, 500)
HEAD, TAIL = SOUND.split(b"<StripData>")
STRIP = b"<StripData>" + TAIL[: TAIL.index(b"<FullDisclosure>")]
DECLARATION = b'<?xml version="1.0" encoding="ISO8859-1" ?>\n'
NO_NUMBERS = "samples must be whole numbers between commas"


@pytest.mark.parametrize(
    "data",
    [
        SOUND.replace(b"</WaveformData>", b",\n</WaveformData>").replace(b",", b",\n\t\t"),
        SOUND.removeprefix(DECLARATION),  # letters in an encoding that is not declared
    ],
    ids=["commas and breaks of lines", "encoding"],
)
def test_what_does_not_concern_the_samples_is_passed_over(tmp_path, data):
    assert data != SOUND
    assert_holds(read(tmp_path, data), millivolts(walk()))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b' units="uVperLsb"', b"", "the unit of lead I must be mV, uV or V, got none"),
        (b">2.5<", b">0<", "the unit of lead I must be mV, uV or V, got 0 uVperLsb"),
        (b"uVper", b"mmHgper", "unit of lead I must be mV, uV or V, got 2.5 mmHgperLsb"),
        (b">2.5<", b">inf<", "Resolution must be a number, got inf"),
        (b'<SampleRate units="Hz">500</SampleRate>', b"", "SampleRate must be a number"),
        (b' units="Hz"', b' units="ms"', "the unit of the rate must be Hz, got ms"),
        (b'units="Hz">500<', b'units="Hz">5<', "the rate must be from 10 to 100000 Hz, got 5"),
        (b"Total>500<", b"Total>499<", "must hold 499 samples of each lead, got 500 of I;"),
        (b",", b";", NO_NUMBERS),
        (b",", b",,", NO_NUMBERS),
        (b",", b"," + b"9" * 30, NO_NUMBERS),
        (b'lead="II"', b'lead="I"', "must hold ECG leads, each once"),
        (b"<WaveformData", b"<Wave", "must be well-formed XML"),
        (STRIP, b"", r"one rhythm strip \(StripData\), got 0; a resting"),
        (STRIP, 2 * STRIP, r"one rhythm strip \(StripData\), got 2; a resting"),
    ],
    ids=range(15),
)
def test_what_is_doubtful_is_refused(tmp_path, old, new, reason):
    strip = b"<StripData>" + TAIL
    assert old in strip
    refuse(tmp_path, HEAD + strip.replace(old, new, 1 if old == b"," else -1), reason)


def test_leads_of_different_lengths_are_refused(tmp_path):
    data = SOUND.replace(b"<ChannelSampleCountTotal>500</ChannelSampleCountTotal>", b"")
    data = data.replace(b"</WaveformData></StripData>", b",7</WaveformData></StripData>")
    refuse(tmp_path, data, "all leads must have one length, got 500 samples and 501")
