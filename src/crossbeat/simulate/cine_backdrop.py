"""What lies around the heart on a cine: lung, chest wall, liver, aorta. It does not move."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from crossbeat.simulate.canvas import bump, step
from crossbeat.simulate.cine_view import FIELD, Place, Plane
from crossbeat.simulate.patient import Patients, Trait
from crossbeat.simulate.streams import Draws

LUNG, LIVER, FAT, WALL, BLOOD = 0.05, 0.3, 0.85, 0.2, 0.62
"""Signal of each tissue over the full scale."""

_COARSE, _FINE = 9, 40
"""Cells per side of the random textures, so that they are the same at any size."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """What differs around the heart from patient to patient.

    Args:
        chest: distance of the chest wall from the middle of the image, mm.
        chest_angle: direction in which it lies, degrees against the clock from the right.
        diaphragm: how far below the heart the liver begins, mm.
        slope: of the diaphragm, mm per mm.
        fat: thickness of the fat about the heart, mm.
        coarse: slow random texture.
        fine: quick random texture.
    """

    chest: Trait
    chest_angle: Trait
    diaphragm: Trait
    slope: Trait
    fat: Trait
    coarse: Float32[np.ndarray, "patient cell cell"]
    fine: Float32[np.ndarray, "patient pixel pixel"]


def surroundings(patients: Patients, draws: Draws) -> Surroundings:
    """What lies around the heart of each patient of a block; the heavy have more fat."""
    heavy = (patients.bmi - 27.5) / 5.5
    return Surroundings(
        chest=56 + 5 * draws.normal("chest"),
        chest_angle=128 + 10 * draws.normal("chest angle"),
        diaphragm=2 + 3 * np.abs(draws.normal("diaphragm")),
        slope=-0.12 + 0.12 * draws.normal("slope"),
        fat=(2.2 * np.exp(0.3 * heavy + 0.35 * draws.normal("fat"))).astype(np.float32),
        coarse=draws.normal("coarse", _COARSE, _COARSE),
        fine=draws.normal("fine", _FINE, _FINE),
    )


def backdrop(around: Surroundings, row: int, place: Place, floor: float) -> Plane:
    """The signal of what lies around the heart, 0 to 1.

    Args:
        around: of the patients of the block.
        row: of the patient in it.
        place: of the pixels.
        floor: height of the lowest point of the heart, mm above the middle of the image.
    """
    slow, quick = smooth(around.coarse[row], place), smooth(around.fine[row], place)
    vessels = np.clip(quick - 1.5, 0, 1.2)
    made = LUNG + 0.01 * slow + 0.3 * vessels
    left = step(-place.right - 48 + 4 * slow, 5)
    made += left * np.clip(0.4 + 0.2 * slow + 0.15 * quick - made, 0, 1)
    made += _aorta(place, floor) * (BLOOD - made)
    below = floor - around.diaphragm[row] + around.slope[row] * place.right - place.up + 1.5 * slow
    liver = LIVER + 0.02 * quick + 0.2 * np.clip(np.abs(quick) - 1.6, 0, 1)
    liver += step(place.right - 10 + 6 * slow, 3) * (0.25 * slow - 0.1)
    made += step(below, 2) * (liver - made)
    made += 0.8 * bump(below - 1, 2.5) * (FAT - made) * step(slow + 0.5, 1)
    return np.clip(_chest(made, around, row, place, slow, quick), 0, None)


def _chest(
    made: Plane, around: Surroundings, row: int, place: Place, slow: Plane, quick: Plane
) -> Float32[np.ndarray, "height width"]:
    """Fat, with the dark bands of muscle and rib in it; nearer at the apex than at the base."""
    angle = np.radians(around.chest_angle[row])
    near = around.chest[row] - 10 * (0.6 - np.clip(place.part, 0, 1))
    deep = place.right * np.cos(angle) + place.up * np.sin(angle) - near + 3 * slow
    muscle = step(np.sin(deep * 0.33 + 1.5 * slow) + 0.5 * quick - 0.2, 0.5) * step(deep - 3, 2)
    tissue = FAT + 0.05 * quick - (FAT - WALL) * muscle
    return (made + step(deep, 2) * (tissue - made)).astype(np.float32)


def _aorta(place: Place, floor: float) -> Plane:
    """The descending aorta, behind and below the left ventricle."""
    away = np.hypot(place.right - 47, place.up - floor - 1)
    return step(11 - away, 1.5) * (place.part > 0.3)


def smooth(cells: Float32[np.ndarray, "cell cell"], place: Place) -> Plane:
    """A texture at the pixels of a square image, as strong as its values are.

    Args:
        cells: its values, evenly spaced over the image.
        place: of the pixels.
    """
    size, num = place.radius.shape[0], len(cells)
    at = (np.arange(size, dtype=np.float32) + 0.5) * (num / size) - 0.5
    away = np.abs(at[:, None] - np.arange(num, dtype=np.float32))
    weight = np.clip(1.5 - away, 0, 1) * np.clip(1.5 - away, 0, 1)
    weight /= np.sqrt((weight * weight).sum(axis=1, keepdims=True))
    return weight @ cells @ weight.T


def coil(place: Place, across: float, up: float) -> Plane:
    """How much more the coils receive at each pixel; the apex lies next to them.

    Args:
        place: of the pixels.
        across: of the logarithm from the left to the right edge.
        up: of the logarithm from the lower to the upper edge.
    """
    near = 0.45 * (0.6 - np.clip(place.part, 0, 1.2))
    return np.exp((place.right * across + place.up * up) / FIELD + near).astype(np.float32)
