"""Bring the slices of a stack to one place in their plane.

Source: DICOM PS3.3 C.7.6.2.1.1; NIfTI-1, method 3: where a pixel lies in the patient.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float64, Real
from scipy import ndimage

from crossbeat.errors import DataError

STILL = 0.1
"""Pixels that a slice may lie beside the others, or beside whole pixels, and count as there."""

MOST_MOVED = 0.5
"""Share of the picture that a slice may lie beside the first one."""


def in_place(
    path: Path,
    values: Real[np.ndarray, "slice frame height width"],
    moved: Float64[np.ndarray, "slice frame 2"],
) -> Real[np.ndarray, "slice frame height width"]:
    """Every image on the pixels of the first one: what lies at one place has one row and column.

    Images that were moved by whole pixels keep their values; others are interpolated linearly.
    Where an image has no pixels, its least value stands.

    Args:
        path: for the message.
        values: the images.
        moved: rows and columns by which each image lies further on than the first.

    Raises:
        DataError: an image lies beside the first by more than ``MOST_MOVED`` of its size.
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
    for slice_, frame in np.ndindex(values.shape[:2]):
        image, step = values[slice_, frame], moved[slice_, frame]
        whole = np.rint(step)
        near = np.abs(step - whole).max() <= STILL
        placed[slice_, frame] = _whole(image, whole) if near else _between(image, step)
    return placed


def _whole(
    image: Real[np.ndarray, "height width"], step: Float64[np.ndarray, "2"]
) -> Real[np.ndarray, "height width"]:
    out = np.full_like(image, image.min())
    down, right = int(step[0]), int(step[1])
    height, width = image.shape
    out[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = image[
        max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return out


def _between(
    image: Real[np.ndarray, "height width"], step: Float64[np.ndarray, "2"]
) -> Real[np.ndarray, "height width"]:
    least = image.min()
    out = ndimage.shift(image.astype(np.float64), step, order=1, cval=float(least))
    return (np.rint(out) if image.dtype.kind in "iu" else out).astype(image.dtype)
