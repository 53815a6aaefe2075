"""How the scanner cuts the heart: the sections that a view shows, and where their pixels lie."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from jaxtyping import Float32, Int64

from crossbeat.simulate.cine_shape import Hearts, Outlines, outlines, with_atria
from crossbeat.simulate.streams import Draws

FIELD = 128.0
"""Width and height of what a cine shows, mm."""

ANGLES = 360
"""Directions in which a short-axis outline is known."""

LEVELS = 200
"""Heights at which a long-axis outline is known on either side."""

_LONG_ANGLES = 36
_REACH = 1.7  # how far a long-axis view reaches beyond the apex, in lengths of the ventricle

Plane = Float32[np.ndarray, "height width"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """Where the pixels of a section lie.

    Args:
        papillary: distance from each papillary muscle along the wall, over half its width.
    """

    right: Plane  # to the right of the middle of the image, mm
    up: Plane  # above the middle of the image, mm
    index: Int64[np.ndarray, "height width"]  # which direction of the outlines each pixel lies in
    radius: Plane  # distance from the axis of the left ventricle, mm
    papillary: Float32[np.ndarray, "muscle height width"]
    part: Plane  # height over the apex, share of the length at end diastole; 1 is the base
    pixel: float  # width of a pixel, mm


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """One section of one patient's beating heart."""

    shape: Outlines  # outlines of the ventricles, by frame and direction
    drawn: Outlines  # the same, with the atria where the ventricles have left the section
    place: Place  # of the pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class Pose:
    """How each patient's heart lies in the image; the short axis turns against the clock."""

    turn: Float32[np.ndarray, " patient"]
    tilt: Float32[np.ndarray, " patient"]  # of the long axis, degrees; at 0 the apex is on top
    right: Float32[np.ndarray, " patient"]  # shift of the heart, mm
    up: Float32[np.ndarray, " patient"]  # shift of the heart, mm
    papillary: Float32[np.ndarray, "patient 2"]  # directions of the papillary muscles, degrees


def pose(draws: Draws) -> Pose:
    """How each patient of a block lies."""
    return Pose(
        turn=8 + 14 * draws.normal("turn"),
        tilt=12 + 10 * draws.normal("tilt"),
        right=3 * draws.normal("right"),
        up=3 * draws.normal("up"),
        papillary=np.array([40, 292], dtype=np.float32) + 11 * draws.normal("papillary place", 2),
    )


def short_axis(heart: Hearts, pose: Pose, row: int, size: int, slices: int) -> Iterator[Section]:
    """The short-axis sections of one patient, from the base to the apex; see ``VIEWS``."""
    part = 1 - (np.arange(slices, dtype=np.float32) + 0.5) / slices
    height = part * heart.base[0, 0]
    shape = outlines(heart, height, ANGLES)
    drawn = with_atria(heart, height, shape)
    right, up = _grid(size, pose, row)
    turn = np.radians(pose.turn[row])
    aside = _aside(heart)
    x, y = right - aside * np.cos(turn), up - aside * np.sin(turn)
    angle = np.mod(np.arctan2(y, x) - turn, 2 * np.pi)
    index = np.rint(angle * (ANGLES / (2 * np.pi))).astype(np.int64) % ANGLES
    radius = np.hypot(x, y)
    for slice_ in range(slices):
        level = itemgetter((slice(None), slice_))
        yield Section(
            shape=shape.each(level),
            drawn=drawn.each(level),
            place=Place(
                right=right,
                up=up,
                index=index,
                radius=radius,
                papillary=_papillary_short(angle, pose.papillary[row], float(part[slice_])),
                part=np.full_like(radius, part[slice_]),
                pixel=FIELD / size,
            ),
        )


def long_axis(heart: Hearts, pose: Pose, row: int, size: int, slices: int) -> Iterator[Section]:
    """The long-axis section of one patient through septum and lateral wall; see ``VIEWS``."""
    if slices != 1:
        raise ValueError(f"slices must be 1 in the long axis, got {slices}")
    length = heart.base[0, 0]
    height = (np.arange(LEVELS, dtype=np.float32) + 0.5) * (_REACH * length / LEVELS)
    shape = outlines(heart, height, _LONG_ANGLES)
    drawn = with_atria(heart, height, shape)
    right, up = _grid(size, pose, row)
    tilt = np.radians(pose.tilt[row])
    across = right * np.cos(tilt) + up * np.sin(tilt) - _aside(heart)
    down = 0.55 * length - up * np.cos(tilt) + right * np.sin(tilt)
    level = np.clip(down * (LEVELS / (_REACH * length)), 0, LEVELS - 1).astype(np.int64)
    part = (down / length).astype(np.float32)
    away = np.where(across > 0, np.abs(part - 0.52) / 0.17, 9).astype(np.float32)
    yield Section(
        shape=_sides(shape),
        drawn=_sides(drawn),
        place=Place(
            right=right,
            up=up,
            index=level + LEVELS * (across < 0),
            radius=np.where(down < 0, 1e3, np.abs(across)).astype(np.float32),
            papillary=away[None],
            part=part,
            pixel=FIELD / size,
        ),
    )


VIEWS: Mapping[str, Callable[[Hearts, Pose, int, int, int], Iterator[Section]]] = {
    "short": short_axis,
    "long": long_axis,
}
"""Short-axis slices, and one long-axis view of all chambers. Each takes the heart of one patient,
the pose of the block's patients, the patient's row in it, pixels per side and number of slices."""


def _grid(size: int, pose: Pose, row: int) -> tuple[Plane, Plane]:
    """Of each pixel, how far it lies to the right of the heart's middle and above it, mm."""
    step = ((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5) * np.float32(FIELD)
    right, up = np.meshgrid(step - pose.right[row], -step - pose.up[row])
    return right, up


def _aside(heart: Hearts) -> np.float32:
    """How far the left ventricle lies to the left of the middle of the heart, mm."""
    widest = outlines(heart, 0.6 * heart.base[0, :1], _LONG_ANGLES)
    return (widest.right[0, 0, _LONG_ANGLES // 2] - widest.outer[0, 0, 0]) / 2


def _papillary_short(angle: np.ndarray, directions: np.ndarray, part: float) -> np.ndarray:
    """Two muscles, below the anterior and the inferior end of the lateral wall, from 1/4 to 2/3."""
    there = 1 if 0.22 < part < 0.68 else 1e3
    away = [np.mod(angle - np.radians(at) + np.pi, 2 * np.pi) - np.pi for at in directions]
    return (np.abs(np.stack(away)) * (there / 0.33)).astype(np.float32)


def _sides(shape: Outlines) -> Outlines:
    """The lateral side of every level, then the septal one."""
    lateral, septal = 0, _LONG_ANGLES // 2
    return shape.each(lambda one: np.concatenate([one[:, :, lateral], one[:, :, septal]], axis=1))
