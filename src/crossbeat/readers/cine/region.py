"""Find the heart in a cine, crop a square of fixed width, and measure volumes.

The width is in millimetres and the same for all hearts: a square that fitted each heart would hide
how large it is.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Bool, Float32, Float64, Shaped, UInt8
from PIL import Image
from scipy import ndimage

from crossbeat.errors import DataError
from crossbeat.readers.cine.record import Cine

SIDE_MM = 150.0
"""Width of a region: both ventricles of a dilated heart with some room."""

_SMOOTH_MM = 8.0
_MUCH, _BRIGHT = 98, 0.5
"""Percentile of motion that is surely the heart's, and the part of it that still may be."""

_SHOWN = (0.5, 99.5)  # percentiles of grey values that become black and white


@dataclass(frozen=True, kw_only=True)
class Region:
    """A square, the same in every slice and frame.

    Args:
        row: of its centre, in pixels of the cine; 0 is the centre of the first.
        column: of its centre, in the same way.
        side_mm: its height and width, above 0.
    """

    row: float
    column: float
    side_mm: float = SIDE_MM


def roi_by_motion(cine: Cine, *, side_mm: float = SIDE_MM) -> Region:
    """Centre the region on the part that moves most: in a breath-hold, the heart.

    The standard deviation of each pixel over time is averaged over slices and smoothed. Of the
    parts where it is above half of its 98th percentile, the one that moves most in all gives the
    centre: a vessel in which blood flickers is brighter, but smaller.

    Args:
        side_mm: of the region, above 0.

    Raises:
        DataError: nothing moves.
    """
    motion = np.zeros(cine.values.shape[2:])
    for frames in cine.values:
        motion += frames.std(axis=0, dtype=np.float64)
    motion = ndimage.gaussian_filter(motion, [_SMOOTH_MM / step for step in cine.spacing_mm])
    if not motion.max() > 0:
        raise DataError(
            f"a cine must show something that moves, got {cine.values.shape[1]} frames of the same "
            "image; is it one?"
        )
    parts, num = ndimage.label(motion > _BRIGHT * np.percentile(motion, _MUCH))
    moved = ndimage.sum_labels(motion, parts, np.arange(1, num + 1))
    centre = ndimage.center_of_mass(motion, parts, int(np.argmax(moved)) + 1)
    return Region(row=float(centre[0]), column=float(centre[1]), side_mm=side_mm)


def roi_by_mask(
    mask: Shaped[np.ndarray, "*stack height width"], *, side_mm: float = SIDE_MM
) -> Region:
    """Centre the region on whatever a mask marks in any slice and frame.

    Args:
        mask: not 0 where the heart is.
        side_mm: of the region, above 0.

    Raises:
        ValueError: the mask marks nothing.
    """
    marked = (mask != 0).any(axis=tuple(range(mask.ndim - 2)))
    if not marked.any():
        raise ValueError("mask must mark something, got zeros")
    rows, columns = (np.flatnonzero(marked.any(axis=axis)) for axis in (1, 0))
    return Region(
        row=(rows[0] + rows[-1]) / 2, column=(columns[0] + columns[-1]) / 2, side_mm=side_mm
    )


def cropped(cine: Cine, region: Region, size: int) -> UInt8[np.ndarray, "slice frame size size"]:
    """A region in squares of 8 bits, resized with antialiasing.

    Pixels outside the image get its darkest value. All slices and frames share one scale: the 0.5th
    percentile of the region becomes 0, the 99.5th becomes 255.

    Args:
        size: pixels of a side, above 0.

    Raises:
        DataError: the region shows the same value everywhere.
        ValueError: ``size`` or the side of the region is not above 0.
    """
    if size <= 0 or region.side_mm <= 0:
        raise ValueError(
            f"size and side_mm must be above 0, got {size} pixels and {region.side_mm} mm"
        )
    squares = _squares(cine, region, size)
    low, high = np.percentile(squares, _SHOWN)
    if not 0 < high - low < np.inf:
        raise DataError(
            f"the region must show something, but every pixel is {low:g}; is it the heart?"
        )
    shown = squares.clip(low, high).astype(np.float64)
    return np.rint((shown - low) / (high - low) * 255).astype(np.uint8)


def _squares(cine: Cine, region: Region, size: int) -> Float32[np.ndarray, "slice frame size size"]:
    centre, shape = (region.row, region.column), cine.values.shape[2:]
    halves = [region.side_mm / step / 2 for step in cine.spacing_mm]
    begins = [at + 0.5 - half for at, half in zip(centre, halves, strict=True)]
    ends = [at + 0.5 + half for at, half in zip(centre, halves, strict=True)]
    before = [ceil(max(0.0, -begin)) for begin in begins]
    after = [ceil(max(0.0, end - num)) for end, num in zip(ends, shape, strict=True)]
    box = (begins[1] + before[1], begins[0] + before[0], ends[1] + before[1], ends[0] + before[0])
    dark = float(cine.values.min())
    squares = np.empty((*cine.values.shape[:2], size, size), np.float32)
    for place in np.ndindex(*squares.shape[:2]):
        frame = np.pad(
            cine.values[place].astype(np.float32),
            tuple(zip(before, after, strict=True)),
            constant_values=dark,
        )
        resized = Image.fromarray(frame).resize((size, size), Image.Resampling.BILINEAR, box)
        squares[place] = np.asarray(resized)
    return squares


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
