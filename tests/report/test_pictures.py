"""The ECG on paper, true to scale; hearts that beat in the time of their beat; X-rays."""

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from crossbeat import leads
from crossbeat.errors import DataError
from crossbeat.report.pictures import LAYOUT, MOST_BYTES, beating, ecg_page, xray
from crossbeat.report.theme import svg
from crossbeat.signal import Ecg


def cine(frames: int = 20, size: int = 32) -> np.ndarray:
    """A bright disc on dark ground that is smallest in the middle of the beat."""
    phase = np.arange(frames) / frames
    radius = size / 4 * (1 + 0.4 * np.cos(2 * np.pi * phase))
    at = np.arange(size) - size / 2
    inside = np.hypot(*np.meshgrid(at, at)) < radius[:, None, None]
    made = np.where(inside, 200, 30).astype(np.uint8)
    made[np.arange(frames), 0, np.arange(frames) % size] = 255  # no two frames are the same
    return made


def gif(cine: np.ndarray, *, seconds: float) -> bytes:
    source = beating(cine, seconds=seconds, title="", caption="").source
    return base64.b64decode(source.partition(",")[2])


def shown(content: bytes) -> tuple[list[np.ndarray], list[int]]:
    """The frames as colours, and how long each is shown, ms."""
    image = Image.open(BytesIO(content))
    frames, times = [], []
    for at in range(image.n_frames):
        image.seek(at)
        frames.append(np.asarray(image.convert("RGB")).astype(int))
        times.append(image.info["duration"])
    return frames, times


def test_a_heart_beats_for_ever_in_the_time_of_its_beat_and_in_its_greys():
    picture = beating(cine(), seconds=0.87, title="Patient 3", caption="EF 31 %")
    assert picture.source.startswith("data:image/gif;base64,")
    assert picture.alt == "Beating heart in cine MRI: Patient 3"
    content = base64.b64decode(picture.source.partition(",")[2])
    frames, times = shown(content)
    assert Image.open(BytesIO(content)).info["loop"] == 0
    assert (len(frames), sum(times)) == (20, 870)
    assert min(times) >= 30
    assert frames[0].shape == (64, 64, 3)
    assert frames[0][32, 32] == pytest.approx([200] * 3, abs=3)
    assert frames[0][9, 9] == pytest.approx([30] * 3, abs=3)
    still, times = shown(gif(np.full((10, 16, 16), 90, dtype=np.uint8), seconds=0.5))
    assert (sum(times), still[0].shape[1]) == (500, 32)


def test_frames_that_are_too_fast_to_be_seen_are_thinned_evenly():
    frames, times = shown(gif(cine(50), seconds=0.9))
    assert (len(frames), sum(times)) == (30, 900)
    areas = [int((frame[..., 0] > 120).sum()) for frame in frames]
    assert np.argmin(areas) == pytest.approx(15, abs=1)  # still smallest in the middle


def test_a_noisy_cine_fits_with_fewer_greys():
    noisy = np.random.default_rng(0).integers(0, 256, (25, 80, 80)).astype(np.uint8)
    content = gif(noisy, seconds=1.0)
    assert len(content) <= MOST_BYTES
    assert len(shown(content)[0]) == 25


def test_what_cannot_be_shown_is_refused():
    noisy = np.random.default_rng(0).integers(0, 256, (30, 160, 160)).astype(np.uint8)
    with pytest.raises(ValueError, match=r"300000 bytes, got \d+ for 30 frames of 160 x 160"):
        gif(noisy, seconds=1.0)
    for frames, seconds in ((cine()[:0], 1.0), (cine(), 0.0)):
        with pytest.raises(ValueError, match="a beat needs frames and seconds"):
            gif(frames, seconds=seconds)


def test_an_xray_is_a_picture_of_its_pixels():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    shown = xray(image)
    content = base64.b64decode(shown.source.partition(",")[2])
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(content))), image)
    assert shown.alt == "Chest X-ray"


def ecg(fs: float = 500.0, seconds: float = 10.0) -> Ecg:
    rng = np.random.default_rng(0)
    independent = rng.normal(size=(8, round(fs * seconds))).cumsum(axis=1) * 0.02
    values = leads.expansion(leads.STANDARD) @ independent
    return Ecg(values.astype(np.float32), leads.STANDARD, fs)


def trace_heights(page) -> dict[str, float]:
    """The height of the longest line of each row, in millimetres, by the label drawn above it."""
    axes = page.axes[0]
    labels = [text.get_text() for text in axes.texts]
    black = [line for line in axes.lines if line.get_color() == "#141414"]
    traces = [line.get_ydata() for line in black if len(line.get_ydata()) > 10]
    return {label: float(np.ptp(trace)) for label, trace in zip(labels, traces, strict=False)}


def test_every_lead_stands_on_paper_at_ten_millimetres_per_millivolt():
    time = np.arange(1000) / 100
    heights = {lead: 0.1 * number for number, lead in enumerate(leads.STANDARD, start=1)}
    rows = [height * (np.floor(time * 5) % 2) for height in heights.values()]
    page = ecg_page(Ecg(np.array(rows, dtype=np.float32), leads.STANDARD, 100.0))
    assert page.get_size_inches()[0] * 25.4 == pytest.approx(250 + 20)  # 10 s and the margins
    drawn = trace_heights(page)
    for lead in sum(LAYOUT, ()):
        assert drawn[lead] == pytest.approx(10 * heights[lead], rel=1e-5), lead


def test_the_page_fits_repeats_and_takes_leads_by_name():
    given = ecg()
    page = ecg_page(given)
    text = svg(page)
    assert len(text) < 300_000
    assert text == svg(ecg_page(given))
    order = leads.index(leads.STANDARD, leads.MIMIC)
    shuffled = Ecg(given.values[order], leads.MIMIC, given.fs)
    assert trace_heights(ecg_page(shuffled)) == trace_heights(page)


def test_an_ecg_without_a_chest_lead_or_without_samples_is_refused():
    given = ecg()
    with pytest.raises(DataError, match="must have lead V6"):
        ecg_page(Ecg(given.values[:11], leads.STANDARD[:11], given.fs))
    with pytest.raises(DataError, match="needs a signal, got 1 samples"):
        ecg_page(Ecg(given.values[:, :1], leads.STANDARD, given.fs))
