"""Real surroundings for virtual hearts: what lies around the heart on short-axis stacks.

A stack gives its chest wall, lung, liver and stomach, still, slice by slice. It is turned so that
its right ventricle lies where a virtual one does. Where its own heart was, nothing is taken: there,
and beyond its edges, the drawn surroundings stay, and the virtual heart covers most of them.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped
from scipy import ndimage

from crossbeat.errors import DataError
from crossbeat.simulate.cine_view import FIELD, Place, Plane
from crossbeat.simulate.film import step
from crossbeat.simulate.patient import Trait
from crossbeat.simulate.streams import Draws

Stack = Shaped[np.ndarray, "..."]
Mask = Bool[np.ndarray, "height width"]

Cells = Float32[np.ndarray, "level cell cell"]

VESSEL = 0.62
"""Signal of the blood around the heart over the full scale; stacks are brought to it."""

_MASK = "_lv"  # how the name of the array ends that has the left cavity of a stack
_WALL = 11  # thickness of the left wall with the fat on it, mm
_WIDE = 1.3
"""How far the right ventricle reaches from the middle of the left one, over the left radius."""

_ASIDE = 10  # how far the middle of the left ventricle lies to the right of that of the heart, mm
_SEAM = 3  # width over which real and drawn surroundings pass into each other, mm


@dataclass(frozen=True, kw_only=True, eq=False)
class Textures:
    """The surroundings of real hearts; ``of`` makes them."""

    signal: tuple[Cells, ...]  # of each stack, its slices from base to apex, ``FIELD`` wide; 0 to 1
    share: tuple[Cells, ...]  # how much of it shows; 0 where the real heart was

    @classmethod
    def of(cls, stacks: Iterable[tuple[Stack, Stack]]) -> "Textures":
        """From stacks at end diastole, each with the mask of its left cavity.

        Args:
            stacks: slices from base to apex, square, about ``FIELD`` wide, the left ventricle in
                the middle; and masks of the same shape, above 0 in the left cavity.

        Raises:
            ValueError: there is no stack, or one is not square, has not the shape of its masks, has
                a slice without cavity, or blood without signal, or values that are not finite.
        """
        made = [_surroundings(images, masks > 0) for images, masks in stacks]
        if not made:
            raise ValueError("textures must come from a stack or more, got none")
        return cls(signal=tuple(one for one, _ in made), share=tuple(one for _, one in made))


@dataclass(frozen=True, kw_only=True, eq=False)
class Around:
    """Which real surroundings each patient has."""

    textures: Textures  # to choose from
    stack: Int64[np.ndarray, " patient"]  # which of them
    zoom: Trait  # how much larger it shows
    right: Trait  # shift, mm
    up: Trait  # shift, mm


def around(textures: Textures, draws: Draws) -> Around:
    """The real surroundings of each patient of a block."""
    drawn = draws.uniform("texture")
    return Around(
        textures=textures,
        stack=(drawn * len(textures.signal)).astype(np.int64),
        zoom=np.exp(0.06 * draws.normal("texture zoom")),
        right=2 * draws.normal("texture right"),
        up=2 * draws.normal("texture up"),
    )


def blended(drawn: Plane, around: Around, row: int, place: Place) -> Plane:
    """Drawn surroundings of a short-axis section, and the real ones over them where there are."""
    stack = around.stack[row]
    signal, share = around.textures.signal[stack], around.textures.share[stack]
    level = int(np.clip((1 - place.part[0, 0]) * len(signal), 0, len(signal) - 1))
    zoom, cells = float(around.zoom[row]), signal.shape[1]
    down = _nearest((around.up[row] - place.up[:, 0]) / zoom, place.pixel / zoom, cells)
    across = _nearest((place.right[0] - around.right[row]) / zoom, place.pixel / zoom, cells)
    real, weight = (down @ each[level] @ across.T for each in (signal, share))
    return drawn + weight * (real - drawn)


def read_textures(path: Path) -> Textures:
    """The textures of a file of stacks.

    Args:
        path: an ``.npz`` with stacks as ``Textures.of`` takes them, but with the slices on the last
            axis, each beside its masks: ``a`` and ``a_lv``. Arrays without masks are left out.

    Raises:
        DataError: there is no such file, or its stacks are not like that.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            return Textures.of(
                tuple(np.moveaxis(held[name], 2, 0) for name in (of, f"{of}{_MASK}"))
                for of in sorted(held.files)
                if f"{of}{_MASK}" in held.files
            )
    except (OSError, ValueError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} must be an .npz file of short-axis stacks and masks such as 'a' and "
            f"'a{_MASK}', got: {error}; see crossbeat.simulate.Textures.of"
        ) from error


def _surroundings(images: Stack, masks: Bool[np.ndarray, "..."]) -> tuple[Cells, Cells]:
    """Signal and share of one stack, turned and moved as a virtual heart lies."""
    _check(images, masks)
    blood = np.array([np.median(each[mask]) for each, mask in zip(images, masks, strict=True)])
    if not (np.isfinite(images).all() and (blood > 0).all()):
        raise ValueError(f"blood must have a signal in every slice, got {blood.tolist()}")
    signal = np.clip(images * (VESSEL / blood[:, None, None]), 0, 1).astype(np.float32)
    places = _turned(images.shape[1], 180 - _right_ventricle(signal, masks))
    turned = [ndimage.map_coordinates(each, places, order=1) for each in signal]
    return np.stack(turned), np.stack([_share(mask, places) for mask in masks])


def _check(images: Stack, masks: Bool[np.ndarray, "..."]) -> None:
    if images.ndim != 3 or images.shape != masks.shape or images.shape[1] != images.shape[2]:
        raise ValueError(
            "a stack and its masks must be [slice height width], as high as wide, got "
            f"{list(images.shape)} and {list(masks.shape)}"
        )
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if not len(masks) or len(empty):
        raise ValueError(
            f"every slice must show the left cavity, got no mask in {empty.tolist()} "
            f"of {len(masks)} slices"
        )


def _right_ventricle(signal: Cells, masks: Bool[np.ndarray, "level height width"]) -> float:
    """The mean direction of blood beside the left ventricle, degrees against the clock from right.

    Of the slices nearer to the base, since the right ventricle does not reach the apex.
    """
    angles = np.radians(np.arange(0, 360, 5))
    found = np.zeros(len(angles))
    for each, mask in list(zip(signal, masks, strict=True))[: max(1, 2 * len(masks) // 3)]:
        like = np.clip(1 - np.abs(each / VESSEL - 1) / 0.4, 0, 1)
        radius = _radius(mask)
        away = np.linspace(radius + _WALL, _WIDE * radius + _WALL, 20)[:, None]
        rows, columns = _places(-away * np.sin(angles), away * np.cos(angles), len(mask))
        found += ndimage.map_coordinates(like, [rows, columns], order=1).mean(axis=0)
    return float(np.degrees(np.angle(found @ np.exp(1j * angles))))


def _radius(mask: Mask) -> float:
    """Of a disc as large as the cavity, mm."""
    return float(np.sqrt(mask.sum() / np.pi)) * FIELD / len(mask)


def _places(down: np.ndarray, right: np.ndarray, cells: int) -> list[np.ndarray]:
    """Rows and columns of what lies so far below the middle and to the right of it, mm."""
    return [each * (cells / FIELD) + (cells - 1) / 2 for each in (down, right)]


def _turned(cells: int, turn: float) -> list[np.ndarray]:
    """Where each cell comes from if a slice is turned against the clock by some degrees."""
    right, down = _grid(cells)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return _places(cos * down + sin * right, cos * right - sin * down, cells)


def _share(mask: Mask, places: list[np.ndarray]) -> Plane:
    """1 but near the line through the middles of both ventricles, and beyond the slice."""
    cells, radius = len(mask), _radius(mask)
    right, down = _grid(cells)
    heart = np.hypot(right - np.clip(right, -_WIDE * radius, 0), down)
    edge = np.min([np.minimum(at, cells - 1 - at) for at in places], axis=0) * (FIELD / cells)
    around = step(heart - radius - _WALL, _SEAM) * step(edge - _SEAM, _SEAM)
    return around.astype(np.float32)


def _grid(cells: int) -> list[np.ndarray]:
    """How far each cell lies to the right of the left ventricle and below it, mm."""
    at = (np.arange(cells) - (cells - 1) / 2) * (FIELD / cells)
    return list(np.meshgrid(at - _ASIDE, at))


def _nearest(
    at: Float32[np.ndarray, " pixel"], width: float, cells: int
) -> Float32[np.ndarray, "pixel cell"]:
    """The weights of the cells in each pixel, or of the two next to it where cells are wider.

    Pixels of some width lie mm from the middle; beyond the cells all weights are 0.
    """
    place = at * (cells / FIELD) + (cells - 1) / 2
    away = np.abs(place[:, None] - np.arange(cells, dtype=np.float32))
    weight = np.clip(1 - away / max(1.0, width * cells / FIELD), 0, 1)
    return (weight / np.maximum(weight.sum(axis=1, keepdims=True), 1)).astype(np.float32)
