"""Cine cardiac MR of virtual patients: short-axis slices of the heart, or one long-axis view.

Frame f of F shows phase f / F of the beat; frame 0 is at the R peak. The cine is a region of
interest about the heart, ``FIELD`` wide.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, UInt8

from crossbeat.simulate.cine_look import Place, labels, signal
from crossbeat.simulate.cine_shape import ANGLES, Hearts, Outlines, hearts, outlines
from crossbeat.simulate.latent import Patients
from crossbeat.simulate.streams import Draws

FIELD = 150.0
"""Width and height of what a cine shows, mm."""

VIEWS = ("short", "long")
"""Short-axis slices, and one long-axis view of all chambers."""

Cines = UInt8[np.ndarray, "patient slice frame height width"]


def pixel_mm(size: int) -> float:
    """Width of a pixel of a cine of so many pixels per side, mm."""
    return FIELD / size


def cine_block(  # noqa: PLR0913
    patients: Patients,
    block: int,
    seed: int,
    *,
    frames: int,
    size: int,
    view: str = "short",
    slices: int = 1,
) -> Cines:
    """The cines of the patients of one block.

    Args:
        patients: of the block.
        block: which block.
        seed: of the recording; 0 or more.
        frames: of one beat, 1 or more.
        size: pixels per side, 16 or more.
        view: "short" for short-axis slices from base to apex, "long" for one long-axis view.
        slices: short-axis slices, evenly spaced; 1 is in the middle of the ventricle.

    Raises:
        ValueError: ``size`` is below 16, ``frames`` or ``slices`` below 1, or ``view`` unknown.
    """
    _check(frames, size, view, slices)
    beating = hearts(patients, block, seed, frames)
    draws = Draws(seed, block, len(patients), "cine image")
    noise = draws.stream("noise")
    made = np.empty((len(patients), slices, frames, size, size), dtype=np.uint8)
    for row, slice_, shape, place in _sections(beating, size, slices):
        grey = signal(shape, place)
        grey += 0.03 * noise.standard_normal(grey.shape, dtype=np.float32)
        made[row, slice_] = np.clip(grey * 255, 0, 255)
    return made


def masks_block(  # noqa: PLR0913
    patients: Patients,
    block: int,
    seed: int,
    *,
    frames: int,
    size: int,
    view: str = "short",
    slices: int = 1,
) -> Cines:
    """What each pixel of ``cine_block`` is.

    Returns:
        0 background, 1 left cavity, 2 left muscle, 3 right cavity.
    """
    _check(frames, size, view, slices)
    beating = hearts(patients, block, seed, frames)
    made = np.empty((len(patients), slices, frames, size, size), dtype=np.uint8)
    for row, slice_, shape, place in _sections(beating, size, slices):
        made[row, slice_] = labels(shape, place)
    return made


def slice_mm_block(
    patients: Patients, block: int, seed: int, *, slices: int
) -> Float32[np.ndarray, " patient"]:
    """Distance between the short-axis slices of each patient, mm."""
    return hearts(patients, block, seed, 1).base[:, 0] / slices


def _sections(
    beating: Hearts, size: int, slices: int
) -> Iterator[tuple[int, int, Outlines, Place]]:
    for row in range(len(beating.left)):
        heart = beating.one(row)
        part = 1 - (np.arange(slices, dtype=np.float32) + 0.5) / slices
        shape = outlines(heart, part * heart.base[0, 0], ANGLES)
        for slice_ in range(slices):
            one = Outlines(
                cavity=shape.cavity[:, slice_],
                outer=shape.outer[:, slice_],
                right=shape.right[:, slice_],
            )
            yield row, slice_, one, _place(size, 18.0, 0.0)


def _check(frames: int, size: int, view: str, slices: int) -> None:
    if size < 16:
        raise ValueError(f"size must be 16 pixels or more, got {size}")
    if frames < 1 or slices < 1:
        raise ValueError(f"frames and slices must be 1 or more, got {frames} and {slices}")
    if view not in VIEWS:
        raise ValueError(f"view must be one of {VIEWS}, got {view!r}")


def _place(size: int, right: float, turn: float) -> Place:
    step = ((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5) * FIELD
    x, y = step[None, :] - right, -step[:, None]
    angle = np.mod(np.arctan2(y, x) - turn, 2 * np.pi)
    index = (angle * (ANGLES / (2 * np.pi)) + 0.5).astype(np.intp) % ANGLES
    return Place(index=index, radius=np.hypot(x, y).astype(np.float32), pixel=pixel_mm(size))
