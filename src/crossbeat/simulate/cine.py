"""Cine cardiac MR of virtual patients: short-axis slices of the heart, or one long-axis view.

Frame f of F shows phase f / F of the beat; frame 0 is at the R peak. The cine is a region of
interest about the heart, ``FIELD`` wide. ``function``, ``cine_shape`` and ``cine_look`` say what
it shows, and why.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Required, TypedDict, Unpack

import numpy as np
from jaxtyping import Float32, UInt8

from crossbeat.simulate.cine_look import Frames, labels, look, picture
from crossbeat.simulate.cine_shape import hearts, outlines
from crossbeat.simulate.cine_texture import Textures
from crossbeat.simulate.cine_view import FIELD, VIEWS, Section, pose
from crossbeat.simulate.patient import Patients
from crossbeat.simulate.streams import Draws, in_order, spans

Cines = UInt8[np.ndarray, "patient slice frame height width"]

SEGMENTS = (
    "anterolateral",
    "anterior",
    "anteroseptal",
    "inferoseptal",
    "inferior",
    "inferolateral",
)
"""The walls of the middle of the left ventricle, about its axis.
Source: Cerqueira et al. 2002, Circulation 105:539."""

_STRAIN_ANGLES = 180


def pixel_mm(size: int) -> float:
    """Width of a pixel of a cine of so many pixels per side, mm."""
    return FIELD / size


class Asked(TypedDict, total=False):
    """What cines show, for ``cine_block`` and its kin.

    Args:
        frames: of one beat, 1 or more.
        size: pixels per side, 16 or more.
        view: "short" (the default) for short-axis slices from base to apex, "long" for one
            long-axis view.
        slices: how many of them, evenly spaced; 1 (the default) is in the middle of the ventricle.
    """

    frames: Required[int]
    size: Required[int]
    view: str
    slices: int


def cine_block(
    patients: Patients,
    block: int,
    seed: int,
    *,
    textures: Textures | None = None,
    **asked: Unpack[Asked],
) -> Cines:
    """The cines of the patients of one block; a function that a process pool can call.

    Args:
        patients: of the block.
        block: which block.
        seed: of the recording, and of the healthy differences of ``phenotypes``; 0 or more.
        textures: of real short-axis stacks, to lie around the heart; by default all is drawn.
        asked: see ``Asked``.

    Raises:
        ValueError: ``size`` is below 16, ``frames`` or ``slices`` below 1, ``view`` unknown, or
            several slices or textures are asked of the long axis.
    """
    if textures is not None and asked.get("view", "short") != "short":
        raise ValueError(f"textures must go with view 'short', got {asked['view']!r}")
    draws = Draws(seed, block, len(patients), "cine image")
    seen, noise = look(patients, draws, textures), draws.stream("noise")
    draw = partial(picture, seen, noise)
    return _drawn(draw, patients, block, seed, **asked)


def masks_block(patients: Patients, block: int, seed: int, **asked: Unpack[Asked]) -> Cines:
    """What each pixel of the ``cine_block`` of the same arguments is.

    Returns:
        0 background, 1 left cavity with its papillary muscles, 2 left muscle, 3 right cavity.
    """
    return _drawn(lambda section, _row: labels(section), patients, block, seed, **asked)


def _drawn(
    draw: Callable[[Section, int], Frames],
    patients: Patients,
    block: int,
    seed: int,
    *,
    frames: int,
    size: int,
    view: str = "short",
    slices: int = 1,
) -> Cines:
    if size < 16:
        raise ValueError(f"size must be 16 pixels or more, got {size}")
    if frames < 1 or slices < 1:
        raise ValueError(f"frames and slices must be 1 or more, got {frames} and {slices}")
    if view not in VIEWS:
        raise ValueError(f"view must be one of {tuple(VIEWS)}, got {view!r}")
    made = np.empty((len(patients), slices, frames, size, size), dtype=np.uint8)
    beating = hearts(patients, block, seed, frames)
    lies = pose(Draws(seed, block, len(patients), "cine image"))
    for row in range(len(patients)):
        for at, section in enumerate(VIEWS[view](beating.one(row), lies, row, size, slices)):
            made[row, at] = draw(section, row)
    return made


def cine_blocks(
    patients: Patients,
    seed: int,
    executor: Executor | None = None,
    *,
    textures: Textures | None = None,
    **asked: Unpack[Asked],
) -> Iterator[Cines]:
    """The cines of all patients block by block, in order: memory stays that of a few blocks.

    Args:
        patients: as ``draw_patients`` gives them, or changed copies.
        seed: as for ``cine_block``, and so the others.
        executor: shares the blocks out; by default they are made one after the other.
    """
    jobs = ((patients.rows(rows), block, seed) for block, rows in spans(len(patients)))
    return in_order(partial(cine_block, textures=textures, **asked), jobs, executor)


def volume_block(
    patients: Patients, block: int, seed: int, *, frames: int
) -> dict[str, Float32[np.ndarray, "patient frame"]]:
    """Volumes in ml of left ventricle (LV), right ventricle (RV) and left atrium (LA).

    The arguments are those of ``cine_block``.
    """
    beating = hearts(patients, block, seed, frames)
    return {"LV": beating.left, "RV": beating.right, "LA": beating.atrium}


def slice_mm_block(
    patients: Patients, block: int, seed: int, *, slices: int
) -> Float32[np.ndarray, " patient"]:
    """Distance in mm between the short-axis slices of the ``cine_block`` of the same arguments."""
    return hearts(patients, block, seed, 1).base[:, 0] / slices


def strain_block(
    patients: Patients, block: int, seed: int, *, frames: int
) -> Float32[np.ndarray, "patient segment frame"]:
    """Circumferential strain of the middle of the wall in ``SEGMENTS``, percent of frame 0.

    The arguments are those of ``cine_block``.
    """
    beating = hearts(patients, block, seed, frames)
    made = np.empty((len(patients), len(SEGMENTS), frames), dtype=np.float32)
    for row in range(len(patients)):
        heart = beating.one(row)
        shape = outlines(heart, 0.5 * heart.base[0, :1], _STRAIN_ANGLES)
        middle = np.sqrt((shape.cavity**2 + shape.outer**2) / 2)[:, 0]
        parts = middle.reshape(frames, len(SEGMENTS), -1).mean(axis=2)
        made[row] = 100 * (parts / parts[:1] - 1).T
    return made
