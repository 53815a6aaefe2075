"""Volumes of chambers from masks."""

import numpy as np
from jaxtyping import Bool, Float64


def disc_volume(
    mask: Bool[np.ndarray, "slice *frame height width"],
    spacing_mm: tuple[float, float],
    slice_mm: float | None,
) -> Float64[np.ndarray, "*frame"]:
    """The volume by the sum of discs, of each frame if there are several: ml.

    Each slice counts as a disc of its own area, as thick as slices are apart.

    Args:
        mask: where the chamber is, in a stack that covers all of it.
        spacing_mm: between rows, and between columns; above 0.
        slice_mm: between the centres of slices; above 0.

    Raises:
        ValueError: a distance is not above 0, or slices are not equally far apart.
    """
    if slice_mm is None or min(*spacing_mm, slice_mm) <= 0:
        raise ValueError(
            "pixels and slices must be equally far apart, by more than 0 mm, got "
            f"{spacing_mm} and {slice_mm}"
        )
    pixels = mask.sum(axis=(0, -2, -1), dtype=np.float64)
    return np.asarray(pixels * spacing_mm[0] * spacing_mm[1] * slice_mm / 1000)
