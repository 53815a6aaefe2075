"""Volumes by the sum of discs: of shapes whose volume is known."""

import numpy as np
import pytest

from crossbeat.readers import disc_volume


def ellipsoid(half: tuple[float, float, float], spacing: tuple[float, float, float]) -> np.ndarray:
    """A mask with half axes in mm along slices, rows and columns."""
    axes = [
        (np.arange(-int(1.2 * length / step), int(1.2 * length / step) + 1) * step) / length
        for length, step in zip(half, spacing, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return z**2 + y**2 + x**2 <= 1


def test_an_ellipsoid_has_its_volume() -> None:
    half = (45.0, 28.0, 24.0)
    mask = ellipsoid(half, (1.0, 1.1, 0.9))
    volume = disc_volume(mask, (1.1, 0.9), 1.0)
    assert float(volume) == pytest.approx(4 / 3 * np.pi * np.prod(half) / 1000, rel=0.01)


def test_every_frame_has_its_own_volume() -> None:
    mask = np.zeros((2, 3, 4, 5), dtype=bool)
    mask[0, 1, :2, :3] = mask[1, 1, 0, 0] = mask[1, 2] = True
    volumes = disc_volume(mask, (2.0, 1.5), 10.0)
    np.testing.assert_allclose(volumes, [0.0, 7 * 0.03, 20 * 0.03])


@pytest.mark.parametrize(
    ("spacing", "apart"), [((0.0, 1.0), 8.0), ((1.0, 1.0), -8.0), ((1.0, 1.0), None)]
)
def test_distances_that_are_none_are_refused(
    spacing: tuple[float, float], apart: float | None
) -> None:
    with pytest.raises(ValueError, match="must be equally far apart, by more than 0 mm, got"):
        disc_volume(np.ones((2, 3, 3), dtype=bool), spacing, apart)
