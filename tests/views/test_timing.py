import numpy as np
import pytest
import torch

from crossbeat.signal import Ecgs
from crossbeat.views import crop, crop_and_stretch, permute, warp_time
from crossbeat.views.timing import warped_clock


def ramp(batch: int = 50, num_samples: int = 103, fs: float = 10.0) -> Ecgs:
    """Two leads whose value is the sample's number and its negative."""
    time = torch.arange(num_samples, dtype=torch.float64)
    return Ecgs(torch.stack([time, -time]).repeat(batch, 1, 1), ("I", "II"), fs)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(11)


def test_a_crop_is_a_stretch_of_the_ecg_and_may_lie_anywhere() -> None:
    seen = crop(ramp(batch=500, num_samples=30), seeded(), seconds=2.5).values
    assert seen.shape == (500, 2, 25)
    assert (seen[:, 0].diff(dim=1) == 1).all()
    assert torch.equal(seen[:, 1], -seen[:, 0])
    assert set(seen[:, 0, 0].tolist()) == {0, 1, 2, 3, 4, 5}


def test_a_stretched_crop_runs_evenly_and_within_the_ecg() -> None:
    seen = crop_and_stretch(ramp(batch=500), seeded(), least=0.4).values[:, 0]
    step = seen.diff(dim=1)
    assert (step - step.mean(dim=1, keepdim=True)).abs().max() < 1e-5
    assert 0.4 <= step.min() < 0.42
    assert 0.98 < step.max() <= 1
    assert seen.min() >= 0
    assert seen.max() <= 102


@pytest.mark.parametrize("most", [1.05, 1.2, 3.0])
def test_a_warped_clock_only_runs_forward_and_keeps_both_ends(most: float) -> None:
    ecg = ramp(batch=200)
    clock = warped_clock(ecg, seeded(), most=most, num_knots=6)
    assert (clock[:, 0] == 0).all()
    torch.testing.assert_close(clock[:, -1], torch.full((200,), 102.0, dtype=torch.float64))
    step = clock.diff(dim=1)
    assert step.min() > 1 / most**2
    assert step.max() < most**2
    assert step.std() > 0.1 * np.log(most)


def test_a_warped_ecg_is_read_where_its_clock_says() -> None:
    ecg = ramp()
    clock = warped_clock(ecg, seeded(), most=1.2, num_knots=6)
    seen = warp_time(ecg, seeded(), most=1.2, num_knots=6).values
    torch.testing.assert_close(seen, torch.stack([clock, -clock], dim=1))


def test_a_warp_interpolates_as_numpy_does() -> None:
    ecg = Ecgs(torch.randn(5, 2, 103, generator=seeded()), ("I", "II"), 10.0)
    clock = warped_clock(ecg, seeded(), most=1.5, num_knots=4).numpy()
    seen = warp_time(ecg, seeded(), most=1.5, num_knots=4).values.numpy()
    for sample, times, result in zip(ecg.values.numpy(), clock, seen, strict=True):
        expected = [np.interp(times, np.arange(103), lead) for lead in sample]
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_the_speed_of_a_warped_clock_changes_without_jumps() -> None:
    clock = warped_clock(ramp(num_samples=1000), seeded(), most=1.2, num_knots=6)
    assert clock.diff(dim=1).diff(dim=1).abs().max() < 1.2**4 / (1000 / 5)


@pytest.mark.parametrize("num_segments", [2, 5, 103])
def test_permuted_segments_hold_every_sample_once_in_runs(num_segments: int) -> None:
    seen = permute(ramp(), seeded(), num_segments=num_segments).values
    assert torch.equal(seen[:, 0].sort(dim=1).values, ramp().values[:, 0])
    assert torch.equal(seen[:, 1], -seen[:, 0])
    breaks = (seen[:, 0].diff(dim=1) != 1).sum(dim=1)
    assert (breaks <= num_segments - 1).all()
    assert breaks.max() >= min(num_segments - 1, 4)


def test_segments_are_of_equal_length_and_come_in_every_order() -> None:
    seen = permute(ramp(batch=300, num_samples=12), seeded(), num_segments=3).values[:, 0]
    orders = {tuple(row) for row in seen.reshape(300, 3, 4)[:, :, 0].long().tolist()}
    assert orders == {(0, 4, 8), (0, 8, 4), (4, 0, 8), (4, 8, 0), (8, 0, 4), (8, 4, 0)}
