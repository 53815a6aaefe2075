"""How a film was taken, its geometry, and shapes to draw on it, in thickness of tissue.

The ill are filmed lying or sitting, from the front: the heart, further from the detector, is
magnified, the breath is shallower, the diaphragm high, and an effusion layers behind the lung,
where it is missed (Ruskin et al. 1987, Am J Roentgenol 148:681).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from crossbeat.simulate.patient import Flag, Patients, Trait, heart_diameter, thorax_diameter
from crossbeat.simulate.streams import Draws

Grid = Float32[np.ndarray, "patient #height #width"]
Value = Float32[np.ndarray, "patient 1 1"]
Number = Value | float | int


@dataclass(frozen=True, kw_only=True, eq=False)
class Film:
    """One film of each patient."""

    anteroposterior: Flag  # taken from the front, in bed
    supine: Flag  # lying flat
    breath: Trait  # depth of inspiration, 1 full to 0 none
    turned: Trait  # rotation of the patient about the vertical, degrees
    tilt: Trait  # rotation of the film, degrees
    field: Trait  # width of the film in mm
    right: Trait  # shift of the patient on the film, mm
    down: Trait  # shift of the patient on the film, mm
    exposure: Trait  # standard score
    contrast: Trait  # standard score
    grain: Trait  # standard deviation of the noise, grey levels

    @property
    def magnification(self) -> Trait:
        """Of the heart, over that of a posteroanterior film."""
        return (1 + 0.1 * self.anteroposterior).astype(np.float32)


def take_film(patients: Patients, draws: Draws) -> Film:
    """How the film of each patient was taken."""
    ill = 0.9 * patients.acuity + 0.012 * (patients.age - 63) + draws.normal("view")
    front = ill > 0.25
    supine = front & (draws.uniform("supine") < 0.3)
    depth = 0.93 - 0.14 * front - 0.002 * np.maximum(patients.bmi - 27.5, 0)
    depth = depth - 0.02 * patients.acuity + 0.06 * draws.normal("breath")
    loose = 1 + 1.3 * front
    wide = 372 + 0.9 * (thorax_diameter(patients) - 290) + 14 * draws.normal("field") + 12 * front
    return Film(
        anteroposterior=front,
        supine=supine,
        breath=np.clip(depth, 0.35, 1).astype(np.float32),
        turned=(2.5 * loose * draws.normal("turned")).astype(np.float32),
        tilt=(1.3 * loose * draws.normal("tilt")).astype(np.float32),
        field=wide.astype(np.float32),
        right=(5 * loose * draws.normal("right")).astype(np.float32),
        down=(8 * loose * draws.normal("down")).astype(np.float32),
        exposure=draws.normal("exposure"),
        contrast=draws.normal("contrast"),
        grain=(2.0 * np.exp(0.4 * draws.normal("grain")) * (1 + 0.4 * front)).astype(np.float32),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Thorax:
    """What is where on the film, in mm from the midline at the level of the carina.

    The image's left is the patient's right. Downwards is positive.
    """

    half: Trait  # half the inner width of the rib cage
    apex: Trait  # of the lungs
    angle: Trait  # of the costophrenic recess
    dome_right: Trait  # top of the right half of the diaphragm
    dome_left: Trait  # top of the left half
    heart_right: Trait  # how far the heart reaches to the patient's right
    heart_left: Trait  # how far it reaches to the left
    midline: Trait  # shift of the mediastinum, to the image's right
    pedicle: Trait  # half the width of the great vessels
    knob: Trait  # how far the aortic arch stands out
    fluid_right: Trait  # height of the fluid above the angle
    fluid_left: Trait  # height of the fluid above the angle
    veil_right: Trait  # depth of fluid spread behind the lung, cm
    veil_left: Trait  # depth of fluid spread behind the lung, cm


def thorax(patients: Patients, film: Film) -> Thorax:
    """The geometry on each film.

    The great vessels are wider in the heavy (Milne et al. 1984, Radiology 152:1) and widen with
    blood volume (Pistolesi et al. 1984, Radiology 152:9); the diaphragm stands high in obesity and
    low and flat in overinflated lungs; 200 ml blunt the angle and 500 ml hide the diaphragm
    (Blackmore et al. 1996, Acad Radiol 3:103).
    """
    tall = patients.height / 1.69
    shallow = 1 - film.breath
    wide = heart_diameter(patients) * film.magnification * (1 + 0.16 * (shallow - 0.07))
    lift = 75 * shallow + 0.5 * (patients.bmi - 27.5) - 12 * patients.lung_disease
    dome = 126 * tall - lift + 6 * patients.variation("diaphragm")
    arch = 42 * (1 - 0.45 * patients.lung_disease)
    overload = 0.5 * (patients.wedge_pressure - 10) + 4 * patients.kidney_disease
    pedicle = 24 + 0.5 * overload + 0.25 * (patients.bmi - 27.5)
    pedicle = pedicle + 1.5 * patients.variation("pedicle")
    upright = 1 - 0.7 * film.supine.astype(np.float32)
    made = {
        "half": thorax_diameter(patients) / 2 * (1 - 0.06 * (shallow - 0.07)),
        "apex": -98 * tall + 4 * shallow,
        "angle": dome + arch,
        "dome_right": dome,
        "dome_left": dome + 9,
        "heart_right": 0.33 * wide + 0.5 * film.turned,
        "heart_left": 0.67 * wide - 0.5 * film.turned,
        "midline": 0.9 * film.turned,
        "pedicle": np.clip(pedicle, 18, 45) * film.magnification,
        "knob": 6 + 0.15 * (patients.age - 50) + 3 * patients.hypertension,
        "fluid_right": fluid_height(patients.effusion_right * upright),
        "fluid_left": fluid_height(patients.effusion_left * upright),
        "veil_right": patients.effusion_right / 300 * (1 - upright),
        "veil_left": patients.effusion_left / 300 * (1 - upright),
    }
    return Thorax(**{name: np.asarray(value, dtype=np.float32) for name, value in made.items()})


def fluid_height(volume: Trait) -> Trait:
    """Height in mm above the costophrenic angle at which free fluid of a volume in ml stands."""
    return (17 * (np.maximum(volume, 0) / 200) ** 0.9).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where each pixel lies in the patient, in mm from the midline at the level of the carina."""

    x: Grid  # to the image's right
    y: Grid  # downwards
    pixel: Value  # width of a pixel

    def only(self, some: Bool[np.ndarray, " patient"]) -> "Canvas":
        """The canvas of some of the patients."""
        return Canvas(self.x[some], self.y[some], self.pixel[some])


def canvas(film: Film, size: int) -> Canvas:
    """The pixels of each film: its field, shift and tilt."""
    steps = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    field, tilt = value(film.field), value(np.radians(film.tilt))
    across, down = steps[None, None, :] * field, steps[None, :, None] * field
    x = across * np.cos(tilt) + down * np.sin(tilt) - value(film.right)
    y = down * np.cos(tilt) - across * np.sin(tilt) - value(film.down) + 48
    return Canvas(x.astype(np.float32), y.astype(np.float32), field / np.float32(size))


def value(numbers: np.ndarray) -> Value:
    """One number per patient, ready to meet a grid."""
    return np.asarray(numbers, dtype=np.float32)[:, None, None]


def step(distance: np.ndarray, softness: np.ndarray | float | int) -> np.ndarray:
    """From 0 (distance well below 0) to 1 (well above), over about ``softness`` mm each way."""
    part = np.clip(distance * (0.5 / softness) + 0.5, 0, 1)
    return part * part * (3 - 2 * part)


def bump(distance: np.ndarray, width: np.ndarray | float | int) -> np.ndarray:
    """A rounded bar: 1 at distance 0, 0 from ``width`` on."""
    scaled = distance / width
    part = np.clip(1 - scaled * scaled, 0, 1)
    return part * part


def dome(squared: np.ndarray) -> np.ndarray:
    """Thickness of a unit ball at squared distance from its centre."""
    return np.sqrt(np.clip(1 - squared, 0, 1))


def ball(on: Canvas, x: Number, y: Number, across: Number, down: Number) -> Grid:
    """An ellipsoid of thickness 1 at its centre."""
    return dome(((on.x - x) / across) ** 2 + ((on.y - y) / down) ** 2)
