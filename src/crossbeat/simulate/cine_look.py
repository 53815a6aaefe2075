"""The look of a cine: the signal of each tissue, the coils and the noise of steady-state cine MRI.

Blood is bright, muscle dark grey, lung almost black, fat bright, with a black line between fat and
water. Papillary muscles and trabeculae are seen, and are blood in the masks, as in UK Biobank. The
magnitude of a noisy complex signal is Rician (Gudbjartsson and Patz 1995, Magn Reson Med 34:910).
What lies around the heart (lung, chest wall, liver, aorta) does not move.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from crossbeat.simulate.cine_texture import VESSEL, Around, Textures, around, blended
from crossbeat.simulate.cine_view import FIELD, Place, Plane, Section
from crossbeat.simulate.film import bump, step
from crossbeat.simulate.patient import Patients, Trait
from crossbeat.simulate.streams import Draws

Frames = UInt8[np.ndarray, "frame height width"]
Signal = Float32[np.ndarray, "frame height width"]

BLOOD, MUSCLE, LUNG, LIVER, FAT, WALL = 0.64, 0.18, 0.05, 0.3, 0.85, 0.2
"""Signal of each tissue over the full scale."""

_COARSE, _FINE = 9, 40
"""Cells per side of the random textures, so that they are the same at any size."""

_RIGHT_WALL = 2.5  # thickness of the wall of the right ventricle, mm
_LINE = 0.14  # signal of this thin wall between fat and blood
_MOST_FAT = 2.5  # fat where there is most of it, to the right of the heart, over the usual
_WAVES = 40  # waves of the inner surfaces about the axis


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """How each patient's cine was recorded, and the small structures of the heart."""

    gain: Trait  # brightness over the usual
    noise: Trait  # standard deviation of either part of the complex noise, of the full scale
    across: Trait  # how the coils' logarithm rises to the right
    up: Trait  # and upwards, to the chest wall
    papillary: Trait  # size of the papillary muscles, 1 as usual
    rough: Float32[np.ndarray, "patient 2 wave"]  # amplitudes of the waves of trabeculae
    chest: Trait  # distance of the chest wall from the middle of the image, mm
    chest_angle: Trait  # direction in which it lies, degrees against the clock from the right
    diaphragm: Trait  # how far below the heart the liver begins, mm
    slope: Trait  # of the diaphragm, mm per mm
    fat: Trait  # thickness of the fat about the heart, mm; the heavy have more
    coarse: Float32[np.ndarray, "patient cell cell"]  # slow random texture
    fine: Float32[np.ndarray, "patient pixel pixel"]  # quick random texture
    real: Around | None  # what lies around the heart on real stacks, if that shows


def look(patients: Patients, draws: Draws, textures: Textures | None) -> Look:
    """How the cine of each patient of a block looks."""
    heavy = (patients.bmi - 27.5) / 5.5
    return Look(
        gain=np.exp(0.1 * draws.normal("gain")),
        noise=0.019 * np.exp(0.3 * draws.normal("noise level")),
        across=-0.25 + 0.25 * draws.normal("coil across"),
        up=0.35 + 0.25 * draws.normal("coil up"),
        papillary=np.exp(0.15 * draws.normal("papillary")),
        rough=draws.normal("trabeculae", 2, _WAVES),
        chest=56 + 5 * draws.normal("chest"),
        chest_angle=128 + 10 * draws.normal("chest angle"),
        diaphragm=2 + 3 * np.abs(draws.normal("diaphragm")),
        slope=-0.12 + 0.12 * draws.normal("slope"),
        fat=(2.2 * np.exp(0.3 * heavy + 0.35 * draws.normal("fat"))).astype(np.float32),
        coarse=draws.normal("coarse", _COARSE, _COARSE),
        fine=draws.normal("fine", _FINE, _FINE),
        real=None if textures is None else around(textures, draws),
    )


def labels(section: Section) -> Frames:
    """0 background, 1 left cavity, 2 left muscle, 3 right cavity."""
    place = section.place
    made = np.zeros((len(section.shape.cavity), *place.radius.shape), dtype=np.uint8)
    shape = section.shape
    for outline, label in ((shape.right, 3), (shape.outer, 2), (shape.cavity, 1)):
        made[place.radius < np.take(outline, place.index, axis=1)] = label
    return made


def picture(look: Look, generator: np.random.Generator, section: Section, row: int) -> Frames:
    """The cine of one section, of the patient in this row of the block."""
    place = section.place
    made = _softened(_signal(section, look, row))
    made *= look.gain[row] * coil(place, float(look.across[row]), float(look.up[row]))
    noise = generator.standard_normal((2, *made.shape), dtype=np.float32)
    noise *= look.noise[row]
    made += noise[0]
    made *= made
    made += np.square(noise[1], out=noise[1])
    np.sqrt(made, out=made)
    made *= 255
    return np.minimum(made, 255, out=made).astype(np.uint8)


def _signal(section: Section, look: Look, row: int) -> Signal:
    """What the tissues send, 0 to 1, before coil and noise."""
    place, drawn = section.place, section.drawn
    fat = float(look.fat[row])
    floor = float(_floor(section)) - fat - _RIGHT_WALL
    behind = backdrop(look, row, place, floor)
    if look.real is not None:
        behind = blended(behind, look.real, row, place)
    made = np.tile(behind, (len(drawn.cavity), 1, 1))
    reach = drawn.right.max() + _RIGHT_WALL + _MOST_FAT * fat + 3 * place.pixel
    near = place.radius < reach
    made[:, near] = _heart(section, look, row, near, behind)
    return made


def _floor(section: Section) -> np.float32:
    """The height of the lowest pixel that is ever heart, mm above the middle of the image."""
    place = section.place
    heart = place.radius < section.drawn.outer.max(axis=0)[place.index]
    return place.up[heart].min() if heart.any() else place.up.mean()


def _heart(
    section: Section, look: Look, row: int, near: np.ndarray, behind: np.ndarray
) -> Float32[np.ndarray, "frame pixel"]:
    """The signal of the pixels near the heart, from the outside to the inside."""
    place, drawn = section.place, section.drawn
    index, radius = place.index[near], place.radius[near]
    soft = np.float32(1 / (1.3 * place.pixel))
    slow = smooth(look.coarse[row], place)[near]
    texture = smooth(look.fine[row], place)[near]
    rough = _roughness(look.rough[row], drawn.cavity.shape[1])
    rough *= 1.3 - np.clip(place.part[near].mean(), 0, 1)
    cavity, right = drawn.cavity * (1 + 0.035 * rough[0]), drawn.right - 1.5 * np.abs(rough[1])
    grooves = np.clip(0.8 - place.right[near] / 50, 0.15, 1.6) * (1 + 0.7 * slow)
    fat = look.fat[row] * np.clip(grooves, 0, _MOST_FAT)
    blood = BLOOD * (1 + 0.04 * slow)
    layers = (
        (drawn.right, _RIGHT_WALL + fat, FAT * (1 + 0.05 * slow)),
        (drawn.right, _RIGHT_WALL, np.float32(_LINE)),
        (np.maximum(right, drawn.outer), 0, blood * (0.97 - 0.16 * np.clip(texture - 0.6, 0, 2))),
        (drawn.outer, 0, MUSCLE * (1 + 0.08 * texture)),
        (cavity, 0, blood),
    )
    made = np.broadcast_to(behind[near], (len(cavity), len(index))).copy()
    for outline, further, tissue in layers:
        inside = np.take(outline, index, axis=1)
        inside += further - radius
        inside *= soft
        inside += 0.5
        np.clip(inside, 0, 1, out=inside)
        inside *= tissue - made
        made += inside
    _papillary(made, section, look, row, near)
    return made


def _papillary(made: np.ndarray, section: Section, look: Look, row: int, near: np.ndarray) -> None:
    """Dark islands in the left cavity that move with the wall."""
    place, drawn = section.place, section.drawn
    texture = smooth(look.fine[row], place)[near]
    for away in place.papillary[:, near] / look.papillary[row]:
        some = np.flatnonzero(away < 1)
        if not len(some):
            continue
        index, radius = place.index[near][some], place.radius[near][some]
        far = radius / np.maximum(np.take(drawn.cavity, index, axis=1), 1)
        far = (far - 0.78) * (1 / (0.27 * look.papillary[row]))
        far *= far
        far += away[some] ** 2 + 0.25 * texture[some]
        share = np.clip(2.2 * (1 - far), 0, 1)
        made[:, some] += share * (MUSCLE * 1.15 - made[:, some])


def _roughness(waves: Float32[np.ndarray, "2 wave"], num: int) -> Float32[np.ndarray, "2 angle"]:
    """How trabeculae roughen the inner surfaces, about 1 in size, by direction."""
    turn = np.arange(num) * (2 * np.pi / num)
    order = np.arange(3, 3 + waves.shape[1])
    phase = waves * 7
    size = waves / (1 + order / 12)
    height = np.sin(order[:, None] * turn + phase[:, :, None]) * size[:, :, None]
    return (0.5 * height.sum(axis=1)).astype(np.float32)


def _softened(signal: np.ndarray) -> Signal:
    """Each pixel shares with its neighbours, as the point spread of the scanner has it."""
    for axis in (1, 2):
        other = np.moveaxis(signal, axis, 1)
        mean = other[:, :-1] + other[:, 1:]
        mean *= 0.5
        other[:, 1:-1] = 0.5 * (mean[:, :-1] + mean[:, 1:])
    return signal


def backdrop(look: Look, row: int, place: Place, floor: float) -> Plane:
    """The signal (0 to 1) around a heart that reaches down to ``floor`` mm above the middle."""
    slow, quick = smooth(look.coarse[row], place), smooth(look.fine[row], place)
    vessels = np.clip(quick - 1.5, 0, 1.2)
    made = LUNG + 0.01 * slow + 0.3 * vessels
    left = step(-place.right - 48 + 4 * slow, 5)
    made += left * np.clip(0.4 + 0.2 * slow + 0.15 * quick - made, 0, 1)
    made += _aorta(place, floor) * (VESSEL - made)
    below = floor - look.diaphragm[row] + look.slope[row] * place.right - place.up + 1.5 * slow
    liver = LIVER + 0.02 * quick + 0.2 * np.clip(np.abs(quick) - 1.6, 0, 1)
    liver += step(place.right - 10 + 6 * slow, 3) * (0.25 * slow - 0.1)
    made += step(below, 2) * (liver - made)
    made += 0.8 * bump(below - 1, 2.5) * (FAT - made) * step(slow + 0.5, 1)
    return np.clip(_chest(made, look, row, place, slow, quick), 0, None)


def _chest(made: Plane, look: Look, row: int, place: Place, slow: Plane, quick: Plane) -> Plane:
    """Fat, with the dark bands of muscle and rib in it; nearer at the apex than at the base."""
    angle = np.radians(look.chest_angle[row])
    near = look.chest[row] - 10 * (0.6 - np.clip(place.part, 0, 1))
    deep = place.right * np.cos(angle) + place.up * np.sin(angle) - near + 3 * slow
    muscle = step(np.sin(deep * 0.33 + 1.5 * slow) + 0.5 * quick - 0.2, 0.5) * step(deep - 3, 2)
    tissue = FAT + 0.05 * quick - (FAT - WALL) * muscle
    return (made + step(deep, 2) * (tissue - made)).astype(np.float32)


def _aorta(place: Place, floor: float) -> Plane:
    """The descending aorta, behind and below the left ventricle."""
    away = np.hypot(place.right - 47, place.up - floor - 1)
    return step(11 - away, 1.5) * (place.part > 0.3)


def smooth(cells: Float32[np.ndarray, "cell cell"], place: Place) -> Plane:
    """A texture of evenly spaced cells at the pixels of a square image, as strong as they are."""
    size, num = place.radius.shape[0], len(cells)
    at = (np.arange(size, dtype=np.float32) + 0.5) * (num / size) - 0.5
    away = np.abs(at[:, None] - np.arange(num, dtype=np.float32))
    weight = np.clip(1.5 - away, 0, 1) * np.clip(1.5 - away, 0, 1)
    weight /= np.sqrt((weight * weight).sum(axis=1, keepdims=True))
    return weight @ cells @ weight.T


def coil(place: Place, across: float, up: float) -> Plane:
    """How much more the coils receive at each pixel; the apex lies next to them."""
    near = 0.45 * (0.6 - np.clip(place.part, 0, 1.2))
    return np.exp((place.right * across + place.up * up) / FIELD + near).astype(np.float32)
