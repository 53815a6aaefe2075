"""Localisation: the diagonal is right, a shift is as wrong as it is far, chance is chance."""

import numpy as np
import pytest
import torch

from crossbeat.evaluation.localisation import answering_steps, by_lot, localise, similarities

NAMES = np.array(["a", "b"])


def tokens(frames: int = 10) -> torch.Tensor:
    phase = torch.arange(frames) / frames * 2 * torch.pi
    return torch.stack([phase.cos(), phase.sin()], dim=1).repeat(2, 1, 1)


def test_similarity_is_the_cosine_of_segment_and_frame():
    found = similarities(3 * tokens(), tokens())
    assert found.shape == (2, 10, 10)
    assert found[0, 2, 5] == pytest.approx(np.cos(0.3 * 2 * np.pi), abs=1e-6)
    assert found[1, 4, 4] == pytest.approx(1)
    frames = tokens()
    frames[:, 3] = frames[:, 4]  # two frames alike, no two segments
    columns = similarities(tokens(), frames)[0]
    np.testing.assert_allclose(columns[:, 3], columns[:, 4])


@pytest.mark.parametrize("shift", [0, 1, 4, 7])
def test_a_shift_is_as_wrong_as_it_is_far_the_shorter_way_round(shift):
    found = localise(similarities(tokens().roll(shift, dims=1), tokens()), NAMES).measures
    assert found["phase_error"] == pytest.approx([min(shift, 10 - shift) / 10] * 2)
    assert found["answered@1"].tolist() == [float(shift == 0)] * 2


def test_frames_ask_and_segments_answer():
    found = np.array([[[0.9, 0.8, 0.7], [0.1, 0.2, 0.3], [0.2, 0.1, 0.6]]])
    told = localise(found, NAMES[:1]).measures  # segment 0 answers to every frame
    assert told["answered@1"] == pytest.approx([1 / 3])
    assert told["phase_error"] == pytest.approx([2 / 9])
    with pytest.raises(ValueError, match="as many segments as frames, got 4 and 5"):
        localise(np.zeros((2, 4, 5)), NAMES)


@pytest.mark.parametrize("frames", [5, 10])
def test_what_is_drawn_by_lot_is_what_noise_gives(frames):
    noise = np.random.default_rng(0).normal(size=(4000, frames, frames))
    found = localise(noise, np.arange(4000)).measures
    for name, expected in by_lot(frames, NAMES).measures.items():
        assert len(expected) == 2
        assert found[name].mean() == pytest.approx(expected[0], rel=0.03)


def test_a_patient_without_a_beat_is_left_out():
    segments = tokens()
    segments[1] = torch.nan
    told = localise(similarities(segments, tokens()), NAMES).measures
    assert told["answered@1"][0] == 1
    assert np.isnan(told["answered@1"][1])
    assert np.isnan(told["phase_error"][1])


def test_steps_answer_as_their_segments_do():
    correspondence = np.array([[0.5, 0.5, 0.0, 0.0], [0.0, 0.25, 0.75, 0.0]])
    found = answering_steps(np.array([1.0, -2.0]), correspondence)
    np.testing.assert_allclose(found, [1.0, 0.0, -2.0, np.nan])
