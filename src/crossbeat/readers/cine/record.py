"""The result of every reader of cine MRI: a stack of slices over one heartbeat."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Real

from crossbeat.errors import DataError

LEAST_MM, MOST_MM = 0.1, 20.0
"""From pixel to pixel: a mouse's heart has the least; beyond, a region could need any memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cine:
    """Slices of the heart over one heartbeat.

    Args:
        values: grey values as the file has them: integers of 8 or 16 bits, else single precision.
            Slices are in the order in which they lie, frames in the order of time.
        spacing_mm: between the centres of rows, and between those of columns.
        slice_mm: between the centres of slices; None where there is one slice, or where slices are
            not equally far apart.
        times: seconds of each frame after the R peak, the mean over slices; None if the file does
            not state them.
        end_diastole: a frame; None if it is not known.
        end_systole: a frame; None if it is not known.
    """

    values: Real[np.ndarray, "slice frame height width"]
    spacing_mm: tuple[float, float]
    slice_mm: float | None = None
    times: Float64[np.ndarray, " frame"] | None = None
    end_diastole: int | None = None
    end_systole: int | None = None


def as_stored(values: np.ndarray) -> Real[np.ndarray, "..."]:
    """Integers of 8 or 16 bits as they are, in this machine's order of bytes; others in float32."""
    if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
        return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def check_spacing(path: Path, spacing: Sequence[float]) -> None:
    """Pixels have a size that an image of a heart can have.

    Args:
        path: for the message.
        spacing: mm between rows, and between columns.

    Raises:
        DataError: they have not.
    """
    if not all(LEAST_MM <= step <= MOST_MM for step in spacing):
        raise DataError(
            f"{path}: pixels must have a size from {LEAST_MM:g} to {MOST_MM:g} mm, got "
            f"{' x '.join(f'{step:g}' for step in spacing)}; correct it, or leave the file out"
        )
