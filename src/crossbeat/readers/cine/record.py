"""The result of every reader of cine MRI: a stack of slices over one heartbeat."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Real
from scipy import ndimage

from crossbeat.errors import DataError

MOST_CINE_BYTES = 2**29
"""Of the pixels of one cine after unpacking: 20 slices of 50 frames of 512 x 512 pixels."""

LEAST_MM, MOST_MM = 0.1, 20.0
"""From pixel to pixel: a mouse's heart has the least; beyond, a region could need any memory."""

STILL = 0.1
"""Pixels that a slice may lie beside the others, or beside whole pixels, and count as there."""

MOST_MOVED = 0.5
"""Share of the picture that a slice may lie beside the first one."""

Frame = Real[np.ndarray, "height width"]
Frames = Real[np.ndarray, "slice frame height width"]


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

    values: Frames
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
    """Raise ``DataError`` if an image of a heart cannot have so many mm between its pixels."""
    if not all(LEAST_MM <= step <= MOST_MM for step in spacing):
        raise DataError(
            f"{path}: pixels must have a size from {LEAST_MM:g} to {MOST_MM:g} mm, got "
            f"{' x '.join(f'{step:g}' for step in spacing)}; correct it, or leave the file out"
        )


def in_place(path: Path, values: Frames, moved: Float64[np.ndarray, "slice frame 2"]) -> Frames:
    """Every image on the pixels of the first one: what lies at one place has one row and column.

    Images that were moved by whole pixels keep their values; others are interpolated linearly.
    Where an image has no pixels, its least value stands.

    Args:
        moved: rows and columns by which each image lies further on than the first.

    Source: DICOM PS3.3 C.7.6.2.1.1; NIfTI-1, method 3: where a pixel lies in the patient.
    """
    if np.abs(moved).max() <= STILL:
        return values
    if (np.abs(moved) > MOST_MOVED * np.array(values.shape[-2:])).any():
        far = np.abs(moved).reshape(-1, 2).max(axis=0)
        raise DataError(
            f"{path} must have slices that lie on each other, got some that lie {far[0]:.0f} rows "
            f"and {far[1]:.0f} columns beside the first one; name the series of those that do"
        )
    placed = np.empty_like(values)
    for place in np.ndindex(values.shape[:2]):
        image, step = values[place], moved[place]
        whole = np.rint(step)
        near = np.abs(step - whole).max() <= STILL
        out = ndimage.shift(
            image.astype(np.float64),
            whole if near else step,
            order=0 if near else 1,
            cval=float(image.min()),
        )
        placed[place] = np.rint(out) if image.dtype.kind in "iu" else out
    return placed
