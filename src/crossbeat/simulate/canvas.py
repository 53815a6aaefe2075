"""Shapes in thickness of tissue, drawn for a block of patients at once."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from crossbeat.simulate.film import Film

Grid = Float32[np.ndarray, "patient #height #width"]
Value = Float32[np.ndarray, "patient 1 1"]
Number = Value | float | int


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where each pixel lies in the patient, in mm from the midline at the level of the carina.

    Args:
        x: to the image's right.
        y: downwards.
        pixel: width of a pixel.
    """

    x: Grid
    y: Grid
    pixel: Value

    def only(self, some: Bool[np.ndarray, " patient"]) -> "Canvas":
        """The canvas of some of the patients."""
        return Canvas(self.x[some], self.y[some], self.pixel[some])


def canvas(film: Film, size: int) -> Canvas:
    """The pixels of each film: its field, shift and tilt."""
    steps = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    field, tilt = value(film.field), value(np.radians(film.tilt))
    across, down = steps[None, None, :] * field, steps[None, :, None] * field
    x = across * np.cos(tilt) + down * np.sin(tilt) - value(film.right)
    y = down * np.cos(tilt) - across * np.sin(tilt) - value(film.down) + 48
    return Canvas(x.astype(np.float32), y.astype(np.float32), field / np.float32(size))


def value(numbers: np.ndarray) -> Value:
    """One number per patient, ready to meet a grid."""
    return np.asarray(numbers, dtype=np.float32)[:, None, None]


def step(distance: np.ndarray, softness: np.ndarray | float | int) -> np.ndarray:
    """From 0 (distance well below 0) to 1 (well above), over about ``softness`` mm each way."""
    part = np.clip(distance * (0.5 / softness) + 0.5, 0, 1)
    return part * part * (3 - 2 * part)


def bump(distance: np.ndarray, width: np.ndarray | float | int) -> np.ndarray:
    """A rounded bar: 1 at distance 0, 0 from ``width`` on."""
    scaled = distance / width
    part = np.clip(1 - scaled * scaled, 0, 1)
    return part * part


def dome(squared: np.ndarray) -> np.ndarray:
    """Thickness of a unit ball at squared distance from its centre."""
    return np.sqrt(np.clip(1 - squared, 0, 1))


def ball(on: Canvas, x: Number, y: Number, across: Number, down: Number) -> Grid:
    """An ellipsoid of thickness 1 at its centre."""
    return dome(((on.x - x) / across) ** 2 + ((on.y - y) / down) ** 2)
