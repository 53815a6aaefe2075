"""How a cine looks: the signal of each tissue, the coil and the noise.

Blood is bright, muscle dark grey, lung almost black, fat bright. Edges are as soft as the pixels.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from crossbeat.simulate.cine_shape import Outlines

BLOOD, MUSCLE, LUNG, FAT, LIVER = 0.78, 0.27, 0.06, 0.9, 0.36
"""Signal of each tissue over the full scale."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """Where the pixels lie in the heart: which outline to look at, and how far out they are.

    Args:
        index: of the direction of each pixel, in the last axis of the outlines.
        radius: distance from the axis of the left ventricle, mm.
        pixel: width of a pixel, mm.
    """

    index: np.ndarray
    radius: Float32[np.ndarray, "height width"]
    pixel: float


def labels(shape: Outlines, place: Place) -> UInt8[np.ndarray, "frame height width"]:
    """0 background, 1 left cavity, 2 left muscle, 3 right cavity.

    Args:
        shape: ``frame angle`` outlines of one section.
        place: of the pixels.
    """
    cavity, outer, right = (_at(one, place) for one in (shape.cavity, shape.outer, shape.right))
    made = np.where(place.radius < right, 3, 0).astype(np.uint8)
    made[place.radius < outer] = 2
    made[place.radius < cavity] = 1
    return made


def signal(shape: Outlines, place: Place) -> Float32[np.ndarray, "frame height width"]:
    """What the tissues send, 0 to 1, before coil and noise."""
    cavity, outer, right = (_at(one, place) for one in (shape.cavity, shape.outer, shape.right))
    made = np.full_like(cavity, LUNG)
    for edge, tissue in ((right + 3, MUSCLE), (right, BLOOD), (outer, MUSCLE), (cavity, BLOOD)):
        inside = np.clip((edge - place.radius) / (1.5 * place.pixel) + 0.5, 0, 1)
        made += inside * (tissue - made)
    return made


def _at(outline: np.ndarray, place: Place) -> np.ndarray:
    return np.take(outline, place.index, axis=1)
