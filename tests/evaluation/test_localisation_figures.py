"""Pictures of answers: phases on their axes, and colour where the ECG answers."""

import numpy as np
import pytest
from crossbeat.evaluation.theme import svg

from crossbeat.evaluation.localisation_figures import answering_strips, frame_by_segment
from crossbeat.signal import Ecg

ECG = Ecg(np.random.default_rng(0).normal(size=(2, 5000)).astype(np.float32), ("I", "II"), 500.0)
CINE = np.random.default_rng(0).integers(0, 256, (10, 16, 16)).astype(np.uint8)


def test_segments_run_upwards_and_frames_to_the_right() -> None:
    found = np.zeros((4, 4))
    found[3, 0] = 1  # the last segment is like the first frame
    axes = frame_by_segment(found).axes[0]
    image = axes.images[0]
    assert image.origin == "lower"
    assert image.get_array()[3, 0] == 1
    assert "frames" in axes.get_xlabel()
    assert "segments" in axes.get_ylabel()


def test_strips_are_coloured_where_they_answer_the_most() -> None:
    answers = np.array([[0.1, 0.2, 0.9, np.nan], [-0.5, -0.5, -0.5, -0.5]])
    figure = answering_strips(ECG, "II", CINE, (0, 4), answers)
    pictures, strips = figure.axes[::2], figure.axes[1::2]
    np.testing.assert_array_equal(pictures[1].images[0].get_array(), CINE[4])
    assert pictures[1].get_title() == "phase 0.40"
    strength = strips[0].images[0].get_array()[0, :, 3]
    np.testing.assert_allclose(strength, [0, 0.6 * 0.125, 0.6, 0])
    assert strips[1].images[0].get_array()[0, :, 3].tolist() == [0, 0, 0, 0]
    assert strips[0].images[0].get_extent()[:2] == [0, 10]  # over the whole record


def test_the_lead_that_is_asked_for_is_drawn() -> None:
    strip = answering_strips(ECG, "II", CINE, (0,), np.zeros((1, 100))).axes[1]
    line = strip.lines[0]
    np.testing.assert_array_equal(line.get_ydata(), ECG.values[1, ::2])
    assert line.get_xdata()[1] == pytest.approx(0.004)
    assert strip.get_ylabel() == "II (mV)"


@pytest.mark.parametrize("frames", [(), (0, 1)])
def test_every_frame_has_its_answers(frames: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="each frame must have its answers"):
        answering_strips(ECG, "II", CINE, frames, np.zeros((1, 100)))


def test_pictures_fit_into_a_page_and_repeat() -> None:
    strips = svg(answering_strips(ECG, "I", CINE, (0, 3, 6), np.zeros((3, 100))))
    matrix = svg(frame_by_segment(np.eye(50)))
    assert len(strips) < 300_000
    assert len(matrix) < 60_000
    assert matrix == svg(frame_by_segment(np.eye(50)))
