"""Hearts that beat: a GIF that loops, takes the time of the beat, and fits into a page."""

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from crossbeat.evaluation.cine_pictures import MOST_BYTES, beating, cine_gif


def cine(frames: int = 20, size: int = 32) -> np.ndarray:
    """A bright disc on dark ground that is smallest in the middle of the beat."""
    phase = np.arange(frames) / frames
    radius = size / 4 * (1 + 0.4 * np.cos(2 * np.pi * phase))
    at = np.arange(size) - size / 2
    inside = np.hypot(*np.meshgrid(at, at)) < radius[:, None, None]
    made = np.where(inside, 200, 30).astype(np.uint8)
    made[np.arange(frames), 0, np.arange(frames) % size] = 255  # no two frames are the same
    return made


def shown(content: bytes) -> tuple[list[np.ndarray], list[int]]:
    """The frames as colours, and how long each is shown, ms."""
    image = Image.open(BytesIO(content))
    frames, times = [], []
    for at in range(image.n_frames):
        image.seek(at)
        frames.append(np.asarray(image.convert("RGB")).astype(int))
        times.append(image.info["duration"])
    return frames, times


def test_it_loops_for_ever_and_takes_the_time_of_the_beat() -> None:
    content = cine_gif(cine(), seconds=0.87)
    frames, times = shown(content)
    assert Image.open(BytesIO(content)).info["loop"] == 0
    assert len(frames) == 20
    assert sum(times) == 870
    assert min(times) >= 30


def test_frames_that_are_too_fast_to_be_seen_are_thinned_evenly() -> None:
    frames, times = shown(cine_gif(cine(50), seconds=0.9))
    assert len(frames) == 30
    assert sum(times) == 900
    areas = [int((frame[..., 0] > 120).sum()) for frame in frames]
    assert np.argmin(areas) == pytest.approx(15, abs=1)  # still smallest in the middle


def test_greys_are_what_they_were() -> None:
    frames, _ = shown(cine_gif(cine(), seconds=1.0))
    assert frames[0].shape == (64, 64, 3)
    assert frames[0][32, 32] == pytest.approx([200] * 3, abs=3)
    assert frames[0][9, 9] == pytest.approx([30] * 3, abs=3)


def test_the_cursor_runs_along_the_beat_from_its_r_peak() -> None:
    beat = np.exp(-0.5 * ((np.arange(200) + 100) % 200 - 100) ** 2 / 16.0)  # R at both ends
    frames, _ = shown(cine_gif(cine(), seconds=1.0, beat=beat))
    assert frames[0].shape[0] > 64
    places = []
    for frame in frames:
        strip = frame[64:]
        dot = np.argwhere((strip == (75, 168, 227)).all(axis=-1))
        places.append(dot.mean(axis=0))
    heights, across = np.array(places).T
    assert heights.argmin() == 0  # the dot is at the top at the R peak, frame 0
    assert across[1] > across[0]
    assert np.ptp(np.diff(across[:15])) < 2  # at equal steps
    peak = (frames[5][64:, :, 0] > 120).argmax(axis=0).astype(float)
    line = np.where((frames[5][64:, :, 0] > 120).any(axis=0), peak, np.inf)
    assert line.argmin() == pytest.approx(across[0], abs=2)


def test_a_noisy_cine_fits_with_fewer_greys() -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (25, 80, 80)).astype(np.uint8)
    content = cine_gif(noisy, seconds=1.0)
    assert len(content) <= MOST_BYTES
    assert len(shown(content)[0]) == 25


def test_what_cannot_be_shown_is_refused() -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (30, 160, 160)).astype(np.uint8)
    with pytest.raises(ValueError, match=r"300000 bytes, got \d+ for 30 frames of 160 x 160"):
        cine_gif(noisy, seconds=1.0)
    for frames, seconds in ((cine()[:0], 1.0), (cine(), 0.0)):
        with pytest.raises(ValueError, match="a beat needs frames and seconds"):
            cine_gif(frames, seconds=seconds)


def test_a_still_heart_and_a_flat_beat_are_shown() -> None:
    still = np.full((10, 16, 16), 90, dtype=np.uint8)
    frames, times = shown(cine_gif(still, seconds=0.5, beat=np.zeros(50)))
    assert sum(times) == 500
    assert frames[0].shape[1] == 32


def test_a_picture_carries_its_bytes() -> None:
    picture = beating(cine(), seconds=0.8, title="Patient 3", caption="EF 31 %")
    kind, content = picture.source.split(",")
    assert kind == "data:image/gif;base64"
    assert base64.b64decode(content) == cine_gif(cine(), seconds=0.8)
    assert picture.alt == "Beating heart in cine MRI: Patient 3"
